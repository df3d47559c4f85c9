//! Block collections: which token may follow which, and what it opens and closes.
//!
//! Accepts what go-yaml v2 accepts, with its indentation rules: entries of a collection share a column;
//! anything to the left closes it; a sequence may stand in the column of the key that it is the value of.

use super::accept::empty_node;
use super::error::{Fault, SyntaxReason};
use super::node::{NONE, NodeData, Shape};
use super::parser::{Expect, Parser, indent_of};
use super::pending::Taken;
use super::position::offset;
use super::scanner::Scanned;

impl<'s> Parser<'s> {
    /// Opens a block collection whose entries stand in `column`.
    pub(super) fn open_block(
        &mut self,
        shape: Shape,
        column: usize,
        at: usize,
        taken: Taken<'s>,
        expect: Expect,
    ) -> Scanned<()> {
        self.open(shape, at, taken, expect)?;
        self.indent = indent_of(column);
        Ok(())
    }

    /// Closes the block collections whose entries stand to the right of `column`.
    #[inline]
    pub(super) fn close_deeper_than(&mut self, column: i32) -> Scanned<()> {
        while self.indent > column {
            self.complete_entry()?;
            self.close(None)?;
        }
        Ok(())
    }

    /// Fills in the nodes that the current entry of a block collection leaves out.
    pub(super) fn complete_entry(&mut self) -> Scanned<()> {
        loop {
            let frame = self.top();
            let at = match frame.expect {
                Expect::Item | Expect::Value | Expect::ExplicitKey => frame.lead as usize + 1,
                Expect::Colon => {
                    frame.lead = NONE;
                    frame.expect = Expect::Value;
                    frame.end as usize
                }
                _ => return Ok(()),
            };
            self.add_empty(at)?;
        }
    }

    /// Prepares the mapping in the current column for its next key.
    pub(super) fn next_key(&mut self) -> Scanned<()> {
        self.complete_entry()?;
        if self.is_indentless() {
            self.close(None)?;
            self.complete_entry()?;
        }
        if self.top().expect != Expect::Key {
            return Err(self.unexpected());
        }
        Ok(())
    }

    /// The innermost collection is a sequence in the column of the mapping around it.
    pub(super) fn is_indentless(&mut self) -> bool {
        let indent = self.indent;
        let frame = self.top();
        frame.shape == Shape::BlockSequence && frame.outer_indent == indent
    }

    /// A scalar or alias with its `:` ahead of the cursor.
    #[inline]
    pub(super) fn simple_key(&mut self, node: NodeData) -> Scanned<()> {
        let (outer, own) = self.pending.take_for_key(self.scanner.line_start)?;
        let start = own.start().unwrap_or(node.start as usize);
        if self.scanner.flow_level > 0 {
            self.flow_simple_key(node, own)?;
        } else {
            let column = start - self.scanner.line_start;
            if self.indent < indent_of(column) {
                self.open_block(Shape::BlockMapping, column, start, outer, Expect::Key)?;
            } else {
                // Properties on lines before belong to the value that the entry before it leaves out.
                self.restore_for_empty(outer)?;
                self.next_key().map_err(|fault| Fault { at: fault.at.min(start), ..fault })?;
            }
            self.push(node, own, true)?;
            self.top().expect = Expect::Value;
        }
        self.pass_colon(false);
        Ok(())
    }

    pub(super) fn restore_for_empty(&mut self, outer: Taken<'s>) -> Scanned<()> {
        if !outer.is_some() {
            return Ok(());
        }
        let node = empty_node(outer.end().unwrap_or(self.scanner.pos));
        self.accept(node, outer)?;
        Ok(())
    }

    /// Passes over the `:` at the cursor, which introduces the value.
    pub(super) fn pass_colon(&mut self, key_allowed: bool) {
        let at = offset(self.scanner.pos);
        self.top().lead = at;
        self.scanner.pos += 1;
        self.scanner.key_allowed = key_allowed;
    }

    /// A `:` that does not follow a scalar or alias on its line.
    pub(super) fn colon(&mut self, column: usize) -> Scanned<()> {
        let at = self.scanner.pos;
        if let Some((_, true)) = self.pending.line_start(self.scanner.line_start) {
            return self.simple_key(empty_node(at));
        }
        let misplaced = match self.scanner.src[..at].trim_ascii_end().last() {
            Some(b']' | b'}') => SyntaxReason::CollectionKey,
            _ => SyntaxReason::UnexpectedColon,
        };
        if self.scanner.flow_level > 0 {
            if self.top().expect == Expect::FlowExplicitKey {
                let lead = self.top().lead as usize;
                self.add_empty(lead + 1)?;
            }
            match self.top().expect {
                Expect::FlowColon => {}
                Expect::FlowItemEnd | Expect::FlowValueEnd if misplaced == SyntaxReason::UnexpectedColon => {
                    return Err(self.unexpected());
                }
                _ => return Err(Fault::new(at, misplaced)),
            }
            self.top().expect = Expect::FlowValue;
            self.pass_colon(false);
            return Ok(());
        }
        if !self.scanner.key_allowed || self.indent != indent_of(column) {
            return Err(Fault::new(at, misplaced));
        }
        if self.top().expect == Expect::ExplicitKey {
            let lead = self.top().lead as usize;
            self.add_empty(lead + 1)?;
        }
        if self.top().expect != Expect::Colon {
            return Err(Fault::new(at, misplaced));
        }
        self.top().expect = Expect::Value;
        self.pass_colon(true);
        Ok(())
    }

    /// The `?` of an explicit key.
    pub(super) fn question_mark(&mut self, column: usize) -> Scanned<()> {
        let at = self.scanner.pos;
        let flow = self.scanner.flow_level > 0;
        if flow {
            self.reject_pending(at)?;
            match self.top().expect {
                Expect::FlowKey { .. } => self.top().expect = Expect::FlowExplicitKey,
                Expect::FlowItem { .. } => {
                    self.open(Shape::PairMapping, at, Taken::default(), Expect::FlowExplicitKey)?;
                }
                _ => return Err(Fault::new(at, SyntaxReason::UnexpectedKey)),
            }
        } else {
            if !self.scanner.key_allowed {
                return Err(Fault::new(at, SyntaxReason::UnexpectedKey));
            }
            if self.indent < indent_of(column) {
                let taken = self.pending.take_all()?;
                self.open_block(Shape::BlockMapping, column, at, taken, Expect::ExplicitKey)?;
            } else {
                self.next_key()?;
                self.top().expect = Expect::ExplicitKey;
            }
        }
        self.top().lead = offset(at);
        self.scanner.pos += 1;
        self.scanner.key_allowed = !flow;
        Ok(())
    }

    /// The `-` of an item.
    pub(super) fn dash(&mut self, column: usize) -> Scanned<()> {
        let at = self.scanner.pos;
        if self.scanner.flow_level > 0 || !self.scanner.key_allowed {
            return Err(Fault::new(at, SyntaxReason::UnexpectedDash));
        }
        let indent = indent_of(column);
        if self.indent < indent || matches!(self.top().expect, Expect::Value | Expect::ExplicitKey) {
            let taken = self.pending.take_all()?;
            self.open_block(Shape::BlockSequence, column, at, taken, Expect::Dash)?;
        } else {
            self.complete_entry()?;
        }
        if self.top().expect != Expect::Dash {
            return Err(Fault::new(at, SyntaxReason::UnexpectedDash));
        }
        let frame = self.top();
        frame.expect = Expect::Item;
        frame.lead = offset(at);
        self.scanner.pos += 1;
        self.scanner.key_allowed = true;
        Ok(())
    }
}
