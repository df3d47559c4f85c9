//! Where `serve` has its certificate from: files, or an authority of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use kube::Client;

use super::endpoint::EndpointArgs;
use super::registered::Registration;
use super::serve::FOLLOW;
use crate::certificates::{Dated, Held, Keeper, Lifetimes};
use crate::serve::{App, Certificate, Certificates, Files, follow};

/// How often what changes without a word is looked at: the time, and what is registered.
const LOOK: Duration = Duration::from_secs(10);

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
    let registration = || {
        let (endpoint, namespace) = (args.endpoint.endpoint(), args.endpoint.namespace.clone());
        Registration::new(app.clone(), certificates.clone(), endpoint, namespace)
    };
    match (&args.tls_cert, &args.tls_key, client) {
        (Some(chain), Some(key), client) => {
            from_files(chain, key, app, &certificates).await?;
            if let Some(client) = client {
                tokio::spawn(watch_registration(client, registration()));
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
            tokio::spawn(keep(keeper, registration(), app.clone(), certificates.clone(), Some(ready)));
            first.await.context("make the first certificate")?;
        }
        _ => bail!(
            "--self-signed keeps its certificates in the cluster's Secrets, and --without-cluster has none"
        ),
    }
    tokio::spawn(watch_expiry(app.clone(), certificates.clone()));
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
    mut registration: Registration,
    app: Arc<App>,
    certificates: Arc<Certificates>,
    mut ready: Option<tokio::sync::oneshot::Sender<()>>,
) {
    let mut serving = Serving::default();
    let mut ticks = tokio::time::interval(keeper.interval());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let tended = keeper.tend().await.map_err(|error| error.to_string());
        if serving.take(tended, &app, &certificates) {
            if let Some(ready) = ready.take() {
                let _ = ready.send(());
            }
            registration.look(&keeper.client).await;
        }
    }
}

/// What is served of what the Secret holds.
#[derive(Default)]
struct Serving {
    leaf: Option<Dated>,
    is_good: bool,
}

impl Serving {
    /// Takes what is held now, or why that is not known; tells whether there is anything.
    fn take(
        &mut self,
        tended: Result<Option<Held>, String>,
        app: &App,
        certificates: &Arc<Certificates>,
    ) -> bool {
        match tended {
            Ok(None) => false,
            Ok(Some(held)) => {
                if self.leaf.as_ref() != Some(&held.leaf) {
                    let pair = Certificate::from_pem(held.leaf.pem.as_bytes(), held.leaf_key.as_bytes());
                    self.is_good =
                        app.reload_certificate(certificates, pair.map_err(|error| error.to_string()));
                    self.leaf = Some(held.leaf);
                } else if self.is_good {
                    // Whatever the trouble was, it is over.
                    app.note_certificate(Ok(()));
                }
                true
            }
            Err(reason) => {
                app.note_certificate(Err(reason));
                false
            }
        }
    }
}

/// Never ends: looks what is registered.
async fn watch_registration(client: Client, mut registration: Registration) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        registration.look(&client).await;
    }
}

/// Never ends: looks whether what is served has ended, which no file and no object tells.
async fn watch_expiry(app: Arc<App>, certificates: Arc<Certificates>) {
    let mut ticks = tokio::time::interval(LOOK);
    loop {
        ticks.tick().await;
        app.note_expiry(&certificates, Timestamp::now().as_second());
    }
}

/// The same, or nothing at all.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = if text == "0s" { 0 } else { seconds(text)? };
    u64::try_from(seconds).map(Duration::from_secs).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::ByteString;
    use lithify::profile::Profiles;

    use super::*;
    use crate::review::Policy;
    use crate::serve::{Limits, Log, Namespaces};

    fn held() -> Held {
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let data = [
            ("tls.crt", &pem),
            ("tls.key", &key),
            ("ca.crt", &pem),
            ("ca.key", &key),
            ("leaf-since", &"0".to_owned()),
        ];
        let data = data.map(|(key, text)| (key.to_owned(), ByteString(text.clone().into_bytes())));
        Held::read(&BTreeMap::from(data)).unwrap()
    }

    #[test]
    fn an_apiserver_that_was_away_for_a_moment_leaves_no_alarm() {
        let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
        let log = Log::new(std::io::sink(), false);
        let app = App::new(policy, Namespaces::Fixed(BTreeMap::new()), log, Limits::default());
        let (mut serving, certificates, held) =
            (Serving::default(), Arc::new(Certificates::default()), held());
        assert!(serving.take(Ok(Some(held.clone())), &app, &certificates));
        let alarms =
            |app: &App| app.metrics.to_text().matches(r#"reload_ok{source="certificate"} 0"#).count();
        for _ in 0..3 {
            assert!(!serving.take(
                Err("read the Secret: connection refused".to_owned()),
                &app,
                &certificates
            ));
        }
        assert_eq!(alarms(&app), 1);
        assert!(app.metrics.to_text().contains(r#"reload_failures_total{source="certificate"} 1"#));
        assert!(serving.take(Ok(Some(held)), &app, &certificates), "the same as before");
        assert_eq!(alarms(&app), 0);
        assert!(app.metrics.to_text().contains(r#"condition{condition="CertificateCurrent"} 1"#));
    }

    #[test]
    fn reads_times() {
        assert_eq!(seconds("90d"), Ok(7_776_000));
        assert_eq!(seconds("2m"), Ok(120));
        for wrong in ["", "90", "d", "0s", "-1s", "1w", "é"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
