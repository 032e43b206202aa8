//! Handles of coroutine tasks.

use std::ffi::c_void;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use vitte_abi::{VT_DONE, VT_FAULTED, vt_machine, vt_status};

use super::cell::{Coroutine, cell, cell_of};
use super::fault::Fault;
use crate::task::{Header, JoinError, Queued, TaskRef};

/// What a host wants to be told of a coroutine task. All hooks may run on any worker thread, must
/// not unwind, and get the `user` of the spawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameHooks {
    /// The task ended with this status; its result and fault may be looked at, joiners are woken
    /// afterwards. (frame, machine, status, user)
    pub completed: Option<unsafe fn(*mut u8, *const vt_machine, vt_status, *mut c_void)>,
    /// Drops the result, which nobody took. (address of the result, machine, user)
    pub drop_result: Option<unsafe fn(*mut u8, *const vt_machine, *mut c_void)>,
    /// Drops the payload of the fault, which nobody took.
    pub drop_fault: Option<unsafe fn(&Fault, *mut c_void)>,
    /// Drops `user`: the last handle is gone and the task has ended. Its code may go with it.
    pub drop_user: Option<unsafe fn(*mut c_void)>,
}

/// How a frame becomes a task.
#[derive(Clone, Copy, Debug)]
pub struct SpawnOptions {
    /// Free for the host; see [`FrameHooks`].
    pub user: *mut c_void,
    /// Hooks, if any.
    pub hooks: Option<&'static FrameHooks>,
}

impl Default for SpawnOptions {
    fn default() -> Self {
        SpawnOptions { user: std::ptr::null_mut(), hooks: None }
    }
}

/// Where a task stands; a guess unless it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// In a queue.
    Ready,
    /// Being run.
    Running,
    /// Waits to be woken.
    Waiting,
    /// Over, with this status: `VT_DONE`, `VT_FAULTED` or `VT_CANCELLED`.
    Ended(vt_status),
}

/// A shared handle of a coroutine task. Dropping it neither cancels nor detaches; the result lives
/// until the last handle is gone.
pub struct FrameTask {
    task: TaskRef,
}

/// Makes a task of a frame and queues it.
///
/// # Safety
///
/// `frame` came from `alloc_frame(.., VT_FRAME_TASK)` or [`crate::runtime::Handle::alloc_frame`], is
/// fully initialised with its arguments, was not spawned before, and what it holds may be sent to
/// another thread. Its machine, code and `options.hooks` outlive the task (see
/// [`FrameHooks::drop_user`]).
pub unsafe fn spawn_frame(frame: NonNull<u8>, options: SpawnOptions) -> FrameTask {
    let header = cell_of(frame).cast::<Header>();
    // SAFETY: the frame is a task's root frame with one reference, which is ours now.
    let task = unsafe { TaskRef::from_raw(header) };
    // SAFETY: made by `alloc_task`.
    let cell = unsafe { cell(&task) };
    let hooks = options.hooks.map_or(std::ptr::null_mut(), |h| std::ptr::from_ref(h).cast_mut());
    // Release: read by whoever runs or drops the task, after it took it from a queue.
    cell.hooks.store(hooks, Ordering::Release);
    cell.user.store(options.user, Ordering::Release);
    let queued = task.as_ptr();
    let shared = task.header().shared().clone();
    // One reference is the handle's, one the runtime's.
    task.header().state.spawn(2, false);
    let handle = FrameTask { task };
    // SAFETY: a task that was just spawned is scheduled, and nobody else knows.
    shared.start(unsafe { Queued::from_raw(queued) });
    handle
}

/// Frees a task frame that is not going to be spawned. What it holds is not dropped.
///
/// # Safety
///
/// As [`spawn_frame`], but it need not be initialised.
pub unsafe fn discard_frame(frame: NonNull<u8>) {
    let header = cell_of(frame).cast::<Header>();
    // SAFETY: the frame's only reference.
    drop(unsafe { TaskRef::from_raw(header) });
}

/// Drops result or fault that nobody took.
pub(crate) fn drop_outcome(cell: &Coroutine, hooks: &FrameHooks, user: *mut c_void) {
    match cell.status.load(Ordering::Acquire) {
        VT_DONE => {
            if let Some(drop_result) = hooks.drop_result {
                // SAFETY: the hook's contract: the task is over and its result was not taken.
                unsafe { drop_result(result_of(cell), cell.machine, user) };
            }
        }
        VT_FAULTED => {
            // SAFETY: the task is over and this is the last handle.
            let fault = unsafe { &*cell.fault.get() };
            // SAFETY: as above.
            let cleanup = unsafe { &*cell.cleanup_fault.get() };
            let Some(drop_fault) = hooks.drop_fault else { return };
            for fault in fault.iter().chain(cleanup.as_deref()) {
                // SAFETY: the hook's contract.
                unsafe { drop_fault(fault, user) };
            }
        }
        _ => {}
    }
}

/// Address of the result in the root frame.
fn result_of(cell: &Coroutine) -> *mut u8 {
    // SAFETY: the machine outlives the user data (contract of `spawn_frame`).
    let offset = unsafe { (*cell.machine).result_offset };
    // SAFETY: the result lies inside the frame.
    unsafe { cell.frame().add(offset as usize) }
}

impl FrameTask {
    /// A handle of the task that `ctx` resumes now.
    pub(crate) fn from_running(task: &TaskRef) -> Self {
        let handle = FrameTask { task: task.clone() };
        // Relaxed: the run's own share keeps the count above zero.
        handle.cell().handles.fetch_add(1, Ordering::Relaxed);
        handle
    }

    fn cell(&self) -> &Coroutine {
        // SAFETY: a `FrameTask` is made from coroutine tasks only.
        unsafe { cell(&self.task) }
    }

    /// Id of the task: sequential in its runtime.
    pub fn id(&self) -> u64 {
        self.task.header().id
    }

    /// Asks the task to cancel: delivered at its next suspension outside of a shield; twice is
    /// harmless; void if it has ended.
    pub fn cancel(&self) {
        self.task.cancel();
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// Where the task stands.
    pub fn state(&self) -> TaskState {
        let state = &self.task.header().state;
        if state.is_complete() {
            TaskState::Ended(self.cell().status.load(Ordering::Acquire))
        } else if !state.is_woken() {
            TaskState::Waiting
        } else if self.task.header().shared().is_running(self.id()) {
            TaskState::Running
        } else {
            TaskState::Ready
        }
    }

    /// The final status, once the task has ended.
    pub fn status(&self) -> Option<vt_status> {
        self.is_finished().then(|| self.cell().status.load(Ordering::Acquire))
    }

    /// Machine of the root frame.
    pub fn machine(&self) -> *const vt_machine {
        self.cell().machine
    }

    /// The `user` of the spawn.
    pub fn user(&self) -> *mut c_void {
        self.cell().user.load(Ordering::Acquire)
    }

    /// Address of the result's bytes, if the task is DONE. They stay valid until the last handle is
    /// dropped and are shared by all handles.
    pub fn result(&self) -> Option<NonNull<u8>> {
        (self.status() == Some(VT_DONE)).then(|| NonNull::new(result_of(self.cell())))?
    }

    /// As [`FrameTask::result`], and the caller takes it over: the drop hook will not run. `None`
    /// if it was taken before.
    pub fn take_result(&self) -> Option<NonNull<u8>> {
        let result = self.result()?;
        (!self.cell().taken.swap(true, Ordering::AcqRel)).then_some(result)
    }

    /// The fault that ended the task.
    pub fn fault(&self) -> Option<&Fault> {
        if self.status() != Some(VT_FAULTED) {
            return None;
        }
        // SAFETY: the task is over: nobody writes the record any more.
        unsafe { &*self.cell().fault.get() }.as_ref()
    }

    /// As [`FrameTask::fault`], and the caller takes the payload over: the drop hook will not run.
    pub fn take_fault(&self) -> Option<&Fault> {
        let fault = self.fault()?;
        (!self.cell().taken.swap(true, Ordering::AcqRel)).then_some(fault)
    }

    /// The fault inside cleanup that ended the cleanup of the task, if there was one.
    pub fn cleanup_fault(&self) -> Option<&Fault> {
        if !self.is_finished() {
            return None;
        }
        // SAFETY: the task is over: nobody writes the record any more.
        unsafe { &*self.cell().cleanup_fault.get() }.as_deref()
    }

    /// Waits for the end of the task and answers its status.
    pub fn join(&self) -> Join {
        Join(self.clone())
    }

    /// Ok if DONE, else why not; `None` while the task is not over.
    pub fn outcome(&self) -> Option<Result<(), JoinError>> {
        match self.status()? {
            VT_DONE => Some(Ok(())),
            VT_FAULTED => {
                let fault = self.fault().cloned().unwrap_or_else(|| Fault::new(0, 0));
                Some(Err(JoinError::faulted(self.id(), fault)))
            }
            _ => Some(Err(JoinError::cancelled(self.id()))),
        }
    }
}

impl Clone for FrameTask {
    fn clone(&self) -> Self {
        FrameTask::from_running(&self.task)
    }
}

impl Drop for FrameTask {
    fn drop(&mut self) {
        self.cell().drop_handle();
    }
}

impl fmt::Debug for FrameTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameTask({}, {:?})", self.id(), self.state())
    }
}

/// Waits for the end of a coroutine task; see [`FrameTask::join`].
#[derive(Debug)]
pub struct Join(FrameTask);

impl Join {
    /// The task that is waited for.
    pub fn task(&self) -> &FrameTask {
        &self.0
    }
}

impl Future for Join {
    type Output = vt_status;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<vt_status> {
        if self.0.cell().add_joiner(cx.waker()) {
            return Poll::Pending;
        }
        Poll::Ready(self.0.cell().status.load(Ordering::Acquire))
    }
}
