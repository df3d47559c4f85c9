//! Core of Lithify: pure functions over YAML, Kubernetes objects and events.
//!
//! Layers, lowest first; a module imports only from lower ranks (`fixtures/layers.rs` fails otherwise).
//! What touches files, a cluster or the terminal is behind the feature `cli`.

pub mod k8s;
pub mod nearest;
pub mod yaml;

pub mod audit;
pub mod edit;

pub mod event;

pub mod profile;

pub mod rules;

pub mod apiserver;

pub mod checks;

pub mod config;

pub mod lint;

pub mod policy;

#[cfg(feature = "cli")]
pub mod install;

#[cfg(feature = "cli")]
pub mod cluster;

#[cfg(feature = "cli")]
pub mod cli;
