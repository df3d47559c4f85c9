//! A client that posts to one URL over one connection, which it keeps and renews.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;

use super::tls::{ClientTls, TlsError};

/// Longest part of an answer that is looked at.
const MAX_ANSWER: usize = 64 << 10;

/// Posts to one URL.
pub(crate) struct Client {
    target: Target,
    tls: Option<TlsConnector>,
    tcp_keep_alive: bool,
    timeout: Duration,
    headers: HeaderMap,
    runtime: Runtime,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What the server said.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// Why there is no client, or no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is not one for HTTP.
    #[error("expected a URL such as https://host:2801/, found `{url}`: {reason}")]
    Url {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A header is none.
    #[error("header `{0}`: expected a name of letters, digits and `-`, and a value in one line of ASCII")]
    Header(String),
    /// Certificates or keys are no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No thread can wait for it.
    #[error("start: {0}")]
    Runtime(io::Error),
    /// Nobody answers there.
    #[error("connect to {target}: {source}")]
    Connect {
        /// Host and port.
        target: String,
        /// Why.
        source: io::Error,
    },
    /// The connection broke.
    #[error("post to {target}: {source}")]
    Exchange {
        /// Host and port.
        target: String,
        /// Why.
        source: hyper::Error,
    },
    /// The answer took too long.
    #[error("post to {target}: no answer within {ms} ms")]
    Timeout {
        /// Host and port.
        target: String,
        /// The time that it had.
        ms: u128,
    },
}

struct Target {
    host: String,
    port: u16,
    server_name: Option<ServerName<'static>>,
    authority: HeaderValue,
    path: Uri,
}

impl Target {
    fn parse(url: &str) -> Result<Self, ClientError> {
        let refused = |reason: &str| ClientError::Url { url: url.to_owned(), reason: reason.to_owned() };
        let uri: Uri =
            url.parse().map_err(|error: hyper::http::uri::InvalidUri| refused(&error.to_string()))?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(refused("it does not begin with http:// or https://")),
        };
        let authority = uri.authority().ok_or_else(|| refused("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(refused("credentials in a URL end up in logs; use a header"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let server_name = is_tls.then(|| ServerName::try_from(host.clone())).transpose();
        let server_name = server_name.map_err(|error| refused(&error.to_string()))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: authority.as_str().parse().map_err(|_| refused("its host is no header value"))?,
            path: path.parse().map_err(|_| refused("its path cannot be asked for"))?,
            host,
            server_name,
        })
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl Client {
    /// A client for a URL, which sends `headers` with every request; it connects when there is something to send.
    pub(crate) fn new(
        url: &str,
        tls: &ClientTls,
        timeout: Duration,
        headers: &[(&str, &str)],
    ) -> Result<Self, ClientError> {
        let target = Target::parse(url)?;
        let tls = match target.server_name {
            Some(_) => Some(TlsConnector::from(std::sync::Arc::new(tls.config()?))),
            None => None,
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let refused = |()| ClientError::Header((*name).to_owned());
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused(()))?;
            map.insert(name, HeaderValue::from_str(value).map_err(|_| refused(()))?);
        }
        map.insert(hyper::header::HOST, target.authority.clone());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            target,
            tls,
            tcp_keep_alive: false,
            timeout,
            headers: map,
            runtime: runtime.map_err(ClientError::Runtime)?,
            connection: None,
        })
    }

    pub(crate) const fn with_tcp_keep_alive(mut self, on: bool) -> Self {
        self.tcp_keep_alive = on;
        self
    }

    /// Posts a body and waits for the answer. A connection that has gone stale is renewed once.
    pub(crate) fn post(&mut self, body: &Bytes) -> Result<Answer, ClientError> {
        let kept = self.connection.take();
        let was_kept = kept.is_some();
        match self.try_post(kept, body) {
            // Servers close idle connections; it may have been on its way when we began.
            Err(ClientError::Exchange { .. }) if was_kept => self.try_post(None, body),
            other => other,
        }
    }

    fn try_post(
        &mut self,
        kept: Option<SendRequest<Full<Bytes>>>,
        body: &Bytes,
    ) -> Result<Answer, ClientError> {
        let Self { target, tls, tcp_keep_alive, timeout, headers, runtime, connection } = self;
        let exchange = async {
            let mut sender = match kept {
                Some(sender) => sender,
                None => connect(target, tls.as_ref(), *tcp_keep_alive).await?,
            };
            let failed = |source| ClientError::Exchange { target: target.name(), source };
            sender.ready().await.map_err(failed)?;
            let mut request = Request::new(Full::new(body.clone()));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = target.path.clone();
            *request.headers_mut() = headers.clone();
            let response = sender.send_request(request).await.map_err(failed)?;
            let (head, body) = response.into_parts();
            // An answer that is longer than anybody needs costs the connection, not the alert.
            let body = match Limited::new(body, MAX_ANSWER).collect().await {
                Ok(body) => {
                    *connection = Some(sender);
                    body.to_bytes()
                }
                Err(_) => Bytes::new(),
            };
            let seconds = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            Ok(Answer { status: head.status.as_u16(), retry_after: seconds.map(Duration::from_secs), body })
        };
        let limited = async { tokio::time::timeout(*timeout, exchange).await };
        match runtime.block_on(limited) {
            Ok(answer) => answer,
            Err(_) => Err(ClientError::Timeout { target: target.name(), ms: timeout.as_millis() }),
        }
    }
}

async fn connect(
    target: &Target,
    tls: Option<&TlsConnector>,
    tcp_keep_alive: bool,
) -> Result<SendRequest<Full<Bytes>>, ClientError> {
    let failed = |source| ClientError::Connect { target: target.name(), source };
    let stream = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    rustix::net::sockopt::set_socket_keepalive(&stream, tcp_keep_alive)
        .map_err(|error| failed(error.into()))?;
    let exchange = |source| ClientError::Exchange { target: target.name(), source };
    let (Some(tls), Some(name)) = (tls, &target.server_name) else {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(exchange)?;
        tokio::spawn(connection);
        return Ok(sender);
    };
    let stream = tls.connect(name.clone(), stream).await.map_err(failed)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(exchange)?;
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_cannot_be_posted_to_are_refused_with_the_reason() {
        let refused = |url: &str| Target::parse(url).err().map(|error| error.to_string());
        assert!(refused("localhost:2801").unwrap().contains("found `localhost:2801`"));
        assert!(refused("ftp://host/").unwrap().contains("http:// or https://"));
        assert!(refused("http://user:secret@host/").unwrap().contains("use a header"));
        assert!(refused("").is_some());
        assert!(refused("https://[::1]:2801/").is_none());
        let target = Target::parse("http://host/a?b=c").unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((target.port, target.path.to_string().as_str()), (80, "/a?b=c"));
    }
}
