//! `lithify fields`: what conditions and outputs can name.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Outcome, Terminal};
use crate::event::{FieldId, Source};

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
    let fields: Vec<FieldId> = FieldId::all()
        .filter(|field| source.is_none_or(|source| field.is_of(source)))
        .filter(|field| args.part.as_ref().is_none_or(|part| field.name().contains(part)))
        .collect();
    if args.names_only {
        for field in fields {
            writeln!(terminal, "{}", field.name())?;
        }
        return Ok(Outcome::Clean);
    }
    match args.format {
        Format::Text => text(&fields, terminal)?,
        Format::Markdown => {
            writeln!(terminal, "Name | Type | Source | Description\n:----|:-----|:-------|:-----------")?;
            for field in &fields {
                let (name, kind, sources) = (written(*field), kind(*field), sources(*field).join(", "));
                writeln!(terminal, "`{name}` | {kind} | {sources} | {}", description(*field))?;
            }
        }
        Format::Json => {
            let fields: Vec<_> = fields.iter().map(|field| to_json(*field)).collect();
            writeln!(terminal, "{}", json!({"fields": fields}))?;
        }
    }
    Ok(Outcome::Clean)
}

fn text(fields: &[FieldId], terminal: &mut Terminal) -> anyhow::Result<()> {
    let width = fields.iter().map(|field| written(*field).len()).max().unwrap_or_default();
    for field in fields {
        let (name, kind, sources) = (written(*field), kind(*field), sources(*field).join(","));
        writeln!(terminal, "{name:width$}  {kind:14}  {sources:17}  {}", description(*field))?;
    }
    Ok(())
}

/// The name with what may or must follow it.
fn written(field: FieldId) -> String {
    let rule = field.argument_rule();
    let argument = match (rule.index, rule.key) {
        (true, true) => "N|KEY",
        (true, false) => "N",
        (false, true) => "KEY",
        (false, false) => return field.name().to_owned(),
    };
    if rule.required {
        format!("{}[{argument}]", field.name())
    } else {
        format!("{}[[{argument}]]", field.name())
    }
}

fn kind(field: FieldId) -> String {
    if field.is_list() { format!("LIST({})", field.kind()) } else { field.kind().to_string() }
}

fn sources(field: FieldId) -> Vec<&'static str> {
    Source::ALL.into_iter().filter(|source| field.is_of(*source)).map(Source::name).collect()
}

fn description(field: FieldId) -> String {
    let mark = if field.is_deprecated() { "(deprecated) " } else { "" };
    format!("{mark}{}", field.description())
}

fn to_json(field: FieldId) -> serde_json::Value {
    let rule = field.argument_rule();
    json!({
        "name": field.name(),
        "type": field.kind().name(),
        "list": field.is_list(),
        "sources": sources(field),
        "description": field.description(),
        "argument": {"index": rule.index, "key": rule.key, "required": rule.required},
        "deprecated": field.is_deprecated(),
    })
}
