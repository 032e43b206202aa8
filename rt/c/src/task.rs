//! A callback as a task, and the context it is resumed with.

use std::ffi::c_void;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use crate::names;
use crate::runtime::Runtime;
use crate::wait::Wait;

/// What a callback answers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoroStatus {
    /// Not finished. Suspended if an await was registered in this resume, else queued again.
    Running = 0,
    /// As RUNNING.
    Yielded = 1,
    /// Finished; awaits registered in this resume are void.
    Done = 2,
}

/// A `CoroStatus` as it comes from C: any number.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawStatus(pub u32);

/// Events of a descriptor; a set where several may be meant.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// None.
    None = 0,
    /// There is something to read, or the end of the stream, or an error.
    Readable = 1,
    /// There is room to write, or a connect has finished, or an error.
    Writable = 2,
    /// A deadline passed.
    Timer = 4,
}

/// A set of `EventType` as it comes from C: any number.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawEvents(pub u32);

/// A descriptor, wide enough for any system's.
pub type IoHandle = libc::uintptr_t;

/// Why a task was resumed.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WakeReason {
    /// It has just been spawned.
    #[default]
    Start = 0,
    /// It registered no await and its turn came again.
    Yield = 1,
    /// A descriptor is ready.
    Io = 2,
    /// A deadline passed.
    Timer = 3,
    /// Its token was asked to cancel; its awaits are void. Once per task.
    Cancel = 4,
    /// An await failed; see `error`.
    Error = 5,
    /// `runtime_task_wake` was called.
    Wake = 6,
}

/// What woke a task.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WakeInfo {
    /// Why.
    pub reason: WakeReason,
    /// Which of the awaits of the last resume, in the order in which they were registered.
    pub wait: u32,
    /// The events that there are: a set of `EventType`.
    pub events: u32,
    /// `errno` of an await that failed, else 0.
    pub error: i32,
    /// The descriptor, of an await for one.
    pub handle: IoHandle,
}

/// How far a task is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RuntimeTaskState {
    /// Not over.
    #[default]
    Live = 0,
    /// It answered DONE.
    Done = 1,
    /// Its callback panicked or answered what is no status.
    Faulted = 2,
    /// Its runtime was destroyed before it was done.
    Dropped = 3,
}

/// A callback: resumed with the context of its task and the pointer it was spawned with. It must not
/// let a C++ exception out; a Rust panic ends its task.
pub type ResumeFunc = Option<
    unsafe extern "C-unwind" fn(context: *mut WorkerContext, data: *mut c_void) -> RawStatus,
>;

/// Called once when a task is over, with the pointer it was spawned with and how it ended.
pub type DropFunc = Option<unsafe extern "C-unwind" fn(data: *mut c_void, state: RuntimeTaskState)>;

/// The part of a task that others may touch.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) cancel: AtomicBool,
    /// `runtime_task_wake` was called and no await has taken note.
    pub(crate) woken: AtomicBool,
    /// Of the suspended task.
    waker: Mutex<Option<Waker>>,
    state: Mutex<RuntimeTaskState>,
    over: Condvar,
    /// Retained names, and one while the task is not over.
    shares: AtomicUsize,
}

impl Control {
    pub(crate) fn new() -> Self {
        Control { shares: AtomicUsize::new(1), ..Control::default() }
    }

    /// Leaves a waker for [`Control::wake`].
    pub(crate) fn leave_waker(&self, newest: &Waker) {
        let mut waker = self.waker.lock();
        let old = match &mut *waker {
            Some(waker) if waker.will_wake(newest) => None,
            slot => slot.replace(newest.clone()),
        };
        drop(waker);
        drop(old); // outside of the lock: it may free a task
    }

    /// Resumes the task if it is suspended.
    pub(crate) fn wake(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(crate) fn state(&self) -> RuntimeTaskState {
        *self.state.lock()
    }

    /// Waits for the end of the task, for at most `timeout_ns`.
    pub(crate) fn wait(&self, timeout_ns: u64) -> bool {
        let mut state = self.state.lock();
        let over = |state: &mut RuntimeTaskState| *state == RuntimeTaskState::Live;
        let timeout = std::time::Duration::from_nanos(timeout_ns);
        if timeout_ns == u64::MAX {
            self.over.wait_while(&mut state, over);
            return true;
        }
        !self.over.wait_while_for(&mut state, over, timeout).timed_out()
    }

    pub(crate) fn retain(&self) {
        // Relaxed: the caller's name keeps the count above zero.
        self.shares.fetch_add(1, Ordering::Relaxed);
    }

    /// Gives one share of `name` back; the last frees the name.
    pub(crate) fn release(&self, name: usize) {
        // Only down to zero: a share too many is a mistake of the caller, and harmless.
        let less = |n: usize| n.checked_sub(1);
        // AcqRel: whoever frees the name comes after the uses through it.
        if self.shares.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less) == Ok(1) {
            names::remove(name);
        }
    }

    fn end(&self, state: RuntimeTaskState) {
        *self.state.lock() = state;
        self.over.notify_all();
        let waker = self.waker.lock().take();
        drop(waker);
    }
}

/// The context of a task. Functions that take it are for its own callback, during a resume.
pub struct WorkerContext {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) data: *mut c_void,
    /// Registered in the last resume.
    pub(crate) waits: Vec<Wait>,
    pub(crate) info: WakeInfo,
    control: Option<(usize, Arc<Control>)>,
}

impl WorkerContext {
    /// The control block and its name, made when first asked for.
    pub(crate) fn control(&mut self) -> &(usize, Arc<Control>) {
        self.control.get_or_insert_with(|| {
            let control = Arc::new(Control::new());
            (names::insert(control.clone()), control)
        })
    }
}

impl std::fmt::Debug for WorkerContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerContext").field("info", &self.info).finish_non_exhaustive()
    }
}

/// A callback as a future.
pub(crate) struct Task {
    context: WorkerContext,
    resume: unsafe extern "C-unwind" fn(*mut WorkerContext, *mut c_void) -> RawStatus,
    drop: DropFunc,
    /// A wait was ready when it was registered: what it said, for the next resume.
    ready: Option<WakeInfo>,
    /// A resume was told of the cancel.
    cancel_delivered: bool,
    end: RuntimeTaskState,
}

// SAFETY: the pointer is the C program's, which spawns it for any thread to use; the rest is Send.
unsafe impl Send for Task {}

impl Task {
    /// A task, counted as living in `runtime`. With a name if `named`.
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        resume: unsafe extern "C-unwind" fn(*mut WorkerContext, *mut c_void) -> RawStatus,
        data: *mut c_void,
        drop: DropFunc,
    ) -> Self {
        runtime.enter_task();
        let info = WakeInfo::default();
        let context = WorkerContext { runtime, data, waits: Vec::new(), info, control: None };
        let ready = Some(info);
        Task {
            context,
            resume,
            drop,
            ready,
            cancel_delivered: false,
            end: RuntimeTaskState::Dropped,
        }
    }

    /// The name of the task, with one more share for whoever asked.
    pub(crate) fn name(&mut self) -> usize {
        let (name, control) = self.context.control();
        control.retain();
        *name
    }

    fn is_cancelled(&self) -> bool {
        // Acquire: what the asker did before is seen.
        let asked = |c: &(usize, Arc<Control>)| c.1.cancel.load(Ordering::Acquire);
        self.context.control.as_ref().is_some_and(asked)
    }

    /// What the task is to be resumed for, if it is.
    fn poll_waits(&mut self, cx: &mut Context<'_>) -> Option<WakeInfo> {
        if self.is_cancelled() && !self.cancel_delivered {
            return Some(WakeInfo { reason: WakeReason::Cancel, ..WakeInfo::default() });
        }
        for (n, wait) in self.context.waits.iter_mut().enumerate() {
            if let Poll::Ready(info) = wait.as_mut().poll(cx) {
                return Some(WakeInfo { wait: n as u32, ..info });
            }
        }
        None
    }

    /// Calls the callback; true if the task is over.
    fn resume(&mut self, info: WakeInfo) -> bool {
        self.context.waits.clear();
        self.context.info = info;
        self.cancel_delivered |= info.reason == WakeReason::Cancel;
        let (context, data) = (&raw mut self.context, self.context.data);
        let resume = self.resume;
        // SAFETY: the contract of the header: the callback is one for this data, and the context is
        // valid during the call.
        let call = AssertUnwindSafe(|| unsafe { resume(context, data) });
        let status = catch_unwind(call).unwrap_or_else(|payload| {
            self.context.waits.clear();
            self.end = RuntimeTaskState::Faulted;
            resume_unwind(payload) // the scheduler keeps it for whoever asks
        });
        match status.0 {
            0 | 1 => false,
            2 => {
                self.end = RuntimeTaskState::Done;
                true
            }
            other => {
                self.end = RuntimeTaskState::Faulted;
                eprintln!("vitte: a callback answered {other}, which is no status: its task ends");
                true
            }
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.context.runtime.is_ending() {
            cx.waker().wake_by_ref(); // goes on in the next run
            return Poll::Pending;
        }
        let Some(info) = this.ready.take().or_else(|| this.poll_waits(cx)) else {
            this.suspend(cx);
            return Poll::Pending;
        };
        if this.resume(info) {
            this.context.waits.clear();
            return Poll::Ready(());
        }
        // Registered awaits begin now; one that is ready at once gives the others their turn too.
        this.ready = if this.context.waits.is_empty() {
            Some(WakeInfo { reason: WakeReason::Yield, ..WakeInfo::default() })
        } else {
            this.poll_waits(cx)
        };
        if this.ready.is_some() {
            this.context.waits.clear();
            cx.waker().wake_by_ref();
        } else {
            this.suspend(cx);
        }
        Poll::Pending
    }
}

impl Task {
    /// Leaves a waker for tokens.
    fn suspend(&self, cx: &Context<'_>) {
        let Some((_, control)) = &self.context.control else { return };
        control.leave_waker(cx.waker());
        // After the waker is there: who asked before did not find it.
        if self.is_cancelled() && !self.cancel_delivered {
            cx.waker().wake_by_ref();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.context.waits.clear();
        if let Some(drop) = self.drop {
            let (data, end) = (self.context.data, self.end);
            // SAFETY: the contract of the header: one call, after the last resume.
            let call = AssertUnwindSafe(|| unsafe { drop(data, end) });
            let _ = catch_unwind(call);
        }
        if let Some((name, control)) = &self.context.control {
            control.end(self.end);
            control.release(*name);
        }
        self.context.runtime.leave_task();
    }
}
