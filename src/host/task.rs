//! Tasks of a Vitte program: spawning, families, ends.
//!
//! ```text
//! Task handle ─► TaskHandle ─► FrameTask (the runtime's) ─► TaskRecord (`ctx.user`)
//!                                                             │ program  what all tasks share
//!                                                             │ children the family it waits for
//!                                                             └ home     the family it belongs to
//! ```
//!
//! A *family* is a set of tasks that somebody waits for: the children of a task, or of a scope. A task
//! leaves its family when it ends; the first failure in a scope's family cancels the others. The
//! result crosses at the end of the task, by the worker that ran it; every await takes a copy, because
//! a task may be awaited again.
//!
//! * **I1** A task is in its home family from its spawn to its end: it is queued under the family's lock,
//!   which its end takes too.
//! * **I2** A failure that nobody awaited is reported when the last handle is gone; [`Program`]
//!   remembers it, for the exit code.

use super::count::drop_value;
use super::cross::{copy_value, cross};
use super::fault::{self, Failure};
use super::handle;
use super::object::{Obj, TypeDesc, ValueDesc};
use super::op::{Area, operations};
use super::string;
use std::any::Any;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_abi::{VT_DONE, VT_FAULTED, vt_ctx, vt_machine, vt_prefix, vt_status};
use vitte_rt::coroutine::{
    Fault, FrameHooks, FrameTask, Join, OpCx, SpawnOptions, TaskState, spawn_frame,
};

/// `flags` of a spawn: the spawner does not wait for the task.
const DETACHED: u32 = 1;

/// How a task ended, as an await answers it.
mod end {
    pub(super) const OK: u8 = 0;
    pub(super) const PANICKED: u8 = 1;
    pub(super) const CANCELLED: u8 = 2;
}

/// What all tasks of a running program share.
#[derive(Default)]
pub struct Program {
    /// A child failed and nobody awaited it.
    failed: AtomicBool,
    /// Keeps code and static data alive as long as any task.
    keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Program {
    /// A program whose code lives in `keep`.
    pub fn new(keep: Option<Arc<dyn Any + Send + Sync>>) -> Arc<Self> {
        Arc::new(Self { failed: AtomicBool::new(false), keep })
    }

    /// Whether a child failed that nobody awaited.
    pub fn has_failed(&self) -> bool {
        // Acquire: pairs with the report.
        self.failed.load(Ordering::Acquire)
    }
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (failed, kept) = (self.has_failed(), self.keep.is_some());
        f.debug_struct("Program")
            .field("failed", &failed)
            .field("code", &kept)
            .finish_non_exhaustive()
    }
}

/// Tasks that somebody waits for.
#[derive(Default)]
pub(crate) struct Family {
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    tasks: BTreeMap<u64, FrameTask>,
    /// Who waits for all of them to end.
    waiters: Vec<Waker>,
    /// The first failure cancels the others.
    one_for_all: bool,
    /// The others have been cancelled, and whoever comes is too.
    cancelled: bool,
}

impl Family {
    fn lock(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cancel(&self) {
        let tasks: Vec<FrameTask> = {
            let mut members = self.lock();
            members.cancelled = members.one_for_all;
            members.tasks.values().cloned().collect()
        };
        tasks.iter().for_each(FrameTask::cancel);
    }

    /// A member has ended.
    fn leave(&self, id: u64, failed: bool) {
        let mut members = self.lock();
        let gone = members.tasks.remove(&id);
        let woken = if members.tasks.is_empty() {
            std::mem::take(&mut members.waiters)
        } else {
            Vec::new()
        };
        let cancel = failed && members.one_for_all && !members.cancelled;
        drop(members);
        drop(gone);
        woken.into_iter().for_each(Waker::wake);
        if cancel {
            self.cancel();
        }
    }
}

/// What the host keeps of each task; its `ctx.user`.
pub(crate) struct TaskRecord {
    program: Arc<Program>,
    /// Made by the first spawn.
    children: OnceLock<Arc<Family>>,
    home: Option<Arc<Family>>,
    /// Describes the result; null if there is none to look after.
    result: *const ValueDesc,
    machine: *const vt_machine,
    id: AtomicU64,
    /// Somebody has seen how it ended.
    awaited: AtomicBool,
    /// The result could not cross because memory was short.
    stuck: AtomicBool,
}

// SAFETY: descriptor and machine are static data.
unsafe impl Send for TaskRecord {}
// SAFETY: as above; the rest is shared by atomics and locks.
unsafe impl Sync for TaskRecord {}

/// The record of the task that a context resumes; `None` outside of a Vitte task.
fn record_of<'a>(cx: OpCx<'_>) -> Option<&'a TaskRecord> {
    // SAFETY: `user` is null or the record of the task in progress, which lives as long as the task.
    unsafe { cx.user().cast::<TaskRecord>().as_ref() }
}

static HOOKS: FrameHooks = FrameHooks {
    completed: Some(completed),
    drop_result: Some(drop_result),
    drop_fault: Some(drop_fault),
    drop_user: Some(drop_user),
    describe: Some(describe),
};

/// The record behind the `user` of a hook.
fn user_record<'a>(user: *mut c_void) -> &'a TaskRecord {
    // SAFETY: every task with these hooks has a record, until `drop_user`.
    unsafe { &*user.cast::<TaskRecord>() }
}

/// Address of the result in a root frame.
fn result_in(frame: *mut u8, machine: *const vt_machine) -> *mut u8 {
    // SAFETY: the machine of a task is static data.
    let offset = unsafe { (*machine).result_offset };
    frame.wrapping_add(offset as usize)
}

/// The task ended: its result crosses, its family hears of it.
unsafe fn completed(
    frame: *mut u8,
    machine: *const vt_machine,
    status: vt_status,
    user: *mut c_void,
) {
    let record = user_record(user);
    if status == VT_DONE && !record.result.is_null() {
        // SAFETY: descriptors are static data.
        let desc = unsafe { &*record.result };
        // SAFETY: a task that is done has its result there.
        if !unsafe { cross(result_in(frame, machine), desc) } {
            record.stuck.store(true, Ordering::Release);
        }
    }
    let failed = status == VT_FAULTED || record.stuck.load(Ordering::Acquire);
    // The id is there once the spawn has let go of the family (I1).
    drop(record.home.as_ref().map(|home| home.lock()));
    if let Some(home) = &record.home {
        home.leave(record.id.load(Ordering::Relaxed), failed);
    }
}

/// Nobody took the result.
unsafe fn drop_result(result: *mut u8, _machine: *const vt_machine, user: *mut c_void) {
    let record = user_record(user);
    if !record.result.is_null() {
        // SAFETY: descriptors are static data.
        let desc = unsafe { &*record.result };
        // SAFETY: the runtime gives the result up.
        unsafe { drop_value(result, desc) };
    }
}

/// The last handle is gone: a failure that nobody saw is reported (I2).
unsafe fn drop_fault(fault: &Fault, user: *mut c_void) {
    let record = user_record(user);
    let seen = record.awaited.load(Ordering::Acquire);
    if !seen || fault.in_cleanup {
        // A detached task is nobody's child: it does not decide how main ends.
        if record.home.is_some() {
            record.program.failed.store(true, Ordering::Release);
        }
        // SAFETY: the code of the task is alive until its user data is dropped.
        let failure = unsafe { Failure::of(fault) };
        let how = if fault.in_cleanup { "panicked during cleanup" } else { "panicked" };
        // SAFETY: as above.
        let name = unsafe { fault::machine_name(record.machine) };
        let mut text = format!("error: task `{name}` {how}: {failure}\n");
        if !seen {
            text.push_str("   = note: nobody awaited it\n");
        }
        super::imports::report(&text);
    }
    // SAFETY: the runtime gives the fault up.
    unsafe { fault::release_payload(fault) };
}

/// Names the operation that a task waits for; empty if it is none of ours.
unsafe fn describe(resume: usize, _frame: *mut u8, _user: *mut c_void) -> String {
    let ops = super::table::operations();
    let op = ops.iter().find(|op| op.poll.addr() == resume);
    op.map_or(String::new(), |op| op.symbol.trim_start_matches("vitte_op_").to_owned())
}

unsafe fn drop_user(user: *mut c_void) {
    // SAFETY: made by `Arc::into_raw` in `launch`; given back once.
    drop(unsafe { Arc::from_raw(user.cast::<TaskRecord>()) });
}

/// Makes a task of a filled frame.
///
/// # Safety
///
/// As [`spawn_frame`]; `result` is null or describes the result of the frame's machine.
unsafe fn launch(
    frame: NonNull<u8>,
    program: Arc<Program>,
    home: Option<Arc<Family>>,
    result: *const ValueDesc,
) -> TaskHandle {
    // A task's root frame has machine and link before it.
    let prefix = frame.as_ptr().cast::<vt_prefix>().wrapping_sub(1);
    // SAFETY: the frame is a task's, which `alloc_frame` has given its machine.
    let machine = unsafe { (*prefix).machine };
    let record = Arc::new(TaskRecord {
        program,
        children: OnceLock::new(),
        home,
        result,
        machine,
        id: AtomicU64::new(0),
        awaited: AtomicBool::new(false),
        stuck: AtomicBool::new(false),
    });
    let user = Arc::into_raw(record.clone()).cast_mut().cast();
    let options = SpawnOptions { user, hooks: Some(&HOOKS) };
    let home = record.home.clone();
    let mut members = home.as_ref().map(|h| h.lock());
    // SAFETY: as the caller vouches; the record keeps the code alive.
    let task = unsafe { spawn_frame(frame, options) };
    record.id.store(task.id(), Ordering::Relaxed); // under the lock of the family (I1)
    if let Some(members) = &mut members {
        members.tasks.insert(task.id(), task.clone());
        if members.cancelled {
            task.cancel();
        }
    }
    drop(members);
    TaskHandle { task, record }
}

/// Starts the main task of a program.
///
/// # Safety
///
/// As [`spawn_frame`].
pub unsafe fn launch_main(frame: NonNull<u8>, program: Arc<Program>) -> FrameTask {
    // SAFETY: as the caller vouches.
    let handle = unsafe { launch(frame, program, None, std::ptr::null()) };
    handle.record.awaited.store(true, Ordering::Release);
    handle.task
}

/// Starts a task whose end a Rust future looks at; it is a child of no Vitte task.
///
/// # Safety
///
/// As [`spawn_frame`]; `result` describes the result of the frame's machine.
#[cfg(feature = "embed")]
pub(crate) unsafe fn launch_for_rust(
    frame: NonNull<u8>,
    program: Arc<Program>,
    result: &'static ValueDesc,
) -> FrameTask {
    // SAFETY: as the caller vouches.
    let handle = unsafe { launch(frame, program, None, result) };
    handle.record.awaited.store(true, Ordering::Release);
    handle.task
}

/// What the handle of a task stands for.
pub(crate) struct TaskHandle {
    task: FrameTask,
    record: Arc<TaskRecord>,
}

/// Spawns a frame into a family and makes its handle.
///
/// # Safety
///
/// As the imports that call it.
unsafe fn spawn_into(
    cx: OpCx<'_>,
    frame: *mut u8,
    desc: *const TypeDesc,
    home: Option<Arc<Family>>,
) -> *mut u8 {
    let Some(frame) = NonNull::new(frame) else { return null_mut() };
    let program = record_of(cx).map_or_else(Arc::default, |r| r.program.clone());
    // SAFETY: the descriptor of `Task[T]` is static data.
    let result = unsafe { &*desc }.elem;
    // SAFETY: generated code passes a filled frame.
    let handle = unsafe { launch(frame, program, home, result) };
    handle::new(desc, Arc::new(handle)).map_or(null_mut(), Obj::as_ptr)
}

/// Makes a task of a frame; see the host table. Null if memory is short.
///
/// # Safety
///
/// `frame` is a task frame with its arguments; `desc` describes `Task[T]` of its result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_spawn(
    ctx: *mut vt_ctx,
    frame: *mut u8,
    desc: *const TypeDesc,
    flags: u32,
) -> *mut u8 {
    // SAFETY: generated code passes its context.
    let cx = unsafe { OpCx::new(ctx) };
    let attached = flags & DETACHED == 0;
    let home =
        record_of(cx).filter(|_| attached).map(|r| r.children.get_or_init(Arc::default).clone());
    // SAFETY: as the caller vouches.
    unsafe { spawn_into(cx, frame, desc, home) }
}

/// A scope. Null if memory is short.
///
/// # Safety
///
/// `desc` describes a scope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_scope_new(_ctx: *mut vt_ctx, desc: *const TypeDesc) -> *mut u8 {
    let members = Members { one_for_all: true, ..Members::default() };
    let family = Family { members: Mutex::new(members) };
    handle::new(desc, Arc::new(Scope(Arc::new(family)))).map_or(null_mut(), Obj::as_ptr)
}

/// What the handle of a scope stands for.
struct Scope(Arc<Family>);

/// The body behind a handle argument.
///
/// # Safety
///
/// `object` is a living handle with a body of this type.
unsafe fn body_of<T: Any + Send + Sync>(object: *mut u8) -> Arc<T> {
    // SAFETY: the caller vouches for the object.
    let obj = unsafe { Obj::from_raw(object) }.expect("I: a handle argument is not null");
    // SAFETY: as above.
    unsafe { handle::body(obj) }
}

/// As [`vitte_spawn`], as a child of a scope.
///
/// # Safety
///
/// As [`vitte_spawn`]; `scope` is a living scope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_scope_spawn(
    ctx: *mut vt_ctx,
    scope: *mut u8,
    frame: *mut u8,
    desc: *const TypeDesc,
) -> *mut u8 {
    // SAFETY: generated code passes its context.
    let cx = unsafe { OpCx::new(ctx) };
    // SAFETY: the caller vouches for the scope.
    let scope = unsafe { body_of::<Scope>(scope) };
    // SAFETY: as the caller vouches.
    unsafe { spawn_into(cx, frame, desc, Some(scope.0.clone())) }
}

/// Asks every child of the scope to cancel.
///
/// # Safety
///
/// `scope` is a living scope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_scope_cancel(_ctx: *mut vt_ctx, scope: *mut u8) {
    // SAFETY: the caller vouches for the scope.
    unsafe { body_of::<Scope>(scope) }.0.cancel();
}

/// Asks the task to cancel.
///
/// # Safety
///
/// `task` is a living task handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_task_cancel(_ctx: *mut vt_ctx, task: *mut u8) {
    // SAFETY: the caller vouches for the handle.
    unsafe { body_of::<TaskHandle>(task) }.task.cancel();
}

/// Where the task stands: 0 running, 1 done, 2 failed, 3 cancelled.
///
/// # Safety
///
/// `task` is a living task handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_task_state(_ctx: *mut vt_ctx, task: *mut u8) -> i32 {
    // SAFETY: the caller vouches for the handle.
    let handle = unsafe { body_of::<TaskHandle>(task) };
    match handle.task.state() {
        TaskState::Ended(VT_DONE) if !handle.record.stuck.load(Ordering::Acquire) => 1,
        TaskState::Ended(VT_DONE | VT_FAULTED) => 2,
        TaskState::Ended(_) => 3,
        _ => 0,
    }
}

/// Waits for a task: (end: i8, message, place, result).
struct Awaiting {
    handle: Arc<TaskHandle>,
    join: Join,
    area: Area,
}

fn task_await(_cx: OpCx<'_>, area: Area, (task,): (*mut u8,)) -> Awaiting {
    // SAFETY: generated code passes a living task handle.
    let handle = unsafe { body_of::<TaskHandle>(task) };
    let join = handle.task.join();
    Awaiting { handle, join, area }
}

impl Future for Awaiting {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Poll::Ready(status) = Pin::new(&mut this.join).poll(cx) else { return Poll::Pending };
        let TaskHandle { task, record } = &*this.handle;
        record.awaited.store(true, Ordering::Release);
        let (mut message, mut place): (*mut u8, *mut u8) = (null_mut(), null_mut());
        let result = this.area.address().wrapping_add(24);
        // SAFETY: descriptors are static data.
        let desc = unsafe { record.result.as_ref() };
        if let Some(desc) = desc {
            // SAFETY: the area has room for the result.
            unsafe { result.write_bytes(0, desc.size as usize) };
        }
        let end = match status {
            VT_DONE => {
                let copied = match (task.result(), desc) {
                    (Some(from), Some(desc)) if !record.stuck.load(Ordering::Acquire) => {
                        // SAFETY: the result lives as long as the handle; nobody writes to it.
                        unsafe { copy_value(from.as_ptr(), result, desc) }
                    }
                    (Some(_), None) => true,
                    _ => false,
                };
                if copied { end::OK } else { end::PANICKED }
            }
            VT_FAULTED => end::PANICKED,
            _ => end::CANCELLED,
        };
        if end == end::PANICKED {
            let failure = match task.fault() {
                // SAFETY: the handle keeps the code alive.
                Some(fault) => unsafe { Failure::of(fault) },
                None => Failure::memory(),
            };
            message = string::raw(&failure.message);
            place = string::raw(&failure.place);
        }
        this.area.write(0, end);
        this.area.write(8, message);
        this.area.write(16, place);
        Poll::Ready(Ok(()))
    }
}

/// Waits until a family is empty.
struct FamilyWait(Option<Arc<Family>>);

impl Future for FamilyWait {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(family) = &self.0 else { return Poll::Ready(Ok(())) };
        let mut members = family.lock();
        if members.tasks.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if !members.waiters.iter().any(|w| w.will_wake(cx.waker())) {
            members.waiters.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

fn children_wait(cx: OpCx<'_>, _area: Area, (cancel,): (u32,)) -> FamilyWait {
    let family = record_of(cx).and_then(|r| r.children.get().cloned());
    if cancel & 1 == 1 {
        family.iter().for_each(|f| f.cancel());
    }
    FamilyWait(family)
}

fn scope_wait(_cx: OpCx<'_>, _area: Area, (scope,): (*mut u8,)) -> FamilyWait {
    // SAFETY: generated code passes a living scope.
    FamilyWait(Some(unsafe { body_of::<Scope>(scope) }.0.clone()))
}

operations! {
    table;
    "vitte_op_task_await" vitte_op_task_await_start vitte_op_task_await_poll =
        task_await, (task: *mut u8);
    "vitte_op_children_wait" vitte_op_children_wait_start vitte_op_children_wait_poll =
        children_wait, (cancel: u32);
    "vitte_op_scope_wait" vitte_op_scope_wait_start vitte_op_scope_wait_poll =
        scope_wait, (scope: *mut u8);
}
