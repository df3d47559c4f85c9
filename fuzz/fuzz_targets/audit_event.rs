//! Any audit event: every field asked for without a panic.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use lithify::event::{AuditEvent, Event, Field, FieldId, Source, Timestamp};

fuzz_target!(|source: &[u8]| {
    let Ok(json) = serde_json::from_slice(source) else { return };
    let event = AuditEvent::new(json, 1, Timestamp(0));
    for id in FieldId::all().filter(|id| id.is_of(Source::K8sAudit)) {
        for argument in [None, Some("0"), Some("/requestObject/spec"), Some("command")] {
            let Ok(field) = Field::resolve(id.name(), argument, Source::K8sAudit) else { continue };
            event.value(&field);
            event.each(&field, &mut |_| ControlFlow::Continue(()));
        }
    }
});
