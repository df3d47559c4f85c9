//! The YAML files that are read beside the manifest itself.

use serde_json::Value;

use crate::apiserver::single_document;
use crate::yaml::Stream;

/// The one document of a YAML file, as Go reads it.
///
/// # Errors
/// Where and why it cannot be parsed, or how many documents it has.
pub(super) fn yaml(source: &[u8]) -> Result<Value, String> {
    let stream = Stream::parse_lenient(source).map_err(|error| error.to_string())?;
    let mut values: Vec<Value> = stream.documents().map(|document| document.to_value()).collect();
    let index = single_document(&values).map_err(|error| error.to_string())?;
    Ok(values.swap_remove(index))
}

/// The first document, which is all that the kubelet reads of a file; null where it is no YAML.
pub(super) fn first_document(source: &[u8]) -> Value {
    let stream = Stream::parse_lenient(source).ok();
    stream
        .and_then(|stream| stream.documents().next().map(|document| document.to_value()))
        .unwrap_or_default()
}
