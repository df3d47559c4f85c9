//! The webhook behind a real kube-apiserver, as users see it through kubectl.
//!
//! The server runs with the rights that `manifests/webhook/rbac.yaml` gives it, and no others. Tests take turns
//! on one cluster, each in namespaces of its own.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../fixtures/testbed/mod.rs"]
mod testbed;

#[path = "../server/client.rs"]
#[allow(dead_code, reason = "the tests of the server use all of it")]
mod client;

mod chart;
mod cold_start;
mod decisions;
mod events;
mod hook;
mod injector;
mod installed;
mod mutation;
mod node;
mod outage;
mod profiles;
mod readiness;
mod registered;
mod release;
mod rotation;
mod sidecar;
mod size;
mod verdicts;
