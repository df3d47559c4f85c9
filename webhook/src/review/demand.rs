//! What a namespace demands: its labels, in Pod Security Admission's manner, over the configuration.
//!
//! Each of the three modes has its own level. A mode without a label has the configuration's demand where the
//! configuration's mode for the namespace is that one, else none.

use std::borrow::Cow;
use std::collections::BTreeMap;

use lithify::checks::{Level, PssVersion, Selection};
use lithify::config::Mode;

use super::policy::Policy;

/// A namespace's labels.
pub type Labels = BTreeMap<String, String>;

/// Objects that violate this level are denied.
pub const ENFORCE_LABEL: &str = "lithify.dev/enforce";
/// Objects that violate this level get a warning.
pub const WARN_LABEL: &str = "lithify.dev/warn";
/// Objects that violate this level are noted in the audit log.
pub const AUDIT_LABEL: &str = "lithify.dev/audit";
/// The level without any demand, as Pod Security Admission calls it.
pub const PRIVILEGED: &str = "privileged";

/// What one mode demands.
#[derive(Clone, Debug)]
pub(super) struct Demand<'p> {
    /// What is done about violations.
    pub(super) mode: Mode,
    /// `immutable:v1.34`.
    pub(super) name: String,
    /// Who says so: the label, or the configuration.
    pub(super) source: &'static str,
    /// The checks.
    pub(super) selection: Cow<'p, Selection>,
}

/// What a namespace demands.
#[derive(Clone, Debug, Default)]
pub(super) struct Demands<'p> {
    /// At most one of each mode, the strongest first.
    pub(super) demands: Vec<Demand<'p>>,
    /// What is wrong with the labels.
    pub(super) problems: Vec<String>,
}

/// The label of each mode, and the level that stands for a value that is none: a typo must not open what was
/// meant to be closed, nor flood clients with warnings.
const LABELS: &[(Mode, &str, &str, Option<Level>)] = &[
    (Mode::Deny, ENFORCE_LABEL, "lithify.dev/enforce-version", Some(Level::Strict)),
    (Mode::Warn, WARN_LABEL, "lithify.dev/warn-version", None),
    (Mode::Audit, AUDIT_LABEL, "lithify.dev/audit-version", None),
];

/// The demands on objects of a namespace.
pub(super) fn demands<'p>(policy: &'p Policy, namespace: &str, labels: &Labels) -> Demands<'p> {
    let mut found = Demands::default();
    for (mode, label, version_label, fallback) in LABELS {
        let problems = &mut found.problems;
        let version = labels.get(*version_label).map(|text| version(version_label, text, problems));
        let demand = match labels.get(*label) {
            Some(text) => level(label, text, *fallback, problems).map(|level| {
                let selection = policy.at(level, version.unwrap_or_default());
                Demand { mode: *mode, name: name(level, version), source: label, selection }
            }),
            None if policy.mode(namespace) == *mode => Some(configured(policy, *mode, version)),
            None => None,
        };
        found.demands.extend(demand);
    }
    found
}

fn configured(policy: &Policy, mode: Mode, version: Option<PssVersion>) -> Demand<'_> {
    let level = policy.level();
    let selection = match version {
        Some(version) => policy.at(level, version),
        None => Cow::Borrowed(policy.selection()),
    };
    let version = version.or(policy.config().pss_version);
    Demand { mode, name: name(level, version), source: "lithify.yaml", selection }
}

fn level(label: &str, text: &str, fallback: Option<Level>, problems: &mut Vec<String>) -> Option<Level> {
    if text == PRIVILEGED {
        return None;
    }
    if let Ok(level) = text.parse() {
        return Some(level);
    }
    let instead = fallback.map_or("no level", Level::name);
    problems.push(format!(
        "namespace label {label} is `{text}`, expected privileged, baseline, immutable, restricted or strict; \
         read as {instead}"
    ));
    fallback
}

fn version(label: &str, text: &str, problems: &mut Vec<String>) -> PssVersion {
    text.parse().unwrap_or_else(|error| {
        problems.push(format!("namespace label {label}: {error}; read as latest"));
        PssVersion::LATEST
    })
}

fn name(level: Level, version: Option<PssVersion>) -> String {
    match version {
        Some(version) if version != PssVersion::LATEST => format!("{}:{version}", level.name()),
        _ => format!("{}:latest", level.name()),
    }
}

#[cfg(test)]
mod tests {
    use lithify::config::{self, Config};
    use lithify::profile::Profiles;

    use super::*;

    fn shown(config: &str, namespace: &str, labels: &[(&str, &str)]) -> Vec<String> {
        let config: Config = config::read(config.as_bytes()).unwrap();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let policy = Policy::new(config, Profiles::default()).unwrap();
        let found = demands(&policy, namespace, &labels);
        let demands = found.demands.iter().map(|demand| format!("{:?} {}", demand.mode, demand.name));
        demands.chain(found.problems).collect()
    }

    #[test]
    fn warns_at_immutable_where_nothing_is_said() {
        assert_eq!(shown("", "web", &[]), ["Warn immutable:latest"]);
    }

    #[test]
    fn labels_outrank_the_configuration_mode_by_mode() {
        let config = "level: strict\nenforcement: {default: audit, namespaces: {prod: deny, dev: off}}\n";
        assert_eq!(shown(config, "prod", &[]), ["Deny strict:latest"]);
        assert_eq!(shown(config, "dev", &[]), [""; 0]);
        assert_eq!(shown(config, "other", &[]), ["Audit strict:latest"]);
        let labels = [(ENFORCE_LABEL, "baseline"), ("lithify.dev/enforce-version", "v1.30")];
        assert_eq!(shown(config, "other", &labels), ["Deny baseline:v1.30", "Audit strict:latest"]);
        assert_eq!(shown(config, "prod", &[(ENFORCE_LABEL, "privileged")]), [""; 0]);
        let labels = [(WARN_LABEL, "restricted"), ("lithify.dev/enforce-version", "v1.20")];
        assert_eq!(shown(config, "prod", &labels), ["Deny strict:v1.20", "Warn restricted:latest"]);
    }

    #[test]
    fn a_typo_closes_what_enforces_and_opens_what_warns() {
        let labels = [(ENFORCE_LABEL, "imutable"), (WARN_LABEL, "x"), ("lithify.dev/enforce-version", "1.3")];
        let shown = shown("", "web", &labels);
        assert_eq!(shown[0], "Deny strict:latest");
        assert_eq!(shown.len(), 4, "{shown:#?}");
        assert!(shown[2].contains("`imutable`, expected privileged, baseline"), "{shown:#?}");
    }
}
