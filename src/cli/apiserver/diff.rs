//! What a change would do to its file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::Terminal;
use crate::cli::diff;
use crate::install::{Change, Ownership};

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
    let is_styled = terminal.is_styled();
    diff::write_texts(path, before, after, terminal, is_styled)
}
