//! The optional tier: programs that only some kernels take, each for itself.
//!
//! At the end of a call its arguments in the caller's memory may be others than those that the kernel read. Where a
//! program of this tier is attached, records have the kernel's copies instead (`bpf/copies.h`).

use aya::Btf;
use aya::programs::{FEntry, Program, ProgramError};

use super::loader::Kernel;

/// One program of the tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional {
    /// What it keeps.
    pub keeps: &'static str,
    /// Where it is attached.
    pub hook: &'static str,
    /// Why it is not attached; `None`: it is.
    pub refused: Option<String>,
}

impl std::fmt::Display for Optional {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.refused {
            None => write!(f, "{}: as the kernel copied them ({})", self.keeps, self.hook),
            Some(reason) => write!(
                f,
                "{}: read when the call returns, so another thread can have changed them ({}: {reason})",
                self.keeps, self.hook
            ),
        }
    }
}

/// Program, hook, and what it keeps.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("path_copied", "fentry putname", "paths"),
    ("address_copied", "fentry security_socket_connect", "addresses of connect"),
    ("mount_copied", "fentry security_sb_mount", "device and type of mount"),
];

impl Kernel {
    /// Attaches each program that the kernel takes, and tells what became of all.
    pub(crate) fn attach_optional(&mut self) -> Vec<Optional> {
        let Some(types) = &self.types else { return Vec::new() };
        let attach = |(name, hook, keeps): (&str, &'static str, &'static str)| {
            let function = hook.split_once(' ').map_or(hook, |(_, function)| function);
            let refused = match self.object.program_mut(name) {
                Some(program) => attach(program, function, types).err().map(|error| reason(&error)),
                None => Some("not in the built-in object".to_owned()),
            };
            Optional { keeps, hook, refused }
        };
        PROGRAMS.map(attach).into()
    }
}

fn attach(program: &mut Program, function: &str, types: &Btf) -> Result<(), ProgramError> {
    let program: &mut FEntry = program.try_into()?;
    program.load(function, types)?;
    program.attach()?;
    Ok(())
}

/// The innermost error: what the kernel said. The verifier's log would be pages.
fn reason(error: &ProgramError) -> String {
    if let ProgramError::LoadError { io_error, .. } = error {
        return format!("the kernel refuses the program: {io_error}");
    }
    error.to_string()
}
