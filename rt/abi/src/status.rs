//! Status codes: what one resume answers.

/// Answer of a resume; one of the `VT_*` codes. The first three are those of the Vex C runtime.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
pub type vt_status = u32;

/// Not finished. In [`crate::vt_run`]: the leaf was replaced, run it next.
pub const VT_RUNNING: vt_status = 0;
/// Suspended: the task waits for a wake-up.
pub const VT_YIELDED: vt_status = 1;
/// Finished; the result lies at `result_offset` of the frame.
pub const VT_DONE: vt_status = 2;
/// Finished by a fault; the first fault is recorded in the task.
pub const VT_FAULTED: vt_status = 3;
/// Finished by a cancel; its cleanup has run.
pub const VT_CANCELLED: vt_status = 4;
/// A generator produced a value; it lies at `result_offset`, the frame stays suspended.
pub const VT_ITEM: vt_status = 5;
/// No status: the value of `ctx.child_status` when no child has just finished, and of
/// `leaf.status` while a branch is unfinished. Never returned by a resume.
pub const VT_NONE: vt_status = 0xff;

/// Codes of the faults that generated code raises itself; frontends number theirs from
/// [`fault_code::FIRST_FRONTEND`] up.
pub mod fault_code {
    /// Integer overflow in checked arithmetic.
    pub const OVERFLOW: u32 = 1;
    /// Division or remainder by zero.
    pub const DIVISION: u32 = 2;
    /// Index out of range; the payload is the index.
    pub const BOUNDS: u32 = 3;
    /// Failed assertion.
    pub const ASSERT: u32 = 4;
    /// Explicit panic; the payload belongs to the frontend (for Vitte a string reference).
    pub const PANIC: u32 = 5;
    /// The native stack limit was reached by synchronous recursion.
    pub const STACK: u32 = 6;
    /// A frame or an object could not be allocated.
    pub const MEMORY: u32 = 7;
    /// A finished, poisoned or running frame was resumed.
    pub const MISUSE: u32 = 8;
    /// A host operation or import failed or panicked.
    pub const HOST: u32 = 9;
    /// The deterministic run is out of fuel.
    pub const FUEL: u32 = 10;
    /// First code that is free for frontends.
    pub const FIRST_FRONTEND: u32 = 256;
}
