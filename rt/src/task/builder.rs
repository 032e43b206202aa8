//! A task with a name and a class.

use std::future::Future;
use std::panic::Location;

use super::join::JoinHandle;
use super::origin::{Details, Origin};
use crate::runtime::Handle;

/// What a task is for the policy of its runtime: how urgent under
/// [`Policy::Priority`](crate::runtime::Policy::Priority), whose share it counts to under
/// [`Policy::Fair`](crate::runtime::Policy::Fair), by when it is wanted under
/// [`Policy::Deadline`](crate::runtime::Policy::Deadline). Each policy reads its own fields only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// 0 is the most urgent, 7 the least; larger numbers are taken for 7.
    pub priority: u8,
    /// The group of tasks that share what the policy gives to it.
    pub group: u32,
    /// How much the group gets beside others, at least 1. The newest task of a group decides.
    pub shares: u32,
    /// The part of the group that shares what the group gets with the group's other parts.
    pub subgroup: u32,
    /// How much the subgroup gets beside others of its group, at least 1; as `shares`.
    pub subgroup_shares: u32,
    /// When it is wanted, in nanoseconds of the runtime's clock
    /// ([`Handle::now_ns`](crate::runtime::Handle::now_ns)).
    pub deadline_ns: Option<u64>,
}

impl Default for Class {
    /// Priority 4, group and subgroup 0 with 1 share each, no deadline.
    fn default() -> Self {
        Class {
            priority: 4,
            group: 0,
            shares: 1,
            subgroup: 0,
            subgroup_shares: 1,
            deadline_ns: None,
        }
    }
}

/// Says more about a task before it is spawned.
///
/// # Examples
///
/// ```
/// # let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
/// runtime.block_on(async {
///     let task = vitte_rt::task::Builder::new().name("answer").spawn(async { 42 });
///     assert_eq!(task.await.unwrap(), 42);
/// });
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    name: Option<Box<str>>,
    class: Class,
}

impl Builder {
    /// No name, the ordinary class.
    pub fn new() -> Self {
        Self::default()
    }

    /// A name for dumps and traces.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Urgency and share; see [`Class`].
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Spawns on the runtime of the calling task or thread.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawn_on(&Handle::current(), future)
    }

    /// Spawns on a runtime.
    #[track_caller]
    pub fn spawn_on<F>(self, handle: &Handle, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Builder { name, class } = self;
        let may_change = handle.shared.has_priorities();
        let details = Details { name, class, may_change, ..Details::new(Location::caller()) };
        let origin = Origin::detailed(details);
        super::future::spawn_future(&handle.shared, future, origin)
    }

    /// Spawns a future that need not be `Send`, on this thread; see
    /// [`spawn_local`](super::spawn_local). Its class has no meaning.
    ///
    /// # Panics
    ///
    /// As [`spawn_local`](super::spawn_local).
    #[track_caller]
    pub fn spawn_local<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let Builder { name, class } = self;
        let details = Details { name, class, ..Details::new(Location::caller()) };
        super::local_set::spawn_described(future, details)
    }
}
