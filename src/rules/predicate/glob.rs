//! Shell patterns, as `fnmatch` without flags takes them: `*` also stands for slashes.

use std::ops::RangeInclusive;

/// A compiled pattern. Matching takes no more than `|pattern| · |text|` steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Glob {
    form: Form,
    ignore_case: bool,
}

/// Patterns that are a search in disguise are searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Steps(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Byte(u8),
    /// `?`
    Any,
    /// `*`
    Many,
    /// `[a-z]`, `[!a-z]`
    Set {
        ranges: Vec<RangeInclusive<u8>>,
        is_negated: bool,
    },
}

impl Glob {
    pub(in super::super) fn new(pattern: &[u8], ignore_case: bool) -> Self {
        let lowered = ignore_case.then(|| pattern.to_ascii_lowercase());
        let steps = steps(lowered.as_deref().unwrap_or(pattern));
        let form = match literal(&steps) {
            Some((false, bytes, false)) => Form::Exact(bytes),
            Some((false, bytes, true)) => Form::Prefix(bytes),
            Some((true, bytes, false)) => Form::Suffix(bytes),
            _ => Form::Steps(steps),
        };
        Self { form, ignore_case }
    }

    pub(in super::super) fn is_match(&self, text: &[u8]) -> bool {
        let fold = |byte: u8| if self.ignore_case { byte.to_ascii_lowercase() } else { byte };
        let equal = |text: &[u8], bytes: &[u8]| text.iter().map(|b| fold(*b)).eq(bytes.iter().copied());
        match &self.form {
            Form::Exact(bytes) => equal(text, bytes),
            Form::Prefix(bytes) => text.get(..bytes.len()).is_some_and(|start| equal(start, bytes)),
            Form::Suffix(bytes) => {
                text.len().checked_sub(bytes.len()).is_some_and(|start| equal(&text[start..], bytes))
            }
            Form::Steps(steps) => matches_steps(steps, text, fold),
        }
    }
}

/// Whether a star stands before, the bytes between, and whether a star stands behind, if that is all.
fn literal(steps: &[Step]) -> Option<(bool, Vec<u8>, bool)> {
    let (leading, steps) = match steps {
        [Step::Many, rest @ ..] => (true, rest),
        steps => (false, steps),
    };
    let (trailing, steps) = match steps {
        [rest @ .., Step::Many] => (true, rest),
        steps => (false, steps),
    };
    let bytes = steps.iter().map(|step| match step {
        Step::Byte(byte) => Some(*byte),
        _ => None,
    });
    Some((leading, bytes.collect::<Option<_>>()?, trailing))
}

fn steps(pattern: &[u8]) -> Vec<Step> {
    let mut steps = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match byte {
            b'*' if steps.last() == Some(&Step::Many) => {}
            b'*' => steps.push(Step::Many),
            b'?' => steps.push(Step::Any),
            b'\\' if !tail.is_empty() => {
                steps.push(Step::Byte(tail[0]));
                rest = &tail[1..];
            }
            b'[' => match set(tail) {
                Some((step, behind)) => {
                    steps.push(step);
                    rest = behind;
                }
                // A bracket that is never closed stands for itself.
                None => steps.push(Step::Byte(b'[')),
            },
            byte => steps.push(Step::Byte(*byte)),
        }
    }
    steps
}

/// A bracket expression and what stands behind it.
fn set(mut rest: &[u8]) -> Option<(Step, &[u8])> {
    let is_negated = matches!(rest, [b'!' | b'^', ..]);
    if is_negated {
        rest = &rest[1..];
    }
    let mut ranges = Vec::new();
    loop {
        match rest {
            [b']', behind @ ..] if !ranges.is_empty() => {
                return Some((Step::Set { ranges, is_negated }, behind));
            }
            [b'[', b':', named @ ..] => {
                let end = named.windows(2).position(|pair| pair == b":]")?;
                ranges.extend(class(&named[..end])?.iter().cloned());
                rest = &named[end + 2..];
            }
            [from, b'-', to, behind @ ..] if *to != b']' => {
                ranges.push(*from..=*to);
                rest = behind;
            }
            [byte, behind @ ..] => {
                ranges.push(*byte..=*byte);
                rest = behind;
            }
            [] => return None,
        }
    }
}

fn class(name: &[u8]) -> Option<&'static [RangeInclusive<u8>]> {
    Some(match name {
        b"alpha" => &[b'a'..=b'z', b'A'..=b'Z'],
        b"digit" => &[b'0'..=b'9'],
        b"alnum" => &[b'a'..=b'z', b'A'..=b'Z', b'0'..=b'9'],
        b"upper" => &[b'A'..=b'Z'],
        b"lower" => &[b'a'..=b'z'],
        b"space" => &[b'\t'..=b'\r', b' '..=b' '],
        b"blank" => &[b'\t'..=b'\t', b' '..=b' '],
        b"punct" => &[b'!'..=b'/', b':'..=b'@', b'['..=b'`', b'{'..=b'~'],
        b"xdigit" => &[b'0'..=b'9', b'a'..=b'f', b'A'..=b'F'],
        b"print" => &[b' '..=b'~'],
        b"graph" => &[b'!'..=b'~'],
        b"cntrl" => &[0..=0x1f, 0x7f..=0x7f],
        _ => return None,
    })
}

/// Walks both; where a step fails, the last star takes one byte more.
fn matches_steps(steps: &[Step], text: &[u8], fold: impl Fn(u8) -> u8) -> bool {
    let (mut step, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let moved = match (steps.get(step), text.get(at)) {
            (None, None) => return true,
            (Some(Step::Many), _) => {
                star = Some((step + 1, at));
                step += 1;
                continue;
            }
            (Some(Step::Any), Some(_)) => true,
            (Some(Step::Byte(wanted)), Some(byte)) => *wanted == fold(*byte),
            (Some(Step::Set { ranges, is_negated }), Some(byte)) => {
                ranges.iter().any(|range| range.contains(&fold(*byte))) != *is_negated
            }
            _ => false,
        };
        if moved {
            step += 1;
            at += 1;
            continue;
        }
        match &mut star {
            Some((behind, taken)) if *taken < text.len() => {
                *taken += 1;
                (step, at) = (*behind, *taken);
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Glob::new(pattern.as_bytes(), false).is_match(text.as_bytes())
    }

    #[test]
    fn stars_cross_slashes() {
        assert!(matches("/home/*/.ssh/*", "/home/a/b/.ssh/id"));
        assert!(matches("*../*../*", "/x/../y/../z"));
        assert!(!matches("*../*../*", "/x/../y"));
        assert!(matches("*", ""));
        assert!(matches("a*", "a") && matches("*.log", "x/y.log") && matches("plain", "plain"));
        assert!(!matches("a*b*c", "aXbX"));
    }

    #[test]
    fn sets_escapes_and_question_marks() {
        assert!(matches("[a-c]?[!x]", "b/y") && !matches("[a-c]?[!x]", "b/x"));
        assert!(matches(r"\*\?", "*?") && !matches(r"\*", "a"));
        assert!(matches("[[:digit:]]*", "7up") && matches("[]a]", "]") && matches("[a", "[a"));
        assert!(Glob::new(b"/TMP/*.[a-c]", true).is_match(b"/tmp/X.B"));
    }

    #[test]
    fn many_stars_take_no_exponential_time() {
        let pattern = "*a".repeat(200) + "*b";
        assert!(!matches(&pattern, &"a".repeat(5000)));
    }
}
