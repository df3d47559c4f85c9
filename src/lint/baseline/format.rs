//! The baseline's file.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Write as _};

use super::{Baseline, Identity};
use crate::yaml::{Kind, Node, Position, Stream};

const VERSION: u32 = 1;

/// What is wrong with a baseline, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct BaselineError {
    /// The place in the file.
    pub position: Position,
    /// What was found and what was expected.
    pub message: String,
}

/// Reads a baseline.
///
/// # Errors
/// [`BaselineError`] for what `--write-baseline` does not write: a file that was merged by hand and is broken
/// must not silence anything by accident.
pub fn read(source: &[u8]) -> Result<Baseline, BaselineError> {
    let stream = Stream::parse(source)
        .map_err(|error| BaselineError { position: error.position(), message: error.reason().to_string() })?;
    let root = stream.document(0).and_then(|document| document.root());
    let Some(root) = root.filter(|_| stream.documents().len() == 1) else {
        let message = format!("expected one document with `version: {VERSION}` and `files`");
        return Err(BaselineError { position: Position { line: 1, column: 1 }, message });
    };
    let [version, files] = fields(root, ["version", "files"])?;
    let version = version.ok_or_else(|| error(root, format!("a baseline says `version: {VERSION}`")))?;
    if version.to_value() != VERSION {
        return Err(error(version, format!("expected version {VERSION}; write the baseline anew")));
    }
    let mut baseline = Baseline::default();
    if let Some(files) = files.filter(|files| !files.to_value().is_null()) {
        expect(files, Kind::Mapping, "a mapping of files to findings")?;
        for (file, entries) in files.entries() {
            baseline.files.insert(text(file)?, read_entries(entries)?);
        }
    }
    Ok(baseline)
}

fn read_entries(node: Node<'_>) -> Result<BTreeMap<Identity, usize>, BaselineError> {
    expect(node, Kind::Sequence, "a list of findings")?;
    let mut entries = BTreeMap::new();
    for item in node.items() {
        let [check, object, container, at, count] =
            fields(item, ["check", "object", "container", "at", "count"])?;
        let Some(check) = check else { return Err(error(item, "a finding names its `check`".to_owned())) };
        let optional = |node: Option<Node<'_>>| node.map_or(Ok(String::new()), text);
        let identity = Identity {
            object: optional(object)?,
            container: optional(container)?,
            check: text(check)?,
            place: optional(at)?,
        };
        let count = match count {
            None => 1,
            Some(node) => {
                let count = node.to_value().as_u64().and_then(|count| usize::try_from(count).ok());
                count
                    .filter(|count| *count > 0)
                    .ok_or_else(|| error(node, "expected a number from 1".to_owned()))?
            }
        };
        // A merge of two branches may hold an entry twice: both had it, it is there once.
        let known = entries.entry(identity).or_insert(0);
        *known = count.max(*known);
    }
    Ok(entries)
}

fn fields<'a, const N: usize>(
    node: Node<'a>,
    known: [&str; N],
) -> Result<[Option<Node<'a>>; N], BaselineError> {
    expect(node, Kind::Mapping, "a mapping")?;
    let mut found = [None; N];
    for (key, value) in node.entries() {
        let name = text(key)?;
        let Some(place) = known.iter().position(|known| *known == name) else {
            return Err(error(key, format!("unknown key `{name}`, expected one of {}", known.join(", "))));
        };
        found[place] = Some(value);
    }
    Ok(found)
}

fn expect(node: Node<'_>, kind: Kind, what: &str) -> Result<(), BaselineError> {
    if node.kind() == kind { Ok(()) } else { Err(error(node, format!("expected {what}"))) }
}

fn text(node: Node<'_>) -> Result<String, BaselineError> {
    let text = node.as_str().map(std::borrow::Cow::into_owned);
    text.ok_or_else(|| error(node, format!("expected text, found `{}`", node.to_value())))
}

fn error(node: Node<'_>, message: String) -> BaselineError {
    BaselineError { position: node.position(), message }
}

impl Display for Baseline {
    /// The whole file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Findings that `lithify lint --baseline` counts but does not report. With `--write-baseline` too it\n\
             # only takes out what is gone; `--write-baseline` alone accepts whatever there is.\n\
             version: {VERSION}\nfiles:{}",
            if self.files.is_empty() { " {}" } else { "" }
        )?;
        for (file, entries) in &self.files {
            writeln!(f, "  {}:", Quoted(file))?;
            for (identity, count) in entries {
                write!(f, "  - {{check: {}, object: {}", Quoted(&identity.check), Quoted(&identity.object))?;
                if !identity.container.is_empty() {
                    write!(f, ", container: {}", Quoted(&identity.container))?;
                }
                write!(f, ", at: {}", Quoted(&identity.place))?;
                if *count > 1 {
                    write!(f, ", count: {count}")?;
                }
                writeln!(f, "}}")?;
            }
        }
        Ok(())
    }
}

/// A YAML scalar in double quotes, which hold any text.
struct Quoted<'t>(&'t str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in self.0.chars() {
            match character {
                '"' | '\\' => write!(f, "\\{character}")?,
                '\u{2028}' | '\u{2029}' | '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => {
                    write!(f, "\\u{:04x}", u32::from(character))?;
                }
                _ if character.is_control() => write!(f, "\\u{:04x}", u32::from(character))?,
                _ => f.write_char(character)?,
            }
        }
        f.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(check: &str, object: &str, container: &str, place: &str) -> Identity {
        let [check, object, container, place] = [check, object, container, place].map(str::to_owned);
        Identity { object, container, check, place }
    }

    #[test]
    fn writes_one_sorted_line_a_finding() {
        let mut baseline = Baseline::default();
        baseline.add("b.yaml", identity("privileged", "Pod/p", "web", "/spec/containers/*"));
        baseline.add("b.yaml", identity("privileged", "Pod/p", "web", "/spec/containers/*"));
        baseline.add("b.yaml", identity("host-namespaces", "Pod/p", "", "/spec/hostPID"));
        baseline.add("a.yaml", identity("host-ports", "", "", ""));
        let expected = "version: 1\nfiles:\n  \
            \"a.yaml\":\n  \
            - {check: \"host-ports\", object: \"\", at: \"\"}\n  \
            \"b.yaml\":\n  \
            - {check: \"host-namespaces\", object: \"Pod/p\", at: \"/spec/hostPID\"}\n  \
            - {check: \"privileged\", object: \"Pod/p\", container: \"web\", at: \"/spec/containers/*\", count: 2}\n";
        let text = baseline.to_string();
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(read(text.as_bytes()), Ok(baseline));
    }

    #[test]
    fn reads_an_empty_one() {
        assert_eq!(read(Baseline::default().to_string().as_bytes()), Ok(Baseline::default()));
        assert_eq!(read(b"version: 1\nfiles:\n"), Ok(Baseline::default()));
    }

    #[test]
    fn refuses_what_it_does_not_write() {
        let cases = [
            ("", "line 1, column 1: expected one document with `version: 1` and `files`"),
            ("files: {}\n", "line 1, column 1: a baseline says `version: 1`"),
            ("version: 2\n", "line 1, column 10: expected version 1; write the baseline anew"),
            (
                "version: 1\nfile: {}\n",
                "line 2, column 1: unknown key `file`, expected one of version, files",
            ),
            ("version: 1\nfiles: []\n", "line 2, column 8: expected a mapping of files to findings"),
            ("version: 1\nfiles: {a: [{object: Pod}]}\n", "line 2, column 13: a finding names its `check`"),
            (
                "version: 1\nfiles: {a: [{check: x, count: 0}]}\n",
                "line 2, column 31: expected a number from 1",
            ),
            ("version: 1\nfiles: {a: [{check: 1}]}\n", "line 2, column 21: expected text, found `1`"),
        ];
        for (text, message) in cases {
            assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), message, "{text}");
        }
        assert!(read(b"version: 1\n<<<<<<< HEAD\nfiles: {}\n").is_err(), "a conflict that nobody resolved");
    }

    #[test]
    fn takes_an_entry_that_two_branches_added_for_one() {
        let text = "version: 1\nfiles:\n  a:\n  - {check: x}\n  - {check: x, count: 2}\n  - {check: x}\n";
        assert_eq!(read(text.as_bytes()).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(texts in proptest::collection::vec("\\PC*|[\\x00-\\u{ffff}]{0,8}", 5), count in 1..4) {
            let [file, check, object, container, place] = texts.try_into().unwrap();
            let mut baseline = Baseline::default();
            for _ in 0..count {
                baseline.add(&file, identity(&check, &object, &container, &place));
            }
            prop_assert_eq!(read(baseline.to_string().as_bytes()), Ok(baseline));
        }
    }
}
