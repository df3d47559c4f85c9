//! `--format`, and the way from reports to output and exit status: one for every command that judges files.

use clap::ValueEnum;

use super::{Outcome, Terminal};
use crate::checks::Severity;
use crate::lint::report::{self, FileReport, Renderer, Totals};

/// How to show findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: the source line, what is wrong, why, and the fix
    #[default]
    Text,
    /// One JSON object
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// GitHub workflow commands, shown beside the changed lines
    Github,
    /// JUnit XML
    Junit,
    /// One self-contained page: totals, coverage, findings to filter
    Html,
}

/// What to show beside the findings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Show {
    /// Findings that somebody allowed, in the formats that have a place for them.
    pub(crate) exempted: bool,
}

impl Format {
    pub(crate) fn renderer(self, show: Show, terminal: &Terminal) -> Box<dyn Renderer> {
        match self {
            Self::Text => Box::new(report::Text::new(terminal.is_styled())),
            Self::Json => Box::new(report::Json::new(show.exempted)),
            Self::Sarif => Box::new(report::Sarif::new(show.exempted)),
            Self::Github => Box::new(report::Github),
            Self::Junit => Box::<report::Junit>::default(),
            Self::Html => Box::new(report::Html::new(jiff::Zoned::now().date())),
        }
    }
}

/// Prints the reports of a few files.
pub(crate) fn print(
    reports: &[FileReport],
    format: Format,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    let totals = report::render(reports, &mut *format.renderer(Show::default(), terminal), terminal)?;
    Ok(outcome(&totals))
}

/// Broken files outrank findings; findings of severity info are no reason to fail.
pub(crate) fn outcome(totals: &Totals) -> Outcome {
    if !totals.errors.is_empty() {
        Outcome::Failed
    } else if totals.at_least(Severity::Warning) > 0 {
        Outcome::Findings
    } else {
        Outcome::Clean
    }
}
