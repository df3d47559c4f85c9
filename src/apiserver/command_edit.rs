//! Setting flags where they stand, and new ones at the end.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::audit_flags;
use super::change::Change;
use super::command::Item;
use super::flags::{FlagValue, Flags, Occurrence};
use super::variables;
use crate::edit::FieldOp;

/// Collects flags to set on one command line, then turns them into operations.
#[derive(Debug)]
pub(crate) struct CommandEdit<'f> {
    flags: &'f Flags,
    replaced: BTreeMap<Item, String>,
    removed: BTreeSet<Item>,
    appended: Vec<String>,
}

impl<'f> CommandEdit<'f> {
    pub(crate) fn new(flags: &'f Flags) -> Self {
        Self { flags, replaced: BTreeMap::new(), removed: BTreeSet::new(), appended: Vec::new() }
    }

    /// Sets a flag to a value, once: earlier appearances, which the apiserver ignores, are removed.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Vec<Change> {
        let all: Vec<&Occurrence> = self.flags.iter().filter(|occurrence| occurrence.name == name).collect();
        let Some((last, earlier)) = all.split_last() else {
            self.appended.push(format!("--{name}={}", variables::escape(value)));
            return vec![Change::FlagAdded { name: name.to_owned(), value: value.to_owned() }];
        };
        let mut changes = Vec::new();
        if !earlier.is_empty() {
            for occurrence in earlier {
                self.removed.extend([Some(occurrence.item), occurrence.value_item].into_iter().flatten());
            }
            let dropped = earlier.iter().map(|occurrence| as_written(occurrence)).collect();
            changes.push(Change::FlagFolded { name: name.to_owned(), dropped });
        }
        if !says(last, value) {
            self.replace(last, value);
            let from = as_written(last);
            changes.push(Change::FlagChanged { name: name.to_owned(), from, to: value.to_owned() });
        }
        changes
    }

    fn replace(&mut self, occurrence: &Occurrence, value: &str) {
        let value = variables::escape(value);
        match occurrence.value_item {
            Some(item) => self.replaced.insert(item, value),
            None => self.replaced.insert(occurrence.item, format!("--{}={value}", occurrence.name)),
        };
    }

    /// The operations: replacements while all indices stand, removals from the end, additions at last.
    pub(crate) fn finish(self) -> Vec<FieldOp> {
        let container = &self.flags.container;
        let mut ops = Vec::new();
        for (item, text) in self.replaced {
            ops.push(FieldOp::Replace { at: item.pointer(container), value: Value::String(text) });
        }
        for item in self.removed.iter().rev() {
            ops.push(FieldOp::Remove { at: item.pointer(container) });
        }
        for (index, text) in self.appended.into_iter().enumerate() {
            let value = Value::String(text);
            ops.push(match self.flags.terminator {
                None => FieldOp::Append { at: self.flags.list(), value },
                Some(end) => {
                    let gone =
                        self.removed.iter().filter(|item| item.list == end.list && **item < end).count();
                    let at = container.join(end.list).item(end.index - gone + index);
                    FieldOp::Insert { at, value }
                }
            });
        }
        ops
    }
}

/// The value for a reader: as written, where it is not known.
fn as_written(occurrence: &Occurrence) -> String {
    match &occurrence.value {
        FlagValue::Given(value) => value.clone(),
        FlagValue::Bare => "true".to_owned(),
        FlagValue::Missing => String::new(),
        FlagValue::Unknown { text, .. } => text.clone(),
    }
}

fn says(occurrence: &Occurrence, value: &str) -> bool {
    let same = |current: &str| match audit_flags::find(&occurrence.name) {
        Some(flag) => flag.takes.same(current, value),
        None => current == value,
    };
    occurrence.value.known().is_some_and(same)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::edit::apply;
    use crate::yaml::Pointer;

    fn after(container: &Value, settings: &[(&str, &str)]) -> (Value, Vec<String>) {
        let flags = Flags::of(container, &Pointer::root()).unwrap();
        let mut edit = CommandEdit::new(&flags);
        let changes =
            settings.iter().flat_map(|(name, value)| edit.set(name, value)).map(|c| c.to_string()).collect();
        let mut edited = container.clone();
        apply(&edit.finish(), &mut edited).unwrap();
        (edited, changes)
    }

    #[test]
    fn new_flags_go_to_the_end_of_the_list_that_has_the_flags() {
        let (edited, _) =
            after(&json!({"command": ["kube-apiserver", "--a=1"]}), &[("audit-log-path", "/x")]);
        assert_eq!(edited, json!({"command": ["kube-apiserver", "--a=1", "--audit-log-path=/x"]}));
        let (edited, _) =
            after(&json!({"command": ["kube-apiserver"], "args": ["--a=1"]}), &[("audit-log-path", "/x")]);
        assert_eq!(edited["args"], json!(["--a=1", "--audit-log-path=/x"]));
    }

    #[test]
    fn keeps_the_form_of_a_flag_that_changes() {
        let container =
            json!({"command": ["kube-apiserver", "--audit-log-maxage", "5", "--audit-log-compress"]});
        let (edited, changes) =
            after(&container, &[("audit-log-maxage", "30"), ("audit-log-compress", "false")]);
        assert_eq!(
            edited["command"],
            json!(["kube-apiserver", "--audit-log-maxage", "30", "--audit-log-compress=false"])
        );
        assert_eq!(changes[0], "change flag --audit-log-maxage from `5` to `30`");
    }

    #[test]
    fn folds_duplicates_into_the_last_and_inserts_before_the_terminator() {
        let container = json!({"command": ["kube-apiserver", "--audit-log-maxage", "1", "--v=2", "--audit-log-maxage=30", "--"]});
        let (edited, changes) =
            after(&container, &[("audit-log-maxage", "30"), ("audit-log-maxsize", "100")]);
        let expected =
            json!(["kube-apiserver", "--v=2", "--audit-log-maxage=30", "--audit-log-maxsize=100", "--"]);
        assert_eq!(edited["command"], expected);
        assert_eq!(
            changes[0],
            "fold flag --audit-log-maxage, given 2 times: the last one wins, so `1` had no effect"
        );
    }

    #[test]
    fn a_value_that_says_the_same_is_left_alone() {
        let env = json!([{"name": "N", "value": "30"}]);
        let container = json!({"env": env, "command": ["kube-apiserver", "--audit-log-maxage=$(N)", "--audit_log_compress=T"]});
        let (edited, changes) =
            after(&container, &[("audit-log-maxage", "30"), ("audit-log-compress", "true")]);
        assert_eq!((edited, changes), (container, Vec::<String>::new()));
    }
}
