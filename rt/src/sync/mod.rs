//! Locks, semaphores and signals between tasks.
//!
//! They work on any executor: a task that waits leaves its waker, and nothing here asks for a
//! runtime. The names are those of tokio and mean the same. Waiting allocates nothing; taking and
//! giving back while nobody waits is one read-modify-write each.
//!
//! In a task of this runtime each wait costs a unit of the task's budget, ready or not: a task that
//! never has to wait gives way to the others now and then.
//!
//! | type | what it is | order |
//! | --- | --- | --- |
//! | [`Mutex`] | one holder | first come, first served |
//! | [`RwLock`] | many readers or one writer | first come, first served: writers do not starve |
//! | [`Semaphore`] | a number of permits | first come, first served |
//! | [`Notify`] | a signal without a value | `notify_one` wakes the one who waits longest |
//! | [`Barrier`] | all wait for all | all at once |
//! | [`OnceCell`] | a value that is made once | one initialises, the others wait |
//!
//! # What happens when a future is dropped
//!
//! Every future here may be dropped at any moment: no permit, message or wake-up is lost. The table
//! says what is lost or kept instead. A test drops each of them at every await.
//!
//! | future | dropped before it is ready |
//! | --- | --- |
//! | [`Mutex::lock`], [`Mutex::lock_owned`] | nothing is locked; its place in the line is lost |
//! | [`RwLock::read`], [`RwLock::write`], `read_owned`, `write_owned` | the same |
//! | [`Semaphore::acquire`], `acquire_many`, `acquire_owned`, `acquire_many_owned` | no permit is taken; its place is lost |
//! | [`Notify::notified`], [`Notify::notified_owned`] | a permit or `notify_one` it got goes to the next; its place is lost |
//! | [`Barrier::wait`] | it no longer counts as arrived |
//! | [`OnceCell::get_or_init`], `get_or_try_init` | the future that makes the value is dropped; who waits longest starts its own |
//! | [`mpsc::Sender::send`], `send_timeout` | the message is dropped, not sent; its place is lost |
//! | [`mpsc::Sender::reserve`], `reserve_many`, `reserve_owned` | no permit is taken; its place is lost (`reserve_owned` drops the sender) |
//! | [`mpsc::Receiver::recv`], [`mpsc::UnboundedReceiver::recv`], `recv_many` | nothing is received; messages stay in the channel |
//! | [`mpsc::Sender::closed`], [`mpsc::UnboundedSender::closed`] | nothing |
//! | [`mpmc::Sender::send`](crate::channel::mpmc::Sender::send) | the message is dropped, not sent; its place is lost |
//! | [`mpmc::Receiver::recv`](crate::channel::mpmc::Receiver::recv) | nothing is received; a wake-up it got goes to the next |
//! | [`spmc::Sender::send`](crate::channel::spmc::Sender::send) | the message is dropped, not sent |
//! | [`spmc::Receiver::recv`](crate::channel::spmc::Receiver::recv) | nothing is received; a wake-up it got goes to the next |
//! | [`broadcast::Receiver::recv`] | nothing is received; the next `recv` gets the message |
//! | [`broadcast::Sender::closed`] | nothing |
//! | [`oneshot::Receiver`] (by `&mut`) | nothing is received; await it again. Dropped itself, the channel closes |
//! | [`oneshot::Sender::closed`] | nothing |
//! | [`watch::Receiver::changed`] | nothing is marked as seen |
//! | [`watch::Receiver::wait_for`] | values it looked at are marked as seen |
//! | [`watch::Sender::closed`] | nothing |
//! | [`time::sleep`](crate::time::sleep), [`time::sleep_until`](crate::time::sleep_until) | the timer is taken out |
//! | [`time::timeout`](crate::time::timeout), [`time::timeout_at`](crate::time::timeout_at) | the inner future is dropped |
//! | [`Interval::tick`](crate::time::Interval::tick) | no tick is lost |
//! | [`JoinHandle`](crate::task::JoinHandle) (by `&mut`) | nothing. Dropped itself, the task runs on |
//! | [`JoinHandle::abort_and_wait`](crate::task::JoinHandle::abort_and_wait) | polled once, it has aborted the task; never polled, it has not |
//! | [`JoinSet::join_next`](crate::task::JoinSet::join_next), `join_next_with_id` | nothing; the output stays in the set |
//! | [`JoinSet::join_all`](crate::task::JoinSet::join_all), [`JoinSet::shutdown`](crate::task::JoinSet::shutdown) | the tasks of the set are aborted; `shutdown` has aborted them already |
//! | [`task::scope`](crate::task::scope) | all children are aborted |
//! | [`LocalSet::run_until`](crate::task::LocalSet::run_until) | its future is dropped; the tasks stay in the set |
//! | [`Submitter::submit_async`](crate::scheduler::Submitter::submit_async) | nothing was submitted; its place in the line is lost |
//! | [`Submitter::drained`](crate::scheduler::Submitter::drained) | nothing |
//! | [`task::yield_now`](crate::task::yield_now), [`task::consume_budget`](crate::task::consume_budget) | nothing |
//! | `select!`, `join!`, `try_join!` | the futures that are not ready are dropped |

mod barrier;
mod guard;
mod mutex;
mod notify;
mod once_cell;
pub(crate) mod permits;
mod rwlock;
mod semaphore;
pub(crate) mod waiters;

pub use barrier::{Barrier, BarrierWaitResult};
pub use guard::{
    MappedMutexGuard, OwnedMappedMutexGuard, OwnedRwLockMappedWriteGuard, RwLockMappedWriteGuard,
};
pub use mutex::{Mutex, MutexGuard, OwnedMutexGuard, TryLockError};
pub use notify::{Notified, Notify, OwnedNotified};
pub use once_cell::{OnceCell, SetError};
pub use rwlock::{
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
pub use semaphore::{
    AcquireError, OwnedSemaphorePermit, Semaphore, SemaphorePermit, TryAcquireError,
};

pub use crate::channel::{broadcast, mpsc, oneshot, watch};
