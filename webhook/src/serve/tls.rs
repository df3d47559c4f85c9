//! The certificate that is served, exchanged without dropping a connection.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A chain and its key that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// No certificate in the PEM text.
    #[error("no certificate: {0}")]
    Chain(String),
    /// No private key in the PEM text.
    #[error("no private key: {0}")]
    Key(String),
    /// The key is another's, or of an unknown kind. Half an update looks like that.
    #[error("certificate and key do not belong together: {0}")]
    Pair(String),
}

/// A certificate chain with its key, ready to be served.
#[derive(Clone, Debug)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    /// When the leaf ends, in seconds since 1970.
    pub expiry: i64,
}

/// The certificate of now; handshakes take whatever is there when they begin.
#[derive(Debug, Default)]
pub struct Certificates(ArcSwapOption<Certificate>);

impl Certificate {
    /// Reads a chain (leaf first) and its key.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Chain(error.to_string()))?;
        let leaf =
            chain.first().ok_or_else(|| CertificateError::Chain("the PEM text has none".to_owned()))?;
        let (_, parsed) =
            X509Certificate::from_der(leaf).map_err(|error| CertificateError::Chain(error.to_string()))?;
        let expiry = parsed.validity().not_after.timestamp();
        let key =
            PrivateKeyDer::from_pem_slice(key).map_err(|error| CertificateError::Key(error.to_string()))?;
        let key = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| CertificateError::Pair(error.to_string()))?;
        Ok(Self { key: Arc::new(key), expiry })
    }

    /// The leaf, and the authorities that were given with it.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.key.cert
    }
}

impl Certificates {
    /// Serves this one from now on.
    pub fn set(&self, certificate: Certificate) {
        self.0.store(Some(Arc::new(certificate)));
    }

    /// The one that is served.
    pub fn current(&self) -> Option<Arc<Certificate>> {
        self.0.load_full()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current().map(|certificate| certificate.key.clone())
    }
}

/// TLS 1.2 and 1.3 with the provider's modern suites (forward secrecy and AEAD only), HTTP/2 before HTTP/1.1.
///
/// # Errors
/// Where the provider has no suite for these versions, which is an error of the build.
pub fn server_config(certificates: Arc<Certificates>) -> Result<ServerConfig, rustls::Error> {
    config(certificates, WebPkiClientVerifier::no_client_auth())
}

/// The same, which also asks clients for a certificate of one of these authorities. Who has none is served, but is
/// not [known](super::Connection::is_known): a kubelet's probes have none. Another authority's is refused.
///
/// `authorities`: PEM.
///
/// # Errors
/// Where there is no authority in the text, or one that is none.
pub fn asking_clients(
    certificates: Arc<Certificates>,
    authorities: &[u8],
) -> Result<ServerConfig, ClientsError> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities) {
        let authority = authority.map_err(|error| ClientsError(error.to_string()))?;
        roots.add(authority).map_err(|error| ClientsError(error.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    // Without any authority there is no verifier.
    let verifier = verifier.allow_unauthenticated().build();
    let verifier = verifier.map_err(|error| ClientsError(error.to_string()))?;
    config(certificates, verifier).map_err(|error| ClientsError(error.to_string()))
}

/// Authorities of clients that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the certificates of authorities in PEM: {0}")]
pub struct ClientsError(String);

fn config(
    certificates: Arc<Certificates>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut config = builder.with_client_cert_verifier(clients).with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
