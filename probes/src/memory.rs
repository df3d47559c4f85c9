//! Memory that is not needed any more.

/// Gives back to the kernel what loading has left: reading rule files and the kernel's types takes several times what
/// they become, and the allocator keeps it. Other C libraries than glibc give it back by themselves.
#[expect(unsafe_code, reason = "a call of the C library that no wrapper makes")]
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes a number; it looks only at memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
