//! Tasks that run a Rust future.
//!
//! The stage after the header is touched by the run only (state RUNNING); once COMPLETE it belongs
//! to the join handle, or to the completer if there is none (I5 of the state word).

use std::cell::UnsafeCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::Mutex;

use super::cell::{Description, Header, Outcome, RunEnd, TaskRef, VTable, Wakers};
use super::join::{JoinError, JoinHandle};
use super::registry::Links;
use super::site::SiteCell;
use super::state::State;
use crate::scheduler::Shared;

/// How far a future task is.
enum Stage<F: Future> {
    Running(F),
    Finished(Result<F::Output, JoinError>),
    Consumed,
}

#[repr(C)]
struct FutureTask<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// Makes a task of a future: the reference to queue, the one for the registry, and the handle.
pub(crate) fn new_future_task<F>(
    shared: &Arc<Shared>,
    future: F,
) -> (TaskRef, TaskRef, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let header = Header {
        state: State::new(3, true),
        vtable: &Vtables::<F>::VTABLE,
        shared: shared.clone(),
        id: shared.next_id(),
        spawned_ns: shared.env.now_ns(),
        joiners: Mutex::new(Wakers::None),
        site: SiteCell::default(),
        links: UnsafeCell::new(Links::default()),
    };
    let task = Box::new(FutureTask { header, stage: UnsafeCell::new(Stage::Running(future)) });
    let raw = NonNull::from(Box::leak(task)).cast::<Header>();
    // SAFETY: the state starts with three references; this is the first.
    let first = unsafe { TaskRef::from_raw(raw) };
    // SAFETY: the second.
    let second = unsafe { TaskRef::from_raw(raw) };
    // SAFETY: the third.
    let third = unsafe { TaskRef::from_raw(raw) };
    (first, second, JoinHandle::new(third, take_output::<F>))
}

struct Vtables<F>(F);

impl<F> Vtables<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    const VTABLE: VTable = VTable {
        run: run::<F>,
        completed: completed::<F>,
        abandon: abandon::<F>,
        outcome: outcome::<F>,
        free: free::<F>,
        describe,
    };
}

/// The stage of a future task.
///
/// # Safety
///
/// `task` was made from a future of type `F`, and the caller has the right to its stage: it holds
/// the run, or the task is COMPLETE and the output is the caller's.
#[allow(clippy::mut_from_ref, reason = "the right to the stage is the state word's")]
unsafe fn stage<F: Future>(task: &TaskRef) -> &mut Stage<F> {
    let cell = task.as_ptr().cast::<FutureTask<F>>();
    // SAFETY: the header is the first field of a living `FutureTask<F>`.
    let cell = unsafe { cell.as_ref() };
    // SAFETY: the caller has the right to the stage.
    unsafe { &mut *cell.stage.get() }
}

/// Runs the future once. See [`VTable::run`].
unsafe fn run<F: Future>(task: &TaskRef) -> RunEnd {
    let id = task.header().id;
    // SAFETY: the caller holds the run of a task of this type.
    let stage = unsafe { stage::<F>(task) };
    if task.header().state.is_cancelled() {
        finish(id, stage, Err(JoinError::cancelled(id)));
        return RunEnd::Finished;
    }
    let Stage::Running(future) = stage else { return RunEnd::Suspended };
    task.header().site.clear();
    let waker = task.borrow_waker();
    // SAFETY: the future stays where it is until it is dropped in place.
    let future = unsafe { Pin::new_unchecked(future) };
    let poll = || future.poll(&mut Context::from_waker(&waker));
    let result = match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Poll::Pending) => return RunEnd::Suspended,
        Ok(Poll::Ready(value)) => Ok(value),
        Err(payload) => Err(JoinError::panicked(id, payload)),
    };
    finish(id, stage, result);
    RunEnd::Finished
}

/// Drops the future and stores the result; if the drop panics, a value becomes that panic.
fn finish<F: Future>(id: u64, stage: &mut Stage<F>, result: Result<F::Output, JoinError>) {
    let result = match catch_unwind(AssertUnwindSafe(|| drop_in_stage(stage))) {
        Err(payload) if result.is_ok() => Err(JoinError::panicked(id, payload)),
        _ => result,
    };
    *stage = Stage::Finished(result);
}

/// Drops what is in the stage where it is; even if that panics the stage is `Consumed`.
fn drop_in_stage<F: Future>(stage: &mut Stage<F>) {
    struct Reset<F: Future>(NonNull<Stage<F>>);
    impl<F: Future> Drop for Reset<F> {
        fn drop(&mut self) {
            // SAFETY: the stage was dropped in place and is ours; it is given a new value.
            unsafe { self.0.write(Stage::Consumed) };
        }
    }
    let reset = Reset(NonNull::from(stage));
    // SAFETY: the stage is valid; `reset` gives it a new value whatever happens.
    unsafe { reset.0.drop_in_place() };
}

/// Drops the output if nobody wants it. See [`VTable::completed`].
unsafe fn completed<F: Future>(task: &TaskRef, wanted: bool) {
    if !wanted {
        // SAFETY: COMPLETE and no handle: the output is the completer's.
        let stage = unsafe { stage::<F>(task) };
        if let Stage::Finished(Err(error)) = stage
            && error.is_panic()
        {
            task.header().shared.unobserved(error);
        }
        let _ = catch_unwind(AssertUnwindSafe(|| drop_in_stage(stage)));
    }
}

/// Moves the output out. The caller is the join handle of a COMPLETE task.
unsafe fn take_output<F: Future>(task: &TaskRef) -> Option<Result<F::Output, JoinError>> {
    // SAFETY: COMPLETE, and the handle has the right to the output.
    let stage = unsafe { stage::<F>(task) };
    match std::mem::replace(stage, Stage::Consumed) {
        Stage::Finished(result) => Some(result),
        other => {
            debug_assert!(matches!(other, Stage::Consumed), "I5: complete means finished");
            None
        }
    }
}

/// Drops the future unfinished. See [`VTable::abandon`].
unsafe fn abandon<F: Future>(task: &TaskRef) -> bool {
    let id = task.header().id;
    // SAFETY: the caller holds the run.
    let stage = unsafe { stage::<F>(task) };
    finish(id, stage, Err(JoinError::cancelled(id)));
    true
}

/// How it ended. See [`VTable::outcome`].
unsafe fn outcome<F: Future>(task: &TaskRef) -> Outcome {
    // SAFETY: the caller holds the run, or completes the task.
    match unsafe { stage::<F>(task) } {
        Stage::Finished(Err(error)) => error.outcome(),
        _ => Outcome::Done,
    }
}

unsafe fn free<F: Future>(header: NonNull<Header>) {
    // SAFETY: made by `Box::leak` in `new_future_task`; no reference is left.
    drop(unsafe { Box::from_raw(header.cast::<FutureTask<F>>().as_ptr()) });
}

unsafe fn describe(task: &TaskRef, _held: bool) -> Description {
    let Some(site) = task.header().site.get() else {
        return Description { name: "future".into(), ..Description::default() };
    };
    let awaitee = format!("{} at {}:{}", site.awaitee, site.file, site.line);
    Description { name: site.task.into(), state: String::new(), awaitee }
}
