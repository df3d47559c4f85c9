//! Edits that own only the bytes they change.
//!
//! Data in: a parsed document and changes, each naming a place of the document as the changes before it
//! have left it. The changes are gathered in a [`plan`], a tree over the tree that says what stays, what is
//! new and what goes; one walk over it writes the splices. So nothing is parsed twice, and every byte
//! outside of the splices is kept.
//!
//! What a change owns:
//! - a new entry or item comes after the last line of the one before it, comments that are indented deeper
//!   than that one included; other comments stay with what follows them;
//! - a removed entry or item takes its lines, the comments on them and the deeper ones after them, and the
//!   comment lines directly above it in its column (but not above the first of the document, which are
//!   often about the whole file);
//! - a new value takes the place of the old one; where both are mappings or sequences, only what differs;
//! - in one case a line that was there changes: what comes after a block scalar that ends the file without a
//!   final newline gives its last line one, which the scalar's value did not have; its header becomes `|-` (or
//!   `>-`), which says the same value as before. Keeping the line would change the value, which is worse.

mod block;
mod flow;
mod guard;
mod layout;
mod lines;
mod plan;
mod replace;
mod splice;

use std::borrow::Cow;

use serde_json::Value;

use self::guard::Guard;
use self::layout::Layout;
use self::plan::{Change, Plan};
use self::splice::Splices;
use super::pointer::Pointer;
use super::position::Position;
use super::stream::Stream;
use super::tree::Document;

/// Collects changes to one document and writes them into the text of its stream.
#[derive(Debug)]
pub struct Editor<'a> {
    document: Document<'a>,
    guard: Guard<'a>,
    plan: Plan,
}

/// A change that cannot be made in this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditRefusal {
    /// The place does not exist, or its parent is of another kind.
    #[error("`{at}` {problem}")]
    NoSuchPlace {
        /// The place.
        at: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The text of the place stands for several places.
    #[error(
        "`{at}` belongs to the anchor `&{anchor}` ({defined}) that the alias at {used} repeats: the change \
         would reach both; write the value out in one of the two places first"
    )]
    Aliased {
        /// The place.
        at: String,
        /// The anchor's name.
        anchor: String,
        /// Where the anchored value stands.
        defined: Position,
        /// Where an alias repeats it.
        used: Position,
    },
    /// The place's value comes from a merge key, or would hide one that does.
    #[error("`{at}` is also set by the merge key at {merge}; write the merged keys out first")]
    Merged {
        /// The place.
        at: String,
        /// Where the `<<` stands.
        merge: Position,
    },
}

impl<'a> Editor<'a> {
    /// An editor without changes.
    pub fn new(document: Document<'a>) -> Self {
        let root = document.root_index();
        Self { document, guard: Guard::new(document), plan: Plan::Keep(root) }
    }

    /// Sets a key of a mapping: where it stands, else at the end.
    ///
    /// # Errors
    /// [`EditRefusal`]; the changes before it stay. So for all changes.
    pub fn set(&mut self, at: &Pointer, value: Value) -> Result<(), EditRefusal> {
        self.change(at, Change::Set(value))
    }

    /// Replaces an existing node.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn replace(&mut self, at: &Pointer, value: Value) -> Result<(), EditRefusal> {
        self.change(at, Change::Replace(value))
    }

    /// Inserts into a sequence, before the item that has this index now.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn insert(&mut self, at: &Pointer, value: Value) -> Result<(), EditRefusal> {
        self.change(at, Change::Insert(value))
    }

    /// Adds at the end of a sequence.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn append(&mut self, at: &Pointer, value: Value) -> Result<(), EditRefusal> {
        self.change(at, Change::Append(value))
    }

    /// Removes a key of a mapping or an item of a sequence.
    ///
    /// # Errors
    /// [`EditRefusal`].
    pub fn remove(&mut self, at: &Pointer) -> Result<(), EditRefusal> {
        self.change(at, Change::Remove)
    }

    fn change(&mut self, at: &Pointer, change: Change) -> Result<(), EditRefusal> {
        self.guard.at.clone_from(at);
        plan::change(&mut self.plan, &self.guard, at, change)
    }

    /// The text of the whole stream with the changes made.
    ///
    /// `literals`: strings of several lines may become literal scalars (`|`). Lines of blanks around one can
    /// change what it means, so whoever finds that may try again without.
    pub fn finish(&self, literals: bool) -> Cow<'a, str> {
        let (splices, eol) = self.splices(literals);
        splices.apply(self.document.tree().text.source, eol)
    }

    /// The text of the stream with the changes of several editors, each of another document of it.
    pub fn finish_all(stream: &'a Stream<'a>, editors: &[&Self], literals: bool) -> Cow<'a, str> {
        let mut all = Splices::default();
        let mut eol = "\n";
        for editor in editors {
            let (splices, own) = editor.splices(literals);
            all.extend(splices);
            eol = own;
        }
        all.apply(stream.source(), eol)
    }

    /// What to put where, and the line break of the text.
    fn splices(&self, literals: bool) -> (Splices, &'static str) {
        let layout = Layout::new(self.document, literals);
        let mut splices = Splices::default();
        replace::write_root(&layout, &self.plan, self.document, &mut splices);
        (splices, layout.eol())
    }
}
