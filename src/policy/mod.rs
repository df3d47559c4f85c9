//! Checks as admission policies of the apiserver itself: ValidatingAdmissionPolicy and MutatingAdmissionPolicy.
//!
//! Data in: a selection of checks, a [`Config`], today's date. Data out: [`Exported`]: the objects to apply, and
//! a note for whatever the configuration says and CEL cannot. Nothing fails here but a name that is none.
//!
//! The parts, in the order in which an object passes them:
//! - `target`: which requests a policy matches (the one table of kinds, and the configuration's), and where the
//!   pod template is in each kind;
//! - `variables`: what every expression reads: the pod spec, its containers, volumes and annotations, and the
//!   same of the object before an update;
//! - `exemption` (with `glob`): the configuration's exemptions as conditions;
//! - `validation`: the rules of a check, each as one validation that names the containers;
//! - `mutation` (and `root`, for read-only root filesystems): the fixes of a check, as JSON patches;
//! - `binding`: what happens on a violation, by namespace and kind of request;
//! - `text`: the objects as a YAML file, notes on top.

mod binding;
mod exemption;
mod glob;
mod mutating;
mod mutation;
mod root;
mod target;
mod text;
mod validating;
mod validation;
mod variables;

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::checks::Selection;
use crate::config::{Config, Mode};

pub use mutating::{MutatingSettings, mutating};
pub use text::text;
pub use validating::validating;

/// The API group of both kinds of policies.
const GROUP: &str = "admissionregistration.k8s.io";

/// What to export.
#[derive(Clone, Debug)]
pub struct Settings<'s> {
    /// The checks; those that judge files and no API objects are left out.
    pub selection: &'s Selection,
    /// Exemptions, enforcement, kinds.
    pub config: &'s Config,
    /// What to do instead of the configuration's `enforcement.default`.
    pub enforce: Option<Mode>,
    /// The day that exemptions are compared with.
    pub today: Date,
    /// What the names of all objects begin with: a DNS label.
    pub name: &'s str,
    /// One policy with all checks, instead of one for each.
    pub combined: bool,
    /// The most that is done about workloads, whose pods are judged anyway.
    pub workloads: Mode,
    /// The most that is done about ephemeral containers, as `kubectl debug` adds them.
    pub ephemeral_containers: Mode,
}

/// Objects to apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// In the order in which to apply them.
    pub objects: Vec<Value>,
    /// What could not be carried over and what to know, one line each.
    pub notes: Vec<String>,
}

impl Exported {
    /// Each policy with its bindings by the policy's name, all with the same notes.
    pub fn by_policy(self) -> Vec<(String, Self)> {
        let mut found: Vec<(String, Self)> = Vec::new();
        for object in self.objects {
            let owner = object["spec"]["policyName"].as_str().or(object["metadata"]["name"].as_str());
            let owner = owner.unwrap_or_default().to_owned();
            match found.iter_mut().find(|(name, _)| *name == owner) {
                Some((_, of_policy)) => of_policy.objects.push(object),
                None => found.push((owner, Self { objects: vec![object], notes: self.notes.clone() })),
            }
        }
        found
    }
}

/// Why there is nothing to export.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// The names of objects would be none.
    #[error("`{name}` is no name for the policies: expected a DNS label of at most {most} characters")]
    Name {
        /// What was asked for.
        name: String,
        /// Longest name that leaves room for what follows it.
        most: usize,
    },
    /// Nothing may be repaired.
    #[error(
        "no selected check has a fix to export without `--unsafe`, which exports those that can change behaviour"
    )]
    NoFixes,
    /// No check judges pods.
    #[error("none of the selected checks judges pods, so there is no policy to export")]
    NoChecks,
}

/// Longest name of a Kubernetes object that is a DNS label.
const LABEL: usize = 63;

impl Settings<'_> {
    /// Refuses a name that does not leave room for `longest_suffix`.
    fn check_name(&self, longest_suffix: usize) -> Result<(), ExportError> {
        let most = LABEL.saturating_sub(longest_suffix);
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_label = self.name.bytes().all(is_inner)
            && !self.name.is_empty()
            && !self.name.starts_with('-')
            && !self.name.ends_with('-');
        if is_label && self.name.len() <= most {
            Ok(())
        } else {
            Err(ExportError::Name { name: self.name.to_owned(), most })
        }
    }
}

/// The metadata of every exported object.
fn metadata(name: &str) -> Value {
    json!({"name": name, "labels": {"app.kubernetes.io/managed-by": "lithify"}})
}
