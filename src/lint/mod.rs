//! Findings in files: which files, what is wrong in them, what is exempt, and how it is shown.

mod allow;
mod annotation;
pub mod baseline;
#[cfg(feature = "cli")]
pub mod chart;
mod config_exemptions;
mod coverage;
mod duplicate;
mod exempt;
pub mod fix;
pub mod identity;
mod locate;
#[cfg(feature = "cli")]
mod parallel;
#[cfg(feature = "cli")]
pub mod read;
#[cfg(feature = "cli")]
pub mod render;
pub mod report;
mod source;
pub mod static_pod;
#[cfg(feature = "cli")]
pub mod walk;

pub use allow::{Allow, AllowError, Allows};
pub use config_exemptions::void_exemptions;
pub use duplicate::DUPLICATE_KEY;
pub use locate::locate;
pub use source::{Settings, VOID_EXEMPTION, judge};
