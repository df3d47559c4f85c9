//! Accepts connections, shakes hands, serves requests, and drains.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::app::App;
use super::connections::{Connection, Connections};
use super::router::router;

/// The most that is read ahead of one connection; by itself hyper takes 400 KiB, of thousands of connections too
/// much.
const READ_BUFFER: usize = 16 << 10;

/// How long to wait for whom.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a TLS handshake.
    pub handshake: Duration,
    /// For a request's head, and between requests of one HTTP/1.1 connection.
    pub head: Duration,
    /// For requests that are being answered when the server stops or their connection is told to leave.
    pub drain: Duration,
    /// For the farewell of a connection that is told to leave while nothing is being answered.
    pub farewell: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            handshake: seconds(5),
            head: seconds(30),
            drain: seconds(10),
            farewell: Duration::from_millis(250),
        }
    }
}

/// A socket that serves an [`App`].
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<rustls::ServerConfig>>,
    connections: Connections,
    timeouts: Timeouts,
    wants_known: bool,
}

impl Listener {
    /// Binds the address. Without `tls` it speaks plain HTTP, for benchmarks and tests.
    ///
    /// # Errors
    /// The system's, as for an address in use.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<rustls::ServerConfig>,
        most_connections: usize,
        timeouts: Timeouts,
    ) -> io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        let connections = Connections::new(most_connections);
        Ok(Self { socket, tls: tls.map(Arc::new), connections, timeouts, wants_known: false })
    }

    /// Has reviews answered only for clients that show a certificate ([`asking_clients`](super::asking_clients)).
    #[must_use]
    pub fn for_known_clients(self) -> Self {
        Self { wants_known: true, ..self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves until `stop` resolves, then lets running requests finish.
    pub async fn serve(self, app: Arc<App>, stop: impl Future<Output = ()>) {
        let (draining, drained) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut stop => break,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    app.log.warn("a connection could not be accepted", json!({"reason": error.to_string()}));
                    // Out of descriptors: the connections that end meanwhile give some back.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            };
            let Some((connection, evicted)) = self.connections.admit() else { continue };
            if evicted {
                app.metrics.evicted.inc();
            }
            let served = Served {
                app: app.clone(),
                connection,
                tls: self.tls.clone().map(TlsAcceptor::from),
                timeouts: self.timeouts,
                wants_known: self.wants_known,
                draining: drained.clone(),
            };
            tasks.spawn(served.run(stream));
        }
        drop(self.socket);
        let _ = draining.send(true);
        let all = async { while tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(self.timeouts.drain, all).await;
    }
}

/// One connection.
struct Served {
    app: Arc<App>,
    connection: Arc<Connection>,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
    wants_known: bool,
    draining: watch::Receiver<bool>,
}

impl Served {
    async fn run(self, stream: TcpStream) {
        self.app.metrics.connections.inc();
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.http(stream).await,
            Some(acceptor) => {
                let handshake = tokio::time::timeout(self.timeouts.handshake, acceptor.accept(stream));
                let secured = tokio::select! {
                    secured = handshake => secured.ok().and_then(Result::ok),
                    () = self.connection.told_to_leave() => None,
                };
                if let Some(stream) = secured {
                    // What is shown has been verified.
                    if self.wants_known && stream.get_ref().1.peer_certificates().is_none() {
                        self.connection.set_unknown();
                    }
                    self.http(stream).await;
                }
            }
        }
        self.app.metrics.connections.dec();
    }

    async fn http(&self, stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.head)
            .max_buf_size(READ_BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(self.timeouts.head)
            .max_concurrent_streams(250);
        let service = warp::service(router(&self.app, Some(self.connection.clone())));
        let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let mut served = pin!(served);
        let mut draining = self.draining.clone();
        let is_told = tokio::select! {
            // What a client does wrong is its own business.
            _ = &mut served => return,
            _ = draining.wait_for(|draining| *draining) => false,
            () = self.connection.told_to_leave() => true,
        };
        served.as_mut().graceful_shutdown();
        if is_told {
            // A request that trickles in is not waited for.
            let ended = tokio::time::timeout(self.timeouts.farewell, &mut served).await.is_ok();
            if ended || !self.connection.is_busy() {
                return;
            }
        }
        let _ = tokio::time::timeout(self.timeouts.drain, served).await;
    }
}
