//! The fields, operators, macros and lists that a condition uses.

use std::collections::BTreeSet;

use super::collect::{RuleInfo, collect_fields};
use super::condition::{Expr, Operand, Right};
use super::load::Load;

/// What a condition uses, itself or through its macros and lists.
#[derive(Default)]
pub(super) struct Uses {
    pub(super) fields: BTreeSet<String>,
    pub(super) operators: BTreeSet<&'static str>,
    pub(super) macros: BTreeSet<String>,
    pub(super) lists: BTreeSet<String>,
}

impl Uses {
    /// What a rule uses: nothing where it does not compile.
    pub(super) fn of_rule(load: &Load, rule: &RuleInfo) -> Self {
        let compiled = load.compiled_rule(&rule.name);
        compiled.map(|compiled| Self::of(load, &compiled.tree, rule.condition.text())).unwrap_or_default()
    }

    /// What a condition uses, by its tree and its text: in the tree, lists are resolved.
    pub(super) fn of(load: &Load, tree: &Expr, text: &str) -> Self {
        let mut uses = Self::default();
        let mut open = vec![tree];
        let mut texts = vec![text];
        while let Some(tree) = open.pop() {
            tree.for_each_check(&mut |check| {
                uses.operators.insert(check.operator.name());
                uses.add_fields(&check.left);
                if let Some(Right::Operand(right)) = &check.right {
                    uses.add_fields(right);
                }
            });
            tree.for_each_macro(&mut |name, _| {
                if uses.macros.insert(name.to_owned())
                    && let Some(number) = load.collected.macros.number(name)
                {
                    texts.push(load.collected.macros.items()[number].condition.text());
                    open.extend(load.compiled.macros[number].as_ref());
                }
            });
        }
        for text in texts {
            uses.add_lists(load, text);
        }
        uses
    }

    fn add_fields(&mut self, operand: &Operand) {
        let mut fields = Vec::new();
        collect_fields(operand, &mut fields);
        for (name, argument) in fields {
            self.fields.insert(match argument {
                Some(argument) => format!("{name}[{argument}]"),
                None => name.to_owned(),
            });
        }
    }

    /// The lists whose names are words of a text, and the lists that those name.
    pub(super) fn add_lists(&mut self, load: &Load, text: &str) {
        let is_delimiter = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | '=');
        let mut open: Vec<String> = text.split(is_delimiter).map(str::to_owned).collect();
        while let Some(word) = open.pop() {
            let Some(list) = load.collected.lists.get(&word) else { continue };
            if self.lists.insert(word) {
                open.extend(list.items.iter().map(|(item, _)| item.clone()));
            }
        }
    }
}
