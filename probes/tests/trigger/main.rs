//! One trigger a system call: a process really makes it, once so that it succeeds and once so that it fails, and the
//! event arrives with every argument right.
//!
//! The probe does not look at itself, so this program runs itself again for each case (`LITHIFY_TRIGGER`). The child
//! makes the calls and prints what it expects to be reported; the parent compares.
//!
//! Then all of it with filters in the kernel, which must not leave out what a rule matches: [`judged`]. Then the same in
//! guests with other kernels: [`guest`].
#![expect(unsafe_code, reason = "makes system calls that no wrapper makes")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    clippy::similar_names,
    clippy::unused_self,
    clippy::struct_field_names,
    clippy::needless_pass_by_value,
    clippy::cast_possible_truncation,
    reason = "a test of its own harness, about numbers in registers"
)]

mod attributes;
mod call;
mod files;
mod guest;
mod identity;
mod initramfs;
mod judged;
mod misc;
mod network;
mod processes;
mod races;
mod suite;

use call::Trace;
use lithify_probe::{AttachKind, Probe, ProbeOptions};
use suite::Outcome;

/// One case: the call's name and what makes it.
type Case = (&'static str, fn(&mut Trace));

const CASE: &str = "LITHIFY_TRIGGER";

/// What calls are about, each with its cases.
const FAMILIES: [&[Case]; 6] =
    [files::CASES, attributes::CASES, network::CASES, processes::CASES, identity::CASES, misc::CASES];

fn cases() -> Vec<Case> {
    FAMILIES.concat()
}

fn main() {
    if let Ok(name) = std::env::var(CASE) {
        let others = [races::CASES, races::ANYWHERE, guest::CASES].concat();
        let all = [cases(), others].concat();
        let (_, act) = all.into_iter().find(|(case, _)| *case == name).expect("the parent names a case");
        Trace::run(act);
        return;
    }
    if guest::is_inside() {
        guest::init();
    }
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |name: &str| filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    let mut outcome = Outcome::default();
    match cannot_run() {
        Some(reason) => outcome.skip("bpf", &reason),
        None => {
            for kind in [AttachKind::PerSyscall, AttachKind::EverySyscall] {
                let names = [cases(), races::ANYWHERE.to_vec()].concat();
                let names = names.into_iter().map(|(name, _)| name).filter(|name| is_wanted(name));
                outcome.add(suite::run(kind, names));
                let names = races::CASES.iter().map(|(name, _)| *name).filter(|name| is_wanted(name));
                // Guests show that this tier works; here it may be out of reach.
                if suite::optional().iter().all(|one| one.refused.is_none()) {
                    outcome.add(suite::run(kind, names));
                }
            }
        }
    }
    if cannot_run().is_none() {
        outcome.add(judged::run(is_wanted));
    }
    outcome.add(guest::run(is_wanted));
    outcome.conclude();
}

fn cannot_run() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    Probe::start(&ProbeOptions::default()).err().map(|error| error.to_string())
}
