//! Tasks that run a Rust future.
//!
//! The stage after the header is the future until its run finishes, then the output. It is touched by
//! the run only; once COMPLETE the output belongs to the join handle, or to the completer if there is
//! none (I5 of the state word).

use std::alloc::Layout;
use std::cell::UnsafeCell;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::cell::{Description, Header, Look, Outcome, Queued, RunEnd, TaskRef, VTable};
use super::heap::{alloc_cell_or_abort, free_cell};
use super::join::{JoinError, JoinHandle};
use super::origin::{Details, Origin};
use super::state::Seen;
use crate::scheduler::Shared;

type Output<F> = Result<<F as Future>::Output, JoinError>;

/// What follows the header: it has the size and the alignment of both; the pointers into it are cast.
#[allow(dead_code, reason = "read and written through pointers to the whole")]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Output<F>>,
}

#[repr(C)]
struct FutureTask<F: Future> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
}

/// Strictest alignment that a cell is made for; stricter futures are boxed.
const MAX_ALIGN: usize = 4096;

/// Makes a task of a future and queues it with the runtime.
pub(crate) fn spawn_future<F>(
    shared: &Arc<Shared>,
    future: F,
    origin: Origin,
) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let task = make(shared, future, origin, 2);
    // SAFETY: a task that was just spawned is scheduled, and nobody else knows.
    shared.start(unsafe { Queued::from_raw(task.as_ptr()) });
    JoinHandle::new(task)
}

/// Makes a task of a future that stays on this thread. It is scheduled, and the caller's to queue; the
/// second reference is for its set.
///
/// # Safety
///
/// Only this thread runs or abandons the task.
pub(crate) unsafe fn spawn_future_local<F>(
    shared: &Arc<Shared>,
    future: F,
    details: Details,
) -> (JoinHandle<F::Output>, TaskRef)
where
    F: Future + 'static,
    F::Output: 'static,
{
    let task = make(shared, future, Origin::detailed(details), 3);
    // SAFETY: the third reference.
    let of_set = unsafe { TaskRef::from_raw(task.as_ptr()) };
    (JoinHandle::new(task), of_set)
}

/// Makes a task with references for the runtime, the answer, and whoever else counts on `n_refs`.
fn make<F>(shared: &Arc<Shared>, future: F, origin: Origin, n_refs: u64) -> TaskRef
where
    F: Future + 'static,
    F::Output: 'static,
{
    if const { align_of::<F>() <= MAX_ALIGN } {
        make_inline(shared, future, origin, n_refs)
    } else {
        make_inline(shared, Box::pin(future), origin, n_refs)
    }
}

fn make_inline<F>(shared: &Arc<Shared>, future: F, origin: Origin, n_refs: u64) -> TaskRef
where
    F: Future + 'static,
    F::Output: 'static,
{
    let layout = Layout::new::<FutureTask<F>>();
    let cell = alloc_cell_or_abort(shared, layout).cast::<FutureTask<F>>();
    // SAFETY: the cell is fresh and ours.
    unsafe { Header::init(cell.cast(), shared, &Vtables::<F>::VTABLE, origin) };
    // SAFETY: as above; the stage lies inside of it.
    let stage = unsafe { cell.byte_add(std::mem::offset_of!(FutureTask<F>, stage)) };
    // SAFETY: as above.
    unsafe { stage.cast::<F>().write(future) };
    // SAFETY: one reference is the runtime's, this one the handle's.
    let task = unsafe { TaskRef::from_raw(cell.cast()) };
    task.header().state.spawn(n_refs, true);
    task
}

struct Vtables<F>(F);

impl<F> Vtables<F>
where
    F: Future + 'static,
    F::Output: 'static,
{
    const VTABLE: VTable = VTable {
        run: run::<F>,
        abandon: abandon::<F>,
        completed: completed::<F>,
        take: take::<F>,
        discard: discard::<F>,
        outcome: outcome::<F>,
        free,
        describe,
    };
}

/// The stage of a future task. Called from the vtable of `F` only.
fn stage<F: Future>(task: &TaskRef) -> *mut Stage<F> {
    let cell = task.as_ptr().cast::<FutureTask<F>>();
    // SAFETY: the stage lies inside of the cell.
    unsafe { cell.byte_add(std::mem::offset_of!(FutureTask<F>, stage)) }.cast().as_ptr()
}

/// Runs the future once. See [`VTable::run`].
unsafe fn run<F: Future>(task: &TaskRef, seen: Seen) -> RunEnd {
    if seen.is_cancelled() {
        // SAFETY: the caller holds the run of a task of this type.
        unsafe { finish::<F>(task, Err(JoinError::cancelled(task.header().id))) };
        return RunEnd::Finished;
    }
    task.header().site.clear();
    let waker = task.borrow_waker();
    // SAFETY: the stage is the future until the run finishes, and the run is ours (caller).
    let future = unsafe { &mut *stage::<F>(task).cast::<F>() };
    // SAFETY: the future stays where it is until it is dropped in place.
    let future = unsafe { Pin::new_unchecked(future) };
    let poll = || future.poll(&mut Context::from_waker(&waker));
    let result = match catch_unwind(AssertUnwindSafe(poll)) {
        Ok(Poll::Pending) => return RunEnd::Suspended,
        Ok(Poll::Ready(value)) => Ok(value),
        Err(payload) => Err(JoinError::panicked(task.header().id, payload)),
    };
    // SAFETY: as above.
    unsafe { finish::<F>(task, result) };
    RunEnd::Finished
}

/// Drops the future and stores the result; if the drop panics, a value becomes that panic.
///
/// # Safety
///
/// The caller holds the run of a task of this type, whose stage is the future.
unsafe fn finish<F: Future>(task: &TaskRef, result: Output<F>) {
    let stage = stage::<F>(task);
    let drop_future = || {
        // SAFETY: the stage is the future, and the run is ours (caller).
        unsafe { stage.cast::<F>().drop_in_place() };
    };
    let result = match catch_unwind(AssertUnwindSafe(drop_future)) {
        Err(payload) if result.is_ok() => Err(JoinError::panicked(task.header().id, payload)),
        _ => result,
    };
    // SAFETY: the future is gone; its place is the output's.
    unsafe { stage.cast::<Output<F>>().write(result) };
}

/// Drops the output if nobody wants it. See [`VTable::completed`].
unsafe fn completed<F: Future>(task: &TaskRef, wanted: bool) {
    if !wanted {
        // SAFETY: COMPLETE and no handle: the output is the completer's.
        let _ = catch_unwind(AssertUnwindSafe(|| unsafe { discard::<F>(task) }));
    }
}

/// Moves the output out. See [`VTable::take`].
unsafe fn take<F: Future>(task: &TaskRef, to: *mut ()) {
    // SAFETY: the stage is the output once COMPLETE, and it is the caller's.
    let output = unsafe { stage::<F>(task).cast::<Output<F>>().read() };
    // SAFETY: the caller's place is for an output of this type.
    unsafe { to.cast::<Output<F>>().write(output) };
}

/// Drops the output. See [`VTable::discard`].
unsafe fn discard<F: Future>(task: &TaskRef) {
    let output = stage::<F>(task).cast::<Output<F>>();
    // SAFETY: the stage is the output once COMPLETE, and it is the caller's.
    if let Err(error) = unsafe { &*output }
        && error.is_panic()
    {
        task.header().shared().unobserved(error);
    }
    // SAFETY: as above.
    unsafe { output.drop_in_place() };
}

/// How it ended. See [`VTable::outcome`].
unsafe fn outcome<F: Future>(task: &TaskRef) -> Outcome {
    // SAFETY: the run has finished, so the stage is the output.
    match unsafe { &*stage::<F>(task).cast::<Output<F>>() } {
        Ok(_) => Outcome::Done,
        Err(error) => error.outcome(),
    }
}

/// Drops the future unfinished. See [`VTable::abandon`].
unsafe fn abandon<F: Future>(task: &TaskRef, _seen: Seen) -> bool {
    // SAFETY: the caller holds the run.
    unsafe { finish::<F>(task, Err(JoinError::cancelled(task.header().id))) };
    true
}

unsafe fn free(header: NonNull<Header>) {
    // SAFETY: no reference is left; the stage was dropped or taken before.
    unsafe { Header::clear(header) };
    // SAFETY: as above.
    unsafe { free_cell(header) };
}

unsafe fn describe(task: &TaskRef, _look: Look) -> Description {
    let (origin, site) = (&task.header().origin, task.header().site.get());
    let name = origin.name().or(site.map(|site| site.task)).unwrap_or("future").to_string();
    let awaitee = site.map(|site| format!("{} at {}:{}", site.awaitee, site.file, site.line));
    Description { name, awaitee: awaitee.unwrap_or_default(), ..Description::default() }
}
