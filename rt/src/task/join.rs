//! Join handles: waiting for a task's output, asking it to stop.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use super::cell::{Outcome, TaskRef};
use crate::coroutine::Fault;

/// Why a task has no output.
pub struct JoinError {
    id: u64,
    kind: Kind,
}

enum Kind {
    Cancelled,
    /// The lock makes the error `Sync`.
    Panicked(Mutex<Box<dyn Any + Send>>),
    Faulted(Fault),
}

impl JoinError {
    pub(crate) fn cancelled(id: u64) -> Self {
        JoinError { id, kind: Kind::Cancelled }
    }

    pub(crate) fn panicked(id: u64, payload: Box<dyn Any + Send>) -> Self {
        JoinError { id, kind: Kind::Panicked(Mutex::new(payload)) }
    }

    /// The error of a coroutine that ended by `fault`.
    pub fn faulted(id: u64, fault: Fault) -> Self {
        JoinError { id, kind: Kind::Faulted(fault) }
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.kind {
            Kind::Cancelled => Outcome::Cancelled,
            Kind::Panicked(_) => Outcome::Panicked,
            Kind::Faulted(_) => Outcome::Faulted,
        }
    }

    /// Whether the task was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.kind, Kind::Cancelled)
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Panicked(_))
    }

    /// The fault that ended the task, if one did.
    pub fn fault(&self) -> Option<&Fault> {
        match &self.kind {
            Kind::Faulted(fault) => Some(fault),
            _ => None,
        }
    }

    /// The payload of the panic.
    ///
    /// # Errors
    ///
    /// The error itself if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.kind {
            Kind::Panicked(payload) => {
                Ok(payload.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
            }
            kind => Err(JoinError { id: self.id, kind }),
        }
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
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
        match &self.kind {
            Kind::Cancelled => write!(f, "task {} was cancelled", self.id),
            Kind::Panicked(payload) => {
                let payload = payload.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                write!(f, "task {} panicked: {}", self.id, panic_text(&**payload))
            }
            Kind::Faulted(fault) => write!(f, "task {} faulted: {fault}", self.id),
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

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.header().state.is_complete()
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        self.0.header().id
    }
}

/// Takes the output of a complete task.
type Take<T> = unsafe fn(&TaskRef) -> Option<Result<T, JoinError>>;

/// Waits for the output of a task; dropping it lets the task run on by itself.
pub struct JoinHandle<T> {
    task: TaskRef,
    take: Take<T>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn new(task: TaskRef, take: Take<T>) -> Self {
        JoinHandle { task, take }
    }

    /// Asks the task to stop at its next suspension; awaiting the handle then says `Cancelled`
    /// unless the task was faster.
    pub fn abort(&self) {
        self.task.cancel();
    }

    /// A handle that can only abort.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle(self.task.clone())
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// Id of the task.
    pub fn id(&self) -> u64 {
        self.task.header().id
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
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.task.header().add_joiner(cx.waker()) {
            return Poll::Pending;
        }
        // SAFETY: the task is complete, we are its join handle, and `take` is of its type.
        let output = unsafe { (self.take)(&self.task) };
        Poll::Ready(output.expect("a join handle is not polled after it was ready"))
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.task.header().state.drop_handle() {
            // SAFETY: the task was complete before the handle went, so the output is ours.
            let output = unsafe { (self.take)(&self.task) };
            if let Some(Err(error)) = &output
                && error.is_panic()
            {
                self.task.header().shared.unobserved(error);
            }
            // As when the worker drops it: which of the two does is a race.
            let _ = catch_unwind(AssertUnwindSafe(|| drop(output)));
        }
    }
}
