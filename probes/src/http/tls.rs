//! TLS: whom a client trusts, how a server proves who it is; from files to rustls.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};

/// Whom a client trusts, and how it proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// Trust anybody. The connection is encrypted, but anybody can pose as the server.
    pub insecure: bool,
    /// A file with the certificates to trust; where it is given, only these are.
    pub ca_cert: Option<PathBuf>,
    /// As `ca_cert`, where that is not given.
    pub ca_bundle: Option<PathBuf>,
    /// A directory of files with the certificates to trust, where neither is given.
    pub ca_path: PathBuf,
    /// Prove who we are.
    pub mtls: bool,
    /// Our certificate, with those of intermediate authorities behind it.
    pub client_cert: PathBuf,
    /// Its private key.
    pub client_key: PathBuf,
}

impl Default for ClientTls {
    fn default() -> Self {
        Self {
            insecure: false,
            ca_cert: None,
            ca_bundle: None,
            ca_path: PathBuf::from("/etc/ssl/certs"),
            mtls: false,
            client_cert: PathBuf::from("/etc/ssl/certs/client.crt"),
            client_key: PathBuf::from("/etc/ssl/certs/client.key"),
        }
    }
}

/// How a server proves who it is, and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// Our certificate, with those of intermediate authorities behind it.
    pub certificate: PathBuf,
    /// Its private key; it may be the same file.
    pub key: PathBuf,
    /// Ask clients for a certificate signed by one of these; without it anybody is let in.
    pub client_ca: Option<PathBuf>,
}

/// Files that do not make a TLS configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file or directory cannot be read.
    #[error("{file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not PEM, or not the right kind.
    #[error("{file}: expected {expected} as PEM: {found}")]
    Pem {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        found: String,
    },
    /// The parts do not fit together.
    #[error("{file}: {source}")]
    Refused {
        /// The file.
        file: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Nobody would be trusted.
    #[error("{0}: expected at least one certificate to trust; give `ca_cert` or `ca_bundle`")]
    NoRoots(PathBuf),
}

impl ClientTls {
    /// What rustls needs for connections.
    ///
    /// # Errors
    /// [`TlsError`] where a file is missing, is not PEM, or key and certificate do not fit.
    pub(crate) fn config(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Refused { file: self.ca_path.clone(), source })?;
        let builder = if self.insecure {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnybody(provider)))
        } else {
            builder.with_root_certificates(self.roots()?)
        };
        if !self.mtls {
            return Ok(builder.with_no_client_auth());
        }
        let chain = certificates(&self.client_cert)?;
        let key = private_key(&self.client_key)?;
        builder
            .with_client_auth_cert(chain, key)
            .map_err(|source| TlsError::Refused { file: self.client_cert.clone(), source })
    }

    fn roots(&self) -> Result<RootCertStore, TlsError> {
        let mut roots = RootCertStore::empty();
        if let Some(file) = self.ca_cert.as_ref().or(self.ca_bundle.as_ref()) {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|source| TlsError::Refused { file: file.clone(), source })?;
            }
            return Ok(roots);
        }
        let read = |source| TlsError::Read { file: self.ca_path.clone(), source };
        for entry in fs::read_dir(&self.ca_path).map_err(read)? {
            let file = entry.map_err(read)?.path();
            // What else lies in that directory, and what rustls cannot use, is no reason to trust nobody.
            if file.is_file()
                && let Ok(found) = certificates(&file)
            {
                roots.add_parsable_certificates(found);
            }
        }
        if roots.is_empty() { Err(TlsError::NoRoots(self.ca_path.clone())) } else { Ok(roots) }
    }
}

impl ServerTls {
    /// What rustls needs for connections.
    ///
    /// # Errors
    /// [`TlsError`] where a file is missing, is not PEM, or key and certificate do not fit.
    pub(crate) fn config(&self) -> Result<ServerConfig, TlsError> {
        let provider = provider();
        let refused = |file: &Path, source| TlsError::Refused { file: file.to_owned(), source };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|source| refused(&self.certificate, source))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(file)? {
                    roots.add(certificate).map_err(|source| refused(file, source))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                let verifier = verifier.map_err(|error| TlsError::Pem {
                    file: file.clone(),
                    expected: "certificates of authorities",
                    found: error.to_string(),
                })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        builder
            .with_single_cert(certificates(&self.certificate)?, private_key(&self.key)?)
            .map_err(|source| refused(&self.certificate, source))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(file)?;
    let expected = "certificates";
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err(TlsError::Pem { file: file.to_owned(), expected, found: "there is none".to_owned() })
        }
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::Pem { file: file.to_owned(), expected, found: error.to_string() }),
    }
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| TlsError::Pem {
        file: file.to_owned(),
        expected: "a private key",
        found: error.to_string(),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(|source| TlsError::Read { file: file.to_owned(), source })
}

/// `insecure`: the user asked for it.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
