//! Where events come from.

use std::fmt;

/// Where an event comes from: what the `source` of a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// System calls of the host.
    Syscall,
    /// Audit events of a kube-apiserver.
    K8sAudit,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 2] = [Self::Syscall, Self::K8sAudit];

    /// The name in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syscall => "syscall",
            Self::K8sAudit => "k8s_audit",
        }
    }

    /// The source of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.name() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
