//! Recorded events, from a file.
//!
//! Text in, events out: `values` cuts the text into JSON values in bounded memory and knows their lines,
//! `events` makes events of them. A value that is none is an error with its line, and the next one follows.
//! `expect` compares the alerts with those that were expected.

mod events;
mod expect;
mod values;

pub use events::{AnyEvent, Events, ReplayError};
pub use expect::{Comparison, ExpectError, Expected};
