//! The options that say how the apiserver shall audit, shared by the commands that arrange it.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::apiserver::{self, ExtraFlag, LogBackend, Settings, WebhookBackend, webhook};

/// Audit settings. What is not given is kept as it is, if that is sound, else takes its default.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Audit settings (what is not given is kept, or takes its default)")]
pub(crate) struct AuditArgs {
    /// Where the policy lies, on the host and in the container [default: /etc/kubernetes/audit-policy.yaml]
    #[arg(long, value_name = "PATH")]
    audit_policy_file: Option<String>,

    /// The log file, or `-` for standard output [default: /var/log/kubernetes/audit/audit.log]
    #[arg(long, value_name = "PATH", allow_hyphen_values = true, conflicts_with = "no_audit_log")]
    audit_log_path: Option<String>,

    /// Days that rotated logs are kept [default: 30]
    #[arg(long, value_name = "DAYS", conflicts_with = "no_audit_log")]
    audit_log_maxage: Option<u32>,

    /// How many rotated logs are kept [default: 10]
    #[arg(long, value_name = "FILES", conflicts_with = "no_audit_log")]
    audit_log_maxbackup: Option<u32>,

    /// Megabytes at which the log is rotated [default: 100]
    #[arg(long, value_name = "MEGABYTES", conflicts_with = "no_audit_log")]
    audit_log_maxsize: Option<u32>,

    /// The log's format
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "legacy"], conflicts_with = "no_audit_log")]
    audit_log_format: Option<String>,

    /// Compress rotated logs
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        conflicts_with = "no_audit_log")]
    audit_log_compress: Option<bool>,

    /// Leave the log backend as it is, for a webhook alone
    #[arg(long)]
    no_audit_log: bool,

    /// Send events to this receiver too; its kubeconfig is written for you
    #[arg(long, value_name = "URL")]
    audit_webhook_url: Option<String>,

    /// PEM certificates that the receiver's certificate is verified by; carried in the kubeconfig
    #[arg(long, value_name = "FILE", requires = "audit_webhook_url")]
    audit_webhook_ca: Option<PathBuf>,

    /// Where the receiver's kubeconfig lies; without --audit-webhook-url it must exist
    /// [default with --audit-webhook-url: /etc/kubernetes/audit-webhook.yaml]
    #[arg(long, value_name = "PATH")]
    audit_webhook_config_file: Option<String>,

    /// Another audit flag, such as audit-webhook-batch-max-wait=5s; may be given more than once
    #[arg(long, value_name = "NAME=VALUE", value_parser = ExtraFlag::parse)]
    extra_flag: Vec<ExtraFlag>,
}

impl AuditArgs {
    /// The settings, without hashes of files.
    pub(crate) fn settings(&self) -> Settings {
        let log = LogBackend {
            path: self.audit_log_path.clone(),
            maxage: self.audit_log_maxage,
            maxbackup: self.audit_log_maxbackup,
            maxsize: self.audit_log_maxsize,
            format: self.audit_log_format.clone(),
            compress: self.audit_log_compress,
        };
        let has_webhook = self.audit_webhook_url.is_some() || self.audit_webhook_config_file.is_some();
        let webhook =
            WebhookBackend { config_file: self.audit_webhook_config_file.clone(), config_hash: None };
        Settings {
            policy_file: self.audit_policy_file.clone(),
            log: (!self.no_audit_log).then_some(log),
            webhook: has_webhook.then_some(webhook),
            extra_flags: self.extra_flag.clone(),
            ..Settings::default()
        }
    }

    /// The text of the receiver's kubeconfig, where `--audit-webhook-url` asks for one.
    pub(crate) fn webhook_kubeconfig(&self) -> anyhow::Result<Option<String>> {
        let Some(url) = &self.audit_webhook_url else { return Ok(None) };
        let pem = match &self.audit_webhook_ca {
            Some(path) => Some(fs::read(path).with_context(|| format!("read {}", path.display()))?),
            None => None,
        };
        let authority = pem.as_deref().map_or(webhook::Authority::System, webhook::Authority::Pem);
        Ok(Some(webhook::kubeconfig(url, authority)?))
    }

    /// The options as given, to name another command that takes the same ones; words are quoted for a shell.
    pub(crate) fn command_line(&self) -> Vec<String> {
        let texts = [
            ("--audit-policy-file", self.audit_policy_file.clone()),
            ("--audit-log-path", self.audit_log_path.clone()),
            ("--audit-log-maxage", self.audit_log_maxage.map(|days| days.to_string())),
            ("--audit-log-maxbackup", self.audit_log_maxbackup.map(|files| files.to_string())),
            ("--audit-log-maxsize", self.audit_log_maxsize.map(|megabytes| megabytes.to_string())),
            ("--audit-log-format", self.audit_log_format.clone()),
            ("--audit-log-compress", self.audit_log_compress.map(|compress| compress.to_string())),
            ("--audit-webhook-url", self.audit_webhook_url.clone()),
            ("--audit-webhook-ca", self.audit_webhook_ca.as_ref().map(|path| path.display().to_string())),
            ("--audit-webhook-config-file", self.audit_webhook_config_file.clone()),
        ];
        let given = texts.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        let extra = self.extra_flag.iter().map(|flag| format!("--extra-flag={flag}"));
        let alone = self.no_audit_log.then(|| "--no-audit-log".to_owned());
        alone.into_iter().chain(given).chain(extra).map(|word| quoted(&word)).collect()
    }

    /// What deserves a second thought before any manifest is looked at.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let plain = self.audit_webhook_url.as_deref().filter(|url| apiserver::webhook::is_plain_http(url));
        plain
            .map(|url| format!("{url} is plain http: events, with all that they tell, travel in the clear"))
            .into_iter()
            .collect()
    }
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        audit: AuditArgs,
    }

    fn parse(arguments: &[&str]) -> Result<AuditArgs, clap::Error> {
        let arguments = std::iter::once("lithify").chain(arguments.iter().copied());
        Command::try_parse_from(arguments).map(|command| command.audit)
    }

    #[test]
    fn no_option_means_the_default_log() {
        assert_eq!(parse(&[]).unwrap().settings(), Settings::default());
    }

    #[test]
    fn standard_output_is_a_dash() {
        let settings = parse(&["--audit-log-path", "-", "--audit-log-compress"]).unwrap().settings();
        let log = settings.log.unwrap();
        assert_eq!((log.path.as_deref(), log.compress), (Some("-"), Some(true)));
    }

    #[test]
    fn a_receiver_turns_the_webhook_on_beside_the_log() {
        let settings = parse(&["--audit-webhook-url", "https://falco:9765/k8s-audit"]).unwrap().settings();
        assert!(settings.log.is_some() && settings.webhook.is_some());
        let alone = parse(&["--audit-webhook-url=https://falco", "--no-audit-log"]).unwrap().settings();
        assert!(alone.log.is_none() && alone.webhook.is_some());
    }

    #[test]
    fn options_can_be_repeated_for_another_command() {
        let words = [
            "--no-audit-log",
            "--audit-webhook-url=https://falco/it's",
            "--extra-flag=audit-webhook-mode=batch",
        ];
        let expected = [
            "--no-audit-log",
            "'--audit-webhook-url=https://falco/it'\\''s'",
            "--extra-flag=audit-webhook-mode=batch",
        ];
        assert_eq!(parse(&words).unwrap().command_line(), expected);
    }

    #[test]
    fn refuses_flags_that_are_none() {
        let error = parse(&["--extra-flag", "audit-log-mod=batch"]).unwrap_err().to_string();
        assert!(error.contains("did you mean `--audit-log-mode`?"), "{error}");
        assert!(parse(&["--no-audit-log", "--audit-log-maxage=3"]).is_err());
    }
}
