//! What the attribute macros expand to: futures that know their own states.
//!
//! In: what an expansion hands over, a state enum with its stepping closure or a native future.
//! Out: a [`Coroutine`], a future that can say where it is suspended and how large it is.
//!
//! Expansions contain no `unsafe` token, so that they compile under `#![forbid(unsafe_code)]`; the
//! pinning stands here, in `explicit` and `native`. Whoever calls these hidden functions by hand
//! breaks the contract that is written at [`Child`].
//!
//! * I1 a [`Child`] that was polled is not moved until it was dropped in place: expansions write over
//!   a state only after its child answered Ready, which drops it, and its fields were moved out, or
//!   drop it whole.
//! * I2 a machine is `Returned` from the moment its last value was handed out, and `Poisoned` after a
//!   panic; neither holds anything.
//! * I3 while the code of a state runs, [`Cx`] knows what the enum still holds, and a panic or `return`
//!   drops that: nothing, because it was moved out, or all but the child, in a loop that uses its
//!   state in place. An arm that is looked at before another state is entered finds `Returned`.

#[cfg(feature = "jit")]
mod boundary;
mod combine;
#[cfg(feature = "jit")]
pub(crate) mod drive;
mod entry;
mod explicit;
#[cfg(feature = "jit")]
mod jit;
mod native;
mod task;
mod try_op;

#[cfg(feature = "vitte")]
pub(crate) use boundary::MAX_PARTS;
#[cfg(feature = "embed")]
pub(crate) use boundary::Places;
#[cfg(feature = "jit")]
pub use boundary::{Parts, Reader, Value, Writer};
pub use combine::{
    Both, Branch, Branches, Fails, Join, Joined, Select, Selected, TryJoin, TryJoined, both,
    joined, select, select_branch, try_joined,
};
pub use entry::Entry;
pub use explicit::{
    Child, Cx, Held, Machine, States, Visit, child, empty, end, enter, gone, leave, machine, moved,
    over, pending, refill, restart, resume, resume_in_place, suspend, taken, vacate,
};
#[cfg(feature = "jit")]
pub use jit::{JitCode, JitOp, JitTask};
pub use native::{At, Native, Sites, at, native};
pub use task::{Returns, Task, sites};
pub use try_op::{FromResidual, Try, branch, from_residual};

#[cfg(feature = "embed")]
pub use crate::host::embed;
pub use crate::rt::task::SuspendSite;
use std::future::Future;
use vitte_abi::LayoutRecord;

// What expansions name of the standard library, by the path of the rest.
pub use std::iter::{IntoIterator, Iterator};
pub use std::mem::{forget, replace};
pub use std::ops::ControlFlow::{Break, Continue};
pub use std::option::Option::{None, Some};
pub use std::task::Poll::{self, Ready};

/// A future that knows its states: what `#[vitte::task]` functions return.
///
/// # Examples
///
/// ```
/// use vitte::Coroutine;
///
/// #[vitte::task]
/// async fn pause(n: u64) -> u64 {
///     vitte::task::yield_now().await;
///     n + 1
/// }
///
/// let waits = pause(41);
/// assert_eq!(waits.layout().states.len(), 1);
/// assert!(!waits.is_done());
/// ```
#[must_use = "futures do nothing unless awaited"]
pub trait Coroutine: Future {
    /// Name of the state it is in: `unresumed`, `await0` and so on by suspend point, `returned`,
    /// `poisoned`. A native machine cannot be looked into: it says `native` until it has returned.
    fn state_name(&self) -> &'static str;

    /// The layout record. `kind` says whose machine it is: `explicit` or `native`.
    ///
    /// Sizes in bytes. An explicit machine lists what each state keeps; place, size and type are
    /// known of what the current state holds and are 0 and empty for the rest. A native machine
    /// lists its states and its size.
    fn layout(&self) -> LayoutRecord;

    /// Whether it has returned (or panicked): polling it again panics.
    fn is_done(&self) -> bool;
}
