//! The handle of a node: reads its value.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::engine::{Engine, Look, NodeIdx};

/// A node of a [`Flow`](crate::Flow). Clones refer to the same one.
pub struct Node<T> {
    pub(super) engine: Arc<Engine>,
    pub(super) idx: NodeIdx,
    pub(super) value: Arc<RwLock<Option<T>>>,
}

/// Why a value could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetError {
    name: Arc<str>,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "node `{}` has no value: run the flow first, or run it again after a change",
            self.name
        )
    }
}

impl std::error::Error for GetError {}

impl<T> Node<T> {
    /// Its name.
    pub fn name(&self) -> Arc<str> {
        self.engine.name(self.idx)
    }

    /// How often its value was computed.
    pub fn n_runs(&self) -> u64 {
        self.engine.n_runs(self.idx)
    }

    /// Calls `read` with the value. In the body of another node of the flow the value is computed
    /// first if need be, and that node depends on this one from then on.
    ///
    /// # Errors
    ///
    /// Outside bodies, if no run has computed it, or if it is out of date.
    pub fn try_with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, GetError> {
        match self.engine.demand(self.idx) {
            Look::Done => {
                let value = self.value.read();
                Ok(read(value.as_ref().expect("a node that is done has a value")))
            }
            Look::Missing => Err(GetError { name: self.name() }),
        }
    }

    /// A copy of the value, or an error outside bodies if there is none.
    ///
    /// # Errors
    ///
    /// As [`try_with`](Self::try_with).
    pub fn try_get(&self) -> Result<T, GetError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// Outside bodies, if no run has computed it.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        match self.try_get() {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// Declares that this node comes after others, before its body has shown it.
    #[must_use]
    pub fn after(self, others: &[&dyn Before]) -> Self {
        for other in others {
            self.engine.declare(self.idx, other.idx());
        }
        self
    }
}

/// A node of any type, to come after.
pub trait Before {
    #[doc(hidden)]
    fn idx(&self) -> usize;
}

impl<T> Before for Node<T> {
    fn idx(&self) -> usize {
        self.idx
    }
}

impl<T> Clone for Node<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), idx: self.idx, value: Arc::clone(&self.value) }
    }
}

impl<T> fmt::Debug for Node<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Node").field(&self.name()).finish()
    }
}
