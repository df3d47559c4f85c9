//! Items as they stand in a file, before those of all files are put together.

use std::collections::BTreeSet;

use super::super::diagnostic::Context;
use super::super::priority::Priority;
use super::super::source_text::{Phrase, Spot};
use super::super::version::Version;

/// An item of a rule file.
#[derive(Clone, Debug)]
pub(in super::super) enum Item {
    Engine {
        required: Version,
        context: Context,
    },
    Plugins(Vec<PluginRequirement>),
    List(ListItem),
    Macro(MacroItem),
    Rule(Box<RuleItem>),
    /// Kind and name of an item that was refused.
    Refused(&'static str, String),
}

/// Any one of these plugins must be there.
#[derive(Clone, Debug)]
pub(in super::super) struct PluginRequirement {
    pub(in super::super) alternatives: Vec<Requirement>,
    pub(in super::super) context: Context,
}

#[derive(Clone, Debug)]
pub(in super::super) struct Requirement {
    pub(in super::super) name: String,
    pub(in super::super) version: String,
}

/// Whether an item stands for itself or adds to one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Merge {
    Define,
    Append,
}

#[derive(Clone, Debug)]
pub(in super::super) struct ListItem {
    pub(in super::super) name: String,
    pub(in super::super) items: Vec<(String, Spot)>,
    pub(in super::super) merge: Merge,
    pub(in super::super) context: Context,
}

#[derive(Clone, Debug)]
pub(in super::super) struct MacroItem {
    pub(in super::super) name: String,
    pub(in super::super) condition: Phrase,
    pub(in super::super) merge: Merge,
    pub(in super::super) context: Context,
}

#[derive(Clone, Debug)]
pub(in super::super) struct RuleItem {
    pub(in super::super) name: String,
    pub(in super::super) context: Context,
    /// The source that is written there.
    pub(in super::super) source: Option<String>,
    pub(in super::super) change: RuleChange,
}

/// What a rule's item does.
#[derive(Clone, Debug)]
pub(in super::super) enum RuleChange {
    /// A rule of its own.
    Define(Box<RuleParts>),
    /// Parts that are added to a rule's, then parts that replace a rule's.
    Update { append: Option<Box<RuleParts>>, replace: Option<Box<RuleParts>> },
    /// Whether a rule is enabled.
    Enable(bool),
}

/// The parts of a rule that an item has.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct RuleParts {
    pub(in super::super) condition: Option<Phrase>,
    pub(in super::super) output: Option<Phrase>,
    pub(in super::super) description: Option<Phrase>,
    pub(in super::super) priority: Option<(Priority, Spot)>,
    pub(in super::super) tags: Option<(BTreeSet<String>, Spot)>,
    pub(in super::super) exceptions: Option<(Vec<ExceptionItem>, Spot)>,
    pub(in super::super) enabled: Option<(bool, Spot)>,
    pub(in super::super) warn_evttypes: Option<(bool, Spot)>,
    pub(in super::super) skip_if_unknown_filter: Option<(bool, Spot)>,
    pub(in super::super) capture: Option<(bool, Spot)>,
    pub(in super::super) capture_duration: Option<(u32, Spot)>,
}

/// An exception to a rule.
#[derive(Clone, Debug)]
pub(in super::super) struct ExceptionItem {
    pub(in super::super) name: String,
    pub(in super::super) fields: Option<Entry>,
    pub(in super::super) comps: Option<Entry>,
    pub(in super::super) values: Vec<Entry>,
    pub(in super::super) context: Context,
}

/// A word, or several.
#[derive(Clone, Debug)]
pub(in super::super) enum Entry {
    One(String, Spot),
    Several(Vec<Entry>, Spot),
}

impl Entry {
    pub(in super::super) const fn spot(&self) -> &Spot {
        match self {
            Self::One(_, spot) | Self::Several(_, spot) => spot,
        }
    }
}
