//! What a check found.

use std::fmt;

use serde::Serialize;

use crate::edit::Fix;
use crate::yaml::Pointer;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never a reason to fail.
    Info,
    /// Weaker than it should be.
    Warning,
    /// Wrong.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One thing that is wrong in one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check's identifier, kebab-case.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The judged place; where it does not exist, the report points at its nearest existing ancestor.
    pub pointer: Pointer,
    /// The container's name, where the finding is about one.
    pub container: Option<String>,
    /// What is wrong, lower case, without a final dot.
    pub message: String,
    /// Why it matters or what else to look at, one line each.
    pub notes: Vec<String>,
    /// Other places that explain this one, such as the rule that shadows it, with what they are.
    pub related: Vec<(Pointer, String)>,
    /// How to repair it.
    pub fix: Option<Fix>,
}

impl Finding {
    /// The same finding in an object that stands at `base` in its document.
    pub fn below(mut self, base: &Pointer) -> Self {
        self.pointer = base.concat(&self.pointer);
        for (pointer, _) in &mut self.related {
            *pointer = base.concat(pointer);
        }
        if let Some(fix) = &mut self.fix {
            fix.ops = std::mem::take(&mut fix.ops).into_iter().map(|op| op.below(base)).collect();
        }
        self
    }
}
