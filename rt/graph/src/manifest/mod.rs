//! Graphs of commands, described in TOML.
//!
//! In: the text of a file and the folder it lies in. Out: a [`Manifest`], from which an executor is
//! filled; or every mistake that was found, each with its line and column.
//!
//! # The format
//!
//! ```toml
//! workers = 4                       # threads and commands at a time; else as many as processors
//! on_failure = "skip_dependants"    # or "fail_fast" (what runs may finish), "continue"
//! pools = { link = 1 }              # at most so many steps of a pool at a time
//! env = { CC = "cc" }               # for every step
//!
//! [step.compile]
//! run = "cc -MMD -c main.c"         # for the shell; or ["cc", "-c", "main.c"] without one
//! inputs = ["main.c"]               # what it reads: if they change, it runs again
//! outputs = ["main.o"]              # what it makes: if one is gone, it runs again
//! depfile = "main.d"                # further inputs, as compilers write them for make
//!
//! [step.link]
//! run = "cc main.o -o program"
//! inputs = ["main.o"]               # made by `compile`: so `link` comes after it by itself
//! outputs = ["program"]
//! pool = "link"
//!
//! [step.check]
//! vitte = "check.vit"               # a Vitte program instead of a command
//! args = ["program"]
//! after = ["link"]                  # for an order that files do not show
//! dir = "checks"                    # the folder it runs in, from the manifest's
//! env = { MODE = "fast" }
//! retries = 2                       # attempts after the first
//! timeout = "30s"                   # of an attempt: ms, s, m, h
//! priority = 1                      # among steps that are ready, higher first
//! always = true                     # run it in every run, whatever the journal remembers
//! ```
//!
//! Paths are relative to the manifest's folder. Each step runs in a process group of its own, which
//! is killed when the step is cancelled; its output is kept, and shown whole when it fails. Steps
//! share one jobserver with the `make` and `cargo` they start, so that all of them together run as
//! many jobs as there are workers.

mod parse;
mod step;

use std::path::PathBuf;
use std::time::Duration;

pub use parse::{Mistake, Mistakes};
pub use step::Captured;

use crate::error::GraphError;
use crate::executor::TaskExecutor;
use crate::policy::OnFailure;

/// A graph of commands.
#[derive(Clone, PartialEq, Debug)]
pub struct Manifest {
    /// Threads, and commands at a time.
    pub workers: Option<usize>,
    /// What a failure does.
    pub on_failure: OnFailure,
    pools: Vec<(String, u32)>,
    env: Vec<(String, String)>,
    folder: PathBuf,
    steps: Vec<Step>,
}

/// One command.
#[derive(Clone, PartialEq, Debug)]
struct Step {
    name: String,
    action: Action,
    after: Vec<String>,
    inputs: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    depfile: Option<PathBuf>,
    dir: PathBuf,
    env: Vec<(String, String)>,
    retries: u32,
    timeout: Option<Duration>,
    pool: Option<String>,
    priority: i32,
    always: bool,
}

/// What a step does.
#[derive(Clone, PartialEq, Debug)]
enum Action {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
    /// A Vitte program and its arguments.
    Vitte(PathBuf, Vec<String>),
}

impl Manifest {
    /// Names of the steps, in their order in the file.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|s| s.name.as_str())
    }

    /// Fills an executor with the steps. `vitte` is the program that runs Vitte files.
    ///
    /// # Errors
    ///
    /// If the jobserver cannot be made.
    pub fn add_to(
        &self,
        exec: &mut TaskExecutor,
        vitte: &std::path::Path,
    ) -> Result<(), GraphError> {
        exec.on_failure(self.on_failure);
        for (name, capacity) in &self.pools {
            exec.pool(name, *capacity);
        }
        let jobs = step::Jobs::new(exec.n_workers()).map_err(GraphError::Runtime)?;
        for step in &self.steps {
            exec.add(step::task(self, step, vitte, &jobs));
        }
        Ok(())
    }
}
