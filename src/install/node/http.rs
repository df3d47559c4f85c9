//! One GET over HTTP/1.1, with a limit on time and size.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// More than any answer that is asked for here.
const BODY_LIMIT: u64 = 16 << 20;

/// For one request; the apiserver's own probes have 15 s.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Get<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(String, String)],
    /// `None` for plain HTTP.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum GetError {
    #[error("nothing listens on {address}")]
    Refused { address: String },
    #[error("{address}: {source}")]
    Io { address: String, source: io::Error },
    #[error("{address} is no address: {reason}")]
    Address { address: String, reason: String },
    #[error("{address} answered what is not HTTP")]
    NotHttp { address: String },
}

impl Get<'_> {
    fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Asks.
    pub(super) fn send(&self) -> Result<Response, GetError> {
        let failure = |source: io::Error| match source.kind() {
            io::ErrorKind::ConnectionRefused => GetError::Refused { address: self.address() },
            _ => GetError::Io { address: self.address(), source },
        };
        let socket = connect(self.host, self.port).map_err(failure)?;
        let bytes = match &self.tls {
            None => self.exchange(socket).map_err(failure)?,
            Some(config) => {
                let wrong = |reason: String| GetError::Address { address: self.address(), reason };
                let name =
                    ServerName::try_from(self.host.to_owned()).map_err(|error| wrong(error.to_string()))?;
                let connection = ClientConnection::new(Arc::clone(config), name)
                    .map_err(|error| wrong(error.to_string()))?;
                self.exchange(StreamOwned::new(connection, socket)).map_err(failure)?
            }
        };
        parse(&bytes).ok_or_else(|| GetError::NotHttp { address: self.address() })
    }

    fn exchange(&self, mut stream: impl Read + Write) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + TIMEOUT;
        write!(stream, "{self}")?;
        stream.flush()?;
        let mut bytes = Vec::new();
        let mut buffer = [0; 16384];
        while (bytes.len() as u64) < BODY_LIMIT {
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&buffer[..length]),
                // The server closed without saying so in TLS, after its answer.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && !bytes.is_empty() => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

/// The request as it goes over the wire.
impl fmt::Display for Get<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GET {} HTTP/1.1\r\nHost: {}\r\n", self.path, self.address())?;
        write!(f, "User-Agent: lithify/{}\r\nAccept: */*\r\n", env!("CARGO_PKG_VERSION"))?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, "{name}: {value}\r\n"))?;
        f.write_str("Connection: close\r\n\r\n")
    }
}

/// Opens a connection; `host` is an address, or a name that the machine's own files resolve.
pub(super) fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    use std::net::ToSocketAddrs;
    let addresses: Vec<SocketAddr> = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => (host, port).to_socket_addrs()?.collect(),
    };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(socket) => {
                socket.set_read_timeout(Some(TIMEOUT))?;
                socket.set_write_timeout(Some(TIMEOUT))?;
                return Ok(socket);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn parse(bytes: &[u8]) -> Option<Response> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    let is_chunked = lines.any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().contains("chunked")
    });
    let body = &bytes[end + 4..];
    Some(Response { status, body: if is_chunked { unchunked(body) } else { body.to_vec() } })
}

/// The content of a chunked body, as far as it came.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = memchr::memmem::find(body, b"\r\n") {
        let size = std::str::from_utf8(&body[..end]).ok().and_then(|line| {
            usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).ok()
        });
        let (Some(size), rest) = (size, &body[end + 2..]) else { break };
        if size == 0 {
            break;
        }
        content.extend_from_slice(&rest[..size.min(rest.len())]);
        body = rest.get(size + 2..).unwrap_or_default();
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_and_body() {
        let response = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        assert_eq!(response, Response { status: 200, body: b"ok".to_vec() });
        let chunked =
            b"HTTP/1.1 500 X\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap(), Response { status: 500, body: b"abcde".to_vec() });
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_none() && parse(b"").is_none());
    }

    #[test]
    fn writes_a_request_that_asks_for_the_connection_to_be_closed() {
        let headers = [("Authorization".to_owned(), "Bearer x".to_owned())];
        let get = Get { host: "::1", port: 6443, path: "/readyz", headers: &headers, tls: None };
        let text = get.to_string();
        assert!(text.starts_with("GET /readyz HTTP/1.1\r\nHost: [::1]:6443\r\n"), "{text}");
        assert!(text.ends_with("Authorization: Bearer x\r\nConnection: close\r\n\r\n"), "{text}");
    }

    #[test]
    fn a_closed_port_is_said_to_be_closed() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let get = Get { host: "127.0.0.1", port: free, path: "/", headers: &[], tls: None };
        assert!(matches!(get.send(), Err(GetError::Refused { .. })));
    }
}
