//! A tree held against the table of keys: unknown keys, values of another type, keys without meaning here.

use lithify::nearest;

use super::keys::{Effect, KEYS, Key, Kind, find};
use super::problem::{Place, Problem, Sources};
use super::tree::{Content, Tree};

/// What the check says.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Values that cannot be used.
    pub(super) errors: Vec<Problem>,
    /// Keys that are unknown, or have no meaning here.
    pub(super) warnings: Vec<Problem>,
}

/// Checks a whole tree.
pub(super) fn check(tree: &Tree, sources: &Sources) -> Checked {
    let mut walk = Walk { sources, checked: Checked::default(), idle: Vec::new() };
    match tree.content {
        Content::Map(_) => walk.map(tree, ""),
        Content::Null => {}
        _ => walk.expected(tree, "a mapping of keys"),
    }
    walk.checked
}

struct Walk<'w> {
    sources: &'w Sources,
    checked: Checked,
    /// Keys without meaning that have been told.
    idle: Vec<&'static str>,
}

impl Walk<'_> {
    /// Trees are as deep as the table's paths: what stands below a value of any type is not walked.
    fn node(&mut self, tree: &Tree, path: &str) {
        let row = find(path);
        let is_map = matches!(tree.content, Content::Map(_));
        match row {
            Some(row) if !(is_map && row.kind == Kind::Text && has_below(path, ".")) => self.value(tree, row),
            _ if has_below(path, "[]") => match &tree.content {
                Content::List(items) => {
                    let path = format!("{path}[]");
                    for item in items {
                        self.node(item, &path);
                    }
                }
                Content::Null => {}
                _ => self.expected(tree, "a list"),
            },
            _ => match &tree.content {
                Content::Map(_) => self.map(tree, path),
                Content::Null => {}
                _ => self.expected(tree, "a mapping of keys"),
            },
        }
    }

    fn map(&mut self, tree: &Tree, path: &str) {
        let Content::Map(entries) = &tree.content else { return };
        for (name, place, value) in entries {
            match child(path, name) {
                Some(child) => {
                    self.tell_if_idle(&child, *place);
                    self.node(value, &child);
                }
                None => self.unknown(path, name, *place),
            }
        }
    }

    fn tell_if_idle(&mut self, path: &str, place: Place) {
        let Some(key) = find(path).filter(|key| key.effect == Effect::Idle) else { return };
        if !self.idle.contains(&key.path) {
            self.idle.push(key.path);
            let message = format!("`{}` has no meaning here: {}", key.path, key.meaning);
            self.checked.warnings.push(self.sources.problem(place, message));
        }
    }

    fn unknown(&mut self, path: &str, name: &str, place: Place) {
        let siblings = children(path);
        let near = nearest::nearest(name, siblings.iter().copied());
        let within = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if path.is_empty() => return self.unknown_at_top(name, place),
            None => format!("expected one of {}", siblings.join(", ")),
        };
        let problem = self.sources.problem(place, format!("unknown key `{name}`{within}"));
        self.checked.warnings.push(problem.help(Some(help)));
    }

    /// A key that belongs into a mapping, or one that nobody knows.
    fn unknown_at_top(&mut self, name: &str, place: Place) {
        let inside = KEYS.iter().find(|key| key.path.ends_with(&format!(".{name}")));
        let help = inside.map(|key| format!("there is `{}`", key.path));
        let problem = self.sources.problem(place, format!("unknown key `{name}`"));
        self.checked.warnings.push(problem.help(help));
    }

    fn value(&mut self, tree: &Tree, key: &'static Key) {
        if tree.content == Content::Null {
            return;
        }
        match key.kind {
            Kind::Any => {}
            Kind::Texts | Kind::Words(_) => {
                for item in tree.items() {
                    match (item.text(), key.kind) {
                        (None, _) => self.expected(item, "a text"),
                        (Some(text), Kind::Words(words)) => self.word(item, text, words),
                        (Some(_), _) => {}
                    }
                }
            }
            kind => match tree.text() {
                None => self.expected(tree, &expected(kind)),
                Some(text) => self.scalar(tree, text, kind),
            },
        }
    }

    fn scalar(&mut self, tree: &Tree, text: &str, kind: Kind) {
        let is_right = match kind {
            Kind::Bool => read_bool(text).is_some(),
            Kind::Integer(least, most) => read_integer(text).is_some_and(|n| (least..=most).contains(&n)),
            Kind::Number => read_number(text).is_some(),
            Kind::OneOf(words) => return self.word(tree, text, words),
            Kind::Text | Kind::Texts | Kind::Words(_) | Kind::Any => true,
        };
        if !is_right {
            self.expected(tree, &expected(kind));
        }
    }

    fn word(&mut self, tree: &Tree, text: &str, words: &[&'static str]) {
        if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return;
        }
        let near = nearest::nearest(text, words.iter().copied());
        let message = format!("expected one of {}, found `{text}`", words.join(", "));
        let problem = self.sources.problem(tree.place, message);
        self.checked.errors.push(problem.help(near.map(|near| format!("did you mean `{near}`?"))));
    }

    fn expected(&mut self, tree: &Tree, what: &str) {
        let message = format!("expected {what}, found {}", tree.shown());
        self.checked.errors.push(self.sources.problem(tree.place, message));
    }
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer(least, i64::MAX) => format!("a whole number from {least}"),
        Kind::Integer(least, most) => format!("a whole number from {least} to {most}"),
        Kind::Number => "a number, not negative".to_owned(),
        Kind::OneOf(words) => format!("one of {}", words.join(", ")),
        Kind::Text | Kind::Texts | Kind::Words(_) | Kind::Any => "a text".to_owned(),
    }
}

/// The table's path of a key inside a path.
fn child(path: &str, name: &str) -> Option<String> {
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let any = join("*");
    if find(&any).is_some() {
        return Some(any);
    }
    let own = join(name);
    let is_known = find(&own).is_some() || has_below(&own, ".") || has_below(&own, "[]");
    (is_known && !name.contains(['.', '[', '*']) && !name.is_empty()).then_some(own)
}

/// Whether the table has paths that go on after this one so.
fn has_below(path: &str, next: &str) -> bool {
    KEYS.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with(next)))
}

/// The keys that the table has right below a path.
fn children(path: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    for key in KEYS {
        let rest = if path.is_empty() {
            Some(key.path)
        } else {
            key.path.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'))
        };
        let Some(rest) = rest else { continue };
        let name = &rest[..rest.find(['.', '[']).unwrap_or(rest.len())];
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// As YAML 1.1 and so Falco reads it.
pub(super) fn read_bool(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

pub(super) fn read_integer(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

pub(super) fn read_number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::*;

    #[test]
    fn every_default_is_of_its_own_type() {
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            let is_right = match key.kind {
                Kind::Bool => read_bool(key.default).is_some(),
                Kind::Integer(least, most) => {
                    read_integer(key.default).is_some_and(|number| (least..=most).contains(&number))
                }
                Kind::Number => read_number(key.default).is_some(),
                Kind::OneOf(words) => words.contains(&key.default),
                Kind::Texts | Kind::Words(_) => key.default.starts_with('['),
                Kind::Text | Kind::Any => true,
            };
            assert!(is_right, "{}: {}", key.path, key.default);
        }
    }

    #[test]
    fn children_of_paths_are_names() {
        assert!(children("").contains(&"append_output"));
        assert_eq!(children("append_output[].match"), ["rule", "source", "tags"]);
        assert_eq!(child("static_fields", "anything").as_deref(), Some("static_fields.*"));
        assert_eq!(child("", "engine.kind"), None);
    }
}
