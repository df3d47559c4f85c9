//! From YAML to items: rules, macros, lists, requirements, as they stand in their file.
//!
//! Data in: the text of a file. Data out: its items in order, and what is wrong with others. An item that
//! is refused does not keep the next from being read.

mod decode;
mod exceptions;
mod items;
mod rule;

use crate::yaml::{Kind, Node, Stream, SyntaxError};

use super::code::Code;
use super::diagnostic::{Context, Diagnostic};
use super::said::Said;
use super::source_text::{RuleFile, Spot};
use decode::{Reader, is_null};
pub(super) use items::{
    Entry, ExceptionItem, Item, ListItem, MacroItem, Merge, PluginRequirement, RuleChange, RuleItem,
    RuleParts,
};

/// A refusal of an item; boxed, as it is large and rare.
pub(super) type Refused = Box<Diagnostic>;

/// Reads the items of a file; `file` is its place in the list of files.
pub(super) fn read(source: &RuleFile, file: usize, diagnostics: &mut Said) -> Vec<Item> {
    let context = Context::file(file);
    let text = match &source.text {
        Ok(text) => text,
        Err(reason) => {
            diagnostics.push(Diagnostic::new(Code::FileRead, reason.as_str(), context));
            return Vec::new();
        }
    };
    let stream = match Stream::parse_lenient(text) {
        Ok(stream) => stream,
        Err(error) => {
            diagnostics.push(syntax_error(&error, text, &context));
            return Vec::new();
        }
    };
    let mut reader = Reader { file, diagnostics };
    for duplicate in stream.duplicates() {
        let at = context.join("value for", duplicate.key, reader.spot(duplicate.second));
        let message = format!("Key '{}' is set twice in one item; the second value counts", duplicate.key);
        let first = reader.spot(duplicate.first);
        reader
            .diagnostics
            .push(Diagnostic::new(Code::UnknownKey, message, at).relate(&first, "set first here"));
    }
    let mut items = Vec::new();
    for root in stream.documents().filter_map(|document| document.root()).filter(|root| !is_null(*root)) {
        let at = context.join("rules content", "", reader.spot(root));
        match root.kind() {
            Kind::Sequence => read_items(&mut reader, root, &context, &mut items),
            Kind::Mapping => {
                reader.refuse(Code::YamlValidate, "Rules content is not yaml array of objects", at);
            }
            Kind::Scalar => reader.refuse(Code::YamlValidate, "Rules content is not yaml", at),
        }
    }
    items
}

fn read_items(reader: &mut Reader<'_>, root: Node<'_>, context: &Context, items: &mut Vec<Item>) {
    for node in root.items().filter(|node| !is_null(*node)) {
        let at = context.join("rules content item", "", reader.spot(node));
        match read_item(reader, node, &at) {
            Ok(Some(item)) => items.push(item),
            Ok(None) => {}
            Err(refused) => {
                // What builds on the item must not be blamed for its absence.
                items.extend(named(node).map(|(kind, name)| Item::Refused(kind, name)));
                reader.diagnostics.push(*refused);
            }
        }
    }
}

/// The kind and the name of an item.
fn named(node: Node<'_>) -> Option<(&'static str, String)> {
    ["list", "macro", "rule"].into_iter().find_map(|kind| Some((kind, node.get(kind)?.text()?.into_owned())))
}

fn read_item(reader: &mut Reader<'_>, node: Node<'_>, context: &Context) -> Result<Option<Item>, Refused> {
    if node.kind() != Kind::Mapping {
        let message = "Unexpected element type. Each element should be a yaml associative array.";
        return Err(Box::new(Diagnostic::new(Code::YamlValidate, message, context.clone())));
    }
    let has = |key: &str| node.get(key).is_some();
    if has("required_engine_version") {
        return reader.engine_version(node, context).map(Some);
    }
    if has("required_plugin_versions") {
        return reader.plugin_versions(node, context).map(Some);
    }
    if has("list") {
        return reader.list(node, context).map(Some);
    }
    if has("macro") {
        return reader.macro_item(node, context).map(Some);
    }
    if has("rule") {
        return reader.rule(node, context).map(Some);
    }
    let keys: Vec<String> = node.entries().filter_map(|(key, _)| Some(key.key()?.into_owned())).collect();
    let kinds = ["rule", "macro", "list", "required_engine_version", "required_plugin_versions"];
    let near = keys.iter().find_map(|key| crate::nearest::nearest(key, kinds));
    let suggestion = near.map(|near| format!("did you mean `{near}`?"));
    let unknown = Diagnostic::new(Code::UnknownItem, "Unknown top level item", context.clone());
    reader.diagnostics.push(unknown.suggest(suggestion));
    Ok(None)
}

fn syntax_error(error: &SyntaxError, text: &[u8], context: &Context) -> Diagnostic {
    let position = error.position();
    let start: usize =
        text.split_inclusive(|byte| *byte == b'\n').take(position.line as usize - 1).map(<[u8]>::len).sum();
    let line = String::from_utf8_lossy(&text[start..]);
    let column = position.column as usize - 1;
    let at = start + line.char_indices().nth(column).map_or(0, |(at, _)| at);
    let spot = Spot { file: context.spot().file, bytes: at..at };
    Diagnostic::new(Code::YamlParse, error.reason().to_string(), context.join("value for", "", spot))
}
