//! Any file of events: events or errors with their lines, and an end, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_probe::replay::{Events, Expected, ReplayError};

fuzz_target!(|input: &[u8]| {
    for event in Events::new("events", input, None) {
        if let Err(ReplayError::Value { line, .. }) = event {
            assert!(line > 0);
        }
    }
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Expected::parse(text);
    }
});
