//! Where `serve` has its certificate from: files, or an authority of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use kube::Client;
use serde_json::json;

use super::endpoint::EndpointArgs;
use super::serve::FOLLOW;
use crate::certificates::{Held, Keeper, Lifetimes, agree};
use crate::serve::{App, Certificate, Certificates, Condition, Files, follow};

/// How often a certificate from files is held against what is registered.
const AGREE: Duration = Duration::from_secs(10);

#[derive(Args)]
#[group(id = "certificates")]
pub(super) struct CertificateArgs {
    /// The certificate chain, leaf first, followed while it changes
    #[arg(long, value_name = "FILE", requires = "tls_key", required_unless_present = "self_signed")]
    tls_cert: Option<PathBuf>,

    /// The certificate's private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Make an authority and a certificate, keep them in the Secret lithify-webhook-tls of the own namespace, and
    /// exchange them in time
    #[arg(long, conflicts_with_all = ["tls_cert", "without_cluster"])]
    self_signed: bool,

    #[command(flatten)]
    endpoint: EndpointArgs,

    /// How long an authority lives; it is exchanged after two thirds
    #[arg(long, value_name = "TIME", default_value = "365d", value_parser = seconds)]
    ca_lifetime: i64,

    /// How long a certificate lives; it is exchanged after two thirds
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = seconds)]
    leaf_lifetime: i64,

    /// How long every apiserver and replica may take to hear of a change
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = seconds)]
    settle: i64,
}

impl CertificateArgs {
    /// The webhook's own namespace.
    pub(super) fn namespace(&self) -> &str {
        &self.endpoint.namespace
    }
}

/// `90d`, `12h`, `2m`, `30s`.
fn seconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("expected a time like 90d, 12h, 2m or 30s, found `{text}`");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: i64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(factor).filter(|seconds| *seconds > 0).ok_or_else(wrong)
}

/// What is served, kept up to date from now on.
pub(super) async fn certificates(
    args: &CertificateArgs,
    client: Option<Client>,
    app: &Arc<App>,
) -> anyhow::Result<Arc<Certificates>> {
    let certificates = Arc::new(Certificates::default());
    match (&args.tls_cert, &args.tls_key, client) {
        (Some(chain), Some(key), client) => {
            from_files(chain, key, app, &certificates).await?;
            if let Some(client) = client {
                tokio::spawn(watch_agreement(
                    client,
                    args.endpoint.endpoint().host(),
                    app.clone(),
                    certificates.clone(),
                ));
            }
        }
        (_, _, Some(client)) => {
            let keeper = Keeper {
                client,
                namespace: args.endpoint.namespace.clone(),
                host: args.endpoint.endpoint().host(),
                identity: identity(),
                lifetimes: Lifetimes {
                    root: args.ca_lifetime,
                    leaf: args.leaf_lifetime,
                    settle: args.settle,
                },
            };
            let (ready, first) = tokio::sync::oneshot::channel();
            tokio::spawn(keep(keeper, app.clone(), certificates.clone(), Some(ready)));
            first.await.context("make the first certificate")?;
        }
        _ => bail!(
            "--self-signed keeps its certificates in the cluster's Secrets, and --without-cluster has none"
        ),
    }
    Ok(certificates)
}

/// Replicas are told apart by their host names, which are their pods', and restarts by chance.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

/// The certificate of the files, which must be good at the start, and whatever they become.
async fn from_files(
    chain: &Path,
    key: &Path,
    app: &Arc<App>,
    certificates: &Arc<Certificates>,
) -> anyhow::Result<()> {
    let files = Files(vec![chain.to_owned(), key.to_owned()]);
    let known = files.read().await.map_err(|reason| anyhow!("read certificate {reason}"))?;
    let first = Certificate::from_pem(&known[0], &known[1])
        .with_context(|| format!("read {} and {}", chain.display(), key.display()))?;
    app.reload_certificate(certificates, Ok(first));
    let (app, shared) = (app.clone(), certificates.clone());
    tokio::spawn(follow(files, Ok(known), FOLLOW, move |now| {
        let pair = now.and_then(|contents| {
            Certificate::from_pem(&contents[0], &contents[1]).map_err(|error| error.to_string())
        });
        app.reload_certificate(&shared, pair);
        async {}
    }));
    Ok(())
}

/// Never ends: tends the certificates, serves what is held, and notes whether the apiserver trusts it.
async fn keep(
    keeper: Keeper,
    app: Arc<App>,
    certificates: Arc<Certificates>,
    mut ready: Option<tokio::sync::oneshot::Sender<()>>,
) {
    let mut served: Option<Held> = None;
    let mut ticks = tokio::time::interval(keeper.interval());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match keeper.tend().await {
            Ok(None) => {}
            Ok(Some(held)) => {
                if served.as_ref().is_none_or(|old| old.leaf != held.leaf) {
                    let pair = Certificate::from_pem(held.leaf.pem.as_bytes(), held.leaf_key.as_bytes());
                    app.reload_certificate(&certificates, pair.map_err(|error| error.to_string()));
                    served = Some(held);
                }
                if let Some(ready) = ready.take() {
                    let _ = ready.send(());
                }
                note_agreement(&app, &certificates, &keeper.client, &keeper.host).await;
            }
            Err(error) => {
                let reason = error.to_string();
                if app.conditions.set(Condition::CertificateCurrent, Err(reason.clone())) {
                    app.log.warn("certificates cannot be kept in order", json!({"reason": reason}));
                }
                app.metrics.reloaded("certificate", false);
            }
        }
    }
}

async fn watch_agreement(client: Client, host: String, app: Arc<App>, certificates: Arc<Certificates>) {
    let mut ticks = tokio::time::interval(AGREE);
    loop {
        ticks.tick().await;
        note_agreement(&app, &certificates, &client, &host).await;
    }
}

async fn note_agreement(app: &App, certificates: &Certificates, client: &Client, host: &str) {
    let Some(certificate) = certificates.current() else { return };
    let state = agree(client, host, certificate.leaf()).await;
    if app.conditions.set(Condition::BundlesAgree, state.clone()) {
        match state {
            Ok(()) => app.log.info("the registered caBundles trust the served certificate", json!({})),
            Err(reason) => {
                app.log.warn(
                    "not ready: the apiserver would not trust the served certificate",
                    json!({"reason": reason}),
                );
            }
        }
    }
}

/// The same, or nothing at all.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = if text == "0s" { 0 } else { seconds(text)? };
    u64::try_from(seconds).map(Duration::from_secs).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("2m"), Ok(120));
        for wrong in ["", "90", "d", "0s", "-1s", "1w", "é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
