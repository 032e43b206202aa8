//! The handle of a node: reads its value.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::engine::{Engine, Look, NodeIdx};

/// A node of a [`Flow`](crate::Flow). Clones refer to the same one.
///
/// ```
/// use vitte_flow::{Flow, Node};
///
/// let mut flow = Flow::new();
/// let words: Node<Vec<String>> = flow.node("words", || vec!["to".into(), "be".into()]);
/// let first = words.clone();
/// let count = flow.node("count", move || first.try_with(Vec::len).unwrap_or(0));
/// assert!(count.try_get().is_err(), "no run yet");
/// flow.run()?;
/// assert_eq!((count.get(), count.n_runs()), (2, 1));
/// # Ok::<(), vitte_flow::FlowError>(())
/// ```
pub struct Node<T> {
    pub(super) engine: Arc<Engine>,
    pub(super) idx: NodeIdx,
    pub(super) value: Arc<RwLock<Option<T>>>,
}

/// Why a value could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetError {
    name: Arc<str>,
    /// The async node whose future came too early.
    early: Option<Arc<str>>,
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.early {
            None => write!(
                f,
                "node `{name}` has no value: run the flow first, or run it again after a change"
            ),
            Some(reader) => write!(
                f,
                "node `{name}` was not computed when the future of `{reader}` read it: read it in \
                 the body, before the future, or say `after(&[&{name}])`"
            ),
        }
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
    /// first if need be, and that node depends on this one from then on. The future of an async node
    /// waits for no other: it reads what its body has read or what it was declared to come after.
    ///
    /// # Errors
    ///
    /// Outside bodies, if no run has computed it, or if it is out of date. In a future, if it is not
    /// computed yet.
    pub fn try_with<R>(&self, read: impl FnOnce(&T) -> R) -> Result<R, GetError> {
        match self.engine.demand(self.idx) {
            Look::Done => {
                let value = self.value.read();
                Ok(read(value.as_ref().expect("a node that is done has a value")))
            }
            Look::Missing => Err(GetError { name: self.name(), early: None }),
            Look::Early(reader) => Err(GetError { name: self.name(), early: Some(reader) }),
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
    /// As [`try_get`](Self::try_get) fails, with its message.
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

    /// Declares that this node comes after others, before its body has shown it: they are computed first,
    /// and a change of one computes this one anew.
    ///
    /// ```
    /// use vitte_flow::Flow;
    ///
    /// let mut flow = Flow::new();
    /// let folder = flow.node("folder", || println!("making a folder"));
    /// let file = flow.node("file", || println!("writing a file")).after(&[&folder]);
    /// flow.run()?;
    /// assert!(flow.to_dot().contains("n0 -> n1"));
    /// # drop(file);
    /// # Ok::<(), vitte_flow::FlowError>(())
    /// ```
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
