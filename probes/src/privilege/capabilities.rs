//! Capabilities: which are needed for what, and dropping the others.

use rustix::io::Errno;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

use super::{Keep, RestrictError};

/// A capability that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub capability: &'static str,
    /// What does not work without it.
    pub cost: &'static str,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "without {}: {}", self.capability, self.cost)
    }
}

/// When a capability is wanted.
type Condition = fn(Keep) -> bool;

const WANTED: &[(CapabilitySet, Condition, Missing)] = &[
    (
        CapabilitySet::BPF,
        |_| true,
        Missing {
            capability: "CAP_BPF",
            cost: "no program can be loaded, so system calls cannot be watched",
        },
    ),
    (
        CapabilitySet::PERFMON,
        |_| true,
        Missing {
            capability: "CAP_PERFMON",
            cost: "no program can be attached, so system calls cannot be watched",
        },
    ),
    (
        CapabilitySet::SYS_PTRACE,
        |keep| !keep.sidecar,
        Missing {
            capability: "CAP_SYS_PTRACE",
            cost: "of processes that run already, proc.exepath is missing (on older kernels proc.env too), and users \
                   in containers have the host's names",
        },
    ),
    (
        CapabilitySet::DAC_READ_SEARCH,
        |keep| !keep.sidecar,
        Missing {
            capability: "CAP_DAC_READ_SEARCH",
            cost: "of other users' processes that run already, proc.env is missing, and users in containers whose \
                   root is closed to others have the host's names",
        },
    ),
    (
        CapabilitySet::NET_BIND_SERVICE,
        |keep| keep.low_ports,
        Missing { capability: "CAP_NET_BIND_SERVICE", cost: "a port below 1024 cannot be listened on" },
    ),
];

/// Numbers of capabilities are below this.
const CAPABILITIES: u32 = 64;

/// Drops every capability that is not wanted, and forbids gaining any; programs that are started have none.
///
/// # Errors
/// [`RestrictError::Refused`].
pub(super) fn drop_all_but(keep: Keep) -> Result<Vec<Missing>, RestrictError> {
    let refused = |what| move |error: Errno| RestrictError::Refused { what, error: error.into() };
    let had = capabilities(None).map_err(refused("read capabilities"))?;
    let wanted = || WANTED.iter().filter(|(_, condition, _)| condition(keep));
    let set = wanted().fold(CapabilitySet::empty(), |all, (one, ..)| all | *one);
    // What it starts shall have none. Without SETPCAP there is no changing the bounding set; what it would let in, no_new_privs keeps out.
    if had.effective.contains(CapabilitySet::SETPCAP) {
        for number in 0..CAPABILITIES {
            match remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(1 << number)) {
                // The kernel has no more.
                Ok(()) | Err(Errno::INVAL) => {}
                Err(error) => return Err(refused("bounding set")(error)),
            }
        }
    }
    clear_ambient_capability_set().map_err(refused("ambient capabilities"))?;
    let kept = had.permitted & set;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    set_capabilities(None, sets).map_err(refused("capabilities"))?;
    set_no_new_privs(true).map_err(refused("no_new_privs"))?;
    Ok(wanted().filter(|(one, ..)| !kept.contains(*one)).map(|(_, _, missing)| *missing).collect())
}
