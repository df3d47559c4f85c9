//! The configuration's globs as CEL.

use globset::GlobMatcher;

use crate::checks::predicate::cel::{Expr, text};

/// Whether one of the globs matches `value`, an expression for a string; the globs that CEL cannot say are
/// left out and returned.
pub(super) fn any_of<'g>(globs: &'g [GlobMatcher], value: &str) -> (Expr, Vec<&'g str>) {
    let (mut whole, mut others, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    for glob in globs {
        let pattern = glob.glob().glob();
        match shape(pattern) {
            Shape::Whole => whole.push(text(pattern)),
            Shape::Prefix(prefix) => others.push(Expr::Atom(format!("{value}.startsWith({})", text(prefix)))),
            Shape::Other => match re2(glob.glob().regex()) {
                Some(regex) => others.push(Expr::Atom(format!("{value}.matches({})", text(regex)))),
                None => lost.push(pattern),
            },
        }
    }
    let whole = (!whole.is_empty()).then(|| Expr::Atom(format!("{value} in [{}]", whole.join(", "))));
    let any: Vec<_> = whole.into_iter().chain(others).collect();
    let any = if any.is_empty() { Expr::Atom("false".to_owned()) } else { Expr::any(any) };
    (any, lost)
}

enum Shape<'p> {
    Whole,
    Prefix(&'p str),
    Other,
}

fn shape(pattern: &str) -> Shape<'_> {
    let is_plain = |text: &str| !text.contains(['*', '?', '[', ']', '{', '}', '\\', ',']);
    match pattern.strip_suffix('*') {
        None if is_plain(pattern) => Shape::Whole,
        // A slash before the star could make it the `**` of whole directories.
        Some(prefix) if is_plain(prefix) => Shape::Prefix(prefix),
        _ => Shape::Other,
    }
}

/// The glob's expression without its flag for bytes, which RE2 does not have; none where bytes matter.
fn re2(regex: &str) -> Option<&str> {
    let regex = regex.strip_prefix("(?-u)")?;
    (!regex.contains("\\x") && !regex.contains("(?-u")).then_some(regex)
}

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;

    use super::*;

    fn cel(patterns: &[&str]) -> (String, Vec<String>) {
        let glob = |pattern: &&str| {
            GlobBuilder::new(pattern).literal_separator(false).build().unwrap().compile_matcher()
        };
        let globs: Vec<_> = patterns.iter().map(glob).collect();
        let (any, lost) = any_of(&globs, "c.image");
        (any.to_string(), lost.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn takes_the_cheapest_form() {
        let (text, lost) = cel(&["nginx", "registry.k8s.io/kube-proxy:*", "*/pause:3.?"]);
        let expected = "c.image in ['nginx'] || c.image.startsWith('registry.k8s.io/kube-proxy:') || \
            c.image.matches('^.*/pause:3\\\\..$')";
        assert_eq!((text.as_str(), lost.len()), (expected, 0));
    }

    #[test]
    fn names_what_it_cannot_say() {
        assert_eq!(cel(&["é*x"]), ("false".to_owned(), vec!["é*x".to_owned()]));
    }
}
