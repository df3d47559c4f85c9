//! `lithify-webhook register`: prints, applies or removes what the apiserver is told.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use clap::Args;
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use lithify::config::Config;
use lithify::edit::{FieldOp, yaml_sink};
use lithify::yaml::Pointer;
use serde_json::Value;

use super::endpoint::EndpointArgs;
use super::{Outcome, files};
use crate::certificates::{Dated, SECRET};
use crate::registration::{cluster, configurations};
use crate::source::ConfigMapSource;

/// How often to look for an authority that is waited for.
const AGAIN: Duration = Duration::from_millis(500);

/// Print the webhook configurations, apply them, or remove them
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    lithify-webhook register --config lithify.yaml | kubectl diff -f -\n  \
    lithify-webhook register --config lithify.yaml --apply\n  \
    lithify-webhook register --remove")]
pub(super) struct RegisterArgs {
    /// Apply them to the cluster of the kubeconfig, by server-side apply
    #[arg(long, conflicts_with = "remove")]
    apply: bool,

    /// Remove both configurations, also while the webhook is dead
    #[arg(long)]
    remove: bool,

    /// The configuration file that the webhook runs with [default: none, which says nothing]
    #[arg(long, value_name = "FILE", conflicts_with = "config_map")]
    config: Option<PathBuf>,

    /// The ConfigMap of the webhook's namespace that it runs with, instead of a file
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    config_map: Option<String>,

    /// How long to wait for the webhook to make its authority
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = super::certificates::duration)]
    wait: Duration,

    #[command(flatten)]
    endpoint: EndpointArgs,

    /// Whom the apiserver is to trust, PEM [default: `ca.crt` of the Secret lithify-webhook-tls in the cluster]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

pub(super) fn run(args: &RegisterArgs) -> anyhow::Result<Outcome> {
    // It has a runtime of its own.
    let policy = files::policy(args.config.as_deref(), None)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        if args.remove {
            return remove().await;
        }
        match &args.config_map {
            None => register(args, policy.config()).await,
            Some(name) => register(args, &stored(args, name).await?).await,
        }
    })
}

/// The configuration of a ConfigMap.
async fn stored(args: &RegisterArgs, name: &str) -> anyhow::Result<Config> {
    let namespace = args.endpoint.namespace.clone();
    let source = ConfigMapSource { client: client().await?, namespace, name: name.to_owned() };
    let (_, change) = source.read().await.map_err(|reason| anyhow!("read the configuration: {reason}"))?;
    Ok(change.config.unwrap_or_default())
}

async fn remove() -> anyhow::Result<Outcome> {
    let removed = cluster::remove(&client().await?).await.context("remove the webhook configurations")?;
    let mut stdout = io::stdout().lock();
    for kind in &removed {
        writeln!(stdout, "removed {kind} {}", crate::registration::NAME)?;
    }
    if removed.is_empty() {
        writeln!(stdout, "nothing to remove")?;
    }
    Ok(Outcome::Clean)
}

async fn register(args: &RegisterArgs, config: &Config) -> anyhow::Result<Outcome> {
    let bundle = bundle(args).await?;
    let endpoint = args.endpoint.endpoint();
    let all = configurations(config, &endpoint, &args.endpoint.namespace, &bundle);
    let mut stdout = io::stdout().lock();
    if args.apply {
        cluster::apply(&client().await?, &all).await.context("apply the webhook configurations")?;
        for object in &all {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            writeln!(stdout, "applied {} {}", text(&object["kind"]), text(&object["metadata"]["name"]))?;
        }
        return Ok(Outcome::Clean);
    }
    for object in &all {
        let ops = [FieldOp::Replace { at: Pointer::root(), value: object.clone() }];
        stdout.write_all(b"---\n")?;
        stdout.write_all(&yaml_sink(b"null\n", 0, &ops).context("write YAML")?)?;
    }
    Ok(Outcome::Clean)
}

async fn bundle(args: &RegisterArgs) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &args.ca {
        let bytes = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
        return authorities(&bytes).map_err(|problem| anyhow!("{}: {problem}", path.display()));
    }
    let namespace = &args.endpoint.namespace;
    let secrets: Api<Secret> = Api::namespaced(client().await?, namespace);
    let start = Instant::now();
    loop {
        let secret =
            secrets.get_opt(SECRET).await.with_context(|| format!("read Secret {namespace}/{SECRET}"))?;
        if let Some(authority) = secret.and_then(|secret| secret.data?.remove("ca.crt")) {
            let problem = |problem| anyhow!("`ca.crt` of Secret {namespace}/{SECRET}: {problem}");
            return authorities(&authority.0).map_err(problem);
        }
        if start.elapsed() >= args.wait {
            return Err(missing(namespace));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The certificates of a PEM text, at least one, and nothing else of it: what is registered can be read by everybody.
///
/// An apiserver takes a bundle without any, and then reaches no webhook: where that denies, nothing would pass.
fn authorities(pem: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(pem).map_err(|error| format!("expected PEM text: {error}"))?;
    let all = Dated::read(text)?;
    if all.is_empty() {
        return Err("expected the certificate of an authority in PEM, found none".to_owned());
    }
    Ok(all.into_iter().map(|authority| authority.pem).collect::<String>().into_bytes())
}

fn missing(namespace: &str) -> anyhow::Error {
    anyhow!(
        "there is no Secret {namespace}/{SECRET} with a `ca.crt`: start the webhook first (`serve --self-signed` makes \
         it), or name the authority with --ca"
    )
}

async fn client() -> anyhow::Result<Client> {
    Client::try_default()
        .await
        .context("no cluster to talk to (KUBECONFIG, ~/.kube/config, or a pod's account)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_has_certificates_and_nothing_else() {
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let bundle = authorities(format!("# ours\n{pem}{key}{pem}").as_bytes()).unwrap();
        let bundle = String::from_utf8(bundle).unwrap();
        assert_eq!(Dated::read(&bundle).unwrap().len(), 2);
        assert!(!bundle.contains("PRIVATE KEY"), "{bundle}");
        for (wrong, problem) in [
            ("", "found none"),
            (key.as_str(), "found none"),
            ("no PEM at all", "found none"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
        ] {
            let error = authorities(wrong.as_bytes()).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
