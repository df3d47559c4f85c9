//! The program while it runs: reloads under load, signals, health, what it tells systemd.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod privileges;
mod probe;
mod record;
mod reload;
#[path = "../../../fixtures/testbed/require.rs"]
mod require;
mod service;
mod syscalls;
mod under_load;
