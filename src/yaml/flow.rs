//! Flow collections: `[]`, `{}` and the single pairs that a sequence may hold.

use super::error::{Fault, SyntaxReason};
use super::node::{NONE, NodeData, Shape};
use super::parser::{Begin, Expect, Parser};
use super::pending::Taken;
use super::scanner::Scanned;

impl<'s> Parser<'s> {
    pub(super) fn flow_simple_key(&mut self, node: NodeData, own: Taken<'s>) -> Scanned<()> {
        match self.top().expect {
            Expect::FlowKey { .. } => {}
            Expect::FlowItem { .. } => {
                let at = own.start().unwrap_or(node.start as usize);
                self.open(Shape::PairMapping, at, Taken::default(), Expect::FlowKey { first: true })?;
            }
            _ => return Err(Fault::new(self.scanner.pos, SyntaxReason::UnexpectedColon)),
        }
        self.top().lead = NONE;
        self.push(node, own, true)?;
        self.top().expect = Expect::FlowValue;
        Ok(())
    }

    /// `[` or `{`.
    pub(super) fn open_flow(&mut self, shape: Shape, begin: Begin) -> Scanned<()> {
        if begin.key_required {
            return Err(Fault::new(begin.at, SyntaxReason::MissingColon));
        }
        let taken = self.pending.take_all()?;
        let expect = match shape {
            Shape::FlowSequence => Expect::FlowItem { first: true },
            _ => Expect::FlowKey { first: true },
        };
        self.open(shape, begin.at, taken, expect)?;
        self.scanner.flow_level += 1;
        self.scanner.pos += 1;
        self.scanner.key_allowed = true;
        Ok(())
    }

    /// `]` or `}`.
    pub(super) fn close_flow(&mut self, byte: u8) -> Scanned<()> {
        let at = self.scanner.pos;
        if self.scanner.flow_level == 0 {
            return Err(Fault::new(at, SyntaxReason::UnexpectedCharacter(char::from(byte))));
        }
        self.complete_flow_entry()?;
        let frame = self.top();
        let matches = match frame.shape {
            Shape::FlowSequence => byte == b']',
            _ => byte == b'}',
        };
        let complete = matches!(
            frame.expect,
            Expect::FlowItem { .. } | Expect::FlowItemEnd | Expect::FlowKey { .. } | Expect::FlowValueEnd
        );
        if !matches || !complete {
            return Err(self.unexpected());
        }
        self.close(Some(at + 1))?;
        self.scanner.flow_level -= 1;
        self.scanner.pos += 1;
        self.scanner.key_allowed = false;
        Ok(())
    }

    /// `,` between entries.
    pub(super) fn flow_comma(&mut self) -> Scanned<()> {
        if self.scanner.flow_level == 0 {
            return Err(Fault::new(self.scanner.pos, SyntaxReason::UnexpectedCharacter(',')));
        }
        self.complete_flow_entry()?;
        let frame = self.top();
        frame.expect = match frame.expect {
            Expect::FlowItemEnd => Expect::FlowItem { first: false },
            Expect::FlowValueEnd => Expect::FlowKey { first: false },
            _ => return Err(self.unexpected()),
        };
        frame.lead = NONE;
        self.scanner.pos += 1;
        self.scanner.key_allowed = true;
        Ok(())
    }

    /// Fills in what the current entry leaves out, and ends a pair inside a sequence.
    pub(super) fn complete_flow_entry(&mut self) -> Scanned<()> {
        loop {
            let pending = self.pending.is_some();
            let frame = self.top();
            let at = match frame.expect {
                Expect::FlowValue | Expect::FlowExplicitKey => frame.lead as usize + 1,
                Expect::FlowColon => {
                    frame.lead = NONE;
                    frame.expect = Expect::FlowValue;
                    frame.end as usize
                }
                Expect::FlowItem { .. } | Expect::FlowKey { .. } if pending => frame.end as usize,
                Expect::FlowValueEnd if frame.shape == Shape::PairMapping => {
                    self.close(None)?;
                    return Ok(());
                }
                _ => return Ok(()),
            };
            self.add_empty(at)?;
        }
    }
}
