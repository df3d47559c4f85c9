//! What the summary counts while the findings go by: by check, by namespace, the worst files, the exemptions.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::{Coverage, ExemptedBy, FileReport};
use crate::checks::Severity;

/// Files that the summary names; the others are found by the text filter.
const WORST_FILES: usize = 25;

/// Findings by severity, worst first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counts {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) infos: usize,
}

impl Counts {
    pub(super) fn sum(self) -> usize {
        self.errors + self.warnings + self.infos
    }

    fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Info => self.infos += 1,
        }
    }
}

/// One namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Namespace {
    pub(super) findings: Counts,
    pub(super) coverage: Coverage,
}

/// Findings that were allowed: how, from what, and why.
pub(super) type Allowed = (&'static str, &'static str, String);

/// All counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    pub(super) checks: BTreeMap<&'static str, Counts>,
    pub(super) namespaces: BTreeMap<String, Namespace>,
    /// The worst files, worst first.
    pub(super) files: Vec<(String, Counts)>,
    pub(super) allowed: BTreeMap<Allowed, usize>,
}

impl Groups {
    pub(super) fn add(&mut self, report: &FileReport) {
        let mut of_file = Counts::default();
        for located in &report.findings {
            let severity = located.finding.severity;
            of_file.add(severity);
            self.checks.entry(located.finding.check).or_default().add(severity);
            self.namespace(&located.object.namespace).findings.add(severity);
        }
        for coverage in &report.coverage {
            self.namespace(&coverage.namespace).coverage.add(coverage);
        }
        for exempted in &report.exempted {
            if exempted.by.by == ExemptedBy::Baseline {
                continue;
            }
            let by = exempted.by.by.name();
            let allowed = (exempted.located.finding.check, by, exempted.by.reason.clone());
            *self.allowed.entry(allowed).or_default() += 1;
        }
        if of_file.sum() > 0 {
            self.keep_worst(&report.file, of_file);
        }
    }

    fn namespace(&mut self, name: &str) -> &mut Namespace {
        if !self.namespaces.contains_key(name) {
            self.namespaces.insert(name.to_owned(), Namespace::default());
        }
        self.namespaces.get_mut(name).expect("it has just been put there")
    }

    fn keep_worst(&mut self, file: &str, counts: Counts) {
        let place = self.files.partition_point(|(_, other)| *other >= counts);
        if place < WORST_FILES {
            self.files.insert(place, (file.to_owned(), counts));
            self.files.truncate(WORST_FILES);
        }
    }

    /// The checks with findings, worst first.
    pub(super) fn checks(&self) -> Vec<(&'static str, Counts)> {
        let mut checks: Vec<_> = self.checks.iter().map(|(check, counts)| (*check, *counts)).collect();
        checks.sort_by_key(|(_, counts)| Reverse(*counts));
        checks
    }

    /// The namespaces, those with most findings first.
    pub(super) fn namespaces(&self) -> Vec<(&str, &Namespace)> {
        let all = self.namespaces.iter();
        let mut namespaces: Vec<_> = all.map(|(name, namespace)| (name.as_str(), namespace)).collect();
        namespaces.sort_by_key(|(_, namespace)| Reverse(namespace.findings));
        namespaces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::report::sample;

    fn report(file: &str, findings: usize) -> FileReport {
        let findings = vec![sample::located(); findings];
        FileReport { file: file.to_owned(), findings, ..FileReport::default() }
    }

    #[test]
    fn keeps_the_worst_files_and_no_more() {
        let mut groups = Groups::default();
        for number in 1..=100 {
            groups.add(&report(&number.to_string(), number % 50));
        }
        assert_eq!(groups.files.len(), WORST_FILES);
        let names: Vec<_> = groups.files.iter().map(|(name, _)| name.as_str()).take(3).collect();
        assert_eq!(names, ["49", "99", "48"]);
    }
}
