//! How fast rules are evaluated, on one core: `cargo bench --bench rules`.
//!
//! The upstream stable rules (from `../shared/data/falco-rules` where they are, else those of the fixtures)
//! over a million events that fulfil none of them. Prints events a second, nanoseconds by event type, and
//! fails where evaluating allocates.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss, reason = "a benchmark")]

mod generator;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use generator::Call;
use lithify::event::{Event, EventType};
use lithify::rules::{Load, RuleFile, RuleSet, Scratch, Selection};

const EVENTS: usize = 1_000_000;
const ROUNDS: usize = 7;
/// Issue 6: at least so many events a second.
const TARGET: f64 = 1_500_000.0;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let upstream = root.join("../shared/data/falco-rules/falco_rules.yaml");
    let path = if upstream.exists() { upstream } else { root.join("fixtures/rules/scenarios.yaml") };
    let file = RuleFile::new(path.display().to_string(), std::fs::read(&path).unwrap());
    let begun = Instant::now();
    let load = Load::new(&[file], &[]);
    let loaded = Instant::now();
    assert!(load.is_successful(), "{}", load.to_text());
    let set = load.rule_set(&Selection::default());
    println!(
        "{} rules of {}: loaded in {:.1?}, built in {:.1?}",
        set.rules().len(),
        path.file_name().unwrap().display(),
        loaded.duration_since(begun),
        loaded.elapsed()
    );

    let mut scratch = set.scratch();
    let mut events = generator::events(EVENTS + EVENTS / 10);
    events.retain(|event| set.first_match(event, &mut scratch).is_none());
    let matching = EVENTS + EVENTS / 10 - events.len();
    events.truncate(EVENTS);
    let of_many = events.iter().filter(|event| set.rules_of(event.event_type()) >= 3).count();
    println!(
        "{} events that match nothing ({matching} others left out), {:.1} % of types with three or more rules",
        events.len(),
        100.0 * of_many as f64 / events.len() as f64
    );
    assert_eq!(events.len(), EVENTS);
    assert!(of_many * 10 >= EVENTS * 7);

    let allocations = allocation_counter::measure(|| assert_eq!(count(&set, &mut scratch, &events), 0));
    println!("allocations: {}", allocations.count_total);
    assert_eq!(allocations.count_total, 0);

    let rounds = (0..ROUNDS).map(|_| seconds(&set, &mut scratch, &events));
    let best = rounds.min_by(f64::total_cmp).unwrap();
    let rate = EVENTS as f64 / best;
    println!(
        "{:.2} million events/s, {:.0} ns an event (target {:.1} million)",
        rate / 1e6,
        1e9 / rate,
        TARGET / 1e6
    );
    by_type(&set, &mut scratch, &events);
    assert!(rate >= TARGET, "below the target");
}

fn count(set: &RuleSet, scratch: &mut Scratch, events: &[Call]) -> usize {
    events.iter().filter(|event| set.first_match(*event, scratch).is_some()).count()
}

fn seconds(set: &RuleSet, scratch: &mut Scratch, events: &[Call]) -> f64 {
    let begun = Instant::now();
    assert_eq!(std::hint::black_box(count(set, scratch, events)), 0);
    begun.elapsed().as_secs_f64()
}

fn by_type(set: &RuleSet, scratch: &mut Scratch, events: &[Call]) {
    let mut types: BTreeMap<EventType, Vec<Call>> = BTreeMap::new();
    for event in events {
        types.entry(event.event_type()).or_default().push(*event);
    }
    println!("{:12} {:>5} {:>9} {:>6}", "type", "rules", "events", "ns");
    for (kind, events) in types {
        let best = (0..ROUNDS).map(|_| seconds(set, scratch, &events)).min_by(f64::total_cmp).unwrap();
        let ns = best * 1e9 / events.len() as f64;
        println!("{:12} {:>5} {:>9} {ns:>6.0}", kind.name(), set.rules_of(kind), events.len());
    }
}
