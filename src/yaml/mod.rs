//! Lossless YAML: a tree with byte spans, and edits that own only the bytes they change.

mod pointer;
mod position;

pub use pointer::{Pointer, PointerError};
pub use position::Position;
