//! What can go wrong in a flow.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a flow did not run to its end.
///
/// ```
/// use std::sync::{Arc, OnceLock};
/// use vitte_flow::{Flow, FlowError, Node};
///
/// let mut flow = Flow::new();
/// let later: Arc<OnceLock<Node<i32>>> = Arc::default();
/// let b = Arc::clone(&later);
/// let a = flow.node("a", move || b.get().map_or(0, Node::get));
/// later.set(flow.node("b", move || a.get())).unwrap_or_default();
/// let Err(FlowError::Cycle { path }) = flow.run() else { panic!("a needs b, b needs a") };
/// assert_eq!(path.first(), path.last());
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum FlowError {
    /// Nodes need each other's values in a circle.
    Cycle {
        /// The names along the circle; the first is also the last.
        path: Vec<String>,
    },
    /// The body of a node or the closure of a stage panicked.
    Panicked {
        /// Its name.
        name: String,
        /// What it said.
        message: String,
    },
    /// The closure of a stage answered an error, and the stage does not say what to do then.
    Failed {
        /// The stage.
        stage: String,
        /// The error.
        error: Box<dyn Error + Send + Sync>,
    },
    /// A node or stage has more than one meaning: its name was given twice.
    DuplicateName {
        /// The name.
        name: String,
    },
    /// The end of a stage leads nowhere: give it a sink.
    Unfinished {
        /// The stage.
        stage: String,
    },
    /// The pipeline was run before: its sources are spent.
    Spent,
    /// The run was cancelled.
    Cancelled,
    /// The threads of the run could not be had.
    Runtime(io::Error),
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowError::Cycle { path } => write!(
                f,
                "nodes need each other in a circle: {}; let one of them begin with a value",
                path.join(" → ")
            ),
            FlowError::Panicked { name, message } => write!(f, "`{name}` panicked: {message}"),
            FlowError::Failed { stage, error } => write!(f, "stage `{stage}` failed: {error}"),
            FlowError::DuplicateName { name } => {
                write!(f, "two nodes are named `{name}`: give one of them another name")
            }
            FlowError::Unfinished { stage } => write!(
                f,
                "what comes out of stage `{stage}` goes nowhere: end it with `sink`, `collect` or \
                 `discard`"
            ),
            FlowError::Spent => f.write_str(
                "the pipeline has run already and its sources are spent: build it anew to run again",
            ),
            FlowError::Cancelled => f.write_str("the flow was cancelled"),
            FlowError::Runtime(error) => write!(f, "the workers could not be started: {error}"),
        }
    }
}

impl Error for FlowError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            FlowError::Failed { error, .. } => Some(&**error),
            FlowError::Runtime(error) => Some(error),
            _ => None,
        }
    }
}
