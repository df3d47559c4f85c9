//! HTTP: a client for outputs, and a server for the audit receiver, health and metrics.

mod tls;

pub use tls::{ClientTls, ServerTls};
