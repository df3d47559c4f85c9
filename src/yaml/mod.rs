//! Lossless YAML: a tree with byte spans, and edits that own only the bytes they change.
//!
//! The parser is our own. Measured on 205 kB of real manifests (same run, one quiet core): granit-parser's
//! bare events 67 MB/s, serde-saphyr into values 27 MB/s, this parser into its tree 350 MB/s and on into
//! values 160 MB/s. Linting 10,000 files of 7 MB in total within 0.3 s of CPU, half of which is file I/O,
//! leaves no room for the events of another parser; granit-parser stays as a judge in the tests. The second
//! judge is Go's sigs.k8s.io/yaml, whose values these are.
//!
//! One pass: `scanner` finds where tokens end, `parser` (`block`, `flow`, `document`, `accept`) moves a stack of open
//! collections, `node` stores them in one flat list. Scalars are decoded when asked for (`text`,
//! `block_scalar`) and get their meaning from `resolve`.

mod accept;
mod anchors;
mod block;
mod block_scalar;
mod document;
mod edit;
mod emit;
mod encoding;
mod error;
mod flow;
mod go_float;
mod keys;
mod node;
mod parser;
mod pending;
mod pointer;
mod position;
mod properties;
mod quote;
mod resolve;
mod scanner;
mod stream;
mod text;
mod timestamp;
mod tree;
mod value;

#[cfg(test)]
mod tests;

pub use edit::{EditRefusal, Editor};
pub use emit::document;
pub use error::{SyntaxError, SyntaxReason};
pub use parser::MAX_DEPTH;
pub(crate) use pointer::parse_index;
pub use pointer::{Pointer, PointerError};
pub use position::Position;
pub use stream::{Duplicate, Stream};
pub use tree::{Document, Kind, Node, Style};
