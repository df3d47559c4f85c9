//! The volume itself, and what its limits put at risk.

use serde_json::{Map, Value};

use super::{Medium, Writable};
use crate::k8s::{Tree, quantity_bytes};
use crate::profile::MountPoint;

/// A limit below this many times what was seen is one that a busy day reaches.
const HEADROOM: u128 = 4;

impl Writable {
    /// `{name: …, emptyDir: {…}}`.
    pub(super) fn volume(&self, name: &str) -> Value {
        let mut empty_dir = Map::new();
        if self.medium == Medium::Memory {
            empty_dir.insert("medium".to_owned(), "Memory".into());
        }
        if let Some(limit) = &self.size_limit {
            empty_dir.insert("sizeLimit".to_owned(), limit.as_str().into());
        }
        let fields = [("name", Value::from(name)), ("emptyDir", Value::Object(empty_dir))];
        Value::Object(fields.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
    }

    /// Why the limit or the medium may change behaviour at a mount.
    pub(super) fn size_risk<T: Tree>(&self, point: &MountPoint, container: T, spec: T) -> Option<String> {
        let path = &point.path;
        if let Some(limit) = &self.size_limit {
            let evicted = "a pod over its limit is evicted";
            let Some(seen) = point.max_bytes else {
                return Some(format!(
                    "sizeLimit is {limit}, and how much is written to {path} is not known: {evicted}"
                ));
            };
            let wanted = u128::from(seen) * HEADROOM;
            if quantity_bytes(limit).is_none_or(|limit| limit < wanted) {
                return Some(format!(
                    "sizeLimit is {limit}, less than {HEADROOM} times the {seen} bytes seen in {path}: {evicted}"
                ));
            }
        }
        let has_limit = |tree: T| {
            tree.field("resources").and_then(|resources| resources.field("limits")?.field("memory")).is_some()
        };
        (self.medium == Medium::Memory && (has_limit(container) || has_limit(spec)))
            .then(|| format!("what is written to {path} counts against the container's memory limit"))
    }
}
