//! Any output template and any recorded event: compiled and rendered without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::event::{RecordedEvent, Source};
use lithify::rules::{Template, one_line};

const EVENT: &str = r#"{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{"evt.type":"openat",
    "proc.name":"bash","fd.name":"/etc/shadow","fd.types":["file","pipe"],"proc.tty":0}}"#;

fuzz_target!(|text: &str| {
    let _ = RecordedEvent::parse(text, 1);
    let event = RecordedEvent::parse(EVENT, 1).expect("the event is one");
    for source in Source::ALL {
        if let Ok(template) = Template::parse(text, source) {
            one_line(&template.render(&event));
            template.fields(&event);
        }
    }
});
