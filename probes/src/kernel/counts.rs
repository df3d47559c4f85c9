//! What the kernel's half has counted: events by call and CPU, and runs that the kernel withheld from a program.

use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::PerCpuArray;
use aya::programs::{BtfTracePoint, TracePoint};

use super::layout::Counts;
use super::loader::{Kernel, LoadError, map_error};

/// The programs that events come from.
const PROGRAMS: [&str; 5] = ["syscall_exit", "every_exit", "process_exec", "process_fork", "process_exit"];

impl Kernel {
    /// What happened to the events of one call, or `COUNT_*`, on each CPU.
    ///
    /// # Errors
    /// [`LoadError::Map`].
    pub(crate) fn counts(&self, index: u32) -> Result<Vec<Counts>, LoadError> {
        let map = self.object.map("counts").ok_or(LoadError::Missing("counts"))?;
        let map: PerCpuArray<_, Counts> = PerCpuArray::try_from(map).map_err(map_error("counts"))?;
        Ok(map.get(&index, 0).map_err(map_error("counts"))?.to_vec())
    }

    /// How often each attached program was not run: the kernel lets no program interrupt itself, and none of those on
    /// system calls a CPU where some map is being written. Kernels before 5.12 do not tell; programs are left out then.
    pub(crate) fn missed(&self) -> Vec<(&'static str, u64)> {
        PROGRAMS.iter().filter_map(|name| Some((*name, self.missed_of(name)?))).collect()
    }

    fn missed_of(&self, name: &str) -> Option<u64> {
        let program = self.object.program(name)?;
        let fd = match <&TracePoint>::try_from(program) {
            Ok(program) => program.fd(),
            Err(_) => <&BtfTracePoint>::try_from(program).ok()?.fd(),
        };
        // One that was not needed is not loaded.
        let fd = fd.ok()?.as_fd().as_raw_fd();
        recursion_misses(&std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?)
    }
}

/// The figure in what the kernel tells of a descriptor.
fn recursion_misses(info: &str) -> Option<u64> {
    info.lines().find_map(|line| line.strip_prefix("recursion_misses:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::recursion_misses;

    #[test]
    fn reads_what_the_kernel_tells_of_a_program() {
        let info = "pos:\t0\nprog_id:\t9\nrun_cnt:\t12\nrecursion_misses:\t7\nverified_insns:\t4\n";
        assert_eq!(recursion_misses(info), Some(7));
        assert_eq!(recursion_misses("pos:\t0\nrun_cnt:\t12\n"), None, "before 5.12");
    }
}
