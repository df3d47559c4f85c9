//! Values of keys, with the refusals of Falco's reader.

use std::collections::BTreeSet;

use crate::nearest::nearest;
use crate::yaml::{Kind, Node, Style};

use super::super::code::Code;
use super::super::condition::{is_bare, is_identifier};
use super::super::diagnostic::{Context, Diagnostic};
use super::super::said::Said;
use super::super::source_text::{Phrase, Spot};
use super::super::version::Version;
use super::Refused;
use super::items::{Item, ListItem, MacroItem, Merge, PluginRequirement, Requirement};

pub(super) const APPEND_IS_DEPRECATED: &str = "'append' key is deprecated. Add an 'append' entry (e.g. \
    'condition: append') under 'override' instead.";
pub(super) const APPEND_AND_OVERRIDE: &str = "Keys 'override' and 'append: true' cannot be used together. \
    Add an 'append' entry (e.g. 'condition: append') under 'override' instead.";

/// Reads the items of one file.
pub(super) struct Reader<'d> {
    pub(super) file: usize,
    pub(super) diagnostics: &'d mut Said,
}

/// Whether nothing is written, or null.
pub(super) fn is_null(node: Node<'_>) -> bool {
    node.kind() == Kind::Scalar
        && node.style() == Style::Plain
        && node.text().is_some_and(|text| matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL"))
}

#[expect(clippy::unnecessary_box_returns, reason = "what all readers return")]
pub(super) fn invalid(message: impl Into<String>, context: Context) -> Refused {
    Box::new(Diagnostic::new(Code::YamlValidate, message, context))
}

#[expect(clippy::unnecessary_box_returns, reason = "what all readers return")]
fn missing(key: &str, context: &Context) -> Refused {
    invalid(format!("Item has no mapping for key '{key}'"), context.clone())
}

impl Reader<'_> {
    pub(super) fn spot(&self, node: Node<'_>) -> Spot {
        Spot { file: self.file, bytes: node.span() }
    }

    pub(super) fn refuse(&mut self, code: Code, message: &str, context: Context) {
        self.diagnostics.push(Diagnostic::new(code, message, context));
    }

    /// A required scalar.
    pub(super) fn phrase(&self, node: Node<'_>, key: &str, context: &Context) -> Result<Phrase, Refused> {
        self.optional_phrase(node, key, context)?.ok_or_else(|| missing(key, context))
    }

    pub(super) fn optional_phrase(
        &self,
        node: Node<'_>,
        key: &str,
        context: &Context,
    ) -> Result<Option<Phrase>, Refused> {
        let Some(value) = node.get(key) else { return Ok(None) };
        if is_null(value) {
            return Err(invalid(format!("Mapping for key '{key}' is empty"), context.clone()));
        }
        let at = || context.join("value for", key, self.spot(value));
        let text = value.text().ok_or_else(|| invalid("Value is not a scalar value", at()))?;
        if text.is_empty() {
            return Err(invalid("Value must be non-empty", at()));
        }
        Ok(Some(Phrase::scalar(text.into_owned(), self.spot(value))))
    }

    pub(super) fn string(&self, node: Node<'_>, key: &str, context: &Context) -> Result<String, Refused> {
        Ok(self.phrase(node, key, context)?.text().to_owned())
    }

    pub(super) fn flag(
        &self,
        node: Node<'_>,
        key: &str,
        context: &Context,
    ) -> Result<Option<(bool, Spot)>, Refused> {
        let Some(phrase) = self.optional_phrase(node, key, context)? else { return Ok(None) };
        let spot = phrase.start().cloned().unwrap_or_else(|| context.spot().clone());
        if let Some(flag) = truth(phrase.text()) {
            return Ok(Some((flag, spot)));
        }
        let refused = invalid("Can't decode YAML scalar value", context.join("value for", key, spot));
        Err(Box::new(refused.suggest(Some("expected true or false"))))
    }

    pub(super) fn tags(
        &self,
        node: Node<'_>,
        context: &Context,
    ) -> Result<Option<(BTreeSet<String>, Spot)>, Refused> {
        let Some(value) = node.get("tags") else { return Ok(None) };
        let texts = self.texts(value, "tags", context)?.into_iter().map(|(text, _)| text);
        Ok(Some((texts.collect(), self.spot(value))))
    }

    fn texts(&self, value: Node<'_>, key: &str, context: &Context) -> Result<Vec<(String, Spot)>, Refused> {
        let at = context.join("value for", key, self.spot(value));
        if value.kind() != Kind::Sequence {
            return Err(invalid("Value is not a sequence", at));
        }
        let text = |item: Node<'_>| match item.text() {
            Some(text) => Ok((text.into_owned(), self.spot(item))),
            None => Err(invalid("sequence value is not scalar", at.join("list item", "", self.spot(item)))),
        };
        value.items().map(text).collect()
    }

    /// Warns of keys that mean nothing in an item.
    pub(super) fn known_keys(&mut self, node: Node<'_>, known: &[&str], context: &Context) {
        for (key, _) in node.entries() {
            let Some(name) = key.key().filter(|name| !known.contains(&name.as_ref()) && name != "<<") else {
                continue;
            };
            let at = context.join("value for", name.as_ref(), self.spot(key));
            let message = format!("Unknown key '{name}' is ignored");
            let near = nearest(&name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            self.diagnostics.push(Diagnostic::new(Code::UnknownKey, message, at).suggest(near));
        }
    }

    pub(super) fn engine_version(&mut self, node: Node<'_>, parent: &Context) -> Result<Item, Refused> {
        let context = parent.join("required_engine_version", "", self.spot(node));
        self.known_keys(node, &["required_engine_version"], &context);
        let text = self.string(node, "required_engine_version", &context)?;
        let required = match text.parse() {
            Ok(minor) => Version(0, minor, 0),
            Err(_) => text.parse().map_err(|()| {
                let message = format!(
                    "Unable to parse engine version '{text}' as a semver string. Expected \"x.y.z\" semver format."
                );
                invalid(message, context.clone())
            })?,
        };
        Ok(Item::Engine { required, context })
    }

    pub(super) fn plugin_versions(&mut self, node: Node<'_>, parent: &Context) -> Result<Item, Refused> {
        self.known_keys(node, &["required_plugin_versions"], parent);
        let value = node
            .get("required_plugin_versions")
            .ok_or_else(|| missing("required_plugin_versions", parent))?;
        let context = parent.join("required plugin versions", "", self.spot(value));
        if value.kind() != Kind::Sequence {
            return Err(invalid("Value of required_plugin_versions must be a sequence", context));
        }
        let requirements = value.items().map(|plugin| self.plugin(plugin, &context));
        requirements.collect::<Result<_, _>>().map(Item::Plugins)
    }

    fn plugin(&mut self, plugin: Node<'_>, parent: &Context) -> Result<PluginRequirement, Refused> {
        let context = parent.join("required plugin versions entry", "", self.spot(plugin));
        if plugin.kind() != Kind::Mapping {
            return Err(invalid("Plugin version must be a mapping", context));
        }
        self.known_keys(plugin, &["name", "version", "alternatives"], &context);
        let mut alternatives = vec![self.requirement(plugin, &context)?];
        if let Some(others) = plugin.get("alternatives") {
            if others.kind() != Kind::Sequence {
                return Err(invalid("Value of plugin version alternatives must be a sequence", context));
            }
            for other in others.items() {
                let at = context.join("required plugin versions alternative", "", self.spot(other));
                if other.kind() != Kind::Mapping {
                    return Err(invalid("Plugin version alternative must be a mapping", at));
                }
                self.known_keys(other, &["name", "version"], &at);
                alternatives.push(self.requirement(other, &at)?);
            }
        }
        Ok(PluginRequirement { alternatives, context })
    }

    fn requirement(&self, node: Node<'_>, context: &Context) -> Result<Requirement, Refused> {
        Ok(Requirement {
            name: self.string(node, "name", context)?,
            version: self.string(node, "version", context)?,
        })
    }

    pub(super) fn list(&mut self, node: Node<'_>, parent: &Context) -> Result<Item, Refused> {
        let name = self.string(node, "list", parent)?;
        let context = parent.join("list", name.as_str(), self.spot(node));
        self.known_keys(node, &["list", "items", "append", "override"], &context);
        if !is_bare(name.as_bytes()) {
            let message = "List has an invalid name. List names have no blanks and none of ()\"'=,";
            self.refuse(Code::InvalidListName, message, context.clone());
        }
        let value = node.get("items").ok_or_else(|| missing("items", &context))?;
        let items = self.texts(value, "items", &context)?;
        let merge = self.simple_merge(node, "items", &context)?;
        Ok(Item::List(ListItem { name, items, merge, context }))
    }

    pub(super) fn macro_item(&mut self, node: Node<'_>, parent: &Context) -> Result<Item, Refused> {
        let name = self.string(node, "macro", parent)?;
        let context = parent.join("macro", name.as_str(), self.spot(node));
        self.known_keys(node, &["macro", "condition", "append", "override"], &context);
        if !is_identifier(name.as_bytes()) {
            let message = "Macro has an invalid name. Macro names begin with a letter and have only letters, \
                digits and underscores";
            self.refuse(Code::InvalidMacroName, message, context.clone());
        }
        let condition = self.phrase(node, "condition", &context)?;
        let merge = self.simple_merge(node, "condition", &context)?;
        Ok(Item::Macro(MacroItem { name, condition, merge, context }))
    }

    /// How a list or macro, which have one part, stands to one before it.
    fn simple_merge(
        &mut self,
        node: Node<'_>,
        part: &'static str,
        context: &Context,
    ) -> Result<Merge, Refused> {
        let appends = self.appends(node, context)?;
        let overrides = self.overrides(node, &[part], &[part], context)?;
        if appends && !overrides.is_empty() {
            return Err(invalid(APPEND_AND_OVERRIDE, context.clone()));
        }
        Ok(if appends || !overrides.append.is_empty() { Merge::Append } else { Merge::Define })
    }

    /// Whether `append: true` is set, which is deprecated.
    pub(super) fn appends(&mut self, node: Node<'_>, context: &Context) -> Result<bool, Refused> {
        let flag = self.flag(node, "append", context)?;
        let appends = flag.is_some_and(|(appends, _)| appends);
        if appends {
            self.refuse(Code::DeprecatedItem, APPEND_IS_DEPRECATED, context.clone());
        }
        Ok(appends)
    }
}

/// What yaml-cpp takes for a truth value.
fn truth(text: &str) -> Option<bool> {
    let lower = text.to_ascii_lowercase();
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    let is_regular =
        text == lower || text == lower.to_ascii_uppercase() || capitalised(&lower).is_some_and(|c| c == text);
    match lower.as_str() {
        _ if !is_regular => None,
        "y" | "yes" | "true" | "on" => Some(true),
        "n" | "no" | "false" | "off" => Some(false),
        _ => None,
    }
}
