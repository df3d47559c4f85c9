//! Certificates for tests.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::{ClientTls, ServerTls};

/// Files with certificates and keys.
pub(crate) struct Pki {
    pub(crate) directory: TempDir,
}

impl Pki {
    /// An authority, a server of it for 127.0.0.1, a client of it, and another authority.
    pub(crate) fn new() -> Self {
        use rcgen::{CertificateParams, CertifiedIssuer, KeyPair};
        let directory = TempDir::new().unwrap();
        let write = |name: &str, text: String| fs::write(directory.path().join(name), text).unwrap();
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
        };
        let (ours, other) = (authority("ours"), authority("other"));
        write("ca.pem", ours.pem());
        write("other.pem", other.pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            write(&format!("{name}.pem"), params.signed_by(&key, &ours).unwrap().pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self { directory }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A server that asks for certificates of `client_ca`, if there is one.
    pub(crate) fn server(&self, client_ca: Option<&str>) -> ServerTls {
        ServerTls {
            certificate: self.file("server.pem"),
            key: self.file("server.key"),
            client_ca: client_ca.map(|name| self.file(name)),
        }
    }

    /// A client that trusts `ca`.
    pub(crate) fn client(&self, ca: &str) -> ClientTls {
        ClientTls {
            ca_cert: Some(self.file(ca)),
            client_cert: self.file("client.pem"),
            client_key: self.file("client.key"),
            ..ClientTls::default()
        }
    }
}
