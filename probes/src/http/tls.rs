//! Settings of TLS connections.

use std::path::PathBuf;

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
