//! Compact work-stealing, poller-backed runtime that resumes Rust futures and ABI coroutines.
//!
//! # Entry points for Rust futures
//!
//! As a tokio user knows them: [`runtime::Builder`], [`runtime::Runtime`] (`block_on`, `spawn`,
//! [`run`](runtime::Runtime::run) which ends when all tasks wait for ever), [`runtime::Handle`],
//! [`Builder::for_each_seed`](runtime::Builder::for_each_seed) for tests, [`task::spawn`],
//! [`task::JoinHandle`], [`task::yield_now`], [`task::spawn_blocking`], [`task::spawn_local`],
//! [`time::sleep`], [`time::timeout`], [`channel`], [`sync`], [`stream`], [`net`], [`select!`], [`join!`],
//! [`try_join!`], [`task_local!`].
//!
//! # Entry points for coroutines (the host of generated code)
//!
//! * [`Handle::alloc_frame`](runtime::Handle::alloc_frame)`(machine)` allocates task cell, prefix
//!   and root frame in one block; the host writes the arguments at their offsets.
//! * [`Handle::spawn_frame`](runtime::Handle::spawn_frame)`(frame,
//!   `[`SpawnOptions`](coroutine::SpawnOptions)` { user, hooks })` queues it and answers a
//!   [`FrameTask`](coroutine::FrameTask): `join().await` → status, `cancel()`, `state()`,
//!   `result()`, `take_result()`, `fault()`, `outcome()`. From generated code the same is
//!   `ctx->fns->alloc_frame(ctx, machine, VT_FRAME_TASK)`, then
//!   [`coroutine::spawn_frame`] in a host import.
//! * [`FrameHooks`](coroutine::FrameHooks): told of the end, of results and faults nobody took, of
//!   the last handle.
//! * [`HostOp`](coroutine::HostOp)`::new1(|cx: OpCx<'_>, ms: i64| async move { .. })` turns a Rust
//!   future into a host operation: `start`, `poll`, `size`, `align`, `result_bytes` for the import
//!   table. `try_newN` for futures that answer `Result<T, `[`Fault`](coroutine::Fault)`>`.
//! * [`OpCx`](coroutine::OpCx)`::new(ctx)` in imports and operations: `user()`, `task()`,
//!   `task_id()`, `runtime()`, `fault(..)`.
//! * [`Runtime::run`](runtime::Runtime::run)`(task.join())` drives it all on the calling thread.
#![allow(
    clippy::cast_ptr_alignment,
    reason = "frames are byte pointers; their alignment is in `vt_machine` and kept by `alloc_frame`"
)]

#[macro_use]
mod atomic;

pub mod env;

pub mod inject;

pub mod task;

pub mod coroutine;

pub mod scheduler;

mod timers;

mod reactor;

pub mod readiness;

mod blocking;

mod fork;

pub mod metrics;

pub mod dump;

pub mod trace;

pub mod watchdog;

pub mod insight;

pub mod shutdown;

pub mod runtime;

pub mod seeds;

pub mod time;

pub mod io;

pub mod net;

pub mod fs;

#[cfg(unix)]
pub mod process;

#[cfg(unix)]
pub mod signal;

#[cfg(feature = "hyper")]
pub mod hyper;

#[cfg(feature = "tokio-compat")]
pub mod compat;

pub mod channel;

pub mod sync;

pub mod stream;

mod macros;

#[doc(hidden)]
pub use macros::support as __support;

#[cfg(all(test, loom))]
mod models;

pub use channel::oneshot;
pub use dump::{FrameInfo, TaskDump, TaskInfo};
pub use metrics::Metrics;
pub use task::spawn;
pub use vitte_abi as abi;

/// Runs a future to its end on this thread, in a current-thread runtime made for it.
///
/// # Panics
///
/// When the future panics, and when the system has no poller to give.
///
/// # Examples
///
/// ```
/// let sum = vitte_rt::block_on(async {
///     let task = vitte_rt::spawn(async { 40 });
///     task.await.unwrap() + 2
/// });
/// assert_eq!(sum, 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = runtime::Builder::current_thread().build().expect("a poller for the runtime");
    runtime.block_on(future)
}
