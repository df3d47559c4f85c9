//! Builds the tree in one pass over the text.
//!
//! There is no token list: each token moves a stack of open collections, whose top knows what may come
//! next. A key is recognised where its scalar ends, by the `:` after it, so a mapping is begun before its
//! first key is stored. Nothing recurses on the input.

use super::anchors::{Anchors, Weight};
use super::block_scalar::BlockIndent;
use super::encoding::Text;
use super::error::{Fault, SyntaxReason};
use super::keys::KeyCheck;
use super::node::{DocumentData, DuplicateData, NONE, NodeData, Shape, Tree};
use super::pending::Pending;
use super::position::offset;
use super::properties::TagHandles;
use super::scanner::{FlowScalar, Scanned, Scanner};

/// Deepest nesting that is read, aliases expanded. Kubernetes objects stay far below.
pub const MAX_DEPTH: usize = 512;

/// What may come next in an open collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// The document's root.
    Root,
    /// Nothing more in this document.
    End,
    /// The `-` of the next item of a block sequence.
    Dash,
    /// The item after `-`.
    Item,
    /// The next key of a block mapping.
    Key,
    /// The key after `?`.
    ExplicitKey,
    /// The `:` after an explicit key.
    Colon,
    /// The value of a block mapping's entry.
    Value,
    /// An item of a flow sequence, or its end unless a comma came before anything.
    FlowItem { first: bool },
    /// `,` or `]`.
    FlowItemEnd,
    /// A key of a flow mapping, or its end.
    FlowKey { first: bool },
    /// The key after `?` in a flow mapping or pair.
    FlowExplicitKey,
    /// The `:` after a key of a flow mapping or pair.
    FlowColon,
    /// The value of a flow mapping's or pair's entry.
    FlowValue,
    /// `,` or `}`; for a pair, whatever ends the item.
    FlowValueEnd,
}

/// An open collection, or the document at the bottom of the stack.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) expect: Expect,
    pub(super) shape: Shape,
    pub(super) node: u32,
    /// The indentation around it, to return to.
    pub(super) outer_indent: i32,
    /// Offset of the last indicator, which introduces the next child.
    pub(super) lead: u32,
    /// End of its last child.
    pub(super) end: u32,
    /// Levels below, aliases expanded.
    pub(super) height: usize,
    /// Index of its anchor in [`Anchors`].
    pub(super) anchor: Option<usize>,
    pub(super) weight_before: Weight,
}

/// What the parser has read.
#[derive(Debug)]
pub(super) struct Parsed<'s> {
    pub(super) tree: Tree<'s>,
    pub(super) documents: Vec<DocumentData>,
    pub(super) comments: Vec<u32>,
    pub(super) duplicates: Vec<DuplicateData>,
}

/// Where a token begins, and what may begin there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begin {
    pub(super) at: usize,
    pub(super) key_allowed: bool,
    pub(super) key_required: bool,
}

#[derive(Debug)]
pub(super) struct Parser<'s> {
    pub(super) scanner: Scanner<'s>,
    pub(super) tree: Tree<'s>,
    pub(super) frames: Vec<Frame>,
    /// Column of the innermost open block collection, -1 outside of any.
    pub(super) indent: i32,
    pub(super) pending: Pending<'s>,
    pub(super) anchors: Anchors<'s>,
    pub(super) keys: KeyCheck<'s>,
    pub(super) documents: Vec<DocumentData>,
    pub(super) handles: TagHandles,
    /// Directives were read for the document that is about to begin.
    pub(super) directives: bool,
    /// `%YAML` was among them.
    pub(super) version: bool,
    /// Where the next document begins.
    pub(super) document_start: usize,
}

/// Parses a checked text.
///
/// `lenient`: duplicate keys are listed instead of refused.
pub(super) fn parse(text: Text<'_>, lenient: bool) -> Scanned<Parsed<'_>> {
    // Manifests have a node for about every twelve bytes; the capacity saves growing the list.
    let mut parser = Parser {
        scanner: Scanner::new(text),
        tree: Tree { text, nodes: Vec::with_capacity(text.source.len() / 10), properties: Vec::new() },
        frames: Vec::new(),
        indent: -1,
        pending: Pending::default(),
        anchors: Anchors::default(),
        keys: KeyCheck::new(lenient),
        documents: Vec::new(),
        handles: TagHandles::default(),
        directives: false,
        version: false,
        document_start: 0,
    };
    while parser.step()? {}
    let mut duplicates = parser.keys.duplicates;
    duplicates.sort_by_key(|duplicate| duplicate.second);
    Ok(Parsed {
        tree: parser.tree,
        documents: parser.documents,
        comments: parser.scanner.comments,
        duplicates,
    })
}

impl Parser<'_> {
    /// Reads one token; `false` at the end of the text.
    fn step(&mut self) -> Scanned<bool> {
        self.scanner.skip_to_token();
        let at = self.scanner.pos;
        let column = self.scanner.column();
        if self.scanner.flow_level == 0 {
            self.close_deeper_than(indent_of(column))?;
        }
        if self.scanner.at_end() {
            self.end_document(at)?;
            return Ok(false);
        }
        let byte = self.scanner.src[at];
        if byte == 0xEF && self.scanner.src[at..].starts_with("\u{FEFF}".as_bytes()) {
            self.byte_order_mark()?;
            return Ok(true);
        }
        if column == 0 {
            if byte == b'%' {
                self.directive()?;
                return Ok(true);
            }
            if self.scanner.at_document_marker() {
                self.document_marker(byte)?;
                return Ok(true);
            }
        }
        self.open_implicit_document()?;
        let key_allowed = self.scanner.key_allowed;
        let begin = Begin {
            at,
            key_allowed,
            // In block context what stands in the column of a collection's entries must be one.
            key_required: key_allowed && self.scanner.flow_level == 0 && self.indent == indent_of(column),
        };
        self.token(byte, column, begin)?;
        Ok(true)
    }

    /// Reads the token of a document's content that begins with `byte`.
    #[inline]
    fn token(&mut self, byte: u8, column: usize, begin: Begin) -> Scanned<()> {
        let at = begin.at;
        let flow = self.scanner.flow_level > 0;
        let separated = self.scanner.is_blank_or_end(at + 1);
        match byte {
            b'[' => self.open_flow(Shape::FlowSequence, begin)?,
            b'{' => self.open_flow(Shape::FlowMapping, begin)?,
            b']' | b'}' => self.close_flow(byte)?,
            b',' => self.flow_comma()?,
            b'-' if separated => self.dash(column)?,
            b'?' if flow || separated => self.question_mark(column)?,
            b':' if flow || separated => self.colon(column)?,
            b'&' => {
                self.begin_property(begin)?;
                let name = self.scanner.anchor()?;
                self.pending.add_anchor(name, at..self.scanner.pos)?;
            }
            b'!' => {
                self.begin_property(begin)?;
                let tag = self.scanner.tag(&self.handles)?;
                self.pending.add_tag(tag, at..self.scanner.pos)?;
            }
            b'*' => self.alias(begin)?,
            b'|' | b'>' if !flow => self.block_scalar(begin)?,
            b'"' | b'\'' => {
                let scalar = self.scanner.quoted_scalar()?;
                self.scanner.skip_blanks();
                let shape = if byte == b'"' { Shape::DoubleQuoted } else { Shape::SingleQuoted };
                self.flow_scalar(scalar, shape, begin)?;
            }
            b'\t' => return Err(Fault::new(at, SyntaxReason::TabIndentation)),
            b'#' | b'|' | b'>' | b'%' | b'@' | b'`' => {
                return Err(Fault::new(at, SyntaxReason::UnexpectedCharacter(char::from(byte))));
            }
            _ => {
                let indent = usize::try_from(self.indent + 1).unwrap_or(0);
                let scalar = self.scanner.plain_scalar(indent)?;
                self.flow_scalar(scalar, Shape::Plain, begin)?;
            }
        }
        Ok(())
    }

    /// A plain or quoted scalar was passed over: a key if a `:` follows, else a value.
    #[inline]
    fn flow_scalar(&mut self, scalar: FlowScalar, shape: Shape, begin: Begin) -> Scanned<()> {
        let node = NodeData {
            start: offset(scalar.start),
            end: offset(scalar.end),
            lead: NONE,
            aux: 0,
            properties: NONE,
            shape,
            verbatim: scalar.verbatim,
        };
        if scalar.one_line && self.at_colon() && self.may_be_key(begin)? {
            return self.simple_key(node);
        }
        self.value_node(node, begin)
    }

    /// `:` as an indicator is the next character.
    #[inline]
    fn at_colon(&self) -> bool {
        self.scanner.byte(self.scanner.pos) == b':'
            && (self.scanner.flow_level > 0 || self.scanner.is_blank_or_end(self.scanner.pos + 1))
    }

    /// Whether what began at `begin`, and whose `:` is the next character, may be a key.
    #[inline]
    fn may_be_key(&self, begin: Begin) -> Scanned<bool> {
        /// Most characters from a key's first to its `:`. Source: YAML 1.2 §7.4, go-yaml v2.
        const MAX_KEY: usize = 1024;
        let properties = self.pending.line_start(self.scanner.line_start);
        let (start, key_allowed) = properties.unwrap_or((begin.at, begin.key_allowed));
        let end = self.scanner.pos;
        if key_allowed && end - start > MAX_KEY && self.tree.text.source[start..end].chars().count() > MAX_KEY
        {
            return Err(Fault::new(start, SyntaxReason::MissingColon));
        }
        Ok(key_allowed)
    }

    fn block_scalar(&mut self, begin: Begin) -> Scanned<()> {
        let scalar = self.scanner.block_scalar(BlockIndent::Within(self.indent), None)?;
        let node = NodeData {
            start: offset(scalar.start),
            end: offset(scalar.end),
            lead: NONE,
            aux: scalar.indent,
            properties: NONE,
            shape: if self.scanner.src[scalar.start] == b'|' { Shape::Literal } else { Shape::Folded },
            verbatim: false,
        };
        // go-yaml never takes a block scalar for the start of a key, so its column does not matter.
        self.value_node(node, Begin { key_required: false, ..begin })
    }

    fn alias(&mut self, begin: Begin) -> Scanned<()> {
        let name = self.scanner.anchor()?;
        let end = self.scanner.pos;
        self.scanner.skip_blanks();
        let is_key = self.at_colon() && self.may_be_key(begin)?;
        let anchored = self.anchors.alias(name).map_err(|reason| Fault::new(begin.at, reason))?;
        if self.frames.len() + anchored.height > MAX_DEPTH {
            return Err(Fault::new(begin.at, SyntaxReason::TooDeep));
        }
        if self.pending.is_some() {
            let reason = SyntaxReason::Expected("a value; an alias takes no anchor and no tag");
            return Err(Fault::new(begin.at, reason));
        }
        let node = NodeData {
            start: offset(begin.at),
            end: offset(end),
            lead: NONE,
            aux: anchored.node,
            properties: NONE,
            shape: Shape::Alias,
            verbatim: false,
        };
        if is_key {
            return self.simple_key(node);
        }
        self.value_node(node, begin)?;
        self.raise_height(anchored.height + 1);
        Ok(())
    }

    /// Stores a scalar or alias that is no simple key.
    #[inline]
    fn value_node(&mut self, node: NodeData, begin: Begin) -> Scanned<()> {
        if begin.key_required {
            return Err(Fault::new(begin.at, SyntaxReason::MissingColon));
        }
        let taken = self.pending.take_all()?;
        self.accept(node, taken)?;
        Ok(())
    }

    /// Announces the anchor or tag at the cursor.
    fn begin_property(&mut self, begin: Begin) -> Scanned<()> {
        if !begin.key_required && !self.expects_node() {
            return Err(self.unexpected());
        }
        self.pending.begin(begin.at, self.scanner.line_start, begin.key_allowed, begin.key_required)
    }
}

/// A column as an indentation.
#[inline]
pub(super) fn indent_of(column: usize) -> i32 {
    i32::try_from(column).unwrap_or(i32::MAX)
}
