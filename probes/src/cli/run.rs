//! `run`: Falco's options, and what they ask for.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use lithify::event::{FieldList, Source};

use super::options::ConfigArgs;
use super::record::{RecordArgs, record};
use super::{print, rules};

/// Watch this machine and its kube-apiserver, and raise alerts
///
/// SIGHUP reloads configuration and rules (broken ones keep the old), SIGUSR1 opens outputs again, SIGINT and
/// SIGTERM end it.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  lithify-probe run -c /etc/falco/falco.yaml\n  \
    lithify-probe run --record events.jsonl --events openat,connect -M 10\n  \
    lithify-probe -V rules.yaml -o json_output=true")]
pub(super) struct RunArgs {
    #[command(flatten)]
    config: ConfigArgs,

    /// Validate rule files as one set, in order, and exit: 1 for bad ones
    #[arg(short = 'V', long, value_name = "FILE", num_args = 1..)]
    validate: Vec<PathBuf>,

    /// List the rules and exit; with -o json_output=true everything about them
    #[arg(short = 'L')]
    list_rules: bool,

    /// Describe one rule and exit
    #[arg(short = 'l', value_name = "RULE")]
    describe_rule: Option<String>,

    /// List the fields that rules can name, and exit
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    list: Option<String>,

    /// With --list: names only
    #[arg(short = 'N')]
    names_only: bool,

    /// With --list: how to show the fields
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ListFormat,

    /// Stop after so many seconds
    #[arg(short = 'M', value_name = "SECONDS")]
    seconds: Option<u64>,

    #[command(flatten)]
    record: RecordArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    /// For people
    Text,
    /// A table
    Markdown,
    /// One JSON object, for programs
    Json,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    if let Some(source) = &args.list {
        return list_fields(source, args);
    }
    let time = args.seconds.map(Duration::from_secs);
    if let Some(path) = &args.record.record {
        record(&args.record, path, time)?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = args.config.or_falco_yaml();
    let (config, _) = options.load()?;
    if !args.validate.is_empty() {
        return rules::validate(&args.validate, &config);
    }
    if args.list_rules || args.describe_rule.is_some() {
        return rules::describe(args.describe_rule.as_deref(), &config, !options.rules.is_empty());
    }
    bail!("give --record")
}

fn list_fields(source: &str, args: &RunArgs) -> anyhow::Result<ExitCode> {
    let source = match source {
        "" => None,
        name => match Source::from_name(name) {
            Some(source) => Some(source),
            None => bail!("there is no source `{name}`: expected syscall or k8s_audit"),
        },
    };
    let list = FieldList::new(source, "");
    print(&match args.format {
        _ if args.names_only => list.names(),
        ListFormat::Text => list.to_text(),
        ListFormat::Markdown => list.to_markdown(),
        ListFormat::Json => format!("{}\n", list.to_json()),
    })?;
    Ok(ExitCode::SUCCESS)
}
