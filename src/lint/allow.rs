//! Exemptions in comments: `# lithify: allow privileged -- reason`.
//!
//! A comment stands on a line, or in the block of comment lines directly above it, and silences the named
//! checks for the node that begins on that line and for everything inside it: above a container it counts
//! for the container, at the head of a document for the object. `until 2027-06-30` before the reason ends it.
//!
//! Data in: findings with their places. Data out: the findings that remain, and what is wrong with the
//! exemptions themselves. An exemption without a reason, past its date, or for an unknown check silences
//! nothing.

use jiff::civil::Date;

use super::locate::lines_to;
use crate::checks::Finding;
use crate::yaml::{Document, Position, Stream};

const MARKER: &str = "lithify: allow";

/// One exemption as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// The line that it stands on, from 1.
    pub position: Position,
    /// The checks that it names.
    pub checks: Vec<String>,
    /// Its last day.
    pub until: Option<Date>,
    /// Why; empty where none is given.
    pub reason: String,
}

/// What is wrong with an exemption.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllowError {
    /// No text behind `--`.
    #[error("this exemption gives no reason; write `# lithify: allow {0} -- why`")]
    NoReason(String),
    /// Not a date.
    #[error("`{0}` is not a date; write `until YYYY-MM-DD`")]
    NotADate(String),
    /// Its last day has passed.
    #[error("this exemption ended on {0}; remove it, or decide anew")]
    Expired(Date),
    /// It names a check that there is not.
    #[error("there is no check `{0}`")]
    UnknownCheck(String),
    /// It silenced nothing.
    #[error("this exemption of `{0}` silences nothing; remove it")]
    Unused(String),
}

/// Every exemption of a stream, good or bad, in the order of the text.
fn read(stream: &Stream<'_>) -> Vec<Result<Allow, (Position, AllowError)>> {
    stream
        .comments()
        .filter_map(|(at, text)| {
            let (_, rest) = text.split_once(MARKER)?;
            let position = stream.position(at);
            Some(parse(rest, position).map_err(|error| (position, error)))
        })
        .collect()
}

fn parse(text: &str, position: Position) -> Result<Allow, AllowError> {
    let allow = read_entry(text, position)?;
    if allow.reason.is_empty() {
        let (head, _) = text.split_once("--").unwrap_or((text, ""));
        return Err(AllowError::NoReason(head.trim().to_owned()));
    }
    Ok(allow)
}

/// `privileged, host-ports until 2027-06-30 -- reason`, of which only the checks must be there.
pub(super) fn read_entry(text: &str, position: Position) -> Result<Allow, AllowError> {
    let (head, reason) = text.split_once("--").unwrap_or((text, ""));
    let mut words = head.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let mut allow = Allow { position, checks: Vec::new(), until: None, reason: reason.trim().to_owned() };
    while let Some(word) = words.next() {
        if word == "until" {
            let date = words.next().unwrap_or_default();
            allow.until = Some(date.parse().map_err(|_| AllowError::NotADate(date.to_owned()))?);
        } else {
            allow.checks.push(word.to_owned());
        }
    }
    Ok(allow)
}

/// The exemptions of a stream, with what they silenced.
pub struct Allows {
    /// Each with which of its checks it has silenced.
    entries: Vec<(Vec<bool>, Allow)>,
    errors: Vec<(Position, AllowError)>,
}

impl Allows {
    /// Reads the exemptions of `stream` that hold on `today`; `is_known` tells whether there is such a check.
    pub fn new(stream: &Stream<'_>, today: Date, is_known: impl Fn(&str) -> bool) -> Self {
        let mut allows = Self { entries: Vec::new(), errors: Vec::new() };
        for allow in read(stream) {
            let checked = allow.and_then(|allow| match refuse(&allow, today, &is_known) {
                Some(error) => Err((allow.position, error)),
                None => Ok(allow),
            });
            match checked {
                Ok(allow) => allows.entries.push((vec![false; allow.checks.len()], allow)),
                Err(error) => allows.errors.push(error),
            }
        }
        allows
    }

    /// Whether nothing can be silenced.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The reason of the first exemption that silences this finding; marks all that do as used.
    pub fn silences(
        &mut self,
        finding: &Finding,
        stream: &Stream<'_>,
        document: Document<'_>,
    ) -> Option<String> {
        if self.entries.is_empty() {
            return None;
        }
        let lines = lines_to(stream, document, &finding.pointer);
        let mut silenced = None;
        for (used, allow) in &mut self.entries {
            let covers =
                |line: u32| line == allow.position.line || is_right_below(stream, allow.position.line, line);
            if !lines.iter().any(|line| covers(*line)) {
                continue;
            }
            for (check, used) in allow.checks.iter().zip(used) {
                if check == finding.check {
                    *used = true;
                    silenced.get_or_insert_with(|| allow.reason.clone());
                }
            }
        }
        silenced
    }

    /// What is wrong with the exemptions, unused ones among them; in the order of the text.
    pub fn into_errors(self) -> Vec<(Position, AllowError)> {
        let mut errors = self.errors;
        for (used, allow) in self.entries {
            let unused = allow.checks.into_iter().zip(used).filter(|(_, used)| !used);
            errors.extend(unused.map(|(check, _)| (allow.position, AllowError::Unused(check))));
        }
        errors.sort_by_key(|(position, _)| *position);
        errors
    }
}

fn refuse(allow: &Allow, today: Date, is_known: impl Fn(&str) -> bool) -> Option<AllowError> {
    let unknown = allow.checks.iter().find(|check| !is_known(check));
    match allow.until {
        Some(until) if until < today => Some(AllowError::Expired(until)),
        _ => unknown.map(|check| AllowError::UnknownCheck(check.clone())),
    }
}

/// Whether only comment lines (and document markers) stand between the comment's line and `line`.
fn is_right_below(stream: &Stream<'_>, comment: u32, line: u32) -> bool {
    let is_comment_line =
        |line: u32| stream.line(line).is_some_and(|text| text.trim_start().starts_with('#'));
    let is_marker = |line: u32| stream.line(line).is_some_and(|text| text.trim_end() == "---");
    comment < line
        && is_comment_line(comment)
        && (comment + 1..line).all(|l| is_comment_line(l) || is_marker(l))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Severity;

    const POD: &str = "\
# lithify: allow host-namespaces -- the whole object
kind: Pod
spec:
  containers:
  # lithify: allow privileged until 2027-06-30 -- programs netfilter
  # (ask the network team)
  - name: proxy
    securityContext:
      privileged: true
  - name: web
    securityContext: {privileged: true} # lithify: allow privileged
";

    fn finding(check: &'static str, pointer: &str) -> Finding {
        Finding {
            check,
            severity: Severity::Error,
            pointer: pointer.parse().unwrap(),
            container: None,
            message: String::new(),
            notes: Vec::new(),
            related: Vec::new(),
            fix: None,
        }
    }

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn silences_the_node_below_and_all_inside() {
        let stream = Stream::parse(POD.as_bytes()).unwrap();
        let document = stream.document(0).unwrap();
        let mut allows = Allows::new(&stream, date("2027-06-30"), |_| true);
        let mut silences =
            |check, pointer| allows.silences(&finding(check, pointer), &stream, document).is_some();
        assert!(silences("privileged", "/spec/containers/0/securityContext/privileged"));
        assert!(!silences("host-ports", "/spec/containers/0/ports/0"));
        assert!(
            !silences("privileged", "/spec/containers/1/securityContext/privileged"),
            "it gives no reason"
        );
        assert!(silences("host-namespaces", "/spec/hostNetwork"));
    }

    #[test]
    fn tells_what_is_wrong_with_exemptions() {
        let stream = Stream::parse(POD.as_bytes()).unwrap();
        let errors =
            Allows::new(&stream, date("2027-07-01"), |check| check != "host-namespaces").into_errors();
        let errors: Vec<_> = errors.into_iter().map(|(position, error)| (position.line, error)).collect();
        assert_eq!(
            errors,
            [
                (1, AllowError::UnknownCheck("host-namespaces".to_owned())),
                (5, AllowError::Expired(date("2027-06-30"))),
                (11, AllowError::NoReason("privileged".to_owned())),
            ]
        );
    }

    #[test]
    fn reports_an_exemption_that_silences_nothing() {
        let stream = Stream::parse(b"# lithify: allow privileged -- why not\nkind: Pod\n").unwrap();
        let errors = Allows::new(&stream, date("2027-01-01"), |_| true).into_errors();
        assert_eq!(errors[0].1, AllowError::Unused("privileged".to_owned()));
    }
}
