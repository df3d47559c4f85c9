//! Which of the loaded rules are evaluated: by name, by tag, by priority.

use super::predicate::glob_matches;
use super::priority::Priority;

/// Which of the loaded rules are evaluated.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Steps in order; the last that names a rule decides, else the rule's own `enabled`.
    pub steps: Vec<Step>,
    /// Less urgent rules are left out.
    pub priority: Priority,
}

/// Enables or disables rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it enables.
    pub enables: bool,
    /// What it names.
    pub what: What,
}

/// What a step of a selection names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Rules whose name matches a shell pattern.
    Rule(String),
    /// Rules that have a tag.
    Tag(String),
}

impl Default for Selection {
    /// Every rule that is enabled.
    fn default() -> Self {
        Self { steps: Vec::new(), priority: Priority::Debug }
    }
}

impl Selection {
    /// Whether a rule is evaluated.
    pub(super) fn takes<'t>(
        &self,
        name: &str,
        tags: &(impl Iterator<Item = &'t str> + Clone),
        priority: Priority,
        enabled: bool,
    ) -> bool {
        let names = |step: &&Step| match &step.what {
            What::Rule(pattern) => glob_matches(pattern.as_bytes(), false, name.as_bytes()),
            What::Tag(tag) => tags.clone().any(|own| own == tag),
        };
        let decided = self.steps.iter().rev().find(names).map(|step| step.enables);
        priority <= self.priority && decided.unwrap_or(enabled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_that_names_a_rule_decides() {
        let step = |enables, what| Step { enables, what };
        let selection = Selection {
            steps: vec![
                step(false, What::Rule("*".into())),
                step(true, What::Tag("network".into())),
                step(false, What::Rule("Netcat*".into())),
            ],
            priority: Priority::Notice,
        };
        let takes =
            |name, tags: &[&str], priority| selection.takes(name, &tags.iter().copied(), priority, true);
        assert!(takes("Contact server", &["network"], Priority::Warning));
        assert!(!takes("Netcat in container", &["network"], Priority::Warning));
        assert!(!takes("Run shell", &["shell"], Priority::Warning));
        assert!(!takes("Contact server", &["network"], Priority::Debug));
        assert!(Selection::default().takes("any", &[].into_iter(), Priority::Debug, true));
        assert!(!Selection::default().takes("any", &[].into_iter(), Priority::Debug, false));
    }
}
