//! Receivers of Kubernetes audit events: the source `k8s_audit`.

mod settings;

pub use settings::{File, Http, Settings, Start};
