//! The server around the verdict.
//!
//! - [`App`]: what every request needs: policy, namespaces, metrics, conditions, limits.
//! - [`router`]: the endpoints, public, so that tests drive them without sockets.
//! - [`body`]: reads a request's body within its limits.
//! - [`room`]: memory for bodies: under pressure the body that has been arriving longest goes.
//! - [`connections`]: who may stay connected: under pressure the connection that has been idle longest goes.
//! - [`listener`]: accepts, shakes hands, serves, drains.
//! - [`tls`]: the certificate that is served, exchanged without dropping a connection.
//! - [`namespaces`]: labels of namespaces, watched.
//! - [`heard`]: whether a watch still hears of changes.
//! - [`events`]: what owners of denied pods are told.
//! - [`reload`]: certificate files, followed while they change.
//!
//! Data in: HTTP requests, files, the cluster's namespaces. Data out: verdicts, metrics, one JSON log line a
//! decision. What fails: a request (answered so that the apiserver's failure policy decides), a reload (the old
//! stays), never the process.

mod app;
mod body;
mod conditions;
mod connections;
mod events;
mod heard;
mod listener;
mod log;
mod metrics;
mod namespaces;
mod reload;
mod room;
mod router;
mod tls;

pub use app::{App, Limits};
pub use body::BodyError;
pub use conditions::{Condition, Conditions};
pub use connections::{Connection, Connections};
pub use events::Events;
pub use heard::{Heard, SILENCE, heard};
pub use listener::{Listener, Timeouts};
pub use log::Log;
pub use metrics::Metrics;
pub use namespaces::{Cluster, Known, Namespaces, Watch};
pub use reload::{Files, follow};
pub use router::router;
pub use tls::{Certificate, CertificateError, Certificates, ClientsError, asking_clients, server_config};
