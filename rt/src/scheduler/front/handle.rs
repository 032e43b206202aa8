//! The handle of a task that was submitted.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::runtime::{Handle, Stalled};
use crate::task::{JoinError, JoinHandle};

/// Waits for a task, stops it, changes its priority. Dropping it lets the task run on by itself.
///
/// # Examples
///
/// ```
/// use vitte_rt::runtime::Policy;
/// use vitte_rt::scheduler::{Scheduler, Task};
///
/// let sched = Scheduler::builder(1).policy(Policy::Priority).seed(1).build()?;
/// let log = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
/// let note = |name: &'static str| {
///     let log = log.clone();
///     Task::spawn(move || log.lock().unwrap().push(name))
/// };
/// let (first, second, third) =
///     (sched.submit(note("a")), sched.submit(note("b")), sched.submit(note("c")));
/// third.set_priority(0);
/// second.cancel();
/// assert!(second.join().unwrap_err().is_cancelled());
/// first.join()?;
/// assert_eq!(*log.lock().unwrap(), ["c", "a"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TaskHandle<T>(pub(super) JoinHandle<T>);

impl<T> TaskHandle<T> {
    /// Waits on this thread until the task has ended (a seeded scheduler runs tasks meanwhile). In async
    /// code await the handle instead.
    ///
    /// # Errors
    ///
    /// If the task was cancelled or panicked.
    ///
    /// # Panics
    ///
    /// Inside of a task of the same scheduler, and in a seeded one when the task waits for something that
    /// can never come.
    pub fn join(self) -> Result<T, JoinError> {
        let handle = Handle::from_shared(self.0.shared().clone());
        handle.drive(self.0, true).unwrap_or_else(|dump| panic!("{}", Stalled { dump }))
    }

    /// Asks the task to stop: if it has not begun it never does, a future is dropped at its next
    /// suspension, a closure that runs goes on to its end. A periodic task runs no more.
    pub fn cancel(&self) {
        self.0.abort();
    }

    /// Changes the priority (0 is the most urgent, 7 the least), also of a task that is queued: it goes
    /// behind those of that priority. False, and without effect, under another policy than
    /// [`Policy::Priority`](crate::runtime::Policy::Priority).
    pub fn set_priority(&self, priority: u8) -> bool {
        self.0.abort_handle().set_priority(priority)
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    /// Id of the task: sequential in its scheduler.
    pub fn id(&self) -> u64 {
        self.0.id()
    }

    /// The handle as the runtime has it.
    pub fn into_inner(self) -> JoinHandle<T> {
        self.0
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, JoinError>;

    /// # Panics
    ///
    /// When polled after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}
