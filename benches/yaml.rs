//! How fast real manifests are read, on one core, beside other readers: `cargo bench --bench yaml`.
//!
//! The manifests are those of `../shared/data`, else those of `fixtures/yaml`. What counts are the ratios
//! within one run; the tree must be made at least twice as fast as serde-saphyr makes values.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use granit_parser::Parser;
use lithify::edit::{FieldOp, yaml_sink};
use lithify::yaml::{Pointer, Stream};
use serde_json::{Value, json};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/manifests");
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/yaml/texts");
const ROUNDS: usize = 40;

fn main() {
    let directory = if Path::new(SHARED).is_dir() { SHARED } else { OWN };
    let mut texts = Vec::new();
    collect(Path::new(directory), &mut texts);
    let bytes = texts.iter().map(String::len).sum();
    println!("{} files, {bytes} bytes", texts.len());

    let tree = measure("our tree", bytes, || {
        texts.iter().filter_map(|text| Stream::parse(text.as_bytes()).ok()).map(|s| s.documents().len()).sum()
    });
    measure("our tree and values", bytes, || {
        let streams = texts.iter().filter_map(|text| Stream::parse(text.as_bytes()).ok());
        streams.map(|s| s.documents().filter(|document| !document.to_value().is_null()).count()).sum()
    });
    let append = [FieldOp::Set { at: Pointer::root().join("added"), value: json!({"by": ["a", "bench"]}) }];
    measure("one edit, checked", bytes, || {
        texts.iter().filter(|text| yaml_sink(text.as_bytes(), 0, &append).is_ok()).count()
    });
    let granit = measure("granit-parser's events", bytes, || {
        texts.iter().map(|text| Parser::new_from_str(text).take_while(Result::is_ok).count()).sum()
    });
    let saphyr = measure("serde-saphyr's values", bytes, || {
        texts.iter().filter(|text| serde_saphyr::from_multiple::<Value>(text).is_ok()).count()
    });
    println!("our tree: {:.1} x serde-saphyr, {:.1} x granit-parser", saphyr / tree, granit / tree);
}

fn collect(directory: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, texts);
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.push(text);
        }
    }
}

/// Prints the best of several rounds; returns its seconds.
#[allow(clippy::cast_precision_loss)]
fn measure(what: &str, bytes: usize, work: impl Fn() -> usize) -> f64 {
    let round = || {
        let begun = Instant::now();
        black_box(work());
        begun.elapsed().as_secs_f64()
    };
    let best = (0..ROUNDS).map(|_| round()).min_by(f64::total_cmp).unwrap();
    println!("{what:24} {:6.0} MB/s", bytes as f64 / 1e6 / best);
    best
}
