//! Client certificates that kubeadm leaves on a control-plane node.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use super::tls::Identity;
use crate::install::read;

/// In the order of asking. Any user that the apiserver knows may read `/readyz`
/// (`system:public-info-viewer`), so the kubelet's and the controllers' certificates do as well.
const KUBECONFIGS: [&str; 5] =
    ["admin.conf", "super-admin.conf", "kubelet.conf", "controller-manager.conf", "scheduler.conf"];

/// What the kubeconfigs of a node hold.
#[derive(Debug, Default)]
pub(super) struct Kubeconfigs {
    pub(super) identities: Vec<Identity>,
    /// The authorities of the clusters that they speak of.
    pub(super) authorities: Vec<CertificateDer<'static>>,
}

impl Kubeconfigs {
    /// Reads those of `directory` that are there; one that cannot be read or used is passed over.
    pub(super) fn of(directory: &Path) -> Self {
        let mut found = Self::default();
        for name in KUBECONFIGS {
            let path = directory.join(name);
            let Some(value) = fs::read(&path).ok().and_then(|bytes| read::yaml(&bytes).ok()) else {
                continue;
            };
            let Some((cluster, user)) = current(&value) else { continue };
            let authority = part(cluster, "certificate-authority", directory);
            found.authorities.extend(authority.iter().flat_map(|pem| certificates(pem)));
            found.identities.extend(user.and_then(|user| identity(name, user, directory)));
        }
        found
    }
}

/// The cluster and the user of the current context.
fn current(kubeconfig: &Value) -> Option<(&Value, Option<&Value>)> {
    let named = |list: &str, name: &Value, key: &str| {
        let entries = kubeconfig[list].as_array()?;
        entries.iter().find(|entry| entry["name"] == *name)?.get(key)
    };
    let context = named("contexts", &kubeconfig["current-context"], "context")?;
    Some((named("clusters", &context["cluster"], "cluster")?, named("users", &context["user"], "user")))
}

fn identity(name: &str, user: &Value, directory: &Path) -> Option<Identity> {
    let certificate = part(user, "client-certificate", directory)?;
    let key = part(user, "client-key", directory)?;
    from_pem(name, &certificate, &key)
}

/// A certificate and its key; `None` where either is not PEM.
pub(super) fn from_pem(name: &str, certificate: &[u8], key: &[u8]) -> Option<Identity> {
    let certificates = certificates(certificate);
    let key = PrivateKeyDer::from_pem_slice(key).ok()?;
    (!certificates.is_empty()).then(|| Identity { name: name.to_owned(), certificates, key })
}

/// `KEY-data` in base64, or the file that `KEY` names, from the kubeconfig's own directory where it is relative.
fn part(entry: &Value, key: &str, directory: &Path) -> Option<Vec<u8>> {
    if let Some(data) = entry[format!("{key}-data")].as_str() {
        return STANDARD.decode(data).ok();
    }
    fs::read(directory.join(PathBuf::from(entry[key].as_str()?))).ok()
}

/// The certificates in a PEM text.
pub(super) fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).flatten().collect()
}
