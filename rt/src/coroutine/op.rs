//! Host operations: Rust futures that live inside a coroutine's frame.
//!
//! A [`HostOp`] is what the frontend registers: a `start` function that builds the future in the
//! frame's storage from its arguments, a `poll` function with the signature of a resume, and the
//! size and alignment of the storage. The storage holds the future until it is ready, then its
//! output at offset 0. The waker is the task's cell, so a poll allocates nothing.
//!
//! ```text
//! start(ctx, storage, a, b, ..)   storage = the future (a panic: fault HOST recorded, poll answers FAULTED)
//! poll(ctx, storage)              Pending ─ YIELDED · Ready(v) ─ future dropped, storage = v, DONE
//!                                 panic ─ future dropped, fault HOST recorded, FAULTED
//!                                 in cancel mode ─ future dropped, mode set back, CANCELLED
//! ```
//!
//! Coop budget is spent by generated code, not here.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

use vitte_abi::{
    VT_CANCELLED, VT_DONE, VT_FAULTED, VT_MODE_CANCEL, VT_MODE_RESUME, VT_YIELDED, vt_ctx,
    vt_resume, vt_status,
};

use super::cell::Coroutine;
use super::fault::Fault;
use super::fns::{cell_of_ctx, record_fault};
use super::handle::FrameTask;
use crate::runtime::Handle;
use crate::task::{Header, TaskRef, panic_text};

/// The context a host function is called with: the task and its runtime.
#[derive(Clone, Copy)]
pub struct OpCx<'a> {
    ctx: *mut vt_ctx,
    call: PhantomData<&'a mut vt_ctx>,
}

impl OpCx<'_> {
    /// Wraps the context that generated code passed to a host function.
    ///
    /// # Safety
    ///
    /// `ctx` is the context of the resume in progress, and the result is used during the call only.
    pub unsafe fn new(ctx: *mut vt_ctx) -> Self {
        OpCx { ctx, call: PhantomData }
    }

    /// The context itself.
    pub fn as_ptr(self) -> *mut vt_ctx {
        self.ctx
    }

    /// The `user` of the task's spawn.
    pub fn user(self) -> *mut std::ffi::c_void {
        // SAFETY: the context is valid during the call.
        unsafe { (*self.ctx).user }
    }

    /// Clock at the start of the turn.
    pub fn now_ns(self) -> u64 {
        // SAFETY: the context is valid during the call.
        unsafe { (*self.ctx).now_ns }
    }

    fn cell(&self) -> Option<&Coroutine> {
        // SAFETY: the context is valid during the call.
        unsafe { cell_of_ctx(self.ctx) }
    }

    /// Id of the running task; 0 outside of a task.
    pub fn task_id(self) -> u64 {
        self.cell().map_or(0, |c| c.header.id)
    }

    /// A handle of the running task; `None` outside of a task.
    pub fn task(self) -> Option<FrameTask> {
        let header = NonNull::from(self.cell()?).cast::<Header>();
        // SAFETY: the run holds a reference; ours is a clone, this one is forgotten.
        let task = std::mem::ManuallyDrop::new(unsafe { TaskRef::from_raw(header) });
        Some(FrameTask::from_running(&task))
    }

    /// The runtime of the running task; `None` outside of a task.
    pub fn runtime(self) -> Option<Handle> {
        Some(Handle::from_shared(self.cell()?.header.shared().clone()))
    }

    /// Runs `body` with the waker of the running task (one that does nothing outside of a task).
    pub fn with_waker<R>(self, body: impl FnOnce(&Waker) -> R) -> R {
        with_waker(self.ctx, body)
    }

    /// Records a fault of the running task (the first one wins).
    pub fn fault(self, fault: Fault) {
        // SAFETY: the context is valid during the call.
        unsafe { record_fault(self.ctx, fault) };
    }
}

impl fmt::Debug for OpCx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpCx(task {})", self.task_id())
    }
}

/// The types a host function's arguments may have: what fits one C scalar.
///
/// # Safety
///
/// The type is passed by the C calling convention as the IR passes its counterpart.
pub unsafe trait HostArg: Copy + 'static {}

macro_rules! host_args {
    ($($ty:ty)*) => {
        $(
            // SAFETY: a C scalar.
            unsafe impl HostArg for $ty {}
        )*
    };
}
host_args!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 bool);
// SAFETY: a C pointer.
unsafe impl<T: 'static> HostArg for *mut T {}
// SAFETY: a C pointer.
unsafe impl<T: 'static> HostArg for *const T {}

/// Storage of an operation: the future, then its output.
union Storage<F: Future> {
    _future: std::mem::ManuallyDrop<Started<F>>,
    _output: std::mem::ManuallyDrop<F::Output>,
}

/// What `start` leaves in the storage.
enum Started<F> {
    Future(F),
    /// Building the future panicked; the fault is recorded, the first poll answers FAULTED.
    Failed,
}

/// A registered host operation: addresses and sizes, for the import table of generated code.
#[derive(Clone, Copy)]
pub struct HostOp {
    /// Address of `extern "C" fn(ctx, storage, args..)`.
    pub start: *const u8,
    /// Polls the operation; called as a resume with the storage as its frame.
    pub poll: vt_resume,
    /// Bytes of the storage.
    pub size: u32,
    /// Alignment of the storage.
    pub align: u32,
    /// Bytes of the output, at offset 0 of the storage once DONE.
    pub result_bytes: u32,
    /// Alignment of the output.
    pub result_align: u32,
    /// Number of arguments after `storage`.
    pub n_args: u32,
}

// SAFETY: addresses of code and numbers.
unsafe impl Send for HostOp {}
// SAFETY: as above.
unsafe impl Sync for HostOp {}

impl fmt::Debug for HostOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostOp { size, align, result_bytes, n_args, .. } = self;
        write!(f, "HostOp({n_args} args, {size} bytes at {align}, result {result_bytes})")
    }
}

impl HostOp {
    fn describe<F: Future>(start: *const u8, poll: vt_resume, n_args: u32) -> Self {
        HostOp {
            start,
            poll,
            size: size_of::<Storage<F>>() as u32,
            align: align_of::<Storage<F>>() as u32,
            result_bytes: size_of::<F::Output>() as u32,
            result_align: align_of::<F::Output>() as u32,
            n_args,
        }
    }
}

/// A function item or captureless closure, called without a value of it.
///
/// # Safety
///
/// A value of `Fun` exists (the caller of `HostOp::newN` had one) and `Fun` has no bytes.
unsafe fn conjure<Fun: Copy>() -> Fun {
    const { assert!(size_of::<Fun>() == 0, "a host function captures nothing") };
    // SAFETY: a `Copy` value without bytes, of which one exists.
    unsafe { NonNull::<Fun>::dangling().read() }
}

/// Builds the future in `storage`; a panic is recorded as a fault instead.
///
/// # Safety
///
/// `ctx` is the context of the resume in progress; `storage` has the size and alignment of `Storage<F>`.
unsafe fn start_in<F: Future>(ctx: *mut vt_ctx, storage: *mut u8, build: impl FnOnce() -> F) {
    let started = match catch_unwind(AssertUnwindSafe(build)) {
        Ok(future) => Started::Future(future),
        Err(payload) => {
            // SAFETY: the caller vouches for `ctx`.
            unsafe { record_fault(ctx, Fault::host(panic_text(&*payload))) };
            Started::Failed
        }
    };
    // SAFETY: the caller vouches for the storage.
    unsafe { storage.cast::<Started<F>>().write(started) };
}

/// Runs `body` with the waker of the task that `ctx` resumes.
fn with_waker<R>(ctx: *mut vt_ctx, body: impl FnOnce(&Waker) -> R) -> R {
    // SAFETY: `ctx` is the context of the resume in progress.
    let Some(co) = (unsafe { cell_of_ctx(ctx) }) else { return body(Waker::noop()) };
    // SAFETY: the run holds a reference; this one is never given back.
    let task = unsafe { TaskRef::from_raw(NonNull::from(co).cast()) };
    let task = std::mem::ManuallyDrop::new(task);
    body(&task.borrow_waker())
}

/// Drops what `start` left in `storage`; the text of a panic, if that panicked.
///
/// # Safety
///
/// `storage` holds a `Started<F>`, which is gone afterwards.
unsafe fn drop_started<F: Future>(storage: *mut u8) -> Result<(), Box<str>> {
    let drop_it = || {
        // SAFETY: the caller vouches for the storage.
        unsafe { storage.cast::<Started<F>>().drop_in_place() };
    };
    catch_unwind(AssertUnwindSafe(drop_it)).map_err(|payload| panic_text(&*payload).into())
}

/// Polls the operation in `storage`; `finish` turns its output into what is written to the storage.
///
/// # Safety
///
/// `ctx` is the context of the resume in progress; `storage` holds what `start_in::<F>` left and is
/// large and aligned enough for `R`. Unless YIELDED is answered, the future is gone afterwards.
unsafe fn poll_in<F: Future, R>(
    ctx: *mut vt_ctx,
    storage: *mut u8,
    finish: impl FnOnce(F::Output) -> Result<R, Fault>,
) -> vt_status {
    // SAFETY: the caller vouches for `ctx`.
    let cancelled = unsafe { (*ctx).mode } == VT_MODE_CANCEL;
    let outcome = if cancelled {
        // SAFETY: as above.
        unsafe { (*ctx).mode = VT_MODE_RESUME };
        None
    } else {
        // SAFETY: the storage holds what `start_in` left; the future is not moved until dropped.
        let polled: Result<_, Box<str>> = match unsafe { &mut *storage.cast::<Started<F>>() } {
            Started::Failed => return VT_FAULTED,
            Started::Future(future) => {
                // SAFETY: the future stays in the storage until it is dropped in place.
                let future = unsafe { Pin::new_unchecked(future) };
                let poll = || with_waker(ctx, |waker| future.poll(&mut Context::from_waker(waker)));
                catch_unwind(AssertUnwindSafe(poll)).map_err(|p| panic_text(&*p).into())
            }
        };
        match polled {
            Ok(Poll::Pending) => return VT_YIELDED,
            Ok(Poll::Ready(output)) => Some(finish(output)),
            Err(text) => Some(Err(Fault::host(&text))),
        }
    };
    // SAFETY: the future is not used any more.
    let dropped = unsafe { drop_started::<F>(storage) };
    match (outcome, dropped) {
        (Some(Ok(result)), Ok(())) => {
            // SAFETY: the future is gone and the storage is large enough (caller).
            unsafe { storage.cast::<R>().write(result) };
            VT_DONE
        }
        (None, Ok(())) => VT_CANCELLED,
        (Some(Err(fault)), _) => {
            // SAFETY: the caller vouches for `ctx`.
            unsafe { record_fault(ctx, fault) };
            VT_FAULTED
        }
        (_, Err(text)) => {
            // SAFETY: as above.
            unsafe { record_fault(ctx, Fault::host(&text)) };
            VT_FAULTED
        }
    }
}

/// Poll function of an operation whose output is its result.
unsafe extern "C" fn poll<F: Future>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    // SAFETY: generated code resumes an operation it has started.
    unsafe { poll_in::<F, F::Output>(ctx, storage, Ok) }
}

/// Poll function of an operation that can fault.
unsafe extern "C" fn try_poll<F, R>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status
where
    F: Future<Output = Result<R, Fault>>,
{
    // SAFETY: generated code resumes an operation it has started.
    unsafe { poll_in::<F, R>(ctx, storage, |output| output) }
}

macro_rules! arities {
    ($($n:literal $new:ident $try_new:ident $start:ident ($($arg:ident: $ty:ident),*);)*) => {$(
        unsafe extern "C" fn $start<Fun, F, $($ty: HostArg),*>(
            ctx: *mut vt_ctx,
            storage: *mut u8,
            $($arg: $ty),*
        ) where
            Fun: Fn(OpCx<'_>, $($ty),*) -> F + Copy,
            F: Future,
        {
            // SAFETY: the address of this function was taken where a value of `Fun` existed.
            let fun = unsafe { conjure::<Fun>() };
            let cx = OpCx { ctx, call: PhantomData };
            // SAFETY: generated code passes storage of the registered size and alignment.
            unsafe { start_in(ctx, storage, move || fun(cx, $($arg),*)) };
        }

        impl HostOp {
            #[doc = concat!("An operation of ", $n, " argument(s) whose future's output is its result.")]
            #[allow(clippy::too_many_arguments, reason = "one per arity")]
            pub fn $new<Fun, F, $($ty: HostArg),*>(_fun: Fun) -> HostOp
            where
                Fun: Fn(OpCx<'_>, $($ty),*) -> F + Copy + 'static,
                F: Future + Send + 'static,
                F::Output: Send,
            {
                let start: unsafe extern "C" fn(*mut vt_ctx, *mut u8, $($ty),*) =
                    $start::<Fun, F, $($ty),*>;
                HostOp::describe::<F>(start as *const u8, poll::<F>, $n)
            }

            #[doc = concat!("An operation of ", $n, " argument(s) that can fault the task.")]
            pub fn $try_new<Fun, F, R, $($ty: HostArg),*>(_fun: Fun) -> HostOp
            where
                Fun: Fn(OpCx<'_>, $($ty),*) -> F + Copy + 'static,
                F: Future<Output = Result<R, Fault>> + Send + 'static,
                R: Send,
            {
                let start: unsafe extern "C" fn(*mut vt_ctx, *mut u8, $($ty),*) =
                    $start::<Fun, F, $($ty),*>;
                let op = HostOp::describe::<F>(start as *const u8, try_poll::<F, R>, $n);
                HostOp {
                    result_bytes: size_of::<R>() as u32,
                    result_align: align_of::<R>() as u32,
                    ..op
                }
            }
        }
    )*};
}

arities! {
    0 new0 try_new0 start0 ();
    1 new1 try_new1 start1 (a: A);
    2 new2 try_new2 start2 (a: A, b: B);
    3 new3 try_new3 start3 (a: A, b: B, c: C);
    4 new4 try_new4 start4 (a: A, b: B, c: C, d: D);
    5 new5 try_new5 start5 (a: A, b: B, c: C, d: D, e: E);
    6 new6 try_new6 start6 (a: A, b: B, c: C, d: D, e: E, g: G);
}
