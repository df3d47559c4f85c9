//! From the items of all files to one set of rules, macros and lists: later items replace, append to or
//! change earlier ones of the same name.
//!
//! An item that replaces keeps the place in the order, and gets the visibility of its own place: a macro
//! sees the macros that stand before its last definition.

mod exceptions;
mod rule;

use std::collections::{HashMap, HashSet};

use crate::event::Source;
use crate::nearest::nearest;

use super::code::Code;
use super::diagnostic::{Context, Diagnostic};
use super::read::{Item, ListItem, MacroItem, Merge, PluginRequirement, RuleChange, RuleItem, RuleParts};
use super::said::Said;
use super::source_text::{Phrase, Spot};
use super::version::{BUILT_IN_PLUGINS, ENGINE_VERSION, Version};
pub(super) use exceptions::{collect_fields, with_exceptions, word_of_list};
pub(super) use rule::RuleInfo;
pub use rule::{Change, Origin};

/// Things of one kind by name, in the order in which they were first defined.
#[derive(Clone, Debug)]
pub(super) struct Named<T> {
    items: Vec<T>,
    numbers: HashMap<String, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { items: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T> Named<T> {
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.number(name).map(|number| &self.items[number])
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.number(name).map(|number| &mut self.items[number])
    }

    pub(super) fn items(&self) -> &[T] {
        &self.items
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.numbers.keys().map(String::as_str)
    }

    fn insert(&mut self, name: &str, item: T) {
        self.numbers.insert(name.to_owned(), self.items.len());
        self.items.push(item);
    }
}

/// A list, all files put together.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) items: Vec<(String, Spot)>,
    pub(super) context: Context,
    /// Its place in the order, by its first definition.
    pub(super) index: usize,
    /// It sees what has a smaller index.
    pub(super) visibility: usize,
}

/// A macro, all files put together.
#[derive(Clone, Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) condition: Phrase,
    pub(super) context: Context,
    pub(super) index: usize,
    pub(super) visibility: usize,
}

/// Everything that the files define.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) lists: Named<List>,
    pub(super) macros: Named<Macro>,
    pub(super) rules: Named<RuleInfo>,
    pub(super) required_engine: Option<Version>,
    plugins: Vec<PluginRequirement>,
    /// Kinds and names of items that were refused, so that what builds on them is not blamed.
    refused: HashSet<(&'static str, String)>,
    next_index: usize,
}

impl Collected {
    pub(super) fn add(&mut self, item: Item, diagnostics: &mut Said) {
        let result = match item {
            Item::Engine { required, context } => self.require_engine(required, context),
            Item::Plugins(requirements) => {
                self.plugins.extend(requirements);
                Ok(())
            }
            Item::List(item) => self.add_list(item, diagnostics),
            Item::Macro(item) => self.add_macro(item, diagnostics),
            Item::Rule(item) => self.add_rule(*item, diagnostics),
            Item::Refused(kind, name) => {
                self.refused.insert((kind, name));
                Ok(())
            }
        };
        if let Err(refused) = result {
            diagnostics.extend(refused);
        }
    }

    fn next(&mut self) -> usize {
        self.next_index += 1;
        self.next_index - 1
    }

    /// Whether an item of this name was refused.
    pub(super) fn was_refused(&self, kind: &'static str, name: &str) -> bool {
        self.refused.contains(&(kind, name.to_owned()))
    }

    fn require_engine(&mut self, required: Version, context: Context) -> Added {
        if !ENGINE_VERSION.satisfies(required) {
            let message =
                format!("Rules require engine version {required}, but engine version is {ENGINE_VERSION}");
            return refuse(Diagnostic::new(Code::Validate, message, context));
        }
        self.required_engine = self.required_engine.max(Some(required));
        Ok(())
    }

    /// The plugins that the files ask for, each with its alternatives: `json 0.7.0`.
    pub(super) fn required_plugins(&self) -> Vec<Vec<String>> {
        let said = |requirement: &PluginRequirement| {
            let alternatives = requirement.alternatives.iter();
            alternatives.map(|plugin| format!("{} {}", plugin.name, plugin.version)).collect()
        };
        self.plugins.iter().map(said).collect()
    }

    /// Checks that every plugin that the files ask for is built in.
    pub(super) fn check_plugins(&self, diagnostics: &mut Said) {
        for requirement in &self.plugins {
            diagnostics.extend(check_plugin(requirement));
        }
    }

    fn add_list(&mut self, item: ListItem, diagnostics: &mut Said) -> Added {
        let index = self.next();
        let name = item.name.clone();
        match (self.lists.get_mut(&name), item.merge) {
            (Some(list), Merge::Append) => {
                list.items.extend(item.items);
                list.visibility = index;
            }
            (Some(list), Merge::Define) => {
                diagnostics.push(redefined("List", &name, &list.context, &item.context));
                list.items = item.items;
                list.context = item.context;
                list.visibility = index;
            }
            (None, Merge::Append) => {
                const MESSAGE: &str =
                    "List uses 'append' or 'override.items: append' but no list by that name already exists";
                return self.no_previous("list", &name, MESSAGE, item.context);
            }
            (None, Merge::Define) => {
                let ListItem { items, context, .. } = item;
                let list = List { name: name.clone(), items, context, index, visibility: index };
                self.lists.insert(&name, list);
            }
        }
        Ok(())
    }

    fn add_macro(&mut self, item: MacroItem, diagnostics: &mut Said) -> Added {
        let index = self.next();
        let name = item.name.clone();
        match (self.macros.get_mut(&name), item.merge) {
            (Some(entry), Merge::Append) => {
                entry.condition.append(" ", &item.condition);
                entry.visibility = index;
            }
            (Some(entry), Merge::Define) => {
                diagnostics.push(redefined("Macro", &name, &entry.context, &item.context));
                entry.condition = item.condition;
                entry.context = item.context;
                entry.visibility = index;
            }
            (None, Merge::Append) => {
                const MESSAGE: &str = "Macro uses 'append' or 'override.condition: append' but no macro by \
                    that name already exists";
                return self.no_previous("macro", &name, MESSAGE, item.context);
            }
            (None, Merge::Define) => {
                let MacroItem { condition, context, .. } = item;
                let entry = Macro { name: name.clone(), condition, context, index, visibility: index };
                self.macros.insert(&name, entry);
            }
        }
        Ok(())
    }

    fn no_previous(&self, kind: &'static str, name: &str, message: &str, context: Context) -> Added {
        if self.was_refused(kind, name) {
            return Err(None);
        }
        let near = match kind {
            "list" => nearest(name, self.lists.names()),
            "macro" => nearest(name, self.macros.names()),
            _ => nearest(name, self.rules.names()),
        };
        let suggestion = near.map(|near| format!("did you mean `{near}`?"));
        refuse(Diagnostic::new(Code::Validate, message, context).suggest(suggestion))
    }

    fn add_rule(&mut self, item: RuleItem, diagnostics: &mut Said) -> Added {
        let RuleItem { name, context, source, change } = item;
        match change {
            RuleChange::Define(parts) => {
                let source = source.unwrap_or_else(|| Source::Syscall.name().to_owned());
                self.define_rule(&name, context, source, *parts, diagnostics)
            }
            RuleChange::Enable(enabled) => {
                const MESSAGE: &str = "Rule has 'enabled' key but no rule by that name already exists";
                let Some(rule) = self.rules.get_mut(&name) else {
                    return self.no_previous("rule", &name, MESSAGE, context);
                };
                rule.enabled = enabled;
                rule.note("enabled", Change::Replaced, context.spot());
                Ok(())
            }
            RuleChange::Update { append, replace } => {
                let message = match (&append, &replace) {
                    (None, Some(_)) => {
                        "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
                    }
                    _ => {
                        "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
                    }
                };
                let Some(rule) = self.rules.get_mut(&name) else {
                    return self.no_previous("rule", &name, message, context);
                };
                same_source(rule, source.as_deref(), &context)?;
                if let Some(parts) = append {
                    rule.append(*parts, &context)?;
                }
                if let Some(parts) = replace {
                    rule.replace(*parts)?;
                }
                self.next();
                Ok(())
            }
        }
    }

    fn define_rule(
        &mut self,
        name: &str,
        context: Context,
        source_name: String,
        parts: RuleParts,
        diagnostics: &mut Said,
    ) -> Added {
        self.next();
        if let Some(earlier) = self.rules.get(name) {
            same_source(earlier, Some(&source_name), &context)?;
            diagnostics.push(redefined("Rule", name, &earlier.context, &context));
        }
        let source = Source::from_name(&source_name);
        if source.is_none() {
            let message = format!("Unknown source {source_name}, skipping");
            let names = Source::ALL.map(Source::name);
            let suggestion = match nearest(&source_name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("sources are {}", names.join(" and ")),
            };
            let warning = Diagnostic::new(Code::UnknownSource, message, context.clone());
            diagnostics.push(warning.suggest(Some(suggestion)));
        }
        let rule = RuleInfo::new(name.to_owned(), context, source_name, source, parts)?;
        match self.rules.get_mut(name) {
            Some(earlier) => *earlier = rule,
            None => self.rules.insert(name, rule),
        }
        Ok(())
    }
}

/// Whether an item was taken; a refusal of what is not its own fault says nothing.
pub(super) type Added = Result<(), Option<Diagnostic>>;

pub(super) fn refuse<T>(diagnostic: Diagnostic) -> Result<T, Option<Diagnostic>> {
    Err(Some(diagnostic))
}

fn same_source(rule: &RuleInfo, source: Option<&str>, context: &Context) -> Added {
    if source.is_none_or(|source| source == rule.source_name) {
        return Ok(());
    }
    let message = "Rule has been re-defined with a different source";
    let refused = Diagnostic::new(Code::Validate, message, context.clone());
    refuse(refused.relate(rule.context.spot(), format!("defined here with source {}", rule.source_name)))
}

/// Last one wins: said once, with both places, as it surprises.
fn redefined(kind: &str, name: &str, earlier: &Context, later: &Context) -> Diagnostic {
    let message = format!("{kind} '{name}' is defined again here, which replaces the definition before");
    Diagnostic::new(Code::Notice, message, later.clone()).relate(earlier.spot(), "defined here before")
}

fn check_plugin(requirement: &PluginRequirement) -> Option<Diagnostic> {
    let context = &requirement.context;
    let mut names = HashSet::new();
    let mut wanted = Vec::new();
    for alternative in &requirement.alternatives {
        let Ok(version) = alternative.version.parse::<Version>() else {
            let message = format!(
                "Invalid required version '{}' for plugin '{}'",
                alternative.version, alternative.name
            );
            return Some(Diagnostic::new(Code::Validate, message, context.clone()));
        };
        if !names.insert(&alternative.name) {
            let message = format!(
                "Defined multiple alternative version requirements for plugin '{}'",
                alternative.name
            );
            return Some(Diagnostic::new(Code::Validate, message, context.clone()));
        }
        let is_met = |(name, have): &(&str, Version)| *name == alternative.name && have.satisfies(version);
        if BUILT_IN_PLUGINS.iter().any(is_met) {
            return None;
        }
        wanted.push(format!("{} (>= {version})", alternative.name));
    }
    let have: Vec<String> =
        BUILT_IN_PLUGINS.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let message = format!("Plugin requirement not satisfied, must load one of: {}", wanted.join(", "));
    let suggestion = format!("built in are {}", have.join(", "));
    Some(Diagnostic::new(Code::Validate, message, context.clone()).suggest(Some(suggestion)))
}
