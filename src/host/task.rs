//! Tasks of a Vitte program: spawning, families, ends.
//!
//! ```text
//! Task[T] ─► TaskObject ◄─ `user` ─ FrameTask (the runtime's: cell and frame)
//!            │ task     the runtime's handle
//!            │ program  what all tasks share
//!            │ children the family it waits for
//!            └ home     the family it belongs to
//! ```
//!
//! The object is all that the host keeps of a task: a spawn allocates it, and nothing else (cells come
//! from the runtime's pages). It is the program's handle of the task and the task's `ctx.user` in one.
//! The result crosses at the end of the task, by the worker that ran it; every await takes a copy,
//! because a task may be awaited again.
//!
//! * **I1** `task` is there while the program has handles of the task and while it is in its home
//!   family: `holders` counts both, the last drops it.
//! * **I2** While `task` is there, the runtime does not give `user` up; then it goes, and with it all but
//!   the family, which lasts until its last member has ended: `shares` counts both.
//! * **I3** A failure that nobody awaited is reported when the last handle is gone; [`Program`]
//!   remembers it, for the exit code.

use super::count::drop_value;
use super::cross::{copy_value, cross};
use super::family::{Family, Links};
use super::fault::{self, Failure};
use super::handle;
use super::object::{Header, Obj, TypeDesc, ValueDesc, allocate, deallocate, live};
use super::op::{Area, operations};
use super::string;
use std::alloc::Layout;
use std::any::Any;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::task::{Context, Poll};
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

/// Takes what a program prints, instead of this process's stdout and stderr.
pub(crate) type Print = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What all tasks of a running program share.
#[derive(Default)]
pub struct Program {
    /// A child failed and nobody awaited it.
    failed: AtomicBool,
    /// Keeps code and static data alive as long as any task.
    keep: Option<Arc<dyn Any + Send + Sync>>,
    print: Option<Print>,
}

impl Program {
    /// A program whose code lives in `keep`.
    pub fn new(keep: Option<Arc<dyn Any + Send + Sync>>) -> Arc<Self> {
        Arc::new(Self { failed: AtomicBool::new(false), keep, print: None })
    }

    /// A program whose output goes to `print`.
    #[cfg(feature = "vitte")]
    pub(crate) fn printing(keep: Option<Arc<dyn Any + Send + Sync>>, print: Print) -> Arc<Self> {
        Arc::new(Self { failed: AtomicBool::new(false), keep, print: Some(print) })
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

/// The family that a task belongs to.
enum Home {
    /// The children of a task, of whose memory this is a share (I2).
    Task(NonNull<TaskObject>),
    Scope(Arc<Family>),
}

impl Home {
    fn family(&self) -> &Family {
        match self {
            // SAFETY: the share keeps the family.
            Home::Task(parent) => unsafe { &parent.as_ref().children },
            Home::Scope(family) => family,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Home::Task(parent) = *self {
            // SAFETY: the share is given back once.
            unsafe { give_share(parent) };
        }
    }
}

/// What the host keeps of a task: the object that a `Task[T]` refers to, and the task's `ctx.user`.
#[repr(C)]
pub(crate) struct TaskObject {
    /// Counts the program's handles.
    header: Header,
    /// Set by the spawn (I1).
    task: UnsafeCell<Option<FrameTask>>,
    /// Handles of the program (1 for all), and being in a family.
    holders: AtomicU32,
    /// `user`, and one per task in `children` (I2).
    shares: AtomicU32,
    program: ManuallyDrop<Arc<Program>>,
    children: Family,
    /// Until the task ends; then its end takes it.
    home: UnsafeCell<Option<Home>>,
    /// Neighbours in the home family.
    pub(super) links: UnsafeCell<Links>,
    /// Describes the result; null if there is none to look after.
    result: *const ValueDesc,
    machine: *const vt_machine,
    /// Somebody waits for it to end: it has, or had, a home.
    is_child: bool,
    /// Somebody has seen how it ended.
    awaited: AtomicBool,
    /// The result could not cross because memory was short.
    stuck: AtomicBool,
}

const LAYOUT: Layout = Layout::new::<TaskObject>();

// SAFETY: descriptor and machine are static data; `task` is written before others see the object and
// after they do (I1), `home` by spawn and end, which follow each other, `links` under a lock.
unsafe impl Send for TaskObject {}
// SAFETY: as above; the rest is shared by atomics and locks.
unsafe impl Sync for TaskObject {}

impl TaskObject {
    /// The runtime's handle.
    ///
    /// # Safety
    ///
    /// The caller speaks for one of the holders (I1).
    pub(super) unsafe fn task(&self) -> &FrameTask {
        // SAFETY: a holder keeps it, and it is not written to meanwhile (caller).
        let task = unsafe { &*self.task.get() };
        task.as_ref().expect("I1: a task that is held has its handle")
    }
}

/// The object of the task that a context resumes; `None` outside of a Vitte task.
fn object_of<'a>(cx: OpCx<'_>) -> Option<&'a TaskObject> {
    // SAFETY: `user` is null or the object of the task in progress, which lives as long as the task.
    unsafe { cx.user().cast::<TaskObject>().as_ref() }
}

/// Hands a text to whoever takes what the program of the running task prints; false if nobody does.
pub(super) fn print(cx: OpCx<'_>, parts: &[&str]) -> bool {
    let Some(print) = object_of(cx).and_then(|o| o.program.print.as_ref()) else { return false };
    print(parts.concat().as_bytes());
    true
}

/// The object behind the `user` of a hook or of a handle.
fn user_object<'a>(user: *mut c_void) -> &'a TaskObject {
    // SAFETY: every task with these hooks has an object, until `drop_user`.
    unsafe { &*user.cast::<TaskObject>() }
}

/// The object behind a handle argument.
///
/// # Safety
///
/// `object` is a living task handle.
unsafe fn task_object<'a>(object: *mut u8) -> &'a TaskObject {
    assert!(!object.is_null(), "I: a handle argument is not null");
    // SAFETY: the caller vouches for the object.
    unsafe { &*object.cast::<TaskObject>() }
}

/// One holder lets go; the last drops the runtime's handle, and perhaps the object with it.
///
/// # Safety
///
/// The caller speaks for a holder that is none any more, and does not use the object afterwards.
unsafe fn let_go(object: NonNull<TaskObject>) {
    // SAFETY: a holder keeps the object.
    let it = unsafe { object.as_ref() };
    // AcqRel: the last one sees what the others did.
    if it.holders.fetch_sub(1, Ordering::AcqRel) != 1 {
        return;
    }
    // SAFETY: nobody else holds it (I1).
    let task = unsafe { &mut *it.task.get() }.take();
    drop(task); // may be the last: `drop_user`
}

/// Gives a share of the memory back.
///
/// # Safety
///
/// The share is the caller's, who does not use the object afterwards.
unsafe fn give_share(object: NonNull<TaskObject>) {
    // SAFETY: a share keeps the object.
    // AcqRel: the last one sees what the others did.
    if unsafe { object.as_ref() }.shares.fetch_sub(1, Ordering::AcqRel) != 1 {
        return;
    }
    // SAFETY: nobody else has a share; the program went before.
    unsafe { object.drop_in_place() };
    // SAFETY: allocated in `new_object` with this layout.
    unsafe { deallocate(object.as_ptr().cast(), LAYOUT) };
}

/// The program has no handle of the task any more.
///
/// # Safety
///
/// `obj` is a task's object whose count has gone to 0.
pub(super) unsafe fn free_handle(obj: Obj) {
    live::add(-1);
    let object = NonNull::new(obj.as_ptr().cast()).expect("I: an object is not null");
    // SAFETY: the handles were its holder.
    unsafe { let_go(object) };
}

/// An object for a task to be; `None` if memory is short.
fn new_object(
    (desc, result): (*const TypeDesc, *const ValueDesc),
    machine: *const vt_machine,
    program: Arc<Program>,
    home: Option<Home>,
) -> Option<NonNull<TaskObject>> {
    let address = allocate(LAYOUT)?.cast::<TaskObject>();
    let is_child = home.is_some();
    let object = TaskObject {
        header: Header { count: AtomicI64::new(1), desc },
        task: UnsafeCell::new(None),
        holders: AtomicU32::new(1 + u32::from(is_child)),
        shares: AtomicU32::new(1),
        program: ManuallyDrop::new(program),
        children: Family::default(),
        home: UnsafeCell::new(home),
        links: UnsafeCell::new(Links::NONE),
        result,
        machine,
        is_child,
        awaited: AtomicBool::new(false),
        stuck: AtomicBool::new(false),
    };
    // SAFETY: the allocation has this layout.
    unsafe { address.write(object) };
    Some(address)
}

static HOOKS: FrameHooks = FrameHooks {
    completed: Some(completed),
    drop_result: Some(drop_result),
    drop_fault: Some(drop_fault),
    drop_user: Some(drop_user),
};

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
    let object = user_object(user);
    if status == VT_DONE && !object.result.is_null() {
        // SAFETY: descriptors are static data.
        let desc = unsafe { &*object.result };
        // SAFETY: a task that is done has its result there.
        if !unsafe { cross(result_in(frame, machine), desc) } {
            object.stuck.store(true, Ordering::Release);
        }
    }
    let failed = status == VT_FAULTED || object.stuck.load(Ordering::Acquire);
    if !object.is_child {
        return;
    }
    // SAFETY: the spawn has set it before the task was queued, and only its end takes it.
    let home = unsafe { &mut *object.home.get() }.take();
    let object = NonNull::from(object);
    if let Some(home) = &home {
        home.family().leave(object, failed);
    }
    // SAFETY: the family was a holder. The run has a handle of its own, so the object stays.
    unsafe { let_go(object) };
}

/// Nobody took the result.
unsafe fn drop_result(result: *mut u8, _machine: *const vt_machine, user: *mut c_void) {
    let object = user_object(user);
    if !object.result.is_null() {
        // SAFETY: descriptors are static data.
        let desc = unsafe { &*object.result };
        // SAFETY: the runtime gives the result up.
        unsafe { drop_value(result, desc) };
    }
}

/// The last handle is gone: a failure that nobody saw is reported (I2).
unsafe fn drop_fault(fault: &Fault, user: *mut c_void) {
    let object = user_object(user);
    let seen = object.awaited.load(Ordering::Acquire);
    if !seen || fault.in_cleanup {
        // A detached task is nobody's child: it does not decide how main ends.
        if object.is_child {
            object.program.failed.store(true, Ordering::Release);
        }
        // SAFETY: the code of the task is alive until its user data is dropped.
        let failure = unsafe { Failure::of(fault) };
        let how = if fault.in_cleanup { "panicked during cleanup" } else { "panicked" };
        // SAFETY: as above.
        let name = unsafe { fault::machine_name(object.machine) };
        let mut text = format!("error: task `{name}` {how}: {failure}\n");
        if !seen {
            text.push_str("   = note: nobody awaited it\n");
        }
        super::imports::report(&text);
    }
    // SAFETY: the runtime gives the fault up.
    unsafe { fault::release_payload(fault) };
}

unsafe fn drop_user(user: *mut c_void) {
    let object = NonNull::new(user.cast::<TaskObject>()).expect("I: `user` is not null");
    // SAFETY: a share keeps the object.
    let program = unsafe { &raw mut (*object.as_ptr()).program };
    // SAFETY: the runtime gives `user` up; children use the family only.
    let program = unsafe { &mut *program };
    // SAFETY: dropped once, here.
    unsafe { ManuallyDrop::drop(program) };
    // SAFETY: the share of `user` is given back once.
    unsafe { give_share(object) };
}

/// Makes a task of a filled frame; `None` if memory is short, then the frame is dropped.
///
/// # Safety
///
/// As [`spawn_frame`]; `desc` describes `Task[T]`, and is null if the program gets no handle; `result`
/// is null or describes the result of the frame's machine.
unsafe fn launch(
    frame: NonNull<u8>,
    desc: *const TypeDesc,
    result: *const ValueDesc,
    program: Arc<Program>,
    home: Option<Home>,
) -> Option<NonNull<TaskObject>> {
    // A task's root frame has machine and link before it.
    let prefix = frame.as_ptr().cast::<vt_prefix>().wrapping_sub(1);
    // SAFETY: the frame is a task's, which `alloc_frame` has given its machine.
    let machine = unsafe { (*prefix).machine };
    // The caller keeps the family: it is the running task's, or a scope that it holds.
    let family: Option<*const Family> = home.as_ref().map(|h| std::ptr::from_ref(h.family()));
    // SAFETY: as said; the end of the task, which drops `home`, is no reason for it to go.
    let family = family.map(|family| unsafe { &*family });
    let Some(object) = new_object((desc, result), machine, program, home) else {
        // A cancel before the first resume drops the arguments.
        // SAFETY: as the caller vouches.
        unsafe { spawn_frame(frame, SpawnOptions::default()) }.cancel();
        return None;
    };
    let options = SpawnOptions { user: object.as_ptr().cast(), hooks: Some(&HOOKS) };
    let start = || {
        // SAFETY: as the caller vouches; the object keeps the code alive.
        let task = unsafe { spawn_frame(frame, options) };
        let copy = task.clone();
        // SAFETY: the holders keep it.
        let place = unsafe { object.as_ref() }.task.get();
        // SAFETY: nobody reads it yet: the program has no handle, and the family is locked.
        unsafe { place.write(Some(task)) };
        copy
    };
    match family {
        Some(family) => family.enter(object, start),
        None => drop(start()),
    }
    Some(object)
}

/// Starts the main task of a program; `None` if memory is short.
///
/// # Safety
///
/// As [`spawn_frame`].
pub unsafe fn launch_main(frame: NonNull<u8>, program: Arc<Program>) -> Option<FrameTask> {
    // SAFETY: as the caller vouches.
    unsafe { launch_alone(frame, program, std::ptr::null()) }
}

/// Starts a task that is nobody's child and that the program has no handle of: whoever starts it, as a
/// Rust future does, looks at its end. `None` if memory is short.
///
/// # Safety
///
/// As [`spawn_frame`]; `result` is null or describes the result of the frame's machine.
pub(crate) unsafe fn launch_alone(
    frame: NonNull<u8>,
    program: Arc<Program>,
    result: *const ValueDesc,
) -> Option<FrameTask> {
    // SAFETY: as the caller vouches.
    let object = unsafe { launch(frame, std::ptr::null(), result, program, None) }?;
    // SAFETY: the one holder has not let go.
    let it = unsafe { object.as_ref() };
    it.awaited.store(true, Ordering::Release);
    // SAFETY: as above.
    let task = unsafe { it.task() }.clone();
    // SAFETY: the program gets no handle of it.
    unsafe { let_go(object) };
    Some(task)
}

/// Asks a task that a Rust future waits for to cancel if the future is dropped before it has ended.
#[cfg(feature = "embed")]
pub(crate) struct CancelOnDrop(pub(crate) FrameTask);

#[cfg(feature = "embed")]
impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if !self.0.is_finished() {
            self.0.cancel();
        }
    }
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
    home: Option<Home>,
) -> *mut u8 {
    let Some(frame) = NonNull::new(frame) else { return null_mut() };
    let program = object_of(cx).map_or_else(Arc::default, |o| Arc::clone(&o.program));
    // SAFETY: the descriptor of `Task[T]` is static data.
    let result = unsafe { &*desc }.elem;
    // SAFETY: generated code passes a filled frame.
    let object = unsafe { launch(frame, desc, result, program, home) };
    let Some(object) = object else { return null_mut() };
    live::add(1);
    object.as_ptr().cast()
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
    let home = object_of(cx).filter(|_| attached).map(|parent| {
        // Relaxed: the running task's own share keeps it.
        parent.shares.fetch_add(1, Ordering::Relaxed);
        Home::Task(NonNull::from(parent))
    });
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
    let family: Arc<Family> = Arc::new(Family::one_for_all());
    handle::new(desc, family).map_or(null_mut(), Obj::as_ptr)
}

/// The family behind a scope.
///
/// # Safety
///
/// `object` is a living scope.
unsafe fn scope_of(object: *mut u8) -> Arc<Family> {
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
    let scope = unsafe { scope_of(scope) };
    // SAFETY: as the caller vouches.
    unsafe { spawn_into(cx, frame, desc, Some(Home::Scope(scope))) }
}

/// Asks every child of the scope to cancel.
///
/// # Safety
///
/// `scope` is a living scope.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_scope_cancel(_ctx: *mut vt_ctx, scope: *mut u8) {
    // SAFETY: the caller vouches for the scope.
    unsafe { scope_of(scope) }.cancel();
}

/// Asks the task to cancel.
///
/// # Safety
///
/// `task` is a living task handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_task_cancel(_ctx: *mut vt_ctx, task: *mut u8) {
    // SAFETY: the caller vouches for the handle.
    let object = unsafe { task_object(task) };
    // SAFETY: the program's handle is a holder.
    unsafe { object.task() }.cancel();
}

/// Where the task stands: 0 running, 1 done, 2 failed, 3 cancelled.
///
/// # Safety
///
/// `task` is a living task handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_task_state(_ctx: *mut vt_ctx, task: *mut u8) -> i32 {
    // SAFETY: the caller vouches for the handle.
    let object = unsafe { task_object(task) };
    // SAFETY: the program's handle is a holder.
    match unsafe { object.task() }.state() {
        TaskState::Ended(VT_DONE) if !object.stuck.load(Ordering::Acquire) => 1,
        TaskState::Ended(VT_DONE | VT_FAULTED) => 2,
        TaskState::Ended(_) => 3,
        _ => 0,
    }
}

/// Waits for a task: (end: i8, message, place, result).
struct Awaiting {
    join: Join,
    area: Area,
}

fn task_await(_cx: OpCx<'_>, area: Area, (task,): (*mut u8,)) -> Awaiting {
    // SAFETY: generated code passes a living task handle.
    let object = unsafe { task_object(task) };
    // SAFETY: the program's handle is a holder.
    Awaiting { join: unsafe { object.task() }.join(), area }
}

impl Future for Awaiting {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Poll::Ready(status) = Pin::new(&mut this.join).poll(cx) else { return Poll::Pending };
        let task = this.join.task();
        let object = user_object(task.user()); // kept by the handle in `join` (I2)
        object.awaited.store(true, Ordering::Release);
        let (mut message, mut place): (*mut u8, *mut u8) = (null_mut(), null_mut());
        let result = this.area.address().wrapping_add(24);
        // SAFETY: descriptors are static data.
        let desc = unsafe { object.result.as_ref() };
        if let Some(desc) = desc {
            // SAFETY: the area has room for the result.
            unsafe { result.write_bytes(0, desc.size as usize) };
        }
        let end = match status {
            VT_DONE => {
                let copied = match (task.result(), desc) {
                    (Some(from), Some(desc)) if !object.stuck.load(Ordering::Acquire) => {
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

/// Waits until the task in progress has no children.
struct ChildrenWait(Option<NonNull<TaskObject>>);

// SAFETY: the object is the task's own, in whose frame this lies.
unsafe impl Send for ChildrenWait {}

impl Future for ChildrenWait {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(object) = self.0 else { return Poll::Ready(Ok(())) };
        // SAFETY: the task is not over, so its object is alive.
        unsafe { &object.as_ref().children }.poll_empty(cx).map(Ok)
    }
}

/// Waits until a scope has no children.
struct ScopeWait(Arc<Family>);

impl Future for ScopeWait {
    type Output = Result<(), Fault>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_empty(cx).map(Ok)
    }
}

fn children_wait(cx: OpCx<'_>, _area: Area, (cancel,): (u32,)) -> ChildrenWait {
    let object = object_of(cx);
    if cancel & 1 == 1 {
        object.into_iter().for_each(|o| o.children.cancel());
    }
    ChildrenWait(object.map(NonNull::from))
}

fn scope_wait(_cx: OpCx<'_>, _area: Area, (scope,): (*mut u8,)) -> ScopeWait {
    // SAFETY: generated code passes a living scope.
    ScopeWait(unsafe { scope_of(scope) })
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
