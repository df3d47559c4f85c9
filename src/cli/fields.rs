//! `lithify fields`: what conditions and outputs can name.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::{Outcome, Terminal};
use crate::event::{FieldList, Source};

/// List the fields that conditions and outputs of rules can name
#[derive(Args)]
#[command(
    after_help = "Examples:\n  lithify fields proc.\n  lithify fields --source k8s_audit --format json"
)]
pub(super) struct FieldsArgs {
    /// Only fields whose name contains this
    #[arg(value_name = "PART")]
    part: Option<String>,

    /// Only fields of this source
    #[arg(long, value_name = "SOURCE")]
    source: Option<SourceName>,

    /// How to show the fields
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,

    /// Only names, one a line
    #[arg(short = 'N', long, conflicts_with = "format")]
    names_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SourceName {
    /// System calls
    Syscall,
    /// Kubernetes audit events
    #[value(name = "k8s_audit")]
    K8sAudit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON object, for programs
    Json,
    /// A table
    Markdown,
}

pub(super) fn run(args: &FieldsArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let source = args.source.map(|name| match name {
        SourceName::Syscall => Source::Syscall,
        SourceName::K8sAudit => Source::K8sAudit,
    });
    let list = FieldList::new(source, args.part.as_deref().unwrap_or_default());
    let text = match args.format {
        _ if args.names_only => list.names(),
        Format::Text => list.to_text(),
        Format::Markdown => list.to_markdown(),
        Format::Json => format!("{}\n", list.to_json()),
    };
    terminal.write_all(text.as_bytes())?;
    Ok(Outcome::Clean)
}
