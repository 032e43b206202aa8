//! Graphs of commands and Vitte procedures, described in TOML.
//!
//! In: the text of a file and the folder it lies in. Out: a [`Manifest`], from which an executor is
//! filled; or every mistake that was found, each with its line and column.
//!
//! ```text
//! text ─parse─► Manifest ─link─► Manifest with procedures ─add_to─► TaskExecutor
//!                          ▲ a Linker, for steps with `proc`
//! ```
//!
//! # The format
//!
//! ```toml
//! workers = 4                       # commands at a time, at most 1024; else as many as processors
//! on_failure = "skip_dependants"    # or "continue"; else "fail_fast": what runs may finish
//! pools = { link = 1 }              # at most so many steps of a pool at a time
//! env = { CC = "cc" }               # for every step
//!
//! [step.compile]
//! run = "cc -MMD -c main.c"         # for the shell; or ["cc", "-c", "main.c"] without one
//! inputs = ["main.c"]               # what it reads, folders with all in them: if they change, it
//!                                   # runs again
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
//! env = { MODE = "fast" }           # set for it
//! env_inputs = ["HOME"]             # inherited by it: if their values change, it runs again
//! retries = 2                       # attempts after the first
//! timeout = "30s"                   # of an attempt: ms, s, m, h
//! priority = 1                      # among steps that are ready, higher first
//! always = true                     # run it in every run, whatever the journal remembers
//!
//! [step.count]
//! vitte = "jobs.vit"
//! proc = "count"                    # one procedure of the file, in this process
//! args = ["a b c", [1, 2], true]    # one value for each parameter
//!
//! [step.report]
//! vitte = "jobs.vit"
//! proc = "report"                   # `async proc` or `proc`
//! args = [{ output = "count" }]     # what another step gave: `report` comes after it
//!
//! [step.draw]
//! vitte = "jobs.vit"
//! proc = "draw"                     # proc draw(at: Point, colour: Colour, shapes: [Shape])
//! args = [{ x = 1, y = 2 }, "Red", ["Dot", { Circle = 5 }, { Named = ["it", { x = 0, y = 0 }] }]]
//! ```
//!
//! Paths are relative to the manifest's folder. A step fails if one of its inputs is not there when it
//! begins, or one of its outputs when it has ended. Each command runs in a process group of its own, which
//! is killed when the step is cancelled; its output is kept, and shown whole when it fails. Steps
//! share one jobserver with the `make` and `cargo` they start, so that all of them together run as
//! many jobs as there are workers.
//!
//! # Procedures
//!
//! A step with `proc` calls a procedure of the Vitte file, on the graph's own runtime. Parameters and
//! result are scalars, strings, lists, arrays, tuples, options, results, forms and picks of those. In
//! TOML a list stands for a tuple too, a string of one character for a `char`, a table for a form (what
//! is not there in it is an option without a value; a table with the one key `output` always means a
//! step), and the name of an arm for that arm of a pick; one with a payload is a table, `{ Circle = 5 }`
//! or `{ Named = ["it", { x = 0, y = 0 }] }`. Handles (tasks, channels, sockets), futures, streams and
//! procedures stay in the program that made them: a procedure with such a parameter is refused at its
//! place, and another one, which gives what is read from them, can be the step. Its result is the output of
//! the step (of type `serde_json::Value` in Rust), and the journal keeps it. The output of a command is
//! a `string`: all that it printed, without the line ends at its end.
//!
//! The step fails if the procedure panics, or gives an `Err`. Cancelled or out of time, an async
//! procedure is asked to cancel where it waits, and its cleanup runs while the graph goes on; one that
//! does not wait runs to its end, and its result is dropped. Files that the program `use`s are inputs
//! of the step. `dir` and `env` are not for procedures, which share this process.

mod link;
mod parse;
mod procs;
mod step;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

pub use parse::{Mistake, Mistakes};
pub use procs::{Call, Found, Linker, Printed, Procedure};
pub use step::Captured;

use crate::error::GraphError;
use crate::executor::TaskExecutor;
use crate::policy::OnFailure;

/// A graph of commands and procedures.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Threads, and commands at a time.
    pub workers: Option<usize>,
    /// What a failure does.
    pub on_failure: OnFailure,
    pools: Vec<(String, u32)>,
    env: Vec<(String, String)>,
    steps: Vec<Step>,
}

/// One command or procedure.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    action: Action,
    after: Vec<String>,
    inputs: Vec<PathBuf>,
    /// The files of its Vitte program.
    sources: Vec<PathBuf>,
    outputs: Vec<PathBuf>,
    depfile: Option<PathBuf>,
    dir: PathBuf,
    env: Vec<(String, String)>,
    /// Variables that it inherits and depends on.
    env_inputs: Vec<String>,
    retries: u32,
    timeout: Option<Duration>,
    pool: Option<String>,
    priority: i32,
    always: bool,
}

/// What a step does.
#[derive(Clone, Debug)]
enum Action {
    /// A line for the shell.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
    /// A Vitte program and its arguments.
    Vitte(PathBuf, Vec<String>),
    /// A procedure of a Vitte file.
    Proc(ProcCall),
}

/// A procedure with its arguments, and the places of all.
#[derive(Clone, Debug)]
struct ProcCall {
    file: PathBuf,
    file_at: Place,
    name: String,
    name_at: Place,
    args: Vec<(Given, Place)>,
    /// Once it is linked.
    callee: Option<Arc<dyn Procedure>>,
}

/// Where an argument comes from.
#[derive(Clone, Debug)]
enum Given {
    Value(Json),
    /// What a step gave.
    Output(String),
}

/// Line and column, from 1.
type Place = (usize, usize);

impl Manifest {
    /// Names of the steps, in their order in the file.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|s| s.name.as_str())
    }

    /// Names of the steps that call procedures, whose outputs are of type `serde_json::Value`.
    pub fn calls(&self) -> impl Iterator<Item = &str> {
        let calls = self.steps.iter().filter(|step| matches!(step.action, Action::Proc(_)));
        calls.map(|step| step.name.as_str())
    }

    /// Fills an executor with the steps. `vitte` is the program that runs Vitte files. Steps that call
    /// procedures fail unless the manifest was [linked](Self::link).
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
