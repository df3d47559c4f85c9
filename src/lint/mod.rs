//! Findings in files: where they are, and how they are shown.

pub mod report;
