//! All searches of one text field as one pass each: `contains`, `icontains`, `regex`.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind};
use regex_automata::{MatchKind as RegexMatchKind, PatternSet, meta};

use super::super::predicate::{Predicate, Text};

/// What a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    Contains,
    ContainsIgnoringCase,
    Regex,
}

/// The pattern of a search; `None` for other comparisons.
pub(super) fn pattern(predicate: &Predicate) -> Option<(Kind, &[u8])> {
    let Predicate::Text(text) = predicate else { return None };
    match text {
        Text::Contains(finder) => Some((Kind::Contains, finder.needle())),
        Text::ContainsIgnoringCase(searcher) => Some((Kind::ContainsIgnoringCase, &searcher.1)),
        Text::Regex(regex) => Some((Kind::Regex, regex.1.as_bytes())),
        _ => None,
    }
}

/// Below so many patterns, each is faster alone: a search for one word skips most of the text.
pub(super) const WORTHWHILE: usize = 3;

/// One pass for many patterns.
#[derive(Debug)]
pub(super) enum Search {
    Words(AhoCorasick),
    Regexes(Box<meta::Regex>),
}

/// Memory that an automaton of many patterns may take.
const AUTOMATON_BYTES: usize = 16 << 20;

impl Search {
    /// One pass for these patterns; `None` where they would take too much memory together.
    pub(super) fn new(kind: Kind, patterns: &[&[u8]]) -> Option<Self> {
        match kind {
            Kind::Contains | Kind::ContainsIgnoringCase => {
                let bytes: usize = patterns.iter().map(|pattern| pattern.len()).sum();
                let automaton = AhoCorasick::builder()
                    .match_kind(MatchKind::Standard)
                    .ascii_case_insensitive(kind == Kind::ContainsIgnoringCase)
                    .kind((bytes < 2000).then_some(AhoCorasickKind::DFA))
                    .build(patterns);
                automaton.ok().map(Self::Words)
            }
            Kind::Regex => {
                let patterns: Vec<&str> = patterns
                    .iter()
                    .map(|pattern| std::str::from_utf8(pattern).ok())
                    .collect::<Option<_>>()?;
                let config = meta::Config::new()
                    .match_kind(RegexMatchKind::All)
                    .utf8_empty(false)
                    .nfa_size_limit(Some(AUTOMATON_BYTES))
                    .hybrid_cache_capacity(AUTOMATON_BYTES);
                let syntax = regex_automata::util::syntax::Config::new().utf8(false);
                let built = meta::Builder::new().configure(config).syntax(syntax).build_many(&patterns);
                built.ok().map(|regex| Self::Regexes(Box::new(regex)))
            }
        }
    }

    /// Sets the bits of the patterns that a text has, in words that are zero.
    pub(super) fn run(&self, text: &[u8], bits: &mut [u64], patterns: &mut PatternSet) {
        let mut set = |pattern: usize| bits[pattern / 64] |= 1 << (pattern % 64);
        match self {
            Self::Words(automaton) => {
                let input = Input::new(text).anchored(Anchored::No);
                for found in automaton.find_overlapping_iter(input) {
                    set(found.pattern().as_usize());
                }
            }
            Self::Regexes(regex) => {
                patterns.clear();
                regex.which_overlapping_matches(&regex_automata::Input::new(text), patterns);
                patterns.iter().for_each(|pattern| set(pattern.as_usize()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, patterns: &[&str], text: &str) -> Vec<usize> {
        let bytes: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let mut bits = [0; 1];
        Search::new(kind, &bytes).unwrap().run(
            text.as_bytes(),
            &mut bits,
            &mut PatternSet::new(patterns.len()),
        );
        (0..patterns.len()).filter(|n| bits[0] >> n & 1 != 0).collect()
    }

    #[test]
    fn one_pass_finds_every_pattern() {
        assert_eq!(found(Kind::Contains, &["abc", "b", "x", "", "bcd"], "abcd"), [0, 1, 3, 4]);
        assert_eq!(found(Kind::ContainsIgnoringCase, &["private", "KEY"], "BEGIN Private key"), [0, 1]);
        assert_eq!(found(Kind::Regex, &[r"\A(?:a.*)\z", r"\A(?:b)\z", r"\A(?:.*d)\z"], "abcd"), [0, 2]);
    }
}
