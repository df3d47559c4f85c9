//! Whether the apiserver would trust what is served.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// Whether every `caBundle` trusts a chain for `host`, verified as an apiserver does.
///
/// `bundles`: PEM. `chain`: as it is served, the leaf first.
///
/// # Errors
/// Why one does not.
pub(crate) fn trusts(bundles: &[Vec<u8>], host: &str, chain: &[CertificateDer<'_>]) -> Result<(), String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("`{host}`: {error}"))?;
    let (leaf, others) = chain.split_first().ok_or("no certificate is served")?;
    for bundle in bundles {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(bundle).flatten() {
            // One that is no authority is one that trusts nothing.
            let _ = roots.add(root);
        }
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
        let verifier =
            verifier.build().map_err(|error| format!("a registered caBundle trusts nobody: {error}"))?;
        let trusts = verifier.verify_server_cert(leaf, others, &name, &[], UnixTime::now());
        trusts.map_err(|error| {
            format!("a registered caBundle does not trust the served certificate: {error}")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    fn authority(name: &str) -> CertificateParams {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters
    }

    fn root(name: &str) -> CertifiedIssuer<'static, KeyPair> {
        CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap()
    }

    #[test]
    fn an_authority_between_root_and_leaf_is_as_good() {
        let root = root("root");
        let between =
            CertifiedIssuer::signed_by(authority("between"), KeyPair::generate().unwrap(), &root).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["hook.own.svc".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &between).unwrap();
        let chain = [leaf.der().clone(), between.der().clone()];
        let bundle = root.pem().into_bytes();
        assert_eq!(trusts(std::slice::from_ref(&bundle), "hook.own.svc", &chain), Ok(()));
        // Without it, or for somebody else, the apiserver would not.
        for (host, chain) in [("hook.own.svc", &chain[..1]), ("other.own.svc", &chain[..])] {
            let error = trusts(std::slice::from_ref(&bundle), host, chain).unwrap_err();
            assert!(error.starts_with("a registered caBundle does not trust"), "{error}");
        }
    }

    #[test]
    fn every_bundle_must_trust_it() {
        let root = root("root");
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["a".to_owned()]).unwrap().signed_by(&key, &root).unwrap();
        let chain = [leaf.der().clone()];
        let good = root.pem().into_bytes();
        let foreign = self::root("foreign").pem().into_bytes();
        assert_eq!(trusts(&[], "a", &chain), Ok(()), "nothing is registered");
        assert_eq!(trusts(&[good.clone(), good.clone()], "a", &chain), Ok(()));
        assert!(trusts(&[good.clone(), foreign.clone()], "a", &chain).is_err());
        assert_eq!(trusts(&[[foreign, good].concat()], "a", &chain), Ok(()), "beside another in one bundle");
        for nobody in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = trusts(&[nobody.as_bytes().to_vec()], "a", &chain).unwrap_err();
            assert!(error.starts_with("a registered caBundle trusts nobody"), "{error}");
        }
    }
}
