//! Findings in files: where they are, and how they are shown.

mod allow;
mod locate;
pub mod report;
pub mod static_pod;

pub use allow::{Allow, AllowError, Allows};
pub use locate::locate;
