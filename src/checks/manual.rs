//! A check's manual: the module doc of its source file, the only copy there is.

use std::fmt::Write;

use super::registry::{CHECKS, Check, Group, Subject};

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

    /// The manual with its headings at another level; comments of its examples are none.
    fn sections(&self, level: &str) -> String {
        let mut text = String::new();
        let mut is_code = false;
        for line in doc_lines(self.source) {
            is_code ^= line.starts_with("```");
            match line.strip_prefix("# ") {
                Some(heading) if !is_code => _ = writeln!(text, "{level} {heading}"),
                _ => _ = writeln!(text, "{line}"),
            }
        }
        text
    }

    /// The manual under its name, with the facts: what `lithify checks ID` prints.
    pub fn page(&self) -> String {
        format!("# {}\n{}\n\n{}", self.id, self.facts(), self.sections("##"))
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

/// All manuals as one Markdown document, `docs/checks.md`: an index by group, then each check.
pub fn document() -> String {
    let mut text =
        "<!-- Written by `make bless` from the checks' own documentation. -->\n# Checks\n".to_owned();
    for group in Group::ALL {
        _ = writeln!(text, "\n**{}**\n", group.title());
        for check in CHECKS.iter().filter(|check| check.group == group) {
            _ = writeln!(text, "- [`{0}`](#{0}): {1}", check.id, check.summary());
        }
    }
    for check in CHECKS {
        _ = write!(text, "\n## {}\n{}\n\n{}", check.id, check.facts(), check.sections("###"));
    }
    text
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
    use super::*;

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
