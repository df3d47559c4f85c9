//! Exported objects as a YAML file.

use std::fmt::Write as _;

use super::Exported;
use crate::yaml;

/// Width of the comments on top.
const WIDTH: usize = 110;

/// One document an object, with `title` and the notes as comments on top.
pub fn text(title: &str, exported: &Exported) -> String {
    let mut out = String::new();
    comment(&mut out, title, "");
    if !exported.notes.is_empty() {
        out.push_str("#\n");
    }
    for note in &exported.notes {
        comment(&mut out, note, "- ");
    }
    for object in &exported.objects {
        _ = write!(out, "---\n{}", yaml::document(object));
    }
    out
}

/// Writes a text as comment lines, the first behind `mark`.
fn comment(out: &mut String, text: &str, mark: &str) {
    let indent = " ".repeat(mark.len());
    let mut line = format!("# {mark}");
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.len() + 1 + word.len() > WIDTH {
            _ = writeln!(out, "{line}");
            line = format!("# {indent}");
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    _ = writeln!(out, "{line}");
}
