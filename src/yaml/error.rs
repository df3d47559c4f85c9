//! Why a text is not a document that Kubernetes would read, and where.

use super::position::Position;

/// A text that is refused, with the place and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {reason}")]
pub struct SyntaxError {
    position: Position,
    reason: SyntaxReason,
}

impl SyntaxError {
    pub(super) fn new(position: Position, reason: SyntaxReason) -> Self {
        Self { position, reason }
    }

    /// Where it is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// What it is.
    pub fn reason(&self) -> &SyntaxReason {
        &self.reason
    }
}

/// What is wrong with a text; the message says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxReason {
    /// Bytes that are no UTF-8.
    #[error("invalid UTF-8; save the file as UTF-8")]
    InvalidUtf8,
    /// A byte order mark of UTF-16.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// A character that YAML does not allow unescaped.
    #[error("control character U+{0:04X}; write it as an escape in a double-quoted string")]
    ControlCharacter(u32),
    /// A byte order mark that begins neither the file nor a document.
    #[error("byte order mark (U+FEFF) inside a document; remove this invisible character")]
    ByteOrderMark,
    /// Offsets are 32 bits wide.
    #[error("the text is longer than 4 GiB")]
    TooLong,
    /// A tab where only spaces may stand.
    #[error("tab used as indentation; YAML allows only spaces there")]
    TabIndentation,
    /// Deeper than [`MAX_DEPTH`](super::MAX_DEPTH), aliases expanded.
    #[error("nested more than {} levels deep", super::MAX_DEPTH)]
    TooDeep,
    /// The same key twice in one mapping.
    #[error("duplicate key `{key}`, first set at {first}; remove one of them")]
    DuplicateKey {
        /// The key, as JSON spells it.
        key: String,
        /// Where it stands first.
        first: Position,
    },
    /// An alias without its anchor before it.
    #[error("alias `*{0}` names no anchor that stands before it in this document")]
    UndefinedAlias(String),
    /// An alias inside the node that its anchor marks.
    #[error("alias `*{0}` stands inside its own anchor")]
    RecursiveAlias(String),
    /// More copies than Go's YAML reader is willing to make.
    #[error("aliases expand to {0} nodes, too many for the size of the document (alias bomb)")]
    ExcessiveAliasing(u64),
    /// Copies of long scalars that together exceed the memory that a document may take.
    #[error("aliases expand to more than {0} bytes of text (alias bomb)")]
    ExcessiveAliasedText(u64),
    /// `<<` with something else than a mapping.
    #[error("the merge key `<<` takes a mapping or a sequence of mappings")]
    MergeOfNonMapping,
    /// A mapping or sequence as a key.
    #[error("a mapping or sequence as a key; JSON, and so Kubernetes, has only strings as keys")]
    CollectionKey,
    /// `{{`, which other tools expand first.
    #[error("`{{{{` begins a template, not YAML; render it first, such as by `helm template`")]
    Template,
    /// A key that Go's reader cannot turn into a string.
    #[error("{0} as a key; quote it to make it a string")]
    KeyKind(&'static str),
    /// `.inf` or `.nan`.
    #[error("`{0}` is a number that JSON cannot express; quote it if a string is meant")]
    NonFinite(String),
    /// A scalar that is not what its tag says.
    #[error("`{text}` is no {tag}")]
    TagMismatch {
        /// The scalar's text.
        text: String,
        /// The tag.
        tag: &'static str,
    },
    /// A tag whose handle no `%TAG` directive declares.
    #[error("undefined tag handle `{0}`")]
    UndefinedTagHandle(String),
    /// A directive that the reader does not know, or not in this form.
    #[error("{0}")]
    Directive(&'static str),
    /// An implicit key that has no `:` on its line.
    #[error("could not find the `:` of this key; a key and its `:` stand on one line")]
    MissingColon,
    /// A `:` where no mapping can begin.
    #[error("a mapping value is not allowed here; quote the text if it contains `: `")]
    UnexpectedColon,
    /// A `- ` where no sequence can begin.
    #[error("a block sequence entry is not allowed here")]
    UnexpectedDash,
    /// A `? ` where no mapping can begin.
    #[error("a mapping key is not allowed here")]
    UnexpectedKey,
    /// Something else where the grammar asks for this.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A character that begins nothing.
    #[error("`{0}` cannot begin a value here; quote the text if it is meant")]
    UnexpectedCharacter(char),
    /// A scalar that is not spelled as it must.
    #[error("{0}")]
    Scalar(&'static str),
    /// Two anchors or two tags on one node.
    #[error("two {0} on one node")]
    RepeatedProperty(&'static str),
}

/// A reason and the byte offset it is about, before the offset is turned into a line and a column.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) reason: SyntaxReason,
}

impl Fault {
    pub(super) fn new(at: usize, reason: SyntaxReason) -> Self {
        Self { at, reason }
    }
}
