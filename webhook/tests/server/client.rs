//! A client of HTTP/1.1 over TLS 1.2 or 1.3 that does one thing at a time.

use std::net::SocketAddr;
use std::sync::Arc;

use lithify_webhook::serve::Certificate;
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) const REVIEW: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u",
"operation":"CREATE","kind":{"group":"","version":"v1","kind":"Pod"},"namespace":"web","object":{"apiVersion":"v1",
"kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"a","image":"b"}]}}}}"#;

pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
}

/// A self-signed certificate for localhost, and its PEM text.
pub(crate) fn pair() -> (Certificate, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = made.signing_key.serialize_pem();
    (Certificate::from_pem(pem.as_bytes(), key.as_bytes()).unwrap(), pem)
}

pub(crate) fn head(length: usize) -> String {
    format!("POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n")
}

/// Trusts one certificate.
pub(crate) fn connector(trusted: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

impl Client {
    /// Connects, trusting one certificate.
    pub(crate) async fn connect(address: SocketAddr, trusted: &str) -> std::io::Result<Self> {
        Self::connect_by(&connector(trusted), address).await
    }

    /// Connects; a connector that has connected before resumes its session.
    pub(crate) async fn connect_by(connector: &TlsConnector, address: SocketAddr) -> std::io::Result<Self> {
        let tcp = TcpStream::connect(address).await?;
        Ok(Self { stream: connector.connect("localhost".try_into().unwrap(), tcp).await? })
    }

    /// Sends a review and returns the whole answer.
    pub(crate) async fn review(&mut self) -> String {
        self.ask(&(head(REVIEW.len()) + REVIEW)).await
    }

    /// Sends a request and returns the whole answer.
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.try_ask(request).await.unwrap()
    }

    /// The same; an error where the server has closed the connection.
    pub(crate) async fn try_ask(&mut self, request: &str) -> std::io::Result<String> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        loop {
            let mut part = [0; 4096];
            let read = self.stream.read(&mut part).await?;
            answer.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                if read == 0 {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                continue;
            };
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.unwrap().parse::<usize>().unwrap() {
                return Ok(text.into_owned());
            }
            assert!(read > 0, "the connection ended: {text}");
        }
    }
}
