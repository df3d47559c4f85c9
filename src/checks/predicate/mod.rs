//! What a check demands of a pod spec, as data: one definition for the native verdict and for CEL.
//!
//! A [`Predicate`] is a list of [`Rule`]s, each a [`Test`] over one part of the pod. [`walk()`] runs it over
//! any tree and names every place that violates it; [`cel`] prints it for a ValidatingAdmissionPolicy.
//! Absent fields are judged as Go's zero values, `null` as absent, as the apiserver reads them.

pub(crate) mod cel;
mod describe;
mod remedy;
mod test;
mod walk;

pub(crate) use describe::demand;
pub(super) use describe::message;
pub use remedy::{Action, Change, Literal, Remedy};
pub(super) use remedy::{fix, pointer};
pub use test::{Allowed, Test, UNSET_OR_FALSE};
pub(super) use walk::{Pod, Problem, Subject, Violation, holds, walk, walk_fragment};

/// What a check demands.
#[derive(Debug)]
pub struct Predicate {
    /// Pods that the rules are not for.
    pub exempt: &'static [Exemption],
    /// All of them must hold.
    pub rules: &'static [Rule],
}

/// A property of a pod spec that takes it out of a check.
#[derive(Debug)]
pub struct Exemption {
    /// Which pods are meant.
    pub pods: &'static str,
    /// Holds for them; judged on the pod spec.
    pub when: Test,
}

/// `spec.os.name: windows`: the API refuses Linux-only fields there.
pub const WINDOWS: Exemption = Exemption {
    pods: "Windows pods",
    when: Test::Field(&["os", "name"], &Test::Is(Allowed::text(&["windows"]))),
};

/// `spec.hostUsers: false`: root in the pod is nobody on the node.
pub const USER_NAMESPACE: Exemption = Exemption {
    pods: "pods in a user namespace",
    when: Test::Field(&["hostUsers"], &Test::Is(Allowed::Bool(false))),
};

/// One demand on one part of the pod.
#[derive(Debug)]
pub struct Rule {
    /// The part; the test is run on each one.
    pub scope: Scope,
    /// What must hold.
    pub test: Test,
    /// What is wrong where it does not, to be read after the name of the part: `is privileged`.
    pub wrong: &'static str,
    /// What else to say where it does not hold.
    pub notes: &'static [Note],
    /// How to repair it.
    pub remedy: Remedy,
}

impl Rule {
    /// A rule without notes or repair.
    pub const fn new(scope: Scope, wrong: &'static str, test: Test) -> Self {
        Self { scope, test, wrong, notes: &[], remedy: Remedy::None }
    }

    /// The rule with notes.
    pub const fn with_notes(mut self, notes: &'static [Note]) -> Self {
        self.notes = notes;
        self
    }

    /// The rule with a read-only root as its repair.
    pub const fn with_read_only_root(mut self) -> Self {
        self.remedy = Remedy::ReadOnlyRoot;
        self
    }

    /// The rule with a repair.
    pub const fn with_remedy(mut self, change: Change) -> Self {
        self.remedy = Remedy::Change(change);
        self
    }
}

/// Something to say of a violation, where the same part of the pod has a property.
#[derive(Debug)]
pub struct Note {
    /// Judged on the part that the rule is about.
    pub when: Test,
    /// One line.
    pub text: &'static str,
}

/// A part of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The pod spec.
    Pod,
    /// Each of `volumes`.
    Volume,
    /// Each container of each kind.
    Container,
    /// Values of the pod's annotations.
    Annotation(AnnotationKey),
}

/// Which annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnotationKey {
    /// This key.
    Named(&'static str),
    /// Every key with this prefix.
    WithPrefix(&'static str),
    /// This prefix followed by the name of a container of the pod.
    OfContainer(&'static str),
}

/// The lists of a pod spec that hold containers, in the order in which they start, with what an item is
/// called.
pub const CONTAINER_LISTS: [(&str, &str); 3] = [
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
];
