//! TLS to the apiserver of this node: whom to trust, and who we are.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// A client certificate with its key.
#[derive(Debug)]
pub(super) struct Identity {
    /// What it was read from: `admin.conf`.
    pub(super) name: String,
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

/// Which certificate of the server is believed.
#[derive(Clone, Debug, Default)]
pub(super) struct Trust {
    /// Authorities: the cluster's own.
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// The file of `--tls-cert-file`: whoever has its key is the apiserver of this manifest.
    pub(super) own: Vec<CertificateDer<'static>>,
    /// Names that the certificate may have beside the address that was dialled.
    pub(super) names: Vec<ServerName<'static>>,
}

/// A client that believes only `trust`, and shows `identity` if there is one.
pub(super) fn client(trust: &Trust, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trust.authorities.iter().cloned());
    // Without an authority only the server's own certificate counts.
    let chain =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().ok();
    let own = trust.own.clone();
    configured(Verifier { chain, own, names: trust.names.clone(), is_open: false, provider }, identity)
}

/// A client that believes everybody, as the kubelet does for probes.
pub(super) fn unverified_client() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    configured(Verifier { chain: None, own: Vec::new(), names: Vec::new(), is_open: true, provider }, None)
}

fn configured(verifier: Verifier, identity: Option<&Identity>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match identity {
        Some(identity) => {
            builder.with_client_auth_cert(identity.certificates.clone(), identity.key.clone_key())
        }
        None => Ok(builder.with_no_client_auth()),
    }
}

#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    own: Vec<CertificateDer<'static>>,
    names: Vec<ServerName<'static>>,
    is_open: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.is_open || self.own.iter().any(|own| own == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(chain) = &self.chain else {
            return Err(Error::General("no authority is known that could vouch for the server".to_owned()));
        };
        let verify = |name: &ServerName<'_>| {
            chain.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
        };
        // The address that answers on this node need not be in the certificate; one of its names is.
        let first = verify(server_name);
        if first.is_ok() {
            return first;
        }
        self.names.iter().map(verify).find(Result::is_ok).unwrap_or(first)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
