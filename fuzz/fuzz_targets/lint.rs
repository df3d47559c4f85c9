//! Any file: every check judges it without a panic, and its own fixes can be written into it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lithify::checks::{Context, Level, PssVersion, Selection, Severity};
use lithify::edit::yaml_sink;
use lithify::lint::{Settings, judge};

fuzz_target!(|source: &[u8]| {
    let settings = Settings {
        selection: Selection::level(Level::Strict, PssVersion::LATEST),
        context: Context::default(),
        exemptions: Vec::new(),
        today: "2027-01-01".parse().expect("a date"),
        static_pods: true,
        least: Severity::Info,
        coverage: true,
    };
    let report = judge("manifests/fuzzed.yaml", source.to_vec(), &settings, &Vec::new);
    for located in &report.findings {
        if let Some(fix) = &located.finding.fix {
            let _ = yaml_sink(source, located.document, &fix.ops);
        }
    }
});
