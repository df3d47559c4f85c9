//! An object without the parts that no check reads, most of it by size: what it was changed by, and how it is.
//!
//! Kubernetes' own types are not used, for a field of an unexpected type must not hide its neighbours.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

/// A mapping, without `metadata.managedFields` and `status`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Pruned(pub(super) Value);

impl<'de> Deserialize<'de> for Pruned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Mapping { without: "status", is_root: true }).map(Self)
    }
}

/// A mapping that lacks one key.
struct Mapping {
    without: &'static str,
    is_root: bool,
}

impl<'de> Visitor<'de> for Mapping {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut kept = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == self.without {
                entries.next_value::<IgnoredAny>()?;
            } else if self.is_root && key == "metadata" {
                let value = entries.next_value_seed(Metadata)?;
                kept.insert(key, value);
            } else {
                let value = entries.next_value()?;
                kept.insert(key, value);
            }
        }
        Ok(Value::Object(kept))
    }

    // Metadata that is null is none.
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}

/// `metadata`, a mapping or null.
struct Metadata;

impl<'de> DeserializeSeed<'de> for Metadata {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Mapping { without: "managedFields", is_root: false })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn leaves_out_what_no_check_reads() {
        let object = json!({"kind": "Pod", "metadata": {"name": "a", "managedFields": [{"f:a": {}}]},
            "spec": {"status": 1, "managedFields": 2}, "status": {"phase": "Running"}});
        let Pruned(kept) = serde_json::from_value(object).unwrap();
        let expected =
            json!({"kind": "Pod", "metadata": {"name": "a"}, "spec": {"status": 1, "managedFields": 2}});
        assert_eq!(kept, expected);
        let Pruned(kept) = serde_json::from_str(r#"{"metadata":null,"a":1,"a":2}"#).unwrap();
        assert_eq!(
            kept,
            json!({"metadata": null, "a": 2}),
            "of two keys the last counts, as for the apiserver"
        );
        for wrong in ["[]", "\"Pod\"", "3", "{\"metadata\":[]}"] {
            assert!(serde_json::from_str::<Pruned>(wrong).is_err(), "{wrong}");
        }
    }
}
