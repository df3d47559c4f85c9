//! Profiles as objects of the API, and as YAML.

use serde_json::{Map, Value, json};

use super::model::{BlockedPath, Contents, Observed, WriteProfile, WrittenPath};
use super::{API_VERSION, KIND};
use crate::edit::{EditError, FieldOp, yaml_sink};
use crate::yaml::Pointer;

impl WriteProfile {
    /// The object, with the fields that say something.
    pub fn to_value(&self) -> Value {
        let mut metadata = Map::from_iter([("name".to_owned(), json!(self.name))]);
        if let Some(namespace) = &self.namespace {
            metadata.insert("namespace".to_owned(), json!(namespace));
        }
        let mut spec = Map::from_iter([("image".to_owned(), json!(self.repository))]);
        let mut add = |key: &str, value: Value| _ = spec.insert(key.to_owned(), value);
        if let Some(digest) = &self.digest {
            add("digest", json!(digest));
        }
        if let Some(workload) = &self.workload {
            let names =
                json!({"kind": workload.kind, "name": workload.name, "container": workload.container});
            add("workload", names);
        }
        add("paths", self.paths.iter().map(written).collect());
        add("blocked", self.blocked.iter().map(blocked).collect());
        if let Some(observed) = &self.observed {
            add("observed", observation(observed));
        }
        add("unresolved", json!(self.unresolved));
        add("complete", json!(self.complete));
        if self.approved {
            add("approved", json!(true));
        }
        json!({"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec})
    }

    /// The object as a YAML document.
    ///
    /// # Errors
    /// None that is known: the sink checks what it writes.
    pub fn to_yaml(&self) -> Result<Vec<u8>, EditError> {
        yaml_sink(b"null\n", 0, &[FieldOp::Replace { at: Pointer::root(), value: self.to_value() }])
    }
}

fn written(path: &WrittenPath) -> Value {
    let mut fields = Map::new();
    let mut add = |key: &str, value: Value| _ = fields.insert(key.to_owned(), value);
    add("path", json!(path.path.as_str()));
    add("contents", json!(Contents::name(path.contents)));
    add("writes", json!(path.writes));
    let numbers =
        [("maxBytes", path.max_bytes), ("uid", path.uid.map(u64::from)), ("gid", path.gid.map(u64::from))];
    for (key, number) in numbers {
        if let Some(number) = number {
            add(key, json!(number));
        }
    }
    if let Some(mode) = path.mode {
        add("mode", json!(format!("{mode:04o}")));
    }
    if !path.first_writer.is_empty() {
        add("firstWriter", json!(path.first_writer));
    }
    Value::Object(fields)
}

fn blocked(blocked: &BlockedPath) -> Value {
    json!({"path": blocked.path.as_str(), "errno": blocked.errno, "count": blocked.count})
}

fn observation(observed: &Observed) -> Value {
    json!({
        "from": observed.from.to_string(),
        "to": observed.to.to_string(),
        "containers": observed.containers,
        "starts": observed.starts,
        "stops": observed.stops,
    })
}
