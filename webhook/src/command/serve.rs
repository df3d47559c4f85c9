//! `lithify-webhook serve`: the HTTPS server, from arguments to the end of the drain.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use kube::Client;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use super::certificates::{CertificateArgs, certificates};
use super::inputs::{self, InputArgs, Started};
use crate::serve::{
    App, Certificates, Condition, Events, Limits, Listener, Log, Namespaces, Timeouts, asking_clients,
    server_config,
};

/// How often files are looked at: a mounted Secret changes a minute after the object anyway.
pub(super) const FOLLOW: Duration = Duration::from_secs(2);

/// How long the end waits for what has been said last to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Serve /validate, /mutate, /healthz, /readyz and /metrics over HTTPS
#[derive(Args)]
#[command(after_help = "Example:\n  \
    lithify-webhook serve --config /etc/lithify/lithify.yaml --tls-cert /tls/tls.crt --tls-key /tls/tls.key")]
pub(super) struct ServeArgs {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8443")]
    listen: SocketAddr,

    #[command(flatten)]
    inputs: InputArgs,

    #[command(flatten)]
    certificates: CertificateArgs,

    /// The most bytes of a request's body
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().max_body)]
    max_body: usize,

    /// The most connections; where another comes, the one that has been idle longest goes
    #[arg(long, value_name = "N", default_value_t = 1024)]
    max_connections: usize,

    /// Authorities of which a client must show a certificate to ask for reviews, PEM, read at the start; without, whoever
    /// reaches the port may ask
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// Seconds between the first signal to stop and the end of accepting, for others to hear of it
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    drain_delay: u64,

    /// Do not ask a cluster for the labels of namespaces: only the configuration counts
    #[arg(long)]
    without_cluster: bool,

    /// Log every decision, also what was allowed without a finding
    #[arg(long)]
    verbose: bool,
}

pub(super) fn run(args: &ServeArgs) -> anyhow::Result<Outcome> {
    raise_descriptor_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(serve(args))?;
    // Watches of the cluster have no end of their own.
    runtime.shutdown_background();
    Ok(Outcome::Clean)
}

/// Each connection is a descriptor, and many systems begin with 1,024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, connections beyond it are not accepted, which is logged.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

async fn serve(args: &ServeArgs) -> anyhow::Result<()> {
    let client = client(args).await?;
    let started = inputs::read(&args.inputs, client.as_ref(), args.certificates.namespace()).await?;
    let policy = started.parts.policy().map_err(|reason| anyhow!("read the configuration: {reason}"))?;
    let (namespaces, watch) = match &client {
        None => (Namespaces::Fixed(BTreeMap::new()), None),
        Some(client) => {
            let (namespaces, watch) = Namespaces::watched(client.clone(), Namespaces::PATIENCE);
            (namespaces, Some(watch))
        }
    };
    let limits = Limits { max_body: args.max_body, ..Limits::default() };
    let app = App::new(policy, namespaces, Log::new(io::stderr(), args.verbose), limits);
    if let Some(watch) = watch {
        tokio::spawn(watch.follow(app.clone()));
    }
    let ended = serve_app(args, started, client, &app).await;
    app.log.flush(LAST_WORDS);
    ended
}

/// Serves until it is told to stop.
async fn serve_app(
    args: &ServeArgs,
    started: Started,
    client: Option<Client>,
    app: &Arc<App>,
) -> anyhow::Result<()> {
    started.follow(app).await;
    if let Some(client) = &client {
        // Set once, here.
        let _ = app.events.set(Events::to(client.clone(), app.clone()));
    }
    let certificates = certificates(&args.certificates, client, app).await?;
    let listener = listener(args, certificates).await?;
    watch_readiness(app);
    app.log.info("listening", json!({"address": listener.address()?.to_string()}));
    let stop = stopped(app.clone(), Duration::from_secs(args.drain_delay))?;
    listener.serve(app.clone(), stop).await;
    app.log.info("stopped", json!({}));
    Ok(())
}

async fn listener(args: &ServeArgs, certificates: Arc<Certificates>) -> anyhow::Result<Listener> {
    let tls = match &args.client_ca {
        None => server_config(certificates)?,
        Some(path) => {
            let authorities = std::fs::read(path).with_context(|| format!("read {}", path.display()))?;
            asking_clients(certificates, &authorities).with_context(|| path.display().to_string())?
        }
    };
    let listener = Listener::bind(args.listen, Some(tls), args.max_connections, Timeouts::default());
    let listener = listener.await.with_context(|| format!("listen on {}", args.listen))?;
    Ok(if args.client_ca.is_some() { listener.for_known_clients() } else { listener })
}

async fn client(args: &ServeArgs) -> anyhow::Result<Option<Client>> {
    if args.without_cluster {
        return Ok(None);
    }
    let client = Client::try_default().await;
    let client =
        client.context("no cluster to ask for the labels of namespaces; --without-cluster does without")?;
    Ok(Some(client))
}

/// Not ready before the namespaces are known.
fn watch_readiness(app: &Arc<App>) {
    app.conditions.set(Condition::NamespacesKnown, Err("the namespaces are being listed".to_owned()));
    let app = app.clone();
    tokio::spawn(async move {
        app.namespaces.ready().await;
        app.conditions.set(Condition::NamespacesKnown, Ok(()));
        app.log.info("namespaces known", json!({}));
    });
}

/// Resolves when the server is to stop accepting: a while after the first signal, in which `/readyz` already says
/// so, or at the second.
fn stopped(app: Arc<App>, delay: Duration) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        app.conditions.set(Condition::Staying, Err("the server is stopping".to_owned()));
        app.log.info("stopping", json!({"acceptingForSeconds": delay.as_secs()}));
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
