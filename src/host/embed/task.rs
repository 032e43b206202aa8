//! Async procedures: tasks of the runtime that a Rust future waits for.

use super::module::Module;
use super::value::Described;
use crate::__private::{Reader, Value};
use crate::host::count::drop_value;
use crate::host::fault::Failure;
use crate::host::task::{CancelOnDrop, Program, launch_alone};
use std::ptr::NonNull;
use vitte_abi::{VT_DONE, VT_FAULTED};
use vitte_rt::coroutine::FrameTask;
use vitte_rt::runtime::Handle;

impl Module {
    /// Runs an async procedure as a task of the current runtime and gives its result.
    ///
    /// # Panics
    ///
    /// If the procedure panics (with its message and place) or is cancelled by somebody else, and
    /// outside of a runtime of vitte.
    pub async fn run<A: Value, R: Value>(&self, entry: usize, args: A) -> R {
        let task = CancelOnDrop(self.start::<A, R>(entry, args));
        let status = task.0.join().await;
        match (status, task.0.take_result()) {
            (VT_DONE, Some(result)) => taken(result),
            (VT_FAULTED, _) => {
                // SAFETY: code is never freed (E2); the payload is the task's.
                let failure = task.0.fault().map(|f| unsafe { Failure::of(f) });
                failed(failure)
            }
            _ => panic!("the Vitte procedure was cancelled"),
        }
    }

    fn start<A: Value, R: Value>(&self, entry: usize, args: A) -> FrameTask {
        let runtime = Handle::try_current().expect(
            "an async Vitte procedure runs on a runtime of vitte: await it inside \
             `vitte::block_on`, `#[vitte::main]` or a task",
        );
        let entry = self.entry(entry);
        // SAFETY: the machine is never freed (E2).
        let frame = unsafe { runtime.alloc_frame(entry.machine) };
        let frame = frame.expect("out of memory for a task");
        // SAFETY: a new frame.
        unsafe { entry.store(frame.as_ptr(), args) };
        // SAFETY: the frame is complete, and what it holds is reachable from it only (E1).
        let task = unsafe { launch_alone(frame, Program::new(None), Described::<R>::VALUE) };
        task.expect("out of memory for a task")
    }
}

/// Reads a result and releases what it holds.
pub(super) fn taken<R: Value>(result: NonNull<u8>) -> R {
    let result = result.as_ptr();
    /// Releases even if reading panics.
    struct Release(*mut u8, &'static crate::host::object::ValueDesc);
    impl Drop for Release {
        fn drop(&mut self) {
            // SAFETY: the result was taken, so nobody else drops it.
            unsafe { drop_value(self.0, self.1) }
        }
    }
    let _release = Release(result, Described::<R>::VALUE);
    // SAFETY: a finished coroutine has its result there, which the macro made `R` of.
    R::load(&mut unsafe { Reader::new(result, Described::<R>::PLACES.offsets()) })
}

/// Panics as the procedure did.
pub(super) fn failed(failure: Option<Failure>) -> ! {
    match failure {
        Some(failure) => panic!("{failure}"),
        None => panic!("the Vitte procedure failed"),
    }
}
