//! Synchronous procedures: run here, by the caller.
//!
//! The entry is a coroutine that never suspends. Its frame lies on the heap, and so do the frames of
//! cold futures that it makes; a task that it spawns goes to the current runtime.

use super::module::Module;
use super::task::{failed, taken};
use crate::__private::Value;
use crate::__private::drive::{Frame, drive, leaf};
use crate::host::fault::{Failure, release_payload};
use std::ptr::NonNull;
use std::task::Waker;
use vitte_abi::VT_DONE;

impl Module {
    /// Runs a synchronous procedure and gives its result.
    ///
    /// # Panics
    ///
    /// If the procedure panics, with its message and place.
    #[track_caller]
    pub fn call<A: Value, R: Value>(&self, entry: usize, args: A) -> R {
        let entry = self.entry(entry);
        let frame = Frame::new(entry.machine).expect("out of memory for a frame");
        // SAFETY: a new frame.
        unsafe { entry.store(frame.address(), args) };
        let mut leaf = leaf(entry.machine, &frame);
        // SAFETY: the frame is unresumed and complete; its machine is never freed (E2).
        let (status, _, ended) = unsafe { drive(&mut leaf, Waker::noop()) };
        if status == VT_DONE {
            let at = entry.machine.result_offset as usize;
            let result = NonNull::new(frame.address().wrapping_add(at));
            return taken(result.expect("I: inside of the frame"));
        }
        let failure = ended.fault.map(|fault| {
            // SAFETY: code is never freed (E2); the payload is this fault's.
            let failure = unsafe { Failure::of(&fault) };
            // SAFETY: as above; it is not looked at again.
            unsafe { release_payload(&fault) };
            failure
        });
        failed(failure)
    }
}
