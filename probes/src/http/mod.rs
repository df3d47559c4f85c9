//! HTTP: a client for outputs, and a server for the audit receiver, health and metrics.

mod certificates;
mod client;
#[cfg(test)]
mod pki;
mod server;
mod tls;

pub use client::ClientError;
pub(crate) use client::{Answer, Client};
#[cfg(test)]
pub(crate) use pki::Pki;
pub use server::{Handler, Limits, Reply, Server, ServerError, text};
pub(crate) use server::{busy, too_large};
pub use tls::{ClientTls, ServerTls, TlsError};
