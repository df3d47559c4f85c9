//! Values of a checked tree, by the table's keys; what is not written has the table's default.

use std::time::Duration;

use super::check::{read_bool, read_integer, read_number};
use super::keys::find;
use super::problem::Place;
use super::tree::{Content, Tree};

/// A part of the configuration; the whole, or one item of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'t> {
    tree: Option<&'t Tree>,
    /// The table's path of this part, empty for the whole.
    path: &'static str,
}

impl<'t> Values<'t> {
    pub(super) const fn new(tree: Option<&'t Tree>) -> Self {
        Self { tree, path: "" }
    }

    /// The node of a key: keys are separated by dots.
    pub(super) fn node(&self, key: &str) -> Option<&'t Tree> {
        let found = key.split('.').try_fold(self.tree?, |tree, key| tree.get(key))?;
        (found.content != Content::Null).then_some(found)
    }

    /// Where a key's value stands, for errors; else where this part begins.
    pub(super) fn place(&self, key: &str) -> Place {
        let node = self.node(key).or(self.tree);
        node.map_or(Place { source: 0, at: 0 }, |node| node.place)
    }

    fn text_of(&self, key: &str) -> &'t str {
        let written = self.node(key).and_then(Tree::text);
        written.unwrap_or_else(|| self.default(key))
    }

    fn default(&self, key: &str) -> &'static str {
        let joined;
        let path = if self.path.is_empty() {
            key
        } else {
            joined = format!("{}.{key}", self.path);
            &joined
        };
        // A path that the table lacks is a slip of ours, which the test of every key finds.
        find(path).map_or("", |row| row.default)
    }

    pub(super) fn flag(&self, key: &str) -> bool {
        read_bool(self.text_of(key)).unwrap_or_default()
    }

    pub(super) fn integer(&self, key: &str) -> u64 {
        read_integer(self.text_of(key)).and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
    }

    pub(super) fn number(&self, key: &str) -> f64 {
        read_number(self.text_of(key)).unwrap_or_default()
    }

    pub(super) fn milliseconds(&self, key: &str) -> Duration {
        Duration::from_millis(self.integer(key))
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.text_of(key).to_owned()
    }

    /// The text of a key that is written and not empty.
    pub(super) fn some_text(&self, key: &str) -> Option<String> {
        let text = self.text_of(key);
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The word of a key, in lower case.
    pub(super) fn word(&self, key: &str) -> String {
        self.text_of(key).to_ascii_lowercase()
    }

    pub(super) fn texts(&self, key: &str) -> Vec<String> {
        if let Some(node) = self.node(key) {
            return node.items().iter().filter_map(Tree::text).map(str::to_owned).collect();
        }
        let items = self.default(key).trim_matches(['[', ']']).split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// The items of a list; `path` is the table's for one of them.
    pub(super) fn items(&self, key: &str, path: &'static str) -> impl Iterator<Item = Self> + use<'t> {
        let items = self.node(key).map(Tree::items).unwrap_or_default();
        items.iter().map(move |item| Self { tree: Some(item), path })
    }

    /// Names and texts of a mapping whose names users choose.
    pub(super) fn pairs(&self, key: &str) -> Vec<(String, String)> {
        match self.node(key).map(|node| &node.content) {
            Some(Content::Map(entries)) => {
                let text = |tree: &Tree| tree.text().unwrap_or_default().to_owned();
                entries.iter().map(|(name, _, value)| (name.clone(), text(value))).collect()
            }
            _ => Vec::new(),
        }
    }
}
