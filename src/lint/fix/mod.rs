//! Repairs of what was found in one source, until nothing more can be repaired.
//!
//! Data in: the bytes of a file. Data out: the bytes that it should have, what was repaired, and what remains
//! with the reason. Each round judges the text, gathers the repairs that do not get into each other's way
//! ([`batch`]), writes them at once and judges again: one repair can move what another one names, or make it
//! needless. What the editor refuses (an anchor that is used elsewhere) remains, with its reason.

mod batch;

use std::collections::HashMap;
use std::sync::Arc;

use self::batch::{Batch, Joined};
use super::Settings;
use super::report::{FileReport, Located, ObjectRef};
use super::source::{judge_stream, parse, unparsed};
use crate::checks::Finding;
use crate::checks::static_pod::Sibling;
use crate::edit::{Applicability, Draft, EditError, Fix};
use crate::yaml::{Pointer, Position, Stream};

/// No file needs more rounds; were one to, the rest remains and is reported.
const ROUNDS: usize = 32;

/// What became of a source.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    /// The new text; `None` where nothing was repaired.
    pub text: Option<Vec<u8>>,
    /// What was repaired, in the order of the text.
    pub repaired: Vec<Repair>,
    /// The judgement of the new text, or of the old one where nothing was repaired.
    pub report: FileReport,
    /// Why the findings of the report remain, in their order.
    pub remaining: Vec<Why>,
    /// What was wrong with the old text, where it was.
    before: Vec<Located>,
}

impl Fixed {
    /// A source that was not repaired.
    pub fn unchanged(report: FileReport) -> Self {
        Self { report, ..Self::default() }
    }

    /// The same, with the places of what remains in the old text: for who does not write the new one.
    pub fn at_old_places(mut self) -> Self {
        let is_same = |old: &Located, new: &Located| {
            let (one, other) = (&old.finding, &new.finding);
            old.document == new.document && one.check == other.check && one.message == other.message
        };
        for located in &mut self.report.findings {
            if let Some(index) = self.before.iter().position(|old| is_same(old, located)) {
                // Each place once: two findings can say the same.
                let old = self.before.remove(index);
                (located.position, located.end, located.span) = (old.position, old.end, old.span);
            }
        }
        self
    }
}

/// One repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The check.
    pub check: &'static str,
    /// Where the finding was, in the text before the round that repaired it.
    pub position: Position,
    /// The object.
    pub object: Arc<ObjectRef>,
    /// The container, where the finding was about one.
    pub container: Option<String>,
    /// What was done.
    pub title: String,
    /// How sure that is.
    pub applicability: Applicability,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// Why a finding remains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The repair can change behaviour, and nobody asked for it.
    Unsafe,
    /// There is no repair by a program.
    NoFix,
    /// The repair does not fit the text.
    Refused(String),
}

/// Repairs a source: with safe repairs only, or with unsafe ones as well.
pub fn fix(
    file: &str,
    bytes: &[u8],
    settings: &Settings,
    siblings: &dyn Fn() -> Vec<Sibling>,
    with_unsafe: bool,
) -> Fixed {
    let (refused, repaired, before) = (Refused::default(), Vec::new(), Vec::new());
    let mut fixer = Fixer { file, settings, siblings, with_unsafe, refused, repaired, before };
    let (text, report) = match parse(file, bytes) {
        Err(error) => (None, unparsed(file, error)),
        Ok(stream) => fixer.run(&stream, ROUNDS),
    };
    let Fixer { refused, mut repaired, before, .. } = fixer;
    let remaining = report.findings.iter().map(|located| refused.why(located, with_unsafe)).collect();
    repaired.sort_by_key(|repair| repair.position);
    Fixed { text, repaired, report, remaining, before }
}

/// Repairs of one source.
struct Fixer<'f> {
    file: &'f str,
    settings: &'f Settings,
    siblings: &'f dyn Fn() -> Vec<Sibling>,
    with_unsafe: bool,
    refused: Refused,
    repaired: Vec<Repair>,
    /// See [`Fixed::before`].
    before: Vec<Located>,
}

impl Fixer<'_> {
    /// Judges, repairs and goes on with what comes of that, for so many rounds: the last text, if it is another
    /// one, and its judgement.
    ///
    /// Each text is parsed once: the round that wrote it has compared it with what was meant.
    fn run(&mut self, stream: &Stream<'_>, rounds: usize) -> (Option<Vec<u8>>, FileReport) {
        let report = judge_stream(self.file, stream, self.settings, self.siblings);
        if rounds == 0 {
            return (None, report);
        }
        let Some((draft, done)) = self.draft(stream, &report.findings) else { return (None, report) };
        let before = self.repaired.len();
        self.repaired.extend(done.iter().map(|(located, fix)| Repair::new(located, fix)));
        match draft.finish_with(|after| self.run(after, rounds - 1)) {
            Ok((text, (later, judged))) => {
                // The last to come here is the first round.
                self.before = report.findings;
                (Some(later.unwrap_or(text)), judged)
            }
            Err(error) => {
                self.repaired.truncate(before);
                for (located, _) in done {
                    self.refused.add(located, error.to_string());
                }
                (None, report)
            }
        }
    }

    /// As many of the repairs as go together; `None` where there are none.
    fn draft<'s, 'l>(
        &mut self,
        stream: &'s Stream<'s>,
        findings: &'l [Located],
    ) -> Option<(Draft<'s>, Vec<(&'l Located, &'l Fix)>)> {
        let wanted = findings.iter().filter_map(|located| {
            let fix = applicable(&located.finding, self.with_unsafe)?;
            (!self.refused.has(located)).then_some((located, fix))
        });
        let wanted: Vec<_> = wanted.collect();
        if wanted.is_empty() {
            return None;
        }
        // It was judged all the same, but not everything can be written.
        if stream.duplicates().len() > 0
            && let Err(error) = Stream::parse(stream.source().as_bytes())
        {
            for (located, _) in wanted {
                self.refused.add(located, format!("the file cannot be edited: {error}"));
            }
            return None;
        }
        let mut draft = Draft::new(stream);
        let mut done = Vec::new();
        for wanted in wanted.chunk_by(|one, other| one.0.document == other.0.document) {
            done.extend(self.draft_document(&mut draft, wanted));
        }
        (!done.is_empty()).then_some((draft, done))
    }

    /// Those of a document's repairs that are in the draft then.
    fn draft_document<'l>(
        &mut self,
        draft: &mut Draft<'_>,
        wanted: &[(&'l Located, &'l Fix)],
    ) -> Vec<(&'l Located, &'l Fix)> {
        let Some((first, _)) = wanted.first() else { return Vec::new() };
        let mut batch = Batch::default();
        let mut done = Vec::new();
        for (located, fix) in wanted {
            if batch.joins(&fix.ops) {
                batch.accept(&fix.ops);
                done.push((*located, *fix));
            }
        }
        // Nearly always all can be written, and at once is faster. Else it must show which cannot.
        if batch.all().is_some_and(|ops| draft.add(first.document, ops).is_ok()) {
            return done;
        }
        (batch, done) = (Batch::default(), Vec::new());
        for (located, fix) in wanted {
            let Joined::Now(ops) = batch.join(&fix.ops) else { continue };
            match draft.add(located.document, &ops) {
                Ok(()) => {
                    batch.accept(&fix.ops);
                    done.push((*located, *fix));
                }
                Err(EditError::Refused { refusal, .. }) => self.refused.add(located, refusal.to_string()),
                Err(error) => self.refused.add(located, error.to_string()),
            }
        }
        done
    }
}

/// Repairs that cannot be made, by document, check and place.
#[derive(Debug, Default)]
struct Refused(HashMap<(usize, &'static str, Pointer), String>);

impl Refused {
    fn key(located: &Located) -> (usize, &'static str, Pointer) {
        (located.document, located.finding.check, located.finding.pointer.clone())
    }

    fn add(&mut self, located: &Located, reason: String) {
        self.0.insert(Self::key(located), reason);
    }

    fn has(&self, located: &Located) -> bool {
        !self.0.is_empty() && self.0.contains_key(&Self::key(located))
    }

    fn why(&self, located: &Located, with_unsafe: bool) -> Why {
        if let Some(reason) = self.0.get(&Self::key(located)) {
            return Why::Refused(reason.clone());
        }
        match applicable(&located.finding, with_unsafe) {
            Some(_) => Why::Refused(format!("not repaired within {ROUNDS} rounds")),
            None if located
                .finding
                .fix
                .as_ref()
                .is_some_and(|fix| fix.applicability == Applicability::Unsafe) =>
            {
                Why::Unsafe
            }
            None => Why::NoFix,
        }
    }
}

fn applicable(finding: &Finding, with_unsafe: bool) -> Option<&Fix> {
    let least = if with_unsafe { Applicability::Unsafe } else { Applicability::Safe };
    finding.fix.as_ref().filter(|fix| fix.applicability >= least)
}

impl Repair {
    fn new(located: &Located, fix: &Fix) -> Self {
        Self {
            check: located.finding.check,
            position: located.position,
            object: located.object.clone(),
            container: located.finding.container.clone(),
            title: fix.title.to_string(),
            applicability: fix.applicability,
            notes: fix.notes.clone(),
        }
    }
}
