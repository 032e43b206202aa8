//! Entering a coroutine from a worker, and what the scheduler asks of one.

use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use vitte_abi::{
    VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_YIELDED, fault_code,
    vt_ctx, vt_status,
};

use super::cell::{Coroutine, cell, free_task};
use super::fault::{Fault, text};
use super::fns::FNS;
use super::frames;
use crate::scheduler::ThreadCx;
use crate::task::{Description, Header, Look, Outcome, RunEnd, Seen, TaskRef, VTable, coop};

/// Lowest address of this thread's stack that generated code may use: what whoever makes a context of
/// its own puts into it.
pub fn stack_limit() -> usize {
    ThreadCx::stack_limit()
}

/// Back-edges until generated code asks for more (about 0.1 ms of a tight loop).
pub(crate) const LOOP_BUDGET: i64 = 1 << 17;
/// Ready awaits until the next one suspends.
const COOP_BUDGET: i32 = 128;

/// How the scheduler handles coroutine tasks.
pub(crate) static VTABLE: VTable = VTable {
    run,
    abandon,
    completed,
    take: no_output,
    discard: no_join_handle,
    outcome,
    free,
    describe,
};

/// Resumes the task's leaf until it suspends or the task is over. See [`VTable::run`].
unsafe fn run(task: &TaskRef, seen: Seen) -> RunEnd {
    // SAFETY: in the vtable of coroutine tasks only.
    let co = unsafe { cell(task) };
    let mut ctx = new_ctx(co);
    // SAFETY: the caller holds the run.
    let leaf = unsafe { &mut *co.leaf.get() };
    if seen.is_cancelled() && leaf.cancel == VT_CANCEL_NONE {
        leaf.cancel = VT_CANCEL_ASKED;
    }
    // SAFETY: the caller holds the run, so nobody else uses the leaf; the frame is unresumed or
    // suspended because the task is not COMPLETE.
    let status = unsafe { vitte_abi::run(&raw mut ctx, co.leaf.get()) };
    if status == VT_YIELDED {
        return if ctx.requeue == 0 { RunEnd::Suspended } else { RunEnd::Yielded };
    }
    finish(co, status);
    RunEnd::Finished
}

/// The context of one resume of `co`.
fn new_ctx(co: &Coroutine) -> vt_ctx {
    let shared = co.header.shared();
    let coop = if shared.is_virtual { coop::left() as i32 } else { COOP_BUDGET };
    vt_ctx {
        task: std::ptr::from_ref(co).cast_mut().cast(),
        budget: LOOP_BUDGET,
        stack_limit: ThreadCx::stack_limit(),
        now_ns: shared.turn_ns(),
        coop,
        user: co.user.load(Ordering::Acquire),
        ..vt_ctx::new(co.leaf.get(), &raw const FNS)
    }
}

/// Stores the final status of the task and tells the host.
fn finish(co: &Coroutine, status: vt_status) {
    let status = match status {
        VT_DONE | VT_CANCELLED | VT_FAULTED => status,
        // A root frame that gives an item or a status that is none is misused.
        _ => VT_FAULTED,
    };
    if status == VT_FAULTED {
        // SAFETY: the caller of `run` holds the run.
        let fault = unsafe { &mut *co.fault.get() };
        fault.get_or_insert_with(|| Fault::new(fault_code::MISUSE, 0));
    }
    // Release: the handles read it after COMPLETE.
    co.status.store(status, Ordering::Release);
    // SAFETY: as above; no frame of the arena is used any more.
    drop(std::mem::take(unsafe { &mut *co.arena.get() }));
    if let Some(completed) = co.hooks().and_then(|h| h.completed) {
        let (frame, user) = (co.frame(), co.user.load(Ordering::Acquire));
        // SAFETY: the hook's contract.
        unsafe { completed(frame, co.machine, status, user) };
    }
}

/// Gives back the run's share of the handles. See [`VTable::completed`].
unsafe fn completed(task: &TaskRef, _wanted: bool) {
    // SAFETY: in the vtable of coroutine tasks only.
    let co = unsafe { cell(task) };
    co.drop_handle();
    co.wake_joiners();
}

/// Coroutines have no join handle: their results are taken from the frame.
unsafe fn no_output(_task: &TaskRef, _to: *mut ()) {}

/// As [`no_output`].
unsafe fn no_join_handle(_task: &TaskRef) {}

/// Ends a coroutine that was never resumed or can be cancelled without a wait. See
/// [`VTable::abandon`].
unsafe fn abandon(task: &TaskRef, _seen: Seen) -> bool {
    // The run is ours, so this wake queues nothing.
    task.header().state.cancel();
    // SAFETY: the caller holds the run.
    unsafe { run(task, task.header().state.start_run()) == RunEnd::Finished }
}

unsafe fn outcome(task: &TaskRef) -> Outcome {
    // SAFETY: in the vtable of coroutine tasks only.
    match unsafe { cell(task) }.status.load(Ordering::Acquire) {
        VT_DONE => Outcome::Done,
        VT_FAULTED => Outcome::Faulted,
        _ => Outcome::Cancelled,
    }
}

unsafe fn free(header: NonNull<Header>) {
    // SAFETY: in the vtable of coroutine tasks only; no reference is left (caller).
    unsafe { free_task(header) };
}

unsafe fn describe(task: &TaskRef, look: Look) -> Description {
    // SAFETY: in the vtable of coroutine tasks only.
    let co = unsafe { cell(task) };
    // SAFETY: the task is not over, so its machine is alive.
    let machine = unsafe { &*co.machine };
    // SAFETY: a static text of the machine.
    let name = unsafe { text(machine.name, machine.name_len) }.to_string();
    let name = task.header().origin.name().map_or(name, str::to_string);
    let span = NonNull::new(machine.span.cast_mut());
    if look == Look::Name {
        return Description { name, span, ..Description::default() };
    }
    // SAFETY: the task is held: nobody changes its leaf.
    let leaf = unsafe { *co.leaf.get() };
    if look == Look::Leaf {
        // SAFETY: as above, and it is not over.
        let frame = unsafe { frames::innermost(&leaf, co.machine) };
        let inner = leaf.frame != leaf.root;
        let state = if inner { frame.to_string() } else { frame.state };
        return Description { name, span, state, awaitee: frame.awaits, frames: Vec::new() };
    }
    // SAFETY: as above.
    let frames = unsafe { frames::chain(&leaf, co.machine) };
    let state = frames.first().map_or(String::new(), |root| root.state.clone());
    let awaitee = frames.last().map_or(String::new(), |leaf| leaf.awaits.clone());
    Description { name, span, state, awaitee, frames }
}
