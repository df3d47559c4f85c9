//! Rules in force: from configuration and files to a set that judges events.
//!
//! `compile` reads rule files and makes a [`Verdicts`] of them, all or nothing; `Verdicts` turns an event into
//! alerts; `counters` count them by rule, across reloads.

mod compile;
mod counters;
mod fields;
mod verdicts;

pub use compile::{Compiled, RulesError, compile};
pub use counters::{RuleCounter, RuleCounters};
pub use verdicts::Verdicts;
