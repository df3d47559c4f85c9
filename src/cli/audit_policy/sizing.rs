//! How large a log a policy makes, judged by one that exists.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anstyle::Style;
use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::terminal::Tone;
use super::super::{Outcome, Terminal};
use super::Format;
use super::explain::Subject;
use super::scan::{Scan, scan};
use super::table::{Align, Table, bytes, count, percent};
use super::verdict::level_style;
use crate::audit::{Level, Tally};

/// Work that takes longer shows its progress, on a terminal.
const PATIENCE: Duration = Duration::from_secs(1);

/// A shorter log tells nothing about a day.
const MIN_SPAN: Duration = Duration::from_mins(1);

const SECONDS_A_DAY: f64 = 86_400.0;

pub(super) fn run(
    subject: &Subject<'_>,
    log: &Path,
    format: Format,
    terminal: &mut Terminal,
) -> anyhow::Result<Outcome> {
    let name = log.display().to_string();
    let input: Box<dyn Read> = if log == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(log).with_context(|| format!("open the log {name}"))?)
    };
    let size = std::fs::metadata(log).map(|metadata| metadata.len()).ok().filter(|size| *size > 0);
    let mut progress = Progress::new(size, terminal);
    let scanned = scan(subject.policy, input, |read| progress.show(read));
    progress.clear();
    let scanned = scanned.with_context(|| format!("read the log {name}"))?;
    match format {
        Format::Text => write_text(subject, &name, &scanned, terminal)?,
        Format::Json => {
            writeln!(terminal, "{}", serde_json::to_string_pretty(&to_json(subject, &name, &scanned))?)?;
        }
    }
    if scanned.unreadable == 0 {
        return Ok(Outcome::Clean);
    }
    for (line, reason) in &scanned.first_unreadable {
        terminal.note(Tone::Error, format_args!("{name}:{line}: {reason}"));
    }
    let (unreadable, lines) = (count(scanned.unreadable), count(scanned.lines));
    terminal
        .note(Tone::Error, format_args!("{unreadable} of {lines} lines are no events, and are not counted"));
    Ok(Outcome::Failed)
}

fn write_text(subject: &Subject<'_>, log: &str, scan: &Scan<'_>, terminal: &mut Terminal) -> io::Result<()> {
    let total = scan.sizing.total();
    let (events, size) = (count(total.events), bytes(total.log_bytes));
    writeln!(terminal, "{log}: {events} events, {size}, under the policy {}\n", subject.name)?;
    write!(terminal, "{}", table(subject, scan).render())?;
    let notes = notes(scan);
    if !notes.is_empty() {
        writeln!(terminal)?;
    }
    for note in notes {
        writeln!(terminal, "{note}")?;
    }
    Ok(())
}

fn table(subject: &Subject<'_>, scan: &Scan<'_>) -> Table {
    let total = scan.sizing.total();
    let mut table = Table::new(&[
        ("rule", Align::Left),
        ("line", Align::Right),
        ("level", Align::Left),
        ("events", Align::Right),
        ("recorded", Align::Right),
        ("bytes", Align::Right),
        ("share", Align::Right),
        ("bodies unknown", Align::Right),
    ]);
    let mut row = |style, rule: String, line: String, level: &str, tally: &Tally| {
        let bound = if tally.lacking > 0 { "≥ " } else { "" };
        let unknown = if tally.lacking > 0 { percent(tally.lacking, tally.kept) } else { String::new() };
        table.row(
            style,
            vec![
                rule,
                line,
                level.to_owned(),
                count(tally.events),
                count(tally.kept),
                format!("{bound}{}", bytes(tally.bytes)),
                percent(tally.bytes, total.bytes),
                unknown,
            ],
        );
    };
    for (index, tally) in scan.sizing.rules().iter().enumerate() {
        let level = subject.policy.rules[index].level;
        let line = subject.position(index).line.to_string();
        let style = if tally.events == 0 { level_style(Level::None) } else { level_style(level) };
        row(style, format!("rules[{index}]"), line, level.name(), tally);
    }
    let unmatched = scan.sizing.unmatched();
    if unmatched.events > 0 {
        row(level_style(Level::None), "no rule".to_owned(), String::new(), Level::None.name(), unmatched);
    }
    row(Style::new().bold(), "total".to_owned(), String::new(), "", &total);
    table
}

/// What the numbers mean, one sentence a line.
fn notes(scan: &Scan<'_>) -> Vec<String> {
    let total = scan.sizing.total();
    let mut notes = Vec::new();
    let bound = if total.lacking > 0 { "≥ " } else { "" };
    if total.events > 0 {
        let (size, share) = (bytes(total.bytes), percent(total.bytes, total.log_bytes));
        notes.push(format!("recorded: {bound}{size}, {bound}{share} of this log"));
    }
    if total.omitted > 0 {
        notes.push(match total.omitted {
            1 => "1 event is left out, because its stage is omitted".to_owned(),
            omitted => format!("{} events are left out, because their stage is omitted", count(omitted)),
        });
    }
    if total.lacking > 0 {
        let (lacking, share) = (count(total.lacking), percent(total.lacking, total.kept));
        notes.push(format!(
            "≥: this log has no bodies for {lacking} of these events ({share}); one written under \
             `lithify audit-policy new --template sizing` has them"
        ));
    }
    if let Some(seconds) = span(scan) {
        let (now, then) = (a_day(total.log_bytes, seconds), a_day(total.bytes, seconds));
        notes.push(format!("at this rate: {bound}{} a day (this log: {})", bytes(then), bytes(now)));
    }
    if scan.sizing.lacks_received_events() {
        notes.push(
            "this log has no events of stage RequestReceived, which the policy records: expect about twice as much"
                .to_owned(),
        );
    }
    if scan.sizing.lacks_managed_fields() {
        notes.push(
            "this log's bodies have no managed fields, which the policy records: expect larger bodies"
                .to_owned(),
        );
    }
    if total.events > 0 {
        notes.push("requests that this log's own policy did not record are not counted".to_owned());
    }
    notes
}

/// The seconds from the first event to the last, where they are enough to tell a rate from.
fn span(scan: &Scan<'_>) -> Option<f64> {
    let (first, last) = scan.sizing.span()?;
    let (first, last): (Timestamp, Timestamp) = (first.parse().ok()?, last.parse().ok()?);
    let seconds = last.duration_since(first).as_secs_f64();
    (seconds >= MIN_SPAN.as_secs_f64()).then_some(seconds)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn a_day(bytes: u64, seconds: f64) -> u64 {
    (bytes as f64 / seconds * SECONDS_A_DAY) as u64
}

fn to_json(subject: &Subject<'_>, log: &str, scan: &Scan<'_>) -> Value {
    let tally = |tally: &Tally| {
        json!({
            "events": tally.events, "logBytes": tally.log_bytes, "recorded": tally.kept, "bytes": tally.bytes,
            "exact": tally.lacking == 0, "bodiesUnknown": tally.lacking,
            "bodiesUnknownShare": tally.lacking_share(), "stageOmitted": tally.omitted,
        })
    };
    let rules: Vec<Value> = scan
        .sizing
        .rules()
        .iter()
        .enumerate()
        .map(|(index, counts)| {
            let position = subject.position(index);
            let mut rule = json!({
                "index": index, "line": position.line, "column": position.column,
                "level": subject.policy.rules[index].level,
            });
            if let (Value::Object(rule), Value::Object(counts)) = (&mut rule, tally(counts)) {
                rule.extend(counts);
            }
            rule
        })
        .collect();
    let first: Vec<Value> =
        scan.first_unreadable.iter().map(|(line, reason)| json!({"line": line, "message": reason})).collect();
    let total = scan.sizing.total();
    json!({
        "version": 1, "policy": subject.name, "log": log, "lines": scan.lines, "rules": rules,
        "unmatched": tally(scan.sizing.unmatched()), "total": tally(&total),
        "bytesADay": span(scan).map(|seconds| a_day(total.bytes, seconds)),
        "lacksReceivedEvents": scan.sizing.lacks_received_events(),
        "lacksManagedFields": scan.sizing.lacks_managed_fields(),
        "unreadable": {"lines": scan.unreadable, "first": first},
    })
}

/// A line on standard error that tells how far the reading is.
struct Progress {
    size: Option<u64>,
    begun: Instant,
    shown: Option<Instant>,
    out: Option<anstream::AutoStream<io::Stderr>>,
}

impl Progress {
    /// How often the line is redrawn.
    const INTERVAL: Duration = Duration::from_millis(200);

    fn new(size: Option<u64>, terminal: &Terminal) -> Self {
        let out = Terminal::is_watched().then(|| terminal.stderr());
        Self { size, begun: Instant::now(), shown: None, out }
    }

    fn show(&mut self, read: u64) {
        let Some(out) = &mut self.out else { return };
        let now = Instant::now();
        let is_due = self.shown.is_none_or(|shown| now - shown >= Self::INTERVAL);
        if now - self.begun < PATIENCE || !is_due {
            return;
        }
        self.shown = Some(now);
        let of =
            self.size.map(|size| format!(" of {}, {}", bytes(size), percent(read, size))).unwrap_or_default();
        let _ = write!(out, "\r\x1b[Kread {}{of}", bytes(read));
    }

    fn clear(&mut self) {
        if let (Some(out), Some(_)) = (&mut self.out, self.shown) {
            let _ = write!(out, "\r\x1b[K");
        }
    }
}
