//! Any rule file: loaded, described, built and tried on an event without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::event::RecordedEvent;
use lithify::rules::{Load, RuleFile, Selection};

const EVENT: &str = r#"{"time":"2026-11-01T10:00:00Z","source":"syscall","fields":{"evt.type":"execve",
    "proc.name":"bash","proc.cmdline":"bash -c id","fd.name":"/etc/shadow","proc.aname":["sshd","systemd"],
    "fd.num":3,"evt.is_open_read":true,"container.id":"host"}}"#;

fuzz_target!(|source: &[u8]| {
    let load = Load::new(&[RuleFile::new("fuzz.yaml", source)], &[]);
    load.to_json();
    load.to_text();
    for name in load.rule_names() {
        load.describe(name);
        load.describe_text(name);
    }
    let set = load.rule_set(&Selection::default());
    set.needs();
    let event = RecordedEvent::parse(EVENT, 1).expect("the event is one");
    let mut scratch = set.scratch();
    set.all_matches(&event, &mut scratch, &mut |rule| {
        rule.output.render(&event);
        rule.output_fields(&event);
    });
});
