//! `lithify audit-policy check`: what the apiserver refuses, and what it accepts and nobody wants.

use std::path::PathBuf;

use clap::Args;

use super::super::report::{self, Format};
use super::super::terminal::Tone;
use super::super::{Outcome, Terminal};
use super::policy_file;
use crate::apiserver::DEFAULT_POLICY_FILE;
use crate::lint::report::{FileError, FileReport};

/// Validate and criticise audit policies
///
/// Reports what the apiserver refuses, exactly as it does, and what it accepts and a security engineer does
/// not: ignored fields, rules that are never reached or match nothing, credentials in the log, requests
/// that leave no trace. A comment `# lithify: allow CHECK -- reason` on or above the place silences a finding.
#[derive(Args)]
#[command(after_help = "Example:\n  lithify audit-policy check audit-policy.yaml")]
pub(super) struct CheckArgs {
    /// Policy files, `-` for standard input
    #[arg(value_name = "FILE", default_value = DEFAULT_POLICY_FILE)]
    files: Vec<PathBuf>,

    /// How to show findings
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &CheckArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let mut reports = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        match policy_file::read(path) {
            Ok(source) => {
                let (report, bad_allows) = policy_file::judge(&name, &source);
                for (position, error) in bad_allows {
                    terminal.note(Tone::Warning, format_args!("{name}:{}: {error}", position.line));
                }
                reports.push(report);
            }
            Err(error) => {
                let message = format!("cannot be read: {error}");
                let error = FileError { file: name.clone(), line: 0, column: 0, message };
                reports.push(FileReport { file: name, errors: vec![error], ..FileReport::default() });
            }
        }
    }
    report::print(&reports, args.format, terminal)
}
