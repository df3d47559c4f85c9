//! How nodes enter the tree: where the innermost open collection expects one.

use super::error::{Fault, SyntaxReason};
use super::node::{NONE, NodeData, Properties, Shape};
use super::parser::{Expect, Frame, MAX_DEPTH, Parser};
use super::pending::Taken;
use super::position::offset;
use super::properties::Tag;
use super::resolve::Resolved;
use super::scanner::Scanned;

impl<'s> Parser<'s> {
    pub(super) fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("the document's frame stays until its end")
    }

    /// Anything but an indicator or a key may come next.
    pub(super) fn expects_node(&self) -> bool {
        !matches!(
            self.frames.last().map_or(Expect::End, |frame| frame.expect),
            Expect::End
                | Expect::Dash
                | Expect::Key
                | Expect::Colon
                | Expect::FlowItemEnd
                | Expect::FlowColon
                | Expect::FlowValueEnd
        )
    }

    pub(super) fn unexpected(&self) -> Fault {
        let frame = self.frames.last().expect("the document's frame stays until its end");
        Fault::new(self.scanner.pos, SyntaxReason::Expected(what(frame.expect)))
    }

    /// Stores `node` where the open collection expects one; returns its index and that of its anchor.
    #[inline]
    pub(super) fn accept(&mut self, mut node: NodeData, taken: Taken<'s>) -> Scanned<(u32, Option<usize>)> {
        let collection = node.shape.is_collection();
        let at = node.start as usize;
        let (next, is_key) = match self.top().expect {
            Expect::Root => (Expect::End, false),
            Expect::Item => (Expect::Dash, false),
            Expect::Value => (Expect::Key, false),
            Expect::ExplicitKey => (Expect::Colon, true),
            Expect::FlowItem { .. } => (Expect::FlowItemEnd, false),
            Expect::FlowKey { .. } => (Expect::FlowValue, true),
            Expect::FlowExplicitKey => (Expect::FlowColon, true),
            Expect::FlowValue => (Expect::FlowValueEnd, false),
            expect => return Err(Fault::new(at, SyntaxReason::Expected(what(expect)))),
        };
        if is_key && collection {
            let template = node.shape == Shape::FlowMapping && at > 0 && self.scanner.src[at - 1] == b'{';
            let reason = if template { SyntaxReason::Template } else { SyntaxReason::CollectionKey };
            return Err(Fault::new(at - usize::from(template), reason));
        }
        let frame = self.top();
        frame.expect = next;
        frame.end = node.end;
        frame.height = frame.height.max(1);
        node.lead = frame.lead;
        let end = node.end as usize;
        let stored = self.push(node, taken, is_key)?;
        if is_key && next == Expect::FlowValue {
            // A key of a flow mapping with no `:` on its line has no value.
            self.top().lead = NONE;
            self.add_empty(end)?;
        }
        Ok(stored)
    }

    /// Appends a node to the tree, with its properties, and checks a scalar's value.
    #[inline]
    pub(super) fn push(
        &mut self,
        mut node: NodeData,
        taken: Taken<'s>,
        is_key: bool,
    ) -> Scanned<(u32, Option<usize>)> {
        let index = offset(self.tree.nodes.len());
        let mut anchor = None;
        let before = self.anchors.total();
        if taken.is_some() {
            node.properties = offset(self.tree.properties.len());
            self.tree.properties.push(Properties {
                start: taken.start().unwrap_or(node.start as usize),
                anchor: taken.anchor.as_ref().map(|(_, span)| span.clone()),
                tag: taken.tag.as_ref().map_or(Tag::None, |(tag, _)| *tag),
                non_specific: taken
                    .tag
                    .as_ref()
                    .is_some_and(|(tag, span)| *tag == Tag::Other && span.len() == 1),
            });
            anchor = taken.anchor.map(|(name, _)| self.anchors.open(name, index));
        }
        let shape = node.shape;
        let special =
            node.properties != NONE || (shape == Shape::Plain && self.may_be_refused(&node, is_key));
        if shape != Shape::Alias {
            self.anchors.count(if shape.is_collection() { 0 } else { node.span().len() });
        }
        self.tree.nodes.push(node);
        if shape.is_collection() {
            return Ok((index, anchor));
        }
        if special && shape != Shape::Alias && !is_key {
            self.check_value(index)?;
        }
        if let Some(anchor) = anchor {
            self.anchors.close(anchor, before, 0);
        }
        Ok((index, anchor))
    }

    /// Plain values that may be infinite or no number; keys are checked when their mapping ends.
    #[inline]
    pub(super) fn may_be_refused(&self, node: &NodeData, is_key: bool) -> bool {
        let at = node.start as usize;
        !is_key
            && match self.scanner.byte(at) {
                b'.' => true,
                b'+' | b'-' => self.scanner.byte(at + 1) == b'.',
                _ => false,
            }
    }

    pub(super) fn check_value(&self, index: u32) -> Scanned<()> {
        let text = self.tree.scalar_text(index);
        let at = self.tree.node(index).start as usize;
        match self.tree.resolve(index, &text) {
            Ok(Resolved::Float(value)) if !value.is_finite() => {
                Err(Fault::new(at, SyntaxReason::NonFinite(text.into_owned())))
            }
            Ok(_) => Ok(()),
            Err(reason) => Err(Fault::new(at, reason)),
        }
    }

    /// Stores the node that is not written, with the properties that are.
    pub(super) fn add_empty(&mut self, at: usize) -> Scanned<()> {
        let taken = self.pending.take_all()?;
        let node = empty_node(taken.end().unwrap_or(at));
        self.accept(node, taken)?;
        Ok(())
    }

    /// The document ends or a collection does: no property may be left over.
    pub(super) fn reject_pending(&mut self, at: usize) -> Scanned<()> {
        let taken = self.pending.take_all()?;
        match taken.start() {
            Some(start) => {
                Err(Fault::new(start.min(at), SyntaxReason::Expected("a value after the anchor or tag")))
            }
            None => Ok(()),
        }
    }

    /// Opens a collection where a node is expected.
    pub(super) fn open(&mut self, shape: Shape, at: usize, taken: Taken<'s>, expect: Expect) -> Scanned<()> {
        if self.frames.len() > MAX_DEPTH {
            return Err(Fault::new(at, SyntaxReason::TooDeep));
        }
        let weight_before = self.anchors.total();
        let node = NodeData { shape, ..empty_node(at) };
        let (node, anchor) = self.accept(node, taken)?;
        self.frames.push(Frame {
            expect,
            shape,
            node,
            outer_indent: self.indent,
            lead: offset(at),
            end: offset(at),
            height: 0,
            anchor,
            weight_before,
        });
        Ok(())
    }

    /// Closes the innermost collection, which ends at byte `end` or, a block collection, with its last child.
    pub(super) fn close(&mut self, end: Option<usize>) -> Scanned<()> {
        self.reject_pending(self.scanner.pos)?;
        let frame = self.frames.pop().expect("a collection is open");
        let end = end.map_or(frame.end, offset);
        let after = offset(self.tree.nodes.len());
        let node = &mut self.tree.nodes[frame.node as usize];
        node.aux = after;
        node.end = end;
        self.indent = frame.outer_indent;
        if frame.shape.is_mapping() {
            self.keys.check(&self.tree, frame.node + 1, after)?;
        }
        if let Some(anchor) = frame.anchor {
            self.anchors.close(anchor, frame.weight_before, frame.height);
        }
        let parent = self.top();
        parent.end = end;
        self.raise_height(frame.height + 1);
        Ok(())
    }

    pub(super) fn raise_height(&mut self, height: usize) {
        let frame = self.top();
        frame.height = frame.height.max(height);
    }
}

pub(super) fn empty_node(at: usize) -> NodeData {
    let at = offset(at);
    NodeData { start: at, end: at, lead: NONE, aux: 0, properties: NONE, shape: Shape::Plain, verbatim: true }
}

/// What an open collection wants next, for messages.
fn what(expect: Expect) -> &'static str {
    match expect {
        Expect::End => "the end of the document or `---`",
        Expect::Dash => "`- ` and an item, or less indentation",
        Expect::Item => "an item",
        Expect::Key => "a key followed by `: ` in this column, or less indentation",
        Expect::ExplicitKey | Expect::FlowExplicitKey => "a key",
        Expect::Colon | Expect::FlowColon => "`:` and a value",
        Expect::Root | Expect::Value | Expect::FlowValue => "a value",
        Expect::FlowItem { .. } => "an item or `]`",
        Expect::FlowItemEnd => "`,` or `]`",
        Expect::FlowKey { .. } => "a key or `}`",
        Expect::FlowValueEnd => "`,` or `}`",
    }
}
