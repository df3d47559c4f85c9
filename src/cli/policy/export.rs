//! `lithify policy export`: policies with their bindings, as YAML.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};

use super::super::replace;
use super::super::selection::SelectionArgs;
use super::super::terminal::Tone;
use crate::cli::{Outcome, Terminal};
use crate::config::Mode;
use crate::policy::{self, Exported, MutatingSettings, Settings};

/// Print the checks as admission policies of the apiserver, with bindings, to be applied with kubectl
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify policy export --format vap | kubectl apply --server-side -f -\n  \
    lithify policy export --format vap --level restricted --enforce deny --output-dir policies/\n  \
    lithify policy export --format map --unsafe --select privilege-escalation > fixes.yaml")]
pub(in crate::cli) struct ExportArgs {
    /// The kind of policy
    #[arg(long, value_name = "FORMAT")]
    format: Format,

    #[command(flatten)]
    selection: SelectionArgs,

    /// What to do about violations where the configuration's `enforcement.namespaces` says nothing
    /// [default: its `enforcement.default`, else warn]
    #[arg(long, value_name = "MODE")]
    enforce: Option<Enforce>,

    /// The most that is done about Deployments and the other workloads, whose pods are judged anyway
    /// [default: the configuration's `webhook.workloads`, else warn]
    #[arg(long, value_name = "MODE")]
    workloads: Option<Enforce>,

    /// The most that is done about ephemeral containers, as `kubectl debug` adds them
    /// [default: the configuration's `webhook.ephemeralContainers`, else warn]
    #[arg(long, value_name = "MODE")]
    ephemeral_containers: Option<Enforce>,

    /// One policy with all checks, instead of one for each
    #[arg(long)]
    combined: bool,

    /// Of `map`: also the fixes that can change behaviour
    #[arg(long)]
    r#unsafe: bool,

    /// Of `map`: the version of the API
    #[arg(long, value_name = "VERSION", default_value = "v1")]
    map_version: MapVersion,

    /// What the names of the objects begin with
    #[arg(long, value_name = "NAME", default_value = "lithify")]
    name: String,

    /// Write one file a policy into this directory, instead of all to standard output
    #[arg(long, value_name = "DIRECTORY")]
    output_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// ValidatingAdmissionPolicy: refuse, warn or note
    Vap,
    /// MutatingAdmissionPolicy: the fixes that CEL can write, made when a pod is created
    Map,
}

/// Versions of the API of MutatingAdmissionPolicy.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum MapVersion {
    /// Kubernetes v1.36 and later
    V1,
    /// v1.34 and later, where the administrator has switched it on
    V1beta1,
    /// v1.32 and v1.33, likewise
    V1alpha1,
}

impl MapVersion {
    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1beta1 => "v1beta1",
            Self::V1alpha1 => "v1alpha1",
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Enforce {
    /// Refuse the object
    Deny,
    /// Let it pass with a warning
    Warn,
    /// Let it pass and note it in the audit log
    Audit,
    /// Nothing
    Off,
}

impl From<Enforce> for Mode {
    fn from(enforce: Enforce) -> Self {
        match enforce {
            Enforce::Deny => Self::Deny,
            Enforce::Warn => Self::Warn,
            Enforce::Audit => Self::Audit,
            Enforce::Off => Self::Off,
        }
    }
}

pub(super) fn run(args: &ExportArgs, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    refuse_void_options(args)?;
    let file = args.selection.config_file(&[])?;
    let config = file.map(|file| file.config).unwrap_or_default();
    let selection = args.selection.resolve(&config)?;
    let settings = Settings {
        selection: &selection,
        config: &config,
        enforce: args.enforce.map(Mode::from),
        today: jiff::Zoned::now().date(),
        name: &args.name,
        combined: args.combined,
        workloads: args.workloads.map_or(config.webhook.workloads, Mode::from),
        ephemeral_containers: args
            .ephemeral_containers
            .map_or(config.webhook.ephemeral_containers, Mode::from),
    };
    let exported = match args.format {
        Format::Vap => policy::validating(&settings)?,
        Format::Map => {
            let writable = args.selection.writable(&config, &[])?;
            let version = args.map_version.name();
            let fixes = MutatingSettings { is_unsafe: args.r#unsafe, version, writable: &writable };
            policy::mutating(&settings, &fixes)?
        }
    };
    for note in &exported.notes {
        terminal.note(Tone::Hint, note);
    }
    match &args.output_dir {
        Some(directory) => write_files(directory, &settings, exported, terminal)?,
        None => terminal.write_all(policy::text(&title(&settings), &exported).as_bytes())?,
    }
    Ok(Outcome::Clean)
}

/// An option without effect is a misunderstanding.
fn refuse_void_options(args: &ExportArgs) -> anyhow::Result<()> {
    let is_of_vap = args.combined
        || args.enforce.is_some()
        || args.workloads.is_some()
        || args.ephemeral_containers.is_some();
    match args.format {
        Format::Map if is_of_vap => bail!(
            "--combined, --enforce, --workloads and --ephemeral-containers are for `--format vap`: fixes are made \
             in pods of every namespace, and in workloads where `webhook.mutateWorkloads` says so"
        ),
        Format::Vap if args.r#unsafe => bail!("--unsafe is for `--format map`, which exports fixes"),
        Format::Map | Format::Vap => Ok(()),
    }
}

/// What the policies are, and how to make them again.
fn title(settings: &Settings<'_>) -> String {
    let version = settings.selection.version();
    format!(
        "Made by `lithify policy export`, by version {version} of the Pod Security Standards; change the \
         configuration and export again rather than edit."
    )
}

/// One file a policy, named after it, with its bindings.
fn write_files(
    directory: &Path,
    settings: &Settings<'_>,
    exported: Exported,
    terminal: &mut Terminal,
) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
    for (name, exported) in exported.by_policy() {
        let path = directory.join(format!("{name}.yaml"));
        replace::file(&path, policy::text(&title(settings), &exported).as_bytes())?;
        writeln!(terminal, "wrote {}", path.display())?;
    }
    Ok(())
}
