//! `lithify audit-policy explain`: which rule decides about a request, or about every event of a log.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::super::terminal::Tone;
use super::super::{Outcome, Terminal, report};
use super::{Format, policy_file, sizing, verdict};
use crate::apiserver::DEFAULT_POLICY_FILE;
use crate::audit::{Policy, PolicyFile};
use crate::yaml::{Pointer, Position};

/// The check that says what the apiserver refuses.
const INVALID: &str = "invalid-audit-policy";

/// Tell which rule and level a request gets, or how large a log a policy makes
///
/// For one request, describe it by options. For a log, give --events: a file of one JSON event a line, as
/// kube-apiserver writes it; then events and bytes are counted for each rule, so that a policy can be sized
/// before it is installed. Bytes are exact where the log was written at the policy's level or a higher one.
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify audit-policy explain --policy audit-policy.yaml --user eve --verb delete \\\n      \
    --resource pods --namespace web --name nginx-0\n  \
    lithify audit-policy explain --policy audit-policy.yaml --url /healthz\n  \
    lithify audit-policy explain --policy audit-policy.yaml --events /var/log/kubernetes/audit/audit.log")]
pub(super) struct ExplainArgs {
    /// The policy, `-` for standard input
    #[arg(long, value_name = "FILE", default_value = DEFAULT_POLICY_FILE)]
    policy: PathBuf,

    #[command(flatten)]
    request: verdict::RequestArgs,

    /// An audit log with one JSON event a line, `-` for standard input
    #[arg(long, value_name = "LOG", conflicts_with = "request")]
    events: Option<PathBuf>,

    /// How to write the result
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A policy that is in force, with the places of its rules.
pub(super) struct Subject<'s> {
    pub(super) name: String,
    pub(super) policy: &'s Policy,
    file: &'s PolicyFile<'s>,
}

impl Subject<'_> {
    /// Where a rule begins.
    pub(super) fn position(&self, rule: usize) -> Position {
        self.file.position(&Pointer::root().join("rules").item(rule))
    }
}

pub(super) fn run(args: &ExplainArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let name = args.policy.display().to_string();
    let source = policy_file::read(&args.policy).with_context(|| format!("read the policy {name}"))?;
    let file = match PolicyFile::read(&source) {
        Ok(file) if file.loaded().policy.is_ok() => file,
        _ => return refused(&name, &source, args.format, terminal),
    };
    let loaded = file.loaded();
    let Ok(policy) = &loaded.policy else { unreachable!("a refused policy has been reported") };
    if !loaded.ignored.is_empty() {
        let message = "the apiserver ignores a part of this policy: see `lithify audit-policy check`";
        terminal.note(Tone::Warning, format_args!("{name}: {message}"));
    }
    let subject = Subject { name, policy, file: &file };
    match &args.events {
        Some(log) => sizing::run(&subject, log, args.format, terminal),
        None => verdict::run(&subject, &args.request, args.format, terminal),
    }
}

/// What `check` says about a policy that the apiserver refuses.
fn refused(name: &str, source: &[u8], format: Format, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let (mut report, _) = policy_file::judge(name, source);
    report.findings.retain(|located| located.finding.check == INVALID);
    let format = match format {
        Format::Text => report::Format::Text,
        Format::Json => report::Format::Json,
    };
    let outcome = report::print(&[report], format, terminal)?;
    terminal
        .note(Tone::Error, format_args!("{name}: the apiserver refuses this policy, so it decides nothing"));
    Ok(outcome)
}
