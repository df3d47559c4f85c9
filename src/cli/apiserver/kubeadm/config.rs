//! `--config FILE`: the ClusterConfiguration of a file.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use super::super::super::replace;
use super::super::diff;
use super::{KubeadmArgs, next_steps, tell};
use crate::apiserver::Settings;
use crate::apiserver::kubeadm::{self, ConfigPlan};
use crate::cli::{Outcome, Terminal};
use crate::edit;
use crate::lint::static_pod::place;
use crate::yaml::Stream;

pub(super) fn run(args: &KubeadmArgs, path: &Path, terminal: &mut Terminal) -> anyhow::Result<Outcome> {
    let source = read(path)?;
    let (edited, plan) = edit(&source, &args.audit.settings(), &path.display().to_string())?;
    tell(&plan.changes, &plan.warnings, terminal);
    if args.diff {
        diff::write_texts(path, Some(&source), Some(&edited), terminal)?;
        return Ok(if edited == source { Outcome::Clean } else { Outcome::Findings });
    }
    let standard = Path::new("-");
    match args.output.as_deref().unwrap_or(path) {
        output if output == standard => terminal.write_all(&edited)?,
        output if output == path && edited == source => {
            writeln!(terminal, "{} has these settings already; nothing to do", path.display())?;
        }
        output => {
            replace::file(output, &edited)?;
            writeln!(terminal, "wrote {}\n", output.display())?;
            let files = next_steps::files(&plan.policy, plan.webhook_config.as_ref());
            terminal.write_all(next_steps::for_config(output, &files).as_bytes())?;
        }
    }
    Ok(Outcome::Clean)
}

/// The text with the settings; every byte that they do not own is as it was.
pub(super) fn edit(source: &[u8], settings: &Settings, name: &str) -> anyhow::Result<(Vec<u8>, ConfigPlan)> {
    let stream = Stream::parse(source).map_err(|error| anyhow!("{name}: {error}"))?;
    let documents: Vec<Value> = stream.documents().map(|document| document.to_value()).collect();
    let plan = kubeadm::plan(&documents, settings).map_err(|error| {
        let document = kubeadm::cluster_configuration(&documents).unwrap_or_default();
        let position = place(&stream, document, error.pointer());
        position.map_or_else(|| anyhow!("{name}: {error}"), |position| anyhow!("{name}: {position}: {error}"))
    })?;
    let edited = edit::yaml_sink(source, plan.document, &plan.ops).with_context(|| format!("edit {name}"))?;
    Ok((edited, plan))
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("read standard input")?;
        return Ok(bytes);
    }
    fs::read(path).with_context(|| format!("read {}", path.display()))
}
