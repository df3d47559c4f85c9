//! Unified diffs of files that are there and that would be.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use crate::cli::Terminal;
use crate::install::{Change, Ownership};

const CONTEXT: usize = 3;

/// Writes what a change would do to its file; nothing where it would do nothing.
///
/// Without times or machine names: the same on every node that has the same files.
pub(super) fn write(change: &Change, terminal: &mut Terminal) -> io::Result<()> {
    let present = fs::read(&change.path).ok();
    let wanted = change.content.as_ref().map(|content| content.bytes.as_slice());
    write_texts(&change.path, present.as_deref(), wanted, terminal)?;
    if let (Ok(metadata), Some(content)) = (fs::metadata(&change.path), &change.content) {
        let present = Ownership::of(&metadata);
        if present != content.ownership {
            let (from, to) = (owner(present), owner(content.ownership));
            writeln!(terminal, "# {}: {from} becomes {to}", change.path.display())?;
        }
    }
    Ok(())
}

/// Mode, user and group.
pub(super) fn owner(ownership: Ownership) -> String {
    format!("mode {:04o}, owner {}:{}", ownership.mode, ownership.uid, ownership.gid)
}

/// `None` stands for a file that does not exist.
pub(super) fn write_texts(
    path: &Path,
    before: Option<&[u8]>,
    after: Option<&[u8]>,
    terminal: &mut Terminal,
) -> io::Result<()> {
    if before == after {
        return Ok(());
    }
    let name = |text: Option<&[u8]>| match text {
        Some(_) => path.display().to_string(),
        None => "/dev/null".to_owned(),
    };
    let is_styled = terminal.is_styled();
    let paint =
        |color: AnsiColor| if is_styled { Style::new().fg_color(Some(color.into())) } else { Style::new() };
    let (bold, hunk) = (if is_styled { Style::new().bold() } else { Style::new() }, paint(AnsiColor::Cyan));
    writeln!(terminal, "{bold}--- {}{bold:#}", name(before))?;
    writeln!(terminal, "{bold}+++ {}{bold:#}", name(after))?;
    let (before, after) = (text(before), text(after));
    let diff = TextDiff::from_lines(before.as_str(), after.as_str());
    for found in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        writeln!(terminal, "{hunk}{}{hunk:#}", found.header())?;
        for line in found.iter_changes() {
            let (sign, style) = match line.tag() {
                ChangeTag::Delete => ('-', paint(AnsiColor::Red)),
                ChangeTag::Insert => ('+', paint(AnsiColor::Green)),
                ChangeTag::Equal => (' ', Style::new()),
            };
            let text = line.value().trim_end_matches('\n');
            writeln!(terminal, "{style}{sign}{text}{style:#}")?;
            if line.missing_newline() {
                writeln!(terminal, "\\ No newline at end of file")?;
            }
        }
    }
    Ok(())
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default()
}
