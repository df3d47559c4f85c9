//! A check's manual: the module doc of its source file, the only copy there is.

use std::fmt::Write;

use super::registry::{Check, Group, Subject};

impl Check {
    /// What the check finds: the first sentence of its manual.
    pub fn summary(&self) -> String {
        let lines = doc_lines(self.source).skip_while(|line| line.starts_with('#') || line.is_empty());
        let paragraph = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        match paragraph.split_once(". ") {
            Some((first, _)) => format!("{first}."),
            None => paragraph,
        }
    }

    /// The manual, as Markdown.
    pub fn manual(&self) -> String {
        let mut text = String::new();
        for line in doc_lines(self.source) {
            _ = writeln!(text, "{line}");
        }
        text
    }

    /// `error · Pod Security Standards, baseline · since v1.34`: what the manual's reader asks first.
    pub fn facts(&self) -> String {
        let mut text = format!("{} · {}", self.severity, self.group.title());
        if let Subject::PodSpec([first, later @ ..]) = self.subject {
            if first.since > super::PssVersion::minor(0) {
                _ = write!(text, " · since {}", first.since);
            }
            if !later.is_empty() {
                let versions: Vec<_> = later.iter().map(|revision| revision.since.to_string()).collect();
                _ = write!(text, " · changed in {}", versions.join(", "));
            }
        }
        text
    }
}

impl Group {
    /// Every group, in the manual's order.
    pub const ALL: [Self; 5] =
        [Self::Baseline, Self::Restricted, Self::Immutable, Self::StaticPod, Self::AuditPolicy];

    /// `Pod Security Standards, baseline`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Baseline => "Pod Security Standards, baseline",
            Self::Restricted => "Pod Security Standards, restricted",
            Self::Immutable => "immutable containers",
            Self::StaticPod => "static pods of the control plane",
            Self::AuditPolicy => "audit policies",
        }
    }
}

/// The text of the leading `//!` lines.
fn doc_lines(source: &'static str) -> impl Iterator<Item = &'static str> {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::super::CHECKS;

    const SECTIONS: [&str; 5] =
        ["# What it does", "# Why it matters", "# Example", "# Fix safety", "# References"];

    #[test]
    fn every_manual_has_every_section() {
        for check in CHECKS {
            let manual = check.manual();
            let found: Vec<_> = manual.lines().filter(|line| line.starts_with("# ")).collect();
            assert_eq!(found, SECTIONS, "{}", check.id);
            assert!(manual.contains("```yaml"), "{}", check.id);
            let summary = check.summary();
            assert!(summary.ends_with('.') && summary.len() < 200, "{}: {summary}", check.id);
        }
    }

    #[test]
    fn every_identifier_names_its_file_and_is_unique() {
        for (index, check) in CHECKS.iter().enumerate() {
            assert!(check.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
            assert!(CHECKS[..index].iter().all(|other| other.id != check.id), "{}", check.id);
            assert!(check.source.contains(&format!("\"{}\"", check.id)), "{}", check.id);
        }
    }
}
