//! `run`: Falco's options, and what they ask for.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use lithify::event::{FieldList, Source};
use lithify_probe::config::{Config, Engine};
use lithify_probe::host::{self, Logger, Start, Systemd};
use lithify_probe::privilege::{Keep, restrict};

use super::options::{ConfigArgs, hostname};
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

    /// Load everything, and end
    #[arg(long)]
    dry_run: bool,

    /// Write the process id here, instead of to /run/lithify-probe.pid
    #[arg(short = 'P', long = "pidfile", value_name = "FILE")]
    pid_file: Option<PathBuf>,

    /// Write each alert out at once, whatever buffered_outputs says
    #[arg(short = 'U', long)]
    unbuffered: bool,

    /// Say all warnings about rules
    #[arg(short = 'v', long)]
    verbose: bool,

    /// Use only these sources: syscall, k8s_audit
    #[arg(long, value_name = "SOURCE")]
    enable_source: Vec<String>,

    /// Leave out these sources
    #[arg(long, value_name = "SOURCE", conflicts_with = "enable_source")]
    disable_source: Vec<String>,

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
    if !args.dry_run {
        give_privileges_up(&config, args)?;
    }
    watch(args, options, time)
}

/// Before there is a second thread: each would keep its own.
fn give_privileges_up(config: &Config, args: &RunArgs) -> anyhow::Result<()> {
    let is_low = |listen: &str| {
        let port = listen.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        port.is_some_and(|port| port < 1024)
    };
    let receivers = config.audit.iter().flat_map(|audit| &audit.http).map(|http| &http.listen);
    let mut listens = receivers.chain(config.webserver.iter().map(|server| &server.listen));
    let keep = Keep {
        low_ports: listens.any(|listen| is_low(listen)),
        programs: config.outputs.program.enabled,
        sidecar: args.record.own_pod().is_some(),
    };
    let missing = restrict(keep)?;
    if matches!(config.engine, Engine::Kernel(_)) {
        let log = Logger::new(config.log.clone()).log();
        for one in &missing {
            log.warning(&one.to_string());
        }
        if keep.sidecar {
            for group in lithify_probe::SIDECAR_LACKS {
                log.info(&format!("sidecar: missing are {group}"));
            }
        }
    }
    Ok(())
}

/// Where Falco's users find the process id of its successor.
const PID_FILE: &str = "/run/lithify-probe.pid";

fn watch(args: &RunArgs, mut options: ConfigArgs, time: Option<Duration>) -> anyhow::Result<ExitCode> {
    if args.unbuffered {
        options.options.push("buffered_outputs=false".to_owned());
    }
    let env = |name: &str| std::env::var(name).ok();
    let pid_file = match &args.pid_file {
        Some(path) => (path.clone(), true),
        None => (PathBuf::from(PID_FILE), false),
    };
    host::run(Start {
        rules_are_typed: !options.rules.is_empty(),
        load: Box::new(move || options.load_config()),
        hostname: hostname(),
        pid_file: Some(pid_file),
        time,
        dry_run: args.dry_run,
        verbose: args.verbose,
        attach: args.record.attach(),
        sidecar: args.record.own_pod(),
        host_root: env("HOST_ROOT").filter(|root| !root.is_empty()).map(PathBuf::from),
        left_out: left_out(args)?,
        systemd: Systemd::from_environment(&env, std::process::id()),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn left_out(args: &RunArgs) -> anyhow::Result<Vec<Source>> {
    let named = |names: &[String]| names.iter().map(|name| source(name)).collect::<anyhow::Result<Vec<_>>>();
    let enabled = named(&args.enable_source)?;
    if enabled.is_empty() {
        return named(&args.disable_source);
    }
    Ok(Source::ALL.into_iter().filter(|source| !enabled.contains(source)).collect())
}

fn source(name: &str) -> anyhow::Result<Source> {
    let Some(source) = Source::from_name(name) else {
        bail!("there is no source `{name}`: expected syscall or k8s_audit");
    };
    Ok(source)
}

fn list_fields(name: &str, args: &RunArgs) -> anyhow::Result<ExitCode> {
    let source = (!name.is_empty()).then(|| source(name)).transpose()?;
    let list = FieldList::new(source, "");
    print(&match args.format {
        _ if args.names_only => list.names(),
        ListFormat::Text => list.to_text(),
        ListFormat::Markdown => list.to_markdown(),
        ListFormat::Json => format!("{}\n", list.to_json()),
    })?;
    Ok(ExitCode::SUCCESS)
}
