//! Clients that must show a certificate to ask for reviews, as an apiserver can be told to.

use std::io::Write as _;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsConnector;

use super::client::{Client, REVIEW, head};
use super::program::{Pair, Program};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

/// Trusts the server, and shows a certificate of an authority.
fn connector(trusted: &str, authority: &Authority) -> TlsConnector {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["kube-apiserver".to_owned()]).unwrap();
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let own = parameters.signed_by(&key, authority).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    TlsConnector::from(Arc::new(builder.with_client_auth_cert(vec![own.der().clone()], key).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_clients_of_the_authority_are_answered_where_there_is_one() {
    let (own, foreign) = (authority("own"), authority("foreign"));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(own.pem().as_bytes()).unwrap();
    let pair = Pair::new();
    let program = Program::start(&pair, &["--client-ca", file.path().to_str().unwrap()]);

    let connector_of_own = connector(&pair.chain, &own);
    // The second one resumes the session, with what was shown in the first.
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let mut known = Client::connect_by(&connector_of_own, program.address).await.unwrap();
        assert_eq!(known.stream.get_ref().1.handshake_kind(), Some(kind));
        let answer = known.review().await;
        assert!(answer.contains("200 OK") && answer.contains("\"allowed\":true"), "{answer}");
    }
    // A kubelet's probe shows none.
    let mut unknown = Client::connect(program.address, &pair.chain).await.unwrap();
    assert!(unknown.ask("GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.contains("200 OK"));
    let answer = unknown.review().await;
    assert!(answer.contains("403 Forbidden") && answer.contains("--client-ca"), "{answer}");

    let request = head(REVIEW.len()) + REVIEW;
    let refused = match Client::connect_by(&connector(&pair.chain, &foreign), program.address).await {
        Ok(mut client) => client.try_ask(&request).await,
        Err(error) => Err(error),
    };
    assert!(refused.is_err(), "{refused:?}");
}

#[test]
fn a_file_without_an_authority_is_no_protection_and_no_start() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let pair = Pair::new();
    let directory = tempfile::tempdir().unwrap();
    let files = ["tls.crt", "tls.key"].map(|name| directory.path().join(name));
    std::fs::write(&files[0], &pair.chain).unwrap();
    std::fs::write(&files[1], &pair.key).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("lithify-webhook").unwrap();
    command.args(["serve", "--listen", "127.0.0.1:0", "--without-cluster", "--client-ca"]).arg(empty.path());
    let output = command.arg("--tls-cert").arg(&files[0]).arg("--tls-key").arg(&files[1]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("expected the certificates of authorities in PEM"), "{stderr}");
}
