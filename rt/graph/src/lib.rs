//! Graphs of tasks: declare what depends on what, run it on a few threads, and resume where the last
//! run was interrupted.
//!
//! ```
//! use std::time::Duration;
//! use vitte_graph::{Context, Retry, Task, TaskError, TaskExecutor};
//!
//! let mut exec = TaskExecutor::new(4);
//! exec.add(Task::with("fetch", |cx: &Context| {
//!     // Fails once, as networks do.
//!     if cx.attempt() == 1 { Err(TaskError::new("connection reset")) } else { Ok(21_u32) }
//! })
//! .retry(Retry::attempts(3).backoff(Duration::from_millis(1), 2.0)));
//! exec.add(
//!     Task::with("double", |cx: &Context| Ok::<_, TaskError>(*cx.output::<u32>("fetch")? * 2))
//!         .after(&["fetch"]),
//! );
//! let report = exec.run_all()?;
//! assert!(report.is_success());
//! assert_eq!(*exec.output::<u32>("double")?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | look at |
//! | --- | --- |
//! | describe a task, its rules and its files | [`Task`], [`Retry`], [`Trigger`], [`OnFailure`] |
//! | read outputs and parameters, add children | [`Context`] |
//! | run, cancel, re-prioritise | [`TaskExecutor`], [`Control`] |
//! | resume after a crash | [`journal`]; [`TaskExecutor::forecast`] says what would run |
//! | run a graph of commands from a file | `manifest` (feature `manifest`, Unix) |
//! | watch | [`Event`], [`Report`], [`Metrics`], [`TaskExecutor::to_dot`] and its neighbours; spans of the `tracing` crate (feature `tracing`) |
//!
//! # Guarantees
//!
//! * Unknown dependencies, duplicate names, cycles and pools that are too small are found before
//!   anything runs.
//! * A task starts after all its dependencies have ended, and sees what they did.
//! * The panic of a body is the failure of its task; nothing else notices.
//! * Every task ends in one of [`State`]'s final states, whatever fails; [`TaskExecutor::run_all`]
//!   returns when the last one has.
//! * With a [journal]: at-least-once execution, acknowledged completions are never repeated or lost.
#![forbid(unsafe_code)]

mod state;

mod output;

mod error;

mod policy;

mod task;

mod node;

mod graph;

mod depfile;

pub mod fingerprint;

pub mod journal;

mod keeper;

mod pool;

mod ready;

mod event;

mod span;

mod run;

mod context;

mod metrics;

mod report;

mod export;

mod forecast;

mod executor;

#[cfg(all(feature = "manifest", unix))]
pub mod manifest;

pub use context::Context;
pub use error::{FailureKind, GraphError, JournalError, JournalErrorKind, TaskError};
pub use event::Event;
pub use executor::{Control, OutputError, TaskExecutor};
pub use forecast::Forecast;
#[cfg(all(feature = "manifest", unix))]
pub use manifest::Manifest;
pub use metrics::Metrics;
pub use output::{Outcome, Output};
pub use policy::{OnFailure, Retry, Trigger};
pub use report::{Report, TaskReport};
pub use state::State;
pub use task::Task;
