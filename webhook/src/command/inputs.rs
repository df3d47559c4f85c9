//! Where `serve` has its configuration and its write-path profiles from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;
use kube::Client;
use tokio::sync::oneshot;

use super::serve::FOLLOW;
use crate::serve::App;
use crate::source::{ConfigMapSource, Inputs, Parts, Sources, follow_profiles, follow_sources};

/// Stands for the cluster where a directory could.
const CLUSTER: &str = "cluster";
/// How long the first list of profiles may take before the server answers without it.
const FIRST_PROFILES: Duration = Duration::from_secs(10);

#[derive(Args)]
#[group(id = "inputs")]
pub(super) struct InputArgs {
    /// The configuration file, followed while it changes [default: none, which says nothing]
    #[arg(long, value_name = "FILE", conflicts_with = "config_map")]
    config: Option<PathBuf>,

    /// The ConfigMap of the own namespace whose key `lithify.yaml` is the configuration, watched
    #[arg(long, value_name = "NAME", conflicts_with = "without_cluster")]
    config_map: Option<String>,

    /// A directory of write-path profiles, followed while it changes, or `cluster`: the approved WriteProfile objects,
    /// watched [default: none]
    #[arg(long, value_name = "DIR|cluster")]
    profiles: Option<PathBuf>,
}

/// What has been read for the start, and is to be followed.
pub(super) struct Started {
    /// What the first policy is made of.
    pub(super) parts: Parts,
    files: Option<Sources>,
    config_map: Option<(ConfigMapSource, String)>,
    /// Whose profiles to watch.
    profiles: Option<Client>,
}

/// Reads what there is at the start, which must be good.
pub(super) async fn read(
    args: &InputArgs,
    client: Option<&Client>,
    namespace: &str,
) -> anyhow::Result<Started> {
    let of_cluster = args.profiles.as_deref() == Some(Path::new(CLUSTER));
    if of_cluster && client.is_none() {
        bail!("--profiles cluster needs one, and --without-cluster has none");
    }
    let directory = args.profiles.clone().filter(|_| !of_cluster);
    let sources = Sources::find(args.config.clone(), directory.clone()).map_err(|reason| anyhow!(reason))?;
    let unreadable = |reason: String| anyhow!("read the configuration: {reason}");
    let mut parts = Parts::default().with(sources.read().await.map_err(unreadable)?);
    let mut config_map = None;
    if let (Some(name), Some(client)) = (&args.config_map, client) {
        let source =
            ConfigMapSource { client: client.clone(), namespace: namespace.to_owned(), name: name.clone() };
        let (text, change) = source.read().await.map_err(unreadable)?;
        parts = parts.with(change);
        config_map = Some((source, text));
    }
    let has_files = args.config.is_some() || directory.is_some();
    let profiles = client.filter(|_| of_cluster).cloned();
    Ok(Started { parts, files: has_files.then_some(sources), config_map, profiles })
}

impl Started {
    /// Follows all of it from now on; returns once the cluster's profiles are known, or cannot be.
    pub(super) async fn follow(self, app: &Arc<App>) {
        let inputs = Inputs::new(app.clone(), self.parts);
        app.metrics.reloaded("configuration", true);
        if let Some(files) = self.files {
            tokio::spawn(follow_sources(inputs.clone(), files, FOLLOW));
        }
        if let Some((source, known)) = self.config_map {
            tokio::spawn(source.follow(inputs.clone(), known));
        }
        if let Some(client) = self.profiles {
            let (first, known) = oneshot::channel();
            tokio::spawn(follow_profiles(client, inputs, first));
            // Late profiles come into use whenever they come.
            let _ = tokio::time::timeout(FIRST_PROFILES, known).await;
        }
    }
}
