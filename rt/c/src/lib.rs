//! The C interface of the runtime (`rt/include/runtime.h`): callbacks as tasks.
//!
//! In: a function and a pointer. Out: a task that is resumed, never twice at a time, whenever
//! something it waits for has come. The names are those of the Vex C runtime, so that its callbacks
//! run unchanged; what is added to them is named in the header.
//!
//! ```text
//! runtime_spawn(f, data) ─► [task::Task]: a future of the ordinary scheduler
//!      poll: no wait registered, or one is ready, or a cancel came ─► f(ctx, data)
//!            DONE: over · else: suspended on the waits that f registered in ctx, or queued again
//! ```
//!
//! * **I1** A callback is resumed by the poll of its task only: at most one resume at a time.
//! * **I2** Callbacks run between the start and the return of `runtime_run` only: the workers are
//!   stopped outside of it. What is spawned or woken meanwhile keeps its place in the queue.
//! * **I3** No panic leaves a function of this crate; one of a callback ends its task.
//! * **I4** `RuntimeTask *` and `CancelToken *` are names, not addresses (`names`): using one whose
//!   task is over and freed does nothing.
//! * **I5** A task's drop callback is called once, after the last resume.
//!
//! The header is written by cbindgen from the declarations here; a test compares.
//!
//! Cost of a wait: one allocation, and for a descriptor two `epoll_ctl` and two `poll` calls. A task
//! is one allocation, one more if its token or handle is asked for.
#![allow(
    clippy::missing_safety_doc,
    reason = "the duties of callers are said once, in the head of the header"
)]
#![allow(clippy::doc_markdown, reason = "the comments become the header's")]

mod names;
mod queue;
mod runtime;
mod task;
mod token;
mod trace;
mod wait;

pub use queue::{LockFreeQueue, lfq_create, lfq_dequeue, lfq_destroy, lfq_enqueue};
pub use runtime::*;
pub use task::{
    CoroStatus, DropFunc, EventType, IoHandle, RawEvents, RawStatus, ResumeFunc, RuntimeTaskState,
    WakeInfo, WakeReason, WorkerContext,
};
pub use token::*;
pub use trace::{runtime_set_tracing, runtime_write_trace};
pub use wait::*;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the body of an entry point; a panic inside, which would be a bug of ours, is answered with
/// `otherwise` after the panic hook has told of it.
pub(crate) fn guard<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}
