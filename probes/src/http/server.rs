//! A small HTTP/1.1 server, with bounds on everything that a client can choose.
//!
//! Connections, the time for a handshake, a head, a body, the time between requests, and the size of a body
//! are bounded. Certificates are read anew when their files change; what cannot be read leaves the old ones.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use super::certificates::Certificates;
use super::tls::{ServerTls, TlsError};
use crate::log::Log;

/// What a server answers.
pub type Reply = Response<Full<Bytes>>;

/// Answers requests; it is called on the server's thread and should be quick.
pub trait Handler: Send + Sync + 'static {
    /// Looks at a request's head: how many bytes its body may have, or the answer that refuses it.
    ///
    /// # Errors
    /// The answer.
    fn admit(&self, head: &Parts) -> Result<usize, Box<Reply>>;

    /// Answers a request.
    fn answer(&self, head: &Parts, body: Bytes) -> Reply;
}

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// The time for a handshake, a head, a body, and between requests.
    pub timeout: Duration,
    /// Bytes of bodies of all connections at once; who would exceed them is told to come back (429).
    pub body_bytes: usize,
}

/// A server at work; it stops when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Certificates or keys are no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Server {
    /// Listens on `address` (`host:port`) and answers until it is stopped.
    ///
    /// # Errors
    /// [`ServerError`] where it cannot listen, or the files for TLS are no good.
    pub fn start(
        address: &str,
        tls: Option<&ServerTls>,
        limits: Limits,
        handler: Arc<dyn Handler>,
        log: Log,
    ) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Listen { address: address.to_owned(), source };
        let certificates = tls.map(|tls| Certificates::load(tls.clone(), log.clone())).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let service = Service { handler, limits, budget: Arc::default(), stopped };
        let thread = std::thread::Builder::new()
            .name("http-server".to_owned())
            .spawn(move || serve(&runtime, &listener, certificates, &service, &log))
            .map_err(failed)?;
        Ok(Self { address: local, stop, thread: Some(thread) })
    }

    /// Where it listens; the port is known even where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, answers those that are there, and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // The thread is gone already if nobody listens.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Clone)]
struct Service {
    handler: Arc<dyn Handler>,
    limits: Limits,
    budget: Arc<AtomicUsize>,
    stopped: watch::Receiver<bool>,
}

/// How long requests that are being answered may take when the server stops.
const GRACE: Duration = Duration::from_secs(2);

fn serve(
    runtime: &Runtime,
    listener: &TcpListener,
    mut certificates: Option<Certificates>,
    service: &Service,
    log: &Log,
) {
    let connections = Arc::new(Semaphore::new(service.limits.connections));
    let all = u32::try_from(service.limits.connections).unwrap_or(u32::MAX);
    runtime.block_on(async {
        let mut stopped = service.stopped.clone();
        let accepting = async {
            loop {
                // Closed never: the semaphore lives as long as this.
                let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let acceptor = certificates.as_mut().map(Certificates::acceptor);
                        let service = service.clone();
                        tokio::spawn(async move {
                            connection(stream, acceptor, service).await;
                            drop(permit);
                        });
                    }
                    Err(error) => {
                        // Out of descriptors, most likely: some will be closed.
                        log.error(&format!("accept a connection: {error}"));
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        // Every permit back: every connection has ended.
        let _ = tokio::time::timeout(GRACE, connections.acquire_many(all)).await;
    });
}

async fn connection(stream: TcpStream, acceptor: Option<TlsAcceptor>, service: Service) {
    // Without it, small answers wait for the client's acknowledgement; it works all the same.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => requests(stream, service).await,
        Some(acceptor) => {
            // Who does not speak TLS, or has no certificate that we trust, was told so by the handshake.
            let handshake = tokio::time::timeout(service.limits.timeout, acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = handshake {
                requests(stream, service).await;
            }
        }
    }
}

async fn requests<S: AsyncRead + AsyncWrite + Unpin>(stream: S, service: Service) {
    let mut stopped = service.stopped.clone();
    let timeout = service.limits.timeout;
    let answering = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(answer(request, &service).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .serve_connection(TokioIo::new(stream), answering);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Clients that break off are none of our errors.
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, service: &Service) -> Reply {
    let (head, body) = request.into_parts();
    let waits_for_us = head.headers.contains_key(EXPECT);
    let mut body = body;
    let max = match service.handler.admit(&head) {
        Ok(max) => max,
        Err(refusal) if waits_for_us => return closing(*refusal),
        Err(refusal) => {
            discard(&mut body).await;
            return closing(*refusal);
        }
    };
    let mut share = Share { budget: Arc::clone(&service.budget), bytes: 0 };
    let reading = collect(&mut body, max, &mut share, service.limits.body_bytes);
    match tokio::time::timeout(service.limits.timeout, reading).await {
        Ok(Ok(body)) => service.handler.answer(&head, body),
        Ok(Err(refusal)) => {
            discard(&mut body).await;
            closing(*refusal)
        }
        Err(_) => closing(text(
            StatusCode::REQUEST_TIMEOUT,
            format!("expected the whole body within {} s\n", service.limits.timeout.as_secs()),
        )),
    }
}

/// A connection's part of the bytes that all bodies may have.
struct Share {
    budget: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// How much of a refused body is read, and for how long.
const MAX_DISCARDED: usize = 64 << 20;
const DISCARD_FOR: Duration = Duration::from_secs(2);

async fn collect(
    body: &mut Incoming,
    max: usize,
    share: &mut Share,
    of_all: usize,
) -> Result<Bytes, Box<Reply>> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let refused =
            |error: hyper::Error| text(StatusCode::BAD_REQUEST, format!("read the body: {error}\n"));
        // What is no data is a trailer, which nobody asks for.
        let Ok(data) = frame.map_err(|error| Box::new(refused(error)))?.into_data() else { continue };
        if bytes.len() + data.len() > max {
            return Err(Box::new(too_large(max)));
        }
        share.bytes += data.len();
        if share.budget.fetch_add(data.len(), Ordering::Relaxed) + data.len() > of_all {
            return Err(Box::new(busy("too many bodies at once\n")));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

/// Reads the rest of a body that nobody wants, within bounds: who is still sending when a connection is
/// closed sees no answer.
async fn discard(body: &mut Incoming) {
    let mut left = MAX_DISCARDED;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(1, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // Too slow, or too much: it has had its chance.
    let _ = tokio::time::timeout(DISCARD_FOR, reading).await;
}

/// 413.
pub(crate) fn too_large(max: usize) -> Reply {
    text(StatusCode::PAYLOAD_TOO_LARGE, format!("expected a body of at most {max} bytes\n"))
}

/// 429: to be tried again in a second.
pub(crate) fn busy(reason: &'static str) -> Reply {
    let mut reply = text(StatusCode::TOO_MANY_REQUESTS, reason);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    reply
}

/// The rest of the body is not read: the connection is of no use any more.
fn closing(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// An answer in plain text.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    reply
}
