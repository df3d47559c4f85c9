//! Rules: whole ones, and those that change a rule before them.

use std::collections::BTreeSet;

use crate::nearest::nearest;
use crate::yaml::{Kind, Node};

use super::super::code::Code;
use super::super::diagnostic::{Context, Diagnostic};
use super::super::priority::Priority;
use super::super::source_text::Spot;
use super::Refused;
use super::decode::{APPEND_AND_OVERRIDE, Reader, invalid, is_null};
use super::items::{Item, RuleChange, RuleItem, RuleParts};

const APPENDABLE: &[&str] = &["condition", "output", "desc", "tags", "exceptions"];
const REPLACEABLE: &[&str] = &[
    "condition",
    "output",
    "desc",
    "priority",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];
const ENABLED_IS_DEPRECATED: &str = "The standalone 'enabled' key usage is deprecated. The correct approach \
    requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace').";

/// The keys under `override`, by what they ask for.
#[derive(Default)]
pub(super) struct Overrides {
    pub(super) append: BTreeSet<String>,
    pub(super) replace: BTreeSet<String>,
}

impl Overrides {
    pub(super) fn is_empty(&self) -> bool {
        self.append.is_empty() && self.replace.is_empty()
    }
}

impl Reader<'_> {
    pub(super) fn rule(&mut self, node: Node<'_>, parent: &Context) -> Result<Item, Refused> {
        let name = self.string(node, "rule", parent)?;
        let context = parent.join("rule", name.as_str(), self.spot(node));
        let known: Vec<&str> =
            ["rule", "source", "override", "append"].into_iter().chain(REPLACEABLE.iter().copied()).collect();
        self.known_keys(node, &known, &context);
        let appends = self.appends(node, &context)?;
        let overrides = self.overrides(node, APPENDABLE, REPLACEABLE, &context)?;
        if appends && !overrides.is_empty() {
            return Err(invalid(APPEND_AND_OVERRIDE, context));
        }
        let change = if !overrides.is_empty() {
            self.update(node, &overrides, &context)?
        } else if appends {
            let keys = ["condition", "exceptions"].map(str::to_owned).into();
            RuleChange::Update {
                append: Some(Box::new(self.parts(node, &keys, true, &context)?)),
                replace: None,
            }
        } else {
            self.definition(node, &context)?
        };
        let source = node.get("source").filter(|value| !is_null(*value));
        let source = source.map(|_| self.string(node, "source", &context)).transpose()?;
        Ok(Item::Rule(Box::new(RuleItem { name, context, source, change })))
    }

    fn definition(&mut self, node: Node<'_>, context: &Context) -> Result<RuleChange, Refused> {
        let required = ["condition", "output", "desc", "priority"];
        if required.iter().all(|key| node.get(key).is_none()) {
            let (enabled, _) = self
                .flag(node, "enabled", context)?
                .ok_or_else(|| invalid("Item has no mapping for key 'enabled'", context.clone()))?;
            self.refuse(Code::DeprecatedItem, ENABLED_IS_DEPRECATED, context.clone());
            return Ok(RuleChange::Enable(enabled));
        }
        if let Some(key) = required.iter().find(|key| node.get(key).is_none()) {
            return Err(invalid(format!("Item has no mapping for key '{key}'"), context.clone()));
        }
        let keys = REPLACEABLE.iter().map(|key| (*key).to_owned()).collect();
        let mut parts = self.parts(node, &keys, false, context)?;
        if let Some(output) = &mut parts.output {
            output.trim();
        }
        Ok(RuleChange::Define(Box::new(parts)))
    }

    fn update(
        &mut self,
        node: Node<'_>,
        overrides: &Overrides,
        context: &Context,
    ) -> Result<RuleChange, Refused> {
        for (operation, keys) in [("append", &overrides.append), ("replace", &overrides.replace)] {
            if let Some(key) = keys.iter().find(|key| node.get(key).is_none()) {
                let message =
                    format!("An {operation} override for '{key}' was specified but '{key}' is not defined");
                return Err(invalid(message, context.clone()));
            }
        }
        let covered = |key: &str| overrides.append.contains(key) || overrides.replace.contains(key);
        if let Some((key, value)) =
            REPLACEABLE.iter().filter(|key| !covered(key)).find_map(|key| Some((*key, node.get(key)?)))
        {
            let message =
                format!("Unexpected key '{key}': no corresponding entry under 'override' is defined.");
            return Err(invalid(message, context.join("overrides", key, self.spot(value))));
        }
        let read = |reader: &mut Self, keys: &BTreeSet<String>, appends| {
            (!keys.is_empty()).then(|| reader.parts(node, keys, appends, context).map(Box::new)).transpose()
        };
        Ok(RuleChange::Update {
            append: read(self, &overrides.append, true)?,
            replace: read(self, &overrides.replace, false)?,
        })
    }

    /// The parts with these keys. Exceptions that are appended need no fields.
    fn parts(
        &mut self,
        node: Node<'_>,
        keys: &BTreeSet<String>,
        appends: bool,
        context: &Context,
    ) -> Result<RuleParts, Refused> {
        let wanted = |key: &str| keys.contains(key);
        let phrase = |reader: &Self, key: &str| {
            if wanted(key) { reader.optional_phrase(node, key, context) } else { Ok(None) }
        };
        let flag =
            |reader: &Self, key: &str| if wanted(key) { reader.flag(node, key, context) } else { Ok(None) };
        Ok(RuleParts {
            condition: phrase(self, "condition")?,
            output: phrase(self, "output")?,
            description: phrase(self, "desc")?,
            priority: if wanted("priority") { self.priority(node, context)? } else { None },
            tags: if wanted("tags") { self.tags(node, context)? } else { None },
            exceptions: if wanted("exceptions") { self.exceptions(node, appends, context)? } else { None },
            enabled: flag(self, "enabled")?,
            warn_evttypes: flag(self, "warn_evttypes")?,
            skip_if_unknown_filter: flag(self, "skip-if-unknown-filter")?,
            capture: flag(self, "capture")?,
            capture_duration: if wanted("capture_duration") { self.duration(node, context)? } else { None },
        })
    }

    fn priority(&self, node: Node<'_>, context: &Context) -> Result<Option<(Priority, Spot)>, Refused> {
        let Some(phrase) = self.optional_phrase(node, "priority", context)? else { return Ok(None) };
        let spot = phrase.start().cloned().unwrap_or_else(|| context.spot().clone());
        let name = phrase.text();
        if let Some(priority) = Priority::from_name(name) {
            return Ok(Some((priority, spot)));
        }
        let names = Priority::ALL.map(Priority::name);
        let begins = |whole: &&str| name.len() > 2 && whole.to_lowercase().starts_with(&name.to_lowercase());
        let suggestion = match names.into_iter().find(begins).or_else(|| nearest(name, names)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected one of {}", names.join(", ")),
        };
        let refused = invalid("Invalid priority", context.join("rule priority", "", spot));
        Err(Box::new(refused.suggest(Some(suggestion))))
    }

    fn duration(&self, node: Node<'_>, context: &Context) -> Result<Option<(u32, Spot)>, Refused> {
        let Some(phrase) = self.optional_phrase(node, "capture_duration", context)? else { return Ok(None) };
        let spot = phrase.start().cloned().unwrap_or_else(|| context.spot().clone());
        if let Ok(milliseconds) = phrase.text().parse() {
            return Ok(Some((milliseconds, spot)));
        }
        let refused =
            invalid("Can't decode YAML scalar value", context.join("value for", "capture_duration", spot));
        Err(Box::new(refused.suggest(Some("expected a number of milliseconds"))))
    }

    pub(super) fn overrides(
        &mut self,
        node: Node<'_>,
        appendable: &[&str],
        replaceable: &[&str],
        parent: &Context,
    ) -> Result<Overrides, Refused> {
        let mut overrides = Overrides::default();
        let Some(value) = node.get("override") else { return Ok(overrides) };
        let context = parent.join("overrides", "", self.spot(value));
        if value.kind() != Kind::Mapping {
            return Err(invalid("Value of override must be a mapping of keys to append or replace", context));
        }
        for (key, operation) in value.entries() {
            let name = key.key().unwrap_or_default();
            let at_key = context.join("overrides", name.as_ref(), self.spot(key));
            let is_known = replaceable.contains(&name.as_ref());
            let near = || {
                let near = nearest(&name, replaceable.iter().copied()).filter(|_| !is_known);
                near.map(|near| format!("did you mean `{near}`?"))
            };
            let refuse = |message: String| {
                let refused = Diagnostic::new(Code::YamlValidate, message, at_key.clone());
                Err(Box::new(refused.suggest(near())))
            };
            match operation.text().as_deref() {
                Some("append") if appendable.contains(&name.as_ref()) => {
                    overrides.append.insert(name.into_owned())
                }
                Some("append") => {
                    return refuse(format!("Key '{name}' cannot be appended to, use 'replace' instead"));
                }
                Some("replace") if replaceable.contains(&name.as_ref()) => {
                    overrides.replace.insert(name.into_owned())
                }
                Some("replace") => return refuse(format!("Key '{name}' cannot be replaced")),
                other => {
                    let allowed = [("append", appendable), ("replace", replaceable)];
                    let allowed = allowed.iter().filter(|(_, keys)| keys.contains(&name.as_ref()));
                    let allowed: Vec<&str> = allowed.map(|(operation, _)| *operation).collect();
                    let message = format!(
                        "Invalid override operation for key '{name}': '{}'. Allowed values are: {}",
                        other.unwrap_or_default(),
                        allowed.join(" ")
                    );
                    let at = context.join("value for", name.as_ref(), self.spot(operation));
                    let near = other.and_then(|other| nearest(other, allowed));
                    let suggestion = near.map(|near| format!("did you mean `{near}`?"));
                    return Err(Box::new(invalid(message, at).suggest(suggestion)));
                }
            };
        }
        Ok(overrides)
    }
}
