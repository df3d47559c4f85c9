//! Unified diffs of texts that are there and that would be.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use crate::lint::report::printable;

const CONTEXT: usize = 3;

/// `None` stands for a file that does not exist.
pub(crate) fn write_texts(
    path: &Path,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    out: &mut dyn Write,
    is_styled: bool,
) -> io::Result<()> {
    if before == after {
        return Ok(());
    }
    let name = |text: Option<&[u8]>| match text {
        Some(_) => path.display().to_string(),
        None => "/dev/null".to_owned(),
    };
    let paint =
        |color: AnsiColor| if is_styled { Style::new().fg_color(Some(color.into())) } else { Style::new() };
    let (bold, hunk) = (if is_styled { Style::new().bold() } else { Style::new() }, paint(AnsiColor::Cyan));
    writeln!(out, "{bold}--- {}{bold:#}", name(before))?;
    writeln!(out, "{bold}+++ {}{bold:#}", name(after))?;
    let (before, after) = (text(before), text(after));
    let diff = TextDiff::from_lines(&*before, &*after);
    for found in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        writeln!(out, "{hunk}{}{hunk:#}", found.header())?;
        for line in found.iter_changes() {
            let (sign, style) = match line.tag() {
                ChangeTag::Delete => (b'-', paint(AnsiColor::Red)),
                ChangeTag::Insert => (b'+', paint(AnsiColor::Green)),
                ChangeTag::Equal => (b' ', Style::new()),
            };
            let text = line.value().trim_end_matches('\n');
            if is_styled {
                // What somebody looks at may not steer the terminal.
                writeln!(out, "{style}{}{}{style:#}", char::from(sign), printable(text))?;
            } else {
                // A patch is exact.
                out.write_all(&[sign])?;
                out.write_all(text.as_bytes())?;
                out.write_all(b"\n")?;
            }
            if line.missing_newline() {
                writeln!(out, "\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}

fn text(bytes: Option<&[u8]>) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.unwrap_or_default())
}
