//! The prebuilt objects, and which of them fits the running kernel.

use aya::programs::ProgramType;
use aya::sys::{BpfHelper, is_helper_supported};

#[cfg(target_arch = "x86_64")]
static SINCE_5_15: &[u8] = aya::include_bytes_aligned!("../../bpf/prebuilt/probe.x86_64.o");
#[cfg(target_arch = "x86_64")]
static SINCE_5_8: &[u8] = aya::include_bytes_aligned!("../../bpf/prebuilt/probe-5.8.x86_64.o");
/// Built, never run: experimental.
#[cfg(target_arch = "aarch64")]
static SINCE_5_15: &[u8] = aya::include_bytes_aligned!("../../bpf/prebuilt/probe.aarch64.o");
/// Built, never run: experimental.
#[cfg(target_arch = "aarch64")]
static SINCE_5_8: &[u8] = aya::include_bytes_aligned!("../../bpf/prebuilt/probe-5.8.aarch64.o");

/// The object for this kernel.
///
/// A kernel is asked for the helpers themselves: distributions bring them to versions that did not have them.
pub(super) fn fitting() -> &'static [u8] {
    // The last of those that the faster build calls. Who may not even ask is told so when that object is loaded.
    let has_helpers = is_helper_supported(ProgramType::TracePoint, BpfHelper::BPF_FUNC_task_pt_regs);
    if has_helpers.unwrap_or(true) { SINCE_5_15 } else { SINCE_5_8 }
}
