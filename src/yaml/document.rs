//! Where documents begin and end: markers, directives, byte order marks.

use super::anchors::Weight;
use super::error::{Fault, SyntaxReason};
use super::node::{DocumentData, NONE, Shape};
use super::parser::{Expect, Frame, Parser};
use super::position::offset;
use super::properties::Directive;
use super::scanner::Scanned;

impl Parser<'_> {
    /// Files put together of others have a byte order mark before each document; elsewhere it is a trap.
    pub(super) fn byte_order_mark(&mut self) -> Scanned<()> {
        let at = self.scanner.pos;
        let between = self.scanner.column() == 0
            && !self.pending.is_some()
            && !self.scanner.src[..at].ends_with("\u{FEFF}".as_bytes())
            && self.frames.last().is_none_or(|frame| matches!(frame.expect, Expect::Root));
        if !between {
            return Err(Fault::new(at, SyntaxReason::ByteOrderMark));
        }
        self.scanner.pos += 3;
        self.scanner.line_start = self.scanner.pos;
        if !self.frames.is_empty()
            && let Some(document) = self.documents.last_mut()
        {
            document.content = self.scanner.pos;
        }
        Ok(())
    }

    pub(super) fn directive(&mut self) -> Scanned<()> {
        let at = self.scanner.pos;
        self.end_document(at)?;
        match self.scanner.directive()? {
            Directive::Version if self.version => {
                return Err(Fault::new(at, SyntaxReason::Directive("two `%YAML` directives")));
            }
            Directive::Version => self.version = true,
            Directive::Tag { handle, prefix } => {
                if !self.handles.declare(handle, prefix) {
                    return Err(Fault::new(
                        at,
                        SyntaxReason::Directive("two `%TAG` directives for one handle"),
                    ));
                }
            }
        }
        self.directives = true;
        Ok(())
    }

    /// `---` or `...`.
    pub(super) fn document_marker(&mut self, byte: u8) -> Scanned<()> {
        let at = self.scanner.pos;
        let was_open = !self.frames.is_empty();
        self.end_document(at)?;
        self.scanner.pos += 3;
        self.scanner.key_allowed = false;
        if byte == b'-' {
            self.open_document(self.scanner.pos);
        } else if self.directives || (!was_open && self.documents.is_empty()) {
            return Err(Fault::new(at, SyntaxReason::Expected("a document before its end marker `...`")));
        } else {
            self.document_start = self.scanner.line_end(self.scanner.pos);
        }
        Ok(())
    }

    /// Content outside of a document begins one, if it is the first of the stream.
    #[inline]
    pub(super) fn open_implicit_document(&mut self) -> Scanned<()> {
        if !self.frames.is_empty() {
            return Ok(());
        }
        if self.directives || !self.documents.is_empty() {
            return Err(Fault::new(
                self.scanner.pos,
                SyntaxReason::Expected("`---` before the next document"),
            ));
        }
        self.open_document(self.tree.text.bom);
        Ok(())
    }

    fn open_document(&mut self, content: usize) {
        self.documents.push(DocumentData {
            start: self.document_start,
            content,
            end: content,
            root: offset(self.tree.nodes.len()),
        });
        self.frames.push(Frame {
            expect: Expect::Root,
            shape: Shape::Plain,
            node: NONE,
            outer_indent: -1,
            end: 0,
            lead: NONE,
            height: 0,
            anchor: None,
            weight_before: Weight::default(),
        });
        self.directives = false;
        self.version = false;
        self.anchors.clear();
    }

    /// Closes what is open; `at` is where the next document, its marker or the end of the text stands.
    pub(super) fn end_document(&mut self, at: usize) -> Scanned<()> {
        if self.scanner.flow_level > 0 {
            let frame = self.frames.last().expect("a flow collection is open");
            let start = self.tree.nodes[frame.node as usize].start as usize;
            return Err(Fault::new(
                start,
                SyntaxReason::Expected(match frame.shape {
                    Shape::FlowMapping => "the `}` that closes this mapping, found the end of the document",
                    _ => "the `]` that closes this sequence, found the end of the document",
                }),
            ));
        }
        self.close_deeper_than(-1)?;
        let Some(frame) = self.frames.last() else {
            if self.directives && self.scanner.at_end() {
                return Err(Fault::new(at, SyntaxReason::Expected("`---` after the directives")));
            }
            return Ok(());
        };
        if frame.expect == Expect::Root {
            let document = self.documents.last().expect("its frame is open");
            self.add_empty(document.content)?;
        }
        self.reject_pending(at)?;
        self.frames.clear();
        self.handles.clear();
        let document = self.documents.last_mut().expect("its frame was open");
        document.end = at;
        self.document_start = at;
        Ok(())
    }
}
