//! Tasks that run ABI coroutines: generated code, in the runtime's hands.
//!
//! In: frames of compiled machines (`vt_machine`) and Rust futures that generated code awaits as
//! host operations. Out: tasks like any other, whose result stays in the frame until the last
//! handle is gone.
//!
//! ```text
//! Handle::alloc_frame(machine) ─► frame, filled in by the host ─► spawn_frame ─► FrameTask
//!                                                                    │
//!   worker: run ─► vt_ctx{task, fns, budget, coop, now, …} ─► vt_run(ctx, leaf of the cell)
//!              YIELDED: waits (or back into the queue if ctx.requeue) · else: the task is over
//! ```
//!
//! * **I1** One cell per task: its parts, prefix and frame. The arena is made at its first use.
//! * **I2** Only `vt_run` delivers a cancel: a request sets the state word's CANCEL bit, the entry
//!   marks the leaf, the pop loop does the rest.
//! * **I3** Nothing reads a frame but its run, a holder of the idle task (dumps), or after the end
//!   the handles (result bytes only).

mod arena;
mod cell;
mod fault;
mod fns;
mod frames;
mod handle;
mod op;
mod run;

pub(crate) use cell::alloc_task;
pub use fault::Fault;
pub(crate) use fault::text;
pub use handle::{
    FrameHooks, FrameTask, Join, SpawnOptions, TaskState, discard_frame, spawn_frame,
};
pub use op::{HostArg, HostOp, OpCx};
pub use run::stack_limit;
