//! Any body that somebody sends to the audit endpoint: events or a refusal, within the limits, without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify_probe::audit::decode;

fuzz_target!(|body: &[u8]| {
    let (Ok(all), Ok(short)) = (decode(body, usize::MAX), decode(body, 64)) else {
        // A body is refused for what it is, not for the size of its events.
        assert!(decode(body, usize::MAX).is_err() && decode(body, 64).is_err());
        return;
    };
    assert!(all.bytes <= body.len() && all.oversized == 0);
    assert!(all.events.iter().all(serde_json::Value::is_object));
    let found = |decoded: &lithify_probe::audit::Decoded| {
        decoded.events.len() + decoded.oversized + decoded.malformed
    };
    assert_eq!(found(&all), found(&short));
});
