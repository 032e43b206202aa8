//! Join handles: waiting for a task's output, asking it to stop.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};

use super::cell::{Header, Outcome, TaskRef};
use super::coop;
use super::joiner::Joiner;
use super::token::CancelToken;
use crate::coroutine::Fault;
use crate::scheduler::Shared;

/// Why a task has no output.
pub struct JoinError(Repr);

/// Cancelling many tasks allocates nothing.
enum Repr {
    Cancelled(u64),
    Other(Box<Other>),
}

struct Other {
    id: u64,
    kind: Kind,
}

enum Kind {
    /// The lock makes the error `Sync`.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Faulted(Fault),
}

impl JoinError {
    pub(crate) fn cancelled(id: u64) -> Self {
        JoinError(Repr::Cancelled(id))
    }

    pub(crate) fn panicked(id: u64, payload: Box<dyn Any + Send>) -> Self {
        let kind = Kind::Panicked(Mutex::new(payload));
        JoinError(Repr::Other(Box::new(Other { id, kind })))
    }

    /// The error of a coroutine that ended by `fault`.
    pub fn faulted(id: u64, fault: Fault) -> Self {
        JoinError(Repr::Other(Box::new(Other { id, kind: Kind::Faulted(fault) })))
    }

    fn kind(&self) -> Option<&Kind> {
        match &self.0 {
            Repr::Cancelled(_) => None,
            Repr::Other(other) => Some(&other.kind),
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.kind() {
            None => Outcome::Cancelled,
            Some(Kind::Panicked(_)) => Outcome::Panicked,
            Some(Kind::Faulted(_)) => Outcome::Faulted,
        }
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        match &self.0 {
            Repr::Cancelled(id) => *id,
            Repr::Other(other) => other.id,
        }
    }

    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Repr::Cancelled(_))
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind(), Some(Kind::Panicked(_)))
    }

    /// The fault that ended the task, if one did.
    pub fn fault(&self) -> Option<&Fault> {
        match self.kind() {
            Some(Kind::Faulted(fault)) => Some(fault),
            _ => None,
        }
    }

    /// The payload of the panic.
    ///
    /// # Panics
    ///
    /// If the task did not panic.
    ///
    /// # Examples
    ///
    /// ```
    /// # let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
    /// let task = runtime.spawn(async { panic!("oh no") });
    /// let error = runtime.block_on(task).unwrap_err();
    /// let again = std::panic::catch_unwind(|| std::panic::resume_unwind(error.into_panic()));
    /// assert_eq!(again.unwrap_err().downcast_ref(), Some(&"oh no"));
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        self.try_into_panic().expect("the error of a task that panicked")
    }

    /// The payload of the panic.
    ///
    /// # Errors
    ///
    /// The error itself if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.0 {
            Repr::Other(other) => match *other {
                Other { kind: Kind::Panicked(payload), .. } => {
                    Ok(payload.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
                }
                other => Err(JoinError(Repr::Other(Box::new(other)))),
            },
            cancelled @ Repr::Cancelled(_) => Err(JoinError(cancelled)),
        }
    }
}

/// The text of a panic's payload, as `catch_unwind` or
/// [`try_into_panic`](JoinError::try_into_panic) gives it; a sentence that says so if it is no text.
///
/// # Examples
///
/// ```
/// let payload = std::panic::catch_unwind(|| panic!("{} is odd", 3)).unwrap_err();
/// assert_eq!(vitte_rt::task::panic_text(&*payload), "3 is odd");
/// ```
pub fn panic_text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic without a text"
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id();
        match self.kind() {
            None => write!(f, "task {id} was cancelled"),
            Some(Kind::Panicked(payload)) => {
                let payload = payload.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                write!(f, "task {id} panicked: {}", panic_text(&**payload))
            }
            Some(Kind::Faulted(fault)) => write!(f, "task {id} faulted: {fault}"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl std::error::Error for JoinError {}

/// Asks a task to stop, from anywhere.
#[derive(Clone, Debug)]
pub struct AbortHandle(pub(crate) TaskRef);

impl AbortHandle {
    /// Asks the task to stop at its next suspension.
    pub fn abort(&self) {
        self.0.cancel();
    }

    /// Changes the [priority](super::Class::priority) of the task; if it is queued it goes behind those
    /// of that priority. False, and without effect, under another policy than
    /// [`Policy::Priority`](crate::runtime::Policy::Priority), or if the task was not made by a
    /// [`Builder`](super::Builder).
    pub fn set_priority(&self, priority: u8) -> bool {
        self.0.header().shared().set_priority(&self.0, priority)
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.header().state.is_complete()
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        self.0.header().id
    }
}

/// Waits for the output of a task; dropping it lets the task run on by itself.
pub struct JoinHandle<T> {
    /// Given back by the drop.
    task: ManuallyDrop<TaskRef>,
    /// The output was moved out.
    taken: bool,
    output: PhantomData<T>,
}

// SAFETY: a handle gives the output away, on whichever thread it is, and nothing else of that type.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives nothing of type `T`.
unsafe impl<T: Send> Sync for JoinHandle<T> {}

impl<T> Unpin for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// The handle of a task whose output is a `Result<T, JoinError>`; takes the reference over.
    pub(crate) fn new(task: TaskRef) -> Self {
        JoinHandle { task: ManuallyDrop::new(task), taken: false, output: PhantomData }
    }

    /// The task.
    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.task.as_ptr()
    }

    /// Asks the task to stop at its next suspension; awaiting the handle then says `Cancelled`
    /// unless the task was faster.
    pub fn abort(&self) {
        self.task.cancel();
    }

    /// Asks the task to stop and waits until it has: its future is dropped when this is ready.
    ///
    /// # Errors
    ///
    /// As awaiting the handle: `Cancelled`, unless the task ended otherwise first.
    ///
    /// # Examples
    ///
    /// ```
    /// # let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
    /// runtime.block_on(async {
    ///     let task = vitte_rt::task::spawn(std::future::pending::<()>());
    ///     assert!(task.abort_and_wait().await.unwrap_err().is_cancelled());
    /// });
    /// # std::io::Result::Ok(())
    /// ```
    pub async fn abort_and_wait(self) -> Result<T, JoinError> {
        self.abort();
        self.await
    }

    /// The token of the task, which tells whether it is asked to cancel.
    pub fn cancel_token(&self) -> CancelToken {
        CancelToken::of(TaskRef::clone(&self.task))
    }

    /// A handle that can only abort.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(TaskRef::clone(&self.task))
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        self.task.header().id
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.task.header().shared()
    }

    /// Leaves the waker for the completer; false if the task has ended.
    fn wait(&self, waker: &Waker) -> bool {
        let header = self.task.header();
        let state = &header.state;
        if state.is_complete() || (state.has_joiner() && !state.clear_joiner()) {
            return false;
        }
        // SAFETY: JOINER is clear and we are the join handle (I7 of the state word).
        let joiner = unsafe { &mut *header.joiner.get() };
        if !joiner.will_wake(waker) {
            *joiner = Joiner::new(waker);
        }
        state.set_joiner()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle({})", self.id())
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    ///
    /// When polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.taken, "a join handle is not polled after it was ready");
        ready!(coop::spend(cx));
        if self.wait(cx.waker()) {
            return Poll::Pending;
        }
        self.taken = true;
        let mut output = MaybeUninit::<Self::Output>::uninit();
        let take = self.task.header().vtable.take;
        // SAFETY: the task is complete and we are its join handle: the output is ours, of this type.
        unsafe { take(&self.task, output.as_mut_ptr().cast()) };
        // SAFETY: `take` has written it.
        Poll::Ready(unsafe { output.assume_init() })
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        if !self.taken && self.task.header().state.detach() {
            return;
        }
        if !self.taken && self.task.header().state.drop_handle() {
            let discard = self.task.header().vtable.discard;
            // As when the worker drops it: which of the two does is a race.
            // SAFETY: the task was complete before the handle went, so the output is ours.
            let _ = catch_unwind(AssertUnwindSafe(|| unsafe { discard(&self.task) }));
        }
        // SAFETY: not used afterwards; `detach` has not given it back.
        unsafe { ManuallyDrop::drop(&mut self.task) };
    }
}
