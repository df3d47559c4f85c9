//! Signals that a command looks for between its steps.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;

/// A flag that is set when one of the signals comes.
///
/// # Errors
/// Signals cannot be taken over.
pub(super) fn flag(signals: &[i32]) -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in signals {
        signal_hook::flag::register(*signal, Arc::clone(&flag)).context("take signals over")?;
    }
    Ok(flag)
}
