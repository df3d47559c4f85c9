//! The shape of `metadata`: the apiserver decodes it and makes no use of it, but a wrong type is an error.
//!
//! Source: `k8s.io/apimachinery/pkg/apis/meta/v1`, `ObjectMeta` and its parts.

use super::decode::{Decoder, Ignored, IgnoredReason};
use super::tree::Tree;
use crate::yaml::Pointer;

/// What a value must be; `null` is always allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Text,
    Flag,
    Int64,
    Time,
    Anything,
    Texts,
    TextMap,
    Object(&'static [(&'static str, Shape)]),
    Objects(&'static [(&'static str, Shape)]),
}

pub(crate) const OBJECT_META: Shape = Shape::Object(&[
    ("name", Shape::Text),
    ("generateName", Shape::Text),
    ("namespace", Shape::Text),
    ("selfLink", Shape::Text),
    ("uid", Shape::Text),
    ("resourceVersion", Shape::Text),
    ("generation", Shape::Int64),
    ("creationTimestamp", Shape::Time),
    ("deletionTimestamp", Shape::Time),
    ("deletionGracePeriodSeconds", Shape::Int64),
    ("labels", Shape::TextMap),
    ("annotations", Shape::TextMap),
    ("ownerReferences", Shape::Objects(OWNER_REFERENCE)),
    ("finalizers", Shape::Texts),
    ("managedFields", Shape::Objects(MANAGED_FIELDS)),
]);

const OWNER_REFERENCE: &[(&str, Shape)] = &[
    ("apiVersion", Shape::Text),
    ("kind", Shape::Text),
    ("name", Shape::Text),
    ("uid", Shape::Text),
    ("controller", Shape::Flag),
    ("blockOwnerDeletion", Shape::Flag),
];

const MANAGED_FIELDS: &[(&str, Shape)] = &[
    ("manager", Shape::Text),
    ("operation", Shape::Text),
    ("apiVersion", Shape::Text),
    ("time", Shape::Time),
    ("fieldsType", Shape::Text),
    ("fieldsV1", Shape::Anything),
    ("subresource", Shape::Text),
];

impl Decoder {
    pub(super) fn shape(&mut self, tree: &Tree, shape: Shape, at: &Pointer) {
        match (shape, tree) {
            (_, Tree::Null) | (Shape::Anything, _) => {}
            (Shape::Text, _) => self.string(tree, &mut String::new(), at),
            (Shape::Flag, _) => self.bool(tree, &mut false, at),
            (Shape::Texts, _) => self.strings(tree, &mut Vec::new(), at),
            (Shape::Int64, Tree::Number(number)) if as_go_int64(number).is_some() => {}
            (Shape::Int64, other) => self.mismatch("int64", other, at),
            (Shape::Time, Tree::String(text)) if is_rfc3339(text) => {}
            (Shape::Time, other) => self.mismatch("RFC 3339 time", other, at),
            (Shape::TextMap, Tree::Object(entries)) => self.text_map(entries, at),
            (Shape::TextMap, other) => self.mismatch("object", other, at),
            (Shape::Object(fields), _) => {
                let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
                self.object(tree, &names, at, |decoder, key, value, at| {
                    let field = fields.iter().find(|(name, _)| *name == key);
                    let (_, shape) = field.expect("the object's own names are handed back");
                    decoder.shape(value, *shape, at);
                });
            }
            (Shape::Objects(fields), Tree::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.shape(item, Shape::Object(fields), &at.item(index));
                }
            }
            (Shape::Objects(_), other) => self.mismatch("array", other, at),
        }
    }

    fn text_map(&mut self, entries: &[(String, Tree)], at: &Pointer) {
        let mut seen = std::collections::BTreeSet::new();
        for (key, value) in entries {
            let at = at.join(key);
            if !seen.insert(key) {
                self.ignored.push(Ignored { pointer: at.clone(), reason: IgnoredReason::Repeated });
            }
            self.string(value, &mut String::new(), &at);
        }
    }
}

/// A number as Go reads it into an int64. YAML floats without a fraction (`1e3`) reach Go's decoder spelled
/// as integers.
#[allow(clippy::cast_possible_truncation)]
fn as_go_int64(number: &serde_json::Number) -> Option<i64> {
    let whole = |float: f64| (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64);
    number.as_i64().or_else(|| number.as_f64().filter(|_| number.is_f64()).and_then(whole))
}

/// Whether Go's `time.Parse(time.RFC3339, text)` accepts the text.
fn is_rfc3339(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(zone) = time.find(['Z', '+', '-']) else { return false };
    let (time, zone) = time.split_at(zone);
    is_date(date) && is_time(time) && is_zone(zone)
}

fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let (clock, fraction) = match text.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let parts: Vec<_> = clock.split(':').collect();
    let [hour, minute, second] = parts[..] else { return false };
    let hour = digits(hour, 2).or_else(|| digits(hour, 1));
    hour.is_some_and(|hour| hour < 24)
        && digits(minute, 2).is_some_and(|minute| minute < 60)
        && digits(second, 2).is_some_and(|second| second < 60)
        && fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn is_zone(text: &str) -> bool {
    if text == "Z" {
        return true;
    }
    let Some((hours, minutes)) = text[1..].split_once(':') else { return false };
    !text.starts_with('Z')
        && digits(hours, 2).is_some_and(|hours| hours <= 24)
        && digits(minutes, 2).is_some_and(|minutes| minutes <= 60)
}

fn digits(text: &str, count: usize) -> Option<u32> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(json: &str) -> (usize, usize) {
        let mut decoder = Decoder::default();
        decoder.shape(&serde_json::from_str(json).unwrap(), OBJECT_META, &Pointer::root());
        (decoder.refusals.len(), decoder.ignored.len())
    }

    #[test]
    fn accepts_the_metadata_that_kubectl_writes() {
        let json = r#"{"name": "p", "labels": {"a": "b"}, "creationTimestamp": null, "generation": 1,
            "managedFields": [{"time": "2025-11-24T07:00:00Z", "fieldsV1": {"f:rules": {}}}]}"#;
        assert_eq!(complaints(json), (0, 0));
    }

    #[test]
    fn refuses_wrong_types_and_ignores_unknown_fields() {
        assert_eq!(complaints(r#"{"name": 1, "labels": {"a": 1}, "generation": 1.5}"#), (3, 0));
        assert_eq!(complaints(r#"{"clusterName": 1, "labels": {"a": "b", "a": "b"}}"#), (0, 2));
        assert_eq!(complaints("[]"), (1, 0));
    }

    #[test]
    fn reads_times_as_go_does() {
        for good in ["2025-02-28T00:00:00Z", "2024-02-29T1:59:59.5+01:30", "2025-12-31T23:59:59,25-24:60"] {
            assert!(is_rfc3339(good), "{good}");
        }
        for bad in ["2025-02-29T00:00:00Z", "2025-01-01", "2025-01-01T00:00:00", "2025-01-01T24:00:00Z", ""] {
            assert!(!is_rfc3339(bad), "{bad}");
        }
    }
}
