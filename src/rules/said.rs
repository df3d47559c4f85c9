//! What was said while rules were loaded, up to a limit: a file of nonsense fills no memory.

use super::code::{Code, Level};
use super::diagnostic::{Context, Diagnostic, FileResult};
use super::source_text::RuleFile;

/// Errors that are kept of one file, and as many warnings and notices; the rest is counted.
const KEPT: usize = 500;

/// What was said so far, by file.
#[derive(Debug, Default)]
pub(super) struct Said {
    files: Vec<OfFile>,
}

#[derive(Debug, Default)]
struct OfFile {
    errors: Vec<Diagnostic>,
    others: Vec<Diagnostic>,
    left_out: usize,
}

impl Said {
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        let file = diagnostic.context.spot().file;
        if self.files.len() <= file {
            self.files.resize_with(file + 1, OfFile::default);
        }
        let of_file = &mut self.files[file];
        let kept = match diagnostic.code.level() {
            Level::Error => &mut of_file.errors,
            Level::Warning | Level::Notice => &mut of_file.others,
        };
        if kept.len() < KEPT {
            kept.push(diagnostic);
        } else {
            of_file.left_out += 1;
        }
    }

    pub(super) fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// The results of the files, each in the order of its text, errors first.
    pub(super) fn into_results(mut self, files: &[RuleFile]) -> Vec<FileResult> {
        self.files.resize_with(files.len(), OfFile::default);
        let in_order = |mut diagnostics: Vec<Diagnostic>| {
            diagnostics.sort_by_key(|diagnostic| diagnostic.context.spot().bytes.start);
            diagnostics
        };
        let result = |(number, (file, said)): (usize, (&RuleFile, OfFile))| {
            let mut diagnostics = in_order(said.errors);
            diagnostics.extend(in_order(said.others));
            if said.left_out > 0 {
                let message = format!("{} more errors, warnings and notices are not shown", said.left_out);
                diagnostics.push(Diagnostic::new(Code::Notice, message, Context::file(number)));
            }
            FileResult { name: file.name.clone(), diagnostics }
        };
        files.iter().zip(self.files).enumerate().map(result).collect()
    }
}
