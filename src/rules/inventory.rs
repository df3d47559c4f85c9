//! Everything that the files of a set define, as Falco's `-L` shows it with `json_output`.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::collect::{List, Macro};
use super::load::Load;
use super::uses::Uses;

impl Load {
    /// All rules (as [`Load::describe`] shows each), macros and lists, and what the files require.
    ///
    /// `used` of a macro or list says whether any rule needs it, by itself or through others.
    pub fn describe_all(&self) -> Json {
        let rules = self.collected.rules.items();
        let (mut macros, mut lists) = (BTreeSet::new(), BTreeSet::new());
        for rule in rules {
            let uses = Uses::of_rule(self, rule);
            macros.extend(uses.macros);
            lists.extend(uses.lists);
        }
        let all_macros = self.collected.macros.items().iter().enumerate();
        let all_lists = self.collected.lists.items().iter();
        json!({
            "required_engine_version": self.collected.required_engine.map(|version| version.to_string()),
            "required_plugin_versions": self.collected.required_plugins(),
            "rules": rules.iter().filter_map(|rule| self.describe(&rule.name)).collect::<Vec<_>>(),
            "macros": all_macros
                .map(|(number, entry)| self.describe_macro(number, entry, macros.contains(&entry.name)))
                .collect::<Vec<_>>(),
            "lists":
                all_lists.map(|list| self.describe_list(list, lists.contains(&list.name))).collect::<Vec<_>>(),
        })
    }

    fn describe_macro(&self, number: usize, entry: &Macro, is_used: bool) -> Json {
        let tree = self.compiled.macros[number].as_ref();
        let uses = tree.map(|tree| Uses::of(self, tree, entry.condition.text())).unwrap_or_default();
        json!({
            "info": {"name": entry.name, "condition": entry.condition.text()},
            "details": {
                "condition_compiled": tree.map(|tree| self.written_out(tree)),
                "condition_fields": uses.fields,
                "condition_operators": uses.operators,
                "macros": uses.macros,
                "lists": uses.lists,
                "used": is_used,
            },
        })
    }

    fn describe_list(&self, list: &List, is_used: bool) -> Json {
        let mut uses = Uses::default();
        for (item, _) in &list.items {
            uses.add_lists(self, item);
        }
        let items: Vec<&String> = list.items.iter().map(|(item, _)| item).collect();
        json!({
            "info": {"name": list.name, "items": items},
            "details": {"lists": uses.lists, "used": is_used},
        })
    }
}
