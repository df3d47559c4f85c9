//! Any policy file: loaded, judged and asked without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::audit::{self, Event};
use lithify::checks::audit_policy;
use lithify::yaml::Stream;

fuzz_target!(|source: &[u8]| {
    let _ = serde_json::from_slice::<Event<'_>>(source);
    let Ok(loaded) = audit::load(source) else { return };
    let Ok(stream) = Stream::parse_lenient(source) else { return };
    let object = stream.document(0).map(|document| document.to_value()).unwrap_or_default();
    audit_policy::check(&object, &loaded);
});
