//! The volumes and mounts that profiles ask for, to paste or to read.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Terminal, read};
use crate::checks::read_only_root::{Plan, PodOf, Writable, plan_container};
use crate::cli::terminal::Tone;
use crate::edit::{FieldOp, apply, yaml_sink};
use crate::profile::{Owner, Profiles, WriteProfile};
use crate::yaml::Pointer;

/// Print the volumes and mounts that profiles ask for
///
/// For each profile the part of a pod spec that makes its container's root filesystem read-only: what
/// `lithify fix` adds. Where the profile is not complete, standard error says so.
#[derive(Args)]
#[command(after_help = "Example:\n  lithify profile suggest profiles/web-nginx.yaml")]
pub(super) struct SuggestArgs {
    /// Profiles; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "yaml")]
    format: SuggestFormat,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SuggestFormat {
    /// Parts of pod specs
    #[default]
    Yaml,
    /// One JSON object, with the directories and how sure each plan is
    Json,
}

pub(super) fn run(args: &SuggestArgs, terminal: &mut Terminal) -> anyhow::Result<()> {
    let profiles = read(&args.files)?;
    let suggestions: Vec<_> = profiles.iter().map(suggest).collect::<anyhow::Result<_>>()?;
    if args.format == SuggestFormat::Json {
        let all: Vec<_> = suggestions.iter().map(|(plan, spec)| object(plan, spec)).collect();
        writeln!(terminal, "{}", serde_json::to_string_pretty(&json!({"version": 1, "suggestions": all}))?)?;
        return Ok(());
    }
    for (index, (plan, spec)) in suggestions.iter().enumerate() {
        let separator = if index > 0 { "---\n" } else { "" };
        let name = plan.profile.as_deref().unwrap_or_default();
        writeln!(
            terminal,
            "{separator}# profile {name}: {}",
            if plan.reasons.is_empty() { "safe" } else { "unsafe" }
        )?;
        terminal.write_all(&yaml_sink(
            b"null\n",
            0,
            &[FieldOp::Replace { at: Pointer::root(), value: spec.clone() }],
        )?)?;
        for reason in &plan.reasons {
            terminal.note(Tone::Warning, format_args!("{name}: {reason}"));
        }
    }
    Ok(())
}

/// The plan for a container that has nothing yet, and the pod spec that it makes.
fn suggest(profile: &WriteProfile) -> anyhow::Result<(Plan, Value)> {
    let digest = profile.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
    let image = format!("{}{digest}", profile.repository);
    let of = profile.workload.as_ref();
    let last = profile.repository.rsplit('/').next().unwrap_or_default();
    let container = of.map_or(last, |workload| workload.container.as_str());
    let mut spec = json!({"containers": [{"name": container, "image": image}]});
    let owners: Vec<_> = of
        .map(|workload| Owner { kind: workload.kind.clone(), name: workload.name.clone() })
        .into_iter()
        .collect();
    let writable = Writable { profiles: Profiles::new(vec![profile.clone()]), ..Writable::default() };
    let namespace = profile.namespace.as_deref().unwrap_or_default();
    let plan = plan_container(PodOf { spec: &spec, namespace, owners: &owners }, "containers", 0, &writable)?;
    apply(&plan.ops, &mut spec)?;
    Ok((plan, spec))
}

fn object(plan: &Plan, spec: &Value) -> Value {
    let mount = |mount: &crate::checks::read_only_root::AddedMount| json!({"path": mount.path.as_str(), "volume": mount.volume, "copyUp": mount.copy_up});
    json!({
        "profile": plan.profile,
        "container": plan.container,
        "fix": if plan.reasons.is_empty() { "safe" } else { "unsafe" },
        "reasons": plan.reasons,
        "mounts": plan.mounts.iter().map(mount).collect::<Vec<_>>(),
        "spec": spec,
    })
}
