//! Where the native stack of the calling thread stands.
//!
//! Out: an address in bytes, for comparison with [`vt_ctx::stack_limit`](crate::vt_ctx). It is read
//! from the machine's register, because the address of a local is not on the stack when a sanitizer
//! moves locals to a heap of its own. On other processors (and under miri, which has no registers)
//! the address of a local is all there is.

/// The stack pointer of the calling thread, in bytes. Stacks grow downwards on every supported
/// target.
///
/// # Examples
///
/// ```
/// let outer = vitte_abi::stack_pointer();
/// let inner = std::hint::black_box(|| vitte_abi::stack_pointer())();
/// assert!(outer.abs_diff(inner) < 1 << 20);
/// ```
#[inline(always)]
#[allow(clippy::inline_always, reason = "a call would answer for its own frame")]
pub fn stack_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let here: usize;
        // SAFETY: copies a register; touches neither memory nor flags.
        unsafe {
            core::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        here
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let here: usize;
        // SAFETY: copies a register; touches neither memory nor flags.
        unsafe {
            core::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        here
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        let here = 0u8;
        (&raw const here).addr()
    }
}
