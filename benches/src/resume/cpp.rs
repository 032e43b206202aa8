//! The peer in C++20, compiled by `build.rs`.

use std::ffi::c_void;

unsafe extern "C" {
    fn cpp_one_state(out: *mut i64) -> *mut c_void;
    fn cpp_eight_states(out: *mut i64) -> *mut c_void;
    fn cpp_resume(frame: *mut c_void, times: u64);
    fn cpp_destroy(frame: *mut c_void);
}

/// A C++ coroutine.
pub(super) struct Coroutine {
    frame: *mut c_void,
    /// What it counts in.
    _count: Box<i64>,
}

impl Coroutine {
    pub(super) fn new(states: usize) -> Self {
        let mut count = Box::new(0);
        let out = &raw mut *count;
        let make = if states == 1 { cpp_one_state } else { cpp_eight_states };
        // SAFETY: `count` lives as long as the coroutine.
        let frame = unsafe { make(out) };
        Self { frame, _count: count }
    }

    pub(super) fn resume(&mut self, times: u64) {
        // SAFETY: the coroutine is suspended and never ends.
        unsafe { cpp_resume(self.frame, times) };
    }
}

impl Drop for Coroutine {
    fn drop(&mut self) {
        // SAFETY: the coroutine is suspended and not used again.
        unsafe { cpp_destroy(self.frame) };
    }
}
