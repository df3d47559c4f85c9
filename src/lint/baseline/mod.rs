//! The baseline: findings that are known, so that only new ones fail a pipeline.
//!
//! Data in: the file, and each report as it comes. Data out: the known findings moved out of the report, how many
//! entries are stale, and the file to write. Of findings that are alike, as many are known as the file counts.
//!
//! The file is YAML, sorted, one entry a line, so that a change of one finding is a change of one line in a
//! diff. Nothing here knows where files lie: their names are keys, made comparable by the caller.

mod format;

use std::collections::{BTreeMap, BTreeSet};

use super::identity::Identity;
use super::report::{Exempted, ExemptedBy, FileReport, Located, Skip, Suppression};

pub use format::{BaselineError, read};

/// The known findings, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    files: BTreeMap<String, BTreeMap<Identity, usize>>,
}

impl Baseline {
    /// How many findings it knows.
    pub fn len(&self) -> usize {
        self.files.values().flat_map(BTreeMap::values).sum()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// In how many files its findings are.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Adds one finding.
    pub fn add(&mut self, file: &str, identity: Identity) {
        *self.files.entry(file.to_owned()).or_default().entry(identity).or_default() += 1;
    }

    /// Moves what is known of a file from its findings to what is exempt.
    pub fn sort_out(&self, file: &str, report: &mut FileReport) {
        let Some(known) = self.files.get(file) else { return };
        let mut left = known.clone();
        let (known, new) = std::mem::take(&mut report.findings).into_iter().partition(|located| {
            match left.get_mut(&Identity::of(located)) {
                Some(0) | None => false,
                Some(count) => {
                    *count -= 1;
                    true
                }
            }
        });
        report.findings = new;
        report.exempted.extend(known_before(known));
    }

    /// Moves every finding to what is exempt: all of them are what the next run knows.
    pub fn accept(report: &mut FileReport) {
        report.exempted.extend(known_before(std::mem::take(&mut report.findings)));
    }

    /// The same with other names for the files.
    pub fn rename(self, name: impl Fn(&str) -> String) -> Self {
        let files = self.files.into_iter().map(|(file, entries)| (name(&file), entries));
        Self { files: files.collect() }
    }
}

fn known_before(findings: Vec<Located>) -> impl Iterator<Item = Exempted> {
    let by = Suppression { by: ExemptedBy::Baseline, reason: "known from the baseline".to_owned() };
    findings.into_iter().map(move |located| Exempted { located, by: by.clone() })
}

/// What a run met of the findings that are known.
#[derive(Clone, Debug, Default)]
pub struct Met {
    findings: Baseline,
    /// Files that were judged as a whole.
    judged: BTreeSet<String>,
}

impl Met {
    /// Adds a file, from which the known findings are [sorted out](Baseline::sort_out).
    pub fn add(&mut self, file: &str, report: &FileReport) {
        if report.errors.is_empty() && !report.skipped.iter().any(Skip::is_unrendered) {
            self.judged.insert(file.to_owned());
        }
        let known = report.exempted.iter().filter(|exempted| exempted.by.by == ExemptedBy::Baseline);
        for exempted in known {
            self.findings.add(file, Identity::of(&exempted.located));
        }
    }

    /// The findings.
    pub fn into_findings(self) -> Baseline {
        self.findings
    }

    /// What is left of the baseline when its stale entries are taken out.
    ///
    /// An entry is stale where its file was judged, or is gone, by a run that had its check, and its finding was
    /// not there. What the run did not look at stays.
    pub fn remaining(
        self,
        baseline: &Baseline,
        is_selected: impl Fn(&str) -> bool,
        is_gone: impl Fn(&str) -> bool,
    ) -> Baseline {
        let mut remaining = self.findings;
        for (file, entries) in &baseline.files {
            let is_seen = self.judged.contains(file) || is_gone(file);
            for (identity, count) in entries {
                if !is_seen || !is_selected(&identity.check) {
                    remaining.files.entry(file.clone()).or_default().insert(identity.clone(), *count);
                }
            }
        }
        remaining
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    fn report(findings: usize) -> FileReport {
        FileReport { findings: vec![sample::located(); findings], ..FileReport::default() }
    }

    fn baseline(findings: usize) -> Baseline {
        let mut baseline = Baseline::default();
        for _ in 0..findings {
            baseline.add("a.yaml", Identity::of(&sample::located()));
        }
        baseline
    }

    /// How many of two known findings are stale after a run that met a report of `a.yaml`.
    fn stale(report: Option<FileReport>, check: &str, gone: &str) -> usize {
        let (baseline, mut met) = (baseline(2), Met::default());
        if let Some(mut report) = report {
            baseline.sort_out("a.yaml", &mut report);
            met.add("a.yaml", &report);
        }
        2 - met.remaining(&baseline, |own| own == check, |file| file == gone).len()
    }

    #[test]
    fn knows_as_many_of_a_kind_as_it_counts() {
        let mut report = report(3);
        baseline(2).sort_out("a.yaml", &mut report);
        assert_eq!((report.findings.len(), report.exempted.len()), (1, 2));
        baseline(2).sort_out("b.yaml", &mut report);
        assert_eq!(report.findings.len(), 1, "it knows nothing of another file");
    }

    #[test]
    fn tells_what_is_gone() {
        assert_eq!(stale(Some(report(3)), "privileged", ""), 0);
        assert_eq!(stale(Some(report(1)), "privileged", ""), 1);
        assert_eq!(stale(None, "privileged", "a.yaml"), 2);
    }

    #[test]
    fn calls_stale_only_what_it_looked_at() {
        assert_eq!(stale(Some(report(1)), "host-ports", ""), 0, "the check did not run");
        assert_eq!(stale(None, "privileged", ""), 0, "the file was not judged");
        let mut broken = report(0);
        broken.errors = sample::reports().swap_remove(0).errors;
        assert_eq!(stale(Some(broken), "privileged", ""), 0, "the file could not be judged");
        let mut template = report(0);
        template.skipped.push(Skip { reason: "helm-template", of: "shop".to_owned() });
        assert_eq!(stale(Some(template), "privileged", ""), 0, "nobody rendered the chart");
    }
}
