//! What the Secret holds.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::ByteString;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

/// The chain and the key, by the names that every tool knows.
const LEAF: &str = "tls.crt";
const LEAF_KEY: &str = "tls.key";
/// The authorities, newest first: what belongs into `caBundle`.
const ROOTS: &str = "ca.crt";
/// The newest authority's key.
const ROOT_KEY: &str = "ca.key";
/// When the newest authority was first seen in every `caBundle`, in seconds since 1970.
const TRUSTED_SINCE: &str = "trusted-since";
/// When the leaf was issued.
const LEAF_SINCE: &str = "leaf-since";

/// A certificate, and what its dates and names say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated {
    /// PEM.
    pub pem: String,
    /// Its first second, since 1970.
    pub not_before: i64,
    /// Its last second, since 1970.
    pub not_after: i64,
    /// The names and addresses that it is for.
    hosts: Vec<String>,
    /// Identifies an authority: its subject's name.
    subject: Vec<u8>,
    /// The subject of its authority.
    issuer: Vec<u8>,
}

/// Authorities and leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The authorities, newest first; at least one.
    pub roots: Vec<Dated>,
    /// The newest authority's key, PEM.
    pub root_key: String,
    /// When the newest authority was first seen in every `caBundle`.
    pub trusted_since: Option<i64>,
    /// What is served.
    pub leaf: Dated,
    /// Its key, PEM.
    pub leaf_key: String,
    /// When it was issued.
    pub leaf_since: i64,
}

/// A Secret that holds something else than expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` of the Secret {problem}; delete the Secret to have new certificates made")]
pub struct HeldError {
    /// The key of `data`.
    pub key: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

impl Dated {
    /// Reads every certificate of a PEM text.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn read(pem: &str) -> Result<Vec<Self>, String> {
        let mut all = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let der = der.map_err(|error| error.to_string())?;
            let (_, parsed) = X509Certificate::from_der(&der).map_err(|error| error.to_string())?;
            all.push(Self {
                pem: to_pem(&der),
                not_before: parsed.validity().not_before.timestamp(),
                not_after: parsed.validity().not_after.timestamp(),
                hosts: hosts(&parsed),
                subject: parsed.subject().as_raw().to_vec(),
                issuer: parsed.issuer().as_raw().to_vec(),
            });
        }
        Ok(all)
    }

    /// Whether `root` signed it, by name: names of authorities are never used twice.
    pub fn is_of(&self, root: &Self) -> bool {
        self.issuer == root.subject
    }

    /// Whether it is for `host`, a name or an address.
    pub fn is_for(&self, host: &str) -> bool {
        // An address can be written in many ways.
        let address = host.parse::<IpAddr>().map(|address| address.to_string());
        let host = address.as_deref().unwrap_or(host);
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// The moment when a share of its life, as `numerator / denominator`, is over.
    pub fn share_of_life(&self, numerator: i64, denominator: i64) -> i64 {
        self.not_before + (self.not_after - self.not_before) / denominator * numerator
    }
}

fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    let hosts = names.filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    });
    hosts.collect()
}

fn to_pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + "-----END CERTIFICATE-----\n"
}

impl Held {
    /// Reads a Secret's `data`.
    ///
    /// # Errors
    /// [`HeldError`].
    pub fn read(data: &BTreeMap<String, ByteString>) -> Result<Self, HeldError> {
        let text = |key: &'static str| {
            let bytes = data.get(key).ok_or(HeldError { key, problem: "is missing".to_owned() })?;
            let text = String::from_utf8(bytes.0.clone());
            text.map_err(|error| HeldError { key, problem: format!("is no text: {error}") })
        };
        let dated = |key: &'static str| {
            let all = Dated::read(&text(key)?).map_err(|problem| HeldError { key, problem })?;
            if all.is_empty() {
                Err(HeldError { key, problem: "has no certificate".to_owned() })
            } else {
                Ok(all)
            }
        };
        let time = |key: &'static str| {
            let problem = || HeldError { key, problem: "is no number of seconds".to_owned() };
            text(key)?.parse::<i64>().map_err(|_| problem())
        };
        Ok(Self {
            roots: dated(ROOTS)?,
            root_key: text(ROOT_KEY)?,
            trusted_since: if data.contains_key(TRUSTED_SINCE) { Some(time(TRUSTED_SINCE)?) } else { None },
            leaf: dated(LEAF)?.swap_remove(0),
            leaf_key: text(LEAF_KEY)?,
            leaf_since: time(LEAF_SINCE)?,
        })
    }

    /// As a Secret's `data`.
    pub fn to_data(&self) -> BTreeMap<String, ByteString> {
        let mut data: BTreeMap<&str, String> = BTreeMap::from([
            (ROOTS, self.bundle()),
            (ROOT_KEY, self.root_key.clone()),
            (LEAF, self.leaf.pem.clone()),
            (LEAF_KEY, self.leaf_key.clone()),
            (LEAF_SINCE, self.leaf_since.to_string()),
        ]);
        if let Some(since) = self.trusted_since {
            data.insert(TRUSTED_SINCE, since.to_string());
        }
        data.into_iter().map(|(key, text)| (key.to_owned(), ByteString(text.into_bytes()))).collect()
    }

    /// What belongs into every `caBundle`.
    pub fn bundle(&self) -> String {
        self.roots.iter().map(|root| root.pem.as_str()).collect()
    }
}
