//! `lithify lint --cluster`: what runs, judged like the files that it came from.

use std::path::PathBuf;

use clap::Args;

use super::Terminal;
use super::reporting::{Prepare, Reporting};
use crate::cluster::{Cluster, Live, NotListed};
use crate::lint::report::{FileError, FileReport, Skip, Totals};
use crate::lint::{Settings, judge};
use crate::yaml;

#[derive(Args)]
pub(super) struct ClusterArgs {
    /// Judge the live objects of a cluster instead of files
    #[arg(long, conflicts_with_all = ["paths", "stdin_filename", "no_ignore", "static_pods"])]
    pub(super) cluster: bool,

    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "CONTEXT", requires = "cluster")]
    context: Option<String>,

    /// Only this namespace [default: all]
    #[arg(long, value_name = "NAMESPACE", requires = "cluster")]
    namespace: Option<String>,

    /// The kubeconfig [default: KUBECONFIG, ~/.kube/config or /etc/kubernetes/admin.conf]
    #[arg(long, value_name = "FILE", requires = "cluster")]
    kubeconfig: Option<PathBuf>,
}

/// Judges every workload and shows what was found as it comes.
pub(super) fn run(
    args: &ClusterArgs,
    settings: &Settings,
    mut reporting: Reporting<'_>,
    terminal: &mut Terminal,
) -> anyhow::Result<Totals> {
    let cluster = Cluster::connect(args.kubeconfig.as_deref(), args.context.as_deref())?;
    let prepare = reporting.preparation();
    let of_static = Settings { static_pods: true, ..settings.clone() };
    let mut written = Ok(());
    let mut take = |live: Live| {
        if written.is_err() {
            return;
        }
        let settings = if live.static_on.is_some() { &of_static } else { settings };
        written = reporting.take(&judge_live(&live, settings, &prepare), terminal);
    };
    let missing = cluster.workloads(&settings.context.kinds, args.namespace.as_deref(), &mut take)?;
    written?;
    let (absent, failed): (Vec<_>, Vec<_>) = missing.into_iter().partition(|kind| kind.is_absent);
    for kind in &failed {
        reporting.take(&failure(kind), terminal)?;
    }
    let skipped = absent.into_iter().map(|kind| (Skip { reason: "not-served", of: kind.resource }, 1));
    reporting.finish_live(skipped, terminal)
}

fn judge_live(live: &Live, settings: &Settings, prepare: &Prepare) -> FileReport {
    let text = yaml::document(&live.object);
    let mut report = judge(&file(live), text.into_bytes(), settings, &Vec::new);
    if live.is_owned {
        let of_debugging =
            |pointer: &yaml::Pointer| pointer.to_string().starts_with("/spec/ephemeralContainers");
        report.findings.retain(|located| of_debugging(&located.finding.pointer));
        report.exempted.retain(|exempted| of_debugging(&exempted.located.finding.pointer));
    }
    prepare(&mut report);
    report
}

/// What stands for a file's name.
fn file(live: &Live) -> String {
    let text = |key: &str| live.object["metadata"][key].as_str().unwrap_or_default();
    let kind = live.object["kind"].as_str().unwrap_or_default();
    let name = format!("cluster:{}/{kind}/{}", text("namespace"), text("name"));
    match &live.static_on {
        Some(node) => format!("{name} (static pod of node {node})"),
        None => name,
    }
}

fn failure(kind: &NotListed) -> FileReport {
    let file = format!("cluster:{}", kind.resource);
    let error = FileError { file: file.clone(), line: 0, column: 0, message: kind.message.clone() };
    FileReport { file, errors: vec![error], ..FileReport::default() }
}
