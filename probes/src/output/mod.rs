//! Outputs: where alerts go.

mod settings;

pub use settings::{File, Http, Otlp, Program, Settings, Stdout, Syslog};
