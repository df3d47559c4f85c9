//! Falco-compatible rules: read → collect → compile → evaluate.
//!
//! Data in: the text of rule files, then events. Data out: what is wrong with the files, then the rules
//! that an event fulfils. Pure: files are read by who calls.
//!
//! - `read`: YAML to items, with the refusals of Falco's reader.
//! - `collect`: items of all files to one set; later ones replace, append, override.
//! - `compile`: lists and macros resolved, names and types checked, one graph of conditions a source.
//! - `engine`: the rules that are selected, evaluated (its design stands on top of it).
//!
//! Where Falco has a known defect, this does what its documentation says:
//! - `fd.net in (a, b)` compares with every network, not only with the first.
//! - Lists are values, not text: a list's name inside quotes is no list, and lists may be nested to any depth.
//! - A colon before the last slash of an image is a registry's port and no tag.
//! - Lines and columns of errors count from 1, and point into the file, not into the condition.
//! - A file may use what a later file defines, as long as each macro stands behind those it uses.
//! - One bad item does not hide the next error.
//!
//! Domain names (`fd.sip.name in (…)`) are compared as texts with what the event says: a rule resolves none, and
//! [`RuleSet::domains`] lists them for who does.

mod code;
mod collect;
mod compile;
mod computed;
pub mod condition;
mod dag;
mod describe;
mod diagnostic;
mod engine;
mod inventory;
mod load;
mod predicate;
mod priority;
mod read;
mod said;
mod selection;
mod source_text;
mod template;
mod test;
mod uses;
mod version;

pub use code::{Code, Level};
pub use collect::{Change, Origin};
pub use compile::Extra;
pub use diagnostic::{Context, Diagnostic, FileResult, Location};
pub use engine::{KernelCheck, Need, Needs, Pattern, Rule, RuleSet, Scratch, Subject};
pub use load::Load;
pub use predicate::glob_matches;
pub use priority::Priority;
pub use selection::{Selection, Step, What};
pub use source_text::{Phrase, RuleFile, Sources, Spot};
pub use template::{MISSING, Template, TemplateError, one_line};
pub use version::{BUILT_IN_PLUGINS, ENGINE_VERSION, Version};
