//! New authorities and leaves: ECDSA over P-256, which every apiserver takes.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use x509_parser::time::ASN1Time;

use super::held::{Dated, Held};
use super::plan::{Lifetimes, Step};

/// Clocks of a cluster differ: a certificate begins this many seconds before it is made.
const BACKDATE: i64 = 300;

/// A certificate that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no certificate could be made: {0}")]
pub struct IssueError(String);

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// An authority and a leaf for `host`, from nothing.
///
/// # Errors
/// [`IssueError`].
pub(super) fn begin(host: &str, now: i64, lifetimes: &Lifetimes) -> Result<Held, IssueError> {
    let (root, root_key) = root(now, lifetimes)?;
    let (leaf, leaf_key) = leaf(&root, &root_key, host, now, lifetimes)?;
    Ok(Held { roots: vec![root], root_key, trusted_since: None, leaf, leaf_key, leaf_since: now })
}

/// What is held once a step that changes it has been taken; other steps leave it as it is.
///
/// # Errors
/// [`IssueError`].
pub(super) fn take(
    step: Step,
    held: &Held,
    host: &str,
    now: i64,
    lifetimes: &Lifetimes,
) -> Result<Held, IssueError> {
    let mut held = held.clone();
    match step {
        Step::AddRoot => {
            let (root, root_key) = root(now, lifetimes)?;
            held.roots.insert(0, root);
            held.root_key = root_key;
            held.trusted_since = None;
        }
        Step::NoteTrust => held.trusted_since = Some(now),
        Step::IssueLeaf => {
            let (leaf, leaf_key) = leaf(&held.roots[0], &held.root_key, host, now, lifetimes)?;
            held.leaf = leaf;
            held.leaf_key = leaf_key;
            held.leaf_since = now;
        }
        Step::DropOldRoots => held.roots.truncate(1),
        Step::Begin | Step::Publish | Step::Rest => {}
    }
    Ok(held)
}

fn root(now: i64, lifetimes: &Lifetimes) -> Result<(Dated, String), IssueError> {
    let key = KeyPair::generate()?;
    // Authorities are told apart by name, also two of the same second.
    let name = format!("lithify-webhook CA {now} {:016x}", identifier(key.public_key_raw()));
    let mut parameters = parameters(&name, now, lifetimes.root)?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let certificate = parameters.self_signed(&key)?;
    Ok((dated(&certificate.pem())?, key.serialize_pem()))
}

fn leaf(
    root: &Dated,
    root_key: &str,
    host: &str,
    now: i64,
    lifetimes: &Lifetimes,
) -> Result<(Dated, String), IssueError> {
    let issuer = Issuer::from_ca_cert_pem(&root.pem, KeyPair::from_pem(root_key)?)?;
    let key = KeyPair::generate()?;
    // A leaf never outlives its authority.
    let life = lifetimes.leaf.min(root.not_after - now);
    let mut parameters = parameters(host, now, life)?;
    parameters.subject_alt_names = CertificateParams::new(vec![host.to_owned()])?.subject_alt_names;
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.use_authority_key_identifier_extension = true;
    let certificate = parameters.signed_by(&key, &issuer)?;
    Ok((dated(&certificate.pem())?, key.serialize_pem()))
}

fn parameters(name: &str, now: i64, life: i64) -> Result<CertificateParams, IssueError> {
    let time = |seconds: i64| {
        let time = ASN1Time::from_timestamp(seconds).map_err(|error| IssueError(error.to_string()))?;
        Ok::<_, IssueError>(time.to_datetime())
    };
    let mut parameters = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    parameters.distinguished_name = subject;
    parameters.not_before = time(now - BACKDATE.min(life))?;
    parameters.not_after = time(now + life)?;
    Ok(parameters)
}

fn dated(pem: &str) -> Result<Dated, IssueError> {
    let mut all = Dated::read(pem).map_err(IssueError)?;
    all.pop().ok_or_else(|| IssueError("the PEM text has no certificate".to_owned()))
}

/// Tells two keys apart.
fn identifier(public_key: &[u8]) -> u64 {
    // Behind the byte that says that the point is not compressed.
    public_key.iter().skip(1).take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
