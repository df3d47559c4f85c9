//! `apiServer.extraArgs`: a mapping in v1beta3, a list of name and value in v1beta4.

use serde_json::{Value, json};

use super::super::audit_flags;
use super::super::change::Change;
use super::super::shape::{self, WrongType};
use super::ConfigApi;
use crate::edit::FieldOp;
use crate::yaml::Pointer;

/// One extra argument, in the order in which kubeadm writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    /// As written.
    pub(super) name: String,
    pub(super) value: String,
    /// The entry: the key's value in v1beta3, the list item in v1beta4.
    at: Pointer,
}

impl Argument {
    /// The flag's name as the apiserver knows it.
    fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// Reads the arguments; `at` is the place of `apiServer`.
pub(super) fn read(api_server: &Value, at: &Pointer, api: ConfigApi) -> Result<Vec<Argument>, WrongType> {
    let at_args = at.join("extraArgs");
    match api {
        ConfigApi::V1Beta3 => {
            let Some(entries) = shape::mapping(api_server, at, "extraArgs")?.and_then(Value::as_object)
            else {
                return Ok(Vec::new());
            };
            let read = |(name, value): (&String, &Value)| {
                let at = at_args.join(name);
                let value = shape::text(value, || at.clone())?.to_owned();
                Ok(Argument { name: name.clone(), value, at })
            };
            let mut arguments: Vec<_> = entries.iter().map(read).collect::<Result<_, WrongType>>()?;
            // kubeadm writes a mapping sorted by name.
            arguments.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(arguments)
        }
        ConfigApi::V1Beta4 => {
            let items = shape::items(api_server, at, "extraArgs")?;
            let read = |(index, item): (usize, &Value)| {
                let at = at_args.item(index);
                if !item.is_object() {
                    let (expected, found) = ("a mapping of name and value", shape::kind(item));
                    return Err(WrongType { at, expected, found });
                }
                let text = |key: &str| shape::optional_text(item, &at, key).map(Option::unwrap_or_default);
                Ok(Argument {
                    name: text("name")?.to_owned(),
                    value: text("value")?.to_owned(),
                    at: at.clone(),
                })
            };
            items.iter().enumerate().map(read).collect()
        }
    }
}

/// The operations that set flags, given that `extraArgs` is there: changes, then removals from the end, then
/// additions.
pub(super) fn set(
    arguments: &[Argument],
    wanted: &[(&'static str, String)],
    at: &Pointer,
    api: ConfigApi,
) -> (Vec<FieldOp>, Vec<Change>) {
    let (mut replaced, mut removed, mut added, mut changes) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, value) in wanted {
        let all: Vec<&Argument> = arguments.iter().filter(|argument| argument.flag() == *name).collect();
        let Some((last, earlier)) = all.split_last() else {
            changes.push(Change::FlagAdded { name: (*name).to_owned(), value: value.clone() });
            added.push(addition(name, value, at, api));
            continue;
        };
        if !earlier.is_empty() {
            let dropped = earlier.iter().map(|argument| argument.value.clone()).collect();
            changes.push(Change::FlagFolded { name: (*name).to_owned(), dropped });
            removed.extend(earlier.iter().map(|argument| argument.at.clone()));
        }
        if !audit_flags::find(name).is_some_and(|flag| flag.takes.same(&last.value, value)) {
            let (from, to) = (last.value.clone(), value.clone());
            changes.push(Change::FlagChanged { name: (*name).to_owned(), from, to });
            let at = if api == ConfigApi::V1Beta4 { last.at.join("value") } else { last.at.clone() };
            replaced.push(FieldOp::Set { at, value: json!(value) });
        }
    }
    let index = |at: &Pointer| at.last().and_then(|token| token.parse::<usize>().ok());
    removed.sort_by_key(|at| std::cmp::Reverse(index(at)));
    let removals = removed.into_iter().map(|at| FieldOp::Remove { at });
    (replaced.into_iter().chain(removals).chain(added).collect(), changes)
}

fn addition(name: &str, value: &str, at: &Pointer, api: ConfigApi) -> FieldOp {
    let at = at.join("extraArgs");
    match api {
        ConfigApi::V1Beta3 => FieldOp::Set { at: at.join(name), value: json!(value) },
        ConfigApi::V1Beta4 => FieldOp::Append { at, value: json!({"name": name, "value": value}) },
    }
}
