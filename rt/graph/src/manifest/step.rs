//! Steps as tasks: start the command in a group of its own, keep what it prints, kill it when it is
//! no longer wanted; or call the procedure.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use vitte_rt::net::unix::pipe;
use vitte_rt::process::Command;
use vitte_rt::time::timeout;

use super::procs::{Printed, Procedure};
use super::{Action, Given, Manifest, ProcCall, Step, link};
use crate::context::Context;
use crate::error::TaskError;
use crate::output::Output;
use crate::policy::Retry;
use crate::pool::{Place, Pools};
use crate::task::Task;

/// What a step printed, both streams in the order of arrival. The output of its task.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Captured {
    /// The text; bytes that are no UTF-8 are replaced.
    pub text: String,
}

/// The jobserver of a run: as many tokens as workers. A step holds one while it runs, what it starts
/// asks for more.
#[derive(Clone)]
pub(super) struct Jobs {
    client: Arc<jobserver::Client>,
    /// As many places as tokens: who waits for a token stands in line here, by priority, so that few
    /// threads wait for the client.
    line: Pools,
}

/// Names the line of [`Jobs`].
const LINE: &str = "jobs";

impl Jobs {
    pub(super) fn new(n: usize) -> io::Result<Self> {
        let client = Arc::new(jobserver::Client::new(n)?);
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Self { client, line: Pools::new(&BTreeMap::from([(LINE.into(), n)])) })
    }

    /// Waits for a token, on a thread that may block.
    async fn acquire(&self, cx: &Context) -> Result<(Place, jobserver::Acquired), TaskError> {
        let place = self.line.acquire(LINE, 1, cx.node()).await;
        let client = Arc::clone(&self.client);
        let acquired = vitte_rt::task::spawn_blocking(move || client.acquire()).await;
        let token = acquired.map_err(|_| TaskError::cancelled())??;
        // Something may have failed meanwhile: this step has not begun.
        if cx.run.is_stopping() { Err(TaskError::cancelled()) } else { Ok((place, token)) }
    }
}

/// The task of a step.
pub(super) fn task(manifest: &Manifest, step: &Step, vitte: &Path, jobs: &Jobs) -> Task {
    let names: Vec<&str> = step.after.iter().map(String::as_str).collect();
    let task = match &step.action {
        Action::Proc(call) => {
            let target = Target::new(manifest, call);
            // What the step is: another procedure or argument, another fingerprint.
            attempts(step, jobs, move |cx, printed| target.clone().run(cx, printed))
                .param("call", link::shown(call))
        }
        _ => {
            let command = Template::new(manifest, step, vitte, jobs);
            let shown = command.words.clone();
            attempts(step, jobs, move |_, printed| command.clone().run(printed))
                .param("command", shown)
                .param("dir", &step.dir)
                .param("env", &step.env)
                .param("env_of_all", &manifest.env)
        }
    };
    let mut task = task.after(&names);
    if let Action::Vitte(file, _) | Action::Proc(ProcCall { file, .. }) = &step.action {
        task = task.input(file);
    }
    for path in step.sources.iter().filter(|path| !step.inputs.contains(path)) {
        task = task.input(path);
    }
    for path in &step.inputs {
        task = task.input(path);
    }
    for path in &step.outputs {
        task = task.creates(path);
    }
    for name in &step.env_inputs {
        task = task.env(name);
    }
    if let Some(path) = &step.depfile {
        task = task.depfile(path, &step.dir);
    }
    if step.retries > 0 {
        task = task.retry(Retry::attempts(step.retries.saturating_add(1)));
    }
    if let Some(pool) = &step.pool {
        task = task.pool(pool, 1);
    }
    if step.priority != 0 {
        task = task.priority(step.priority);
    }
    if step.always { task.always() } else { task }
}

/// A task whose attempts hold a job each. The time of an attempt begins when it has one; what it has
/// printed until it fails, or until its time is over, is part of the error.
fn attempts<F, T: Output>(
    step: &Step,
    jobs: &Jobs,
    mut body: impl FnMut(Context, Printed) -> F + Send + 'static,
) -> Task
where
    F: Future<Output = Result<T, TaskError>> + Send + 'static,
{
    let (jobs, limit) = (jobs.clone(), step.timeout);
    let (inputs, outputs): (Arc<[PathBuf]>, Arc<[PathBuf]>) =
        (step.inputs.as_slice().into(), step.outputs.as_slice().into());
    Task::future(&step.name, move |cx| {
        let printed = Printed::default();
        let (attempt, jobs) = (body(cx.clone(), printed.clone()), jobs.clone());
        let (inputs, outputs) = (Arc::clone(&inputs), Arc::clone(&outputs));
        async move {
            let token = jobs.acquire(&cx).await?;
            if let Some(missing) = first_missing(&inputs) {
                return Err(TaskError::permanent(format!("its input {missing} is not there")));
            }
            let result = within(limit, attempt).await;
            drop(token);
            let made = result.and_then(|value| match first_missing(&outputs) {
                None => Ok(value),
                Some(missing) => {
                    let text = format!("it ended well, but has not made its output {missing}");
                    Err(TaskError::permanent(text))
                }
            });
            made.map_err(|error| error.noting(&printed.text()))
        }
    })
}

/// The first path where nothing is.
fn first_missing(paths: &[PathBuf]) -> Option<String> {
    paths.iter().find(|path| !path.exists()).map(|path| format!("`{}`", path.display()))
}

/// The result of an attempt, if it gives one in time. Else it is dropped.
async fn within<T>(
    limit: Option<Duration>,
    attempt: impl Future<Output = Result<T, TaskError>>,
) -> Result<T, TaskError> {
    match limit {
        None => attempt.await,
        Some(limit) => match timeout(limit, attempt).await {
            Ok(result) => result,
            Err(_) => Err(TaskError::timed_out(limit, "the attempt")),
        },
    }
}

/// A procedure with the sources of its arguments.
#[derive(Clone)]
struct Target {
    callee: Option<Arc<dyn Procedure>>,
    name: Arc<str>,
    args: Arc<[Argument]>,
}

/// What an argument is made of, once per attempt.
enum Argument {
    Value(Json),
    /// What a procedure gave.
    Result(String),
    /// What a command printed.
    Text(String),
}

impl Target {
    fn new(manifest: &Manifest, call: &ProcCall) -> Self {
        let is_call = |name: &str| {
            let step = manifest.steps.iter().find(|step| step.name == name);
            step.is_some_and(|step| matches!(step.action, Action::Proc(_)))
        };
        let args = call.args.iter().map(|(given, _)| match given {
            Given::Value(value) => Argument::Value(value.clone()),
            Given::Output(step) if is_call(step) => Argument::Result(step.clone()),
            Given::Output(step) => Argument::Text(step.clone()),
        });
        let (callee, args) = (link::callee(call), args.collect());
        Self { callee, name: call.name.as_str().into(), args }
    }

    async fn run(self, cx: Context, printed: Printed) -> Result<Json, TaskError> {
        let Some(callee) = self.callee else {
            let text = format!("nobody has linked the procedure `{}`", self.name);
            return Err(TaskError::permanent(text));
        };
        let mut args = Vec::with_capacity(self.args.len());
        for (i, arg) in self.args.iter().enumerate() {
            let value = match arg {
                Argument::Value(value) => value.clone(),
                Argument::Result(step) => Json::clone(&*cx.output::<Json>(step)?),
                Argument::Text(step) => {
                    cx.output::<Captured>(step)?.text.trim_end_matches('\n').into()
                }
            };
            // What comes out of a journal may have been another program's.
            callee.check(i, &value).map_err(TaskError::permanent)?;
            args.push(value);
        }
        callee.call(args, printed).await.map_err(TaskError::new)
    }
}

/// How a step's command is made, once per attempt.
#[derive(Clone)]
struct Template {
    words: Vec<String>,
    dir: PathBuf,
    env: Vec<(String, String)>,
    jobs: Jobs,
}

impl Template {
    fn new(manifest: &Manifest, step: &Step, vitte: &Path, jobs: &Jobs) -> Self {
        let words = match &step.action {
            Action::Shell(line) => vec!["/bin/sh".into(), "-c".into(), line.clone()],
            Action::Program(words) => words.clone(),
            Action::Vitte(file, args) => {
                let lossy = |path: &Path| path.to_string_lossy().into_owned();
                let mut words = vec![lossy(vitte), "run".into(), lossy(file)];
                if !args.is_empty() {
                    words.push("--".into());
                    words.extend(args.iter().cloned());
                }
                words
            }
            Action::Proc(_) => unreachable!("a procedure is called"),
        };
        let env = manifest.env.iter().chain(&step.env).cloned().collect();
        Self { words, dir: step.dir.clone(), env, jobs: jobs.clone() }
    }

    async fn run(self, printed: Printed) -> Result<Captured, TaskError> {
        let (reader, writer) = io::pipe()?;
        let reader = pipe::Receiver::from_fd(reader)?;
        let mut command = Command::new(&self.words[0]);
        command
            .args(&self.words[1..])
            .current_dir(&self.dir)
            .envs(self.env.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .process_group(0);
        self.jobs.client.configure_make(command.as_std_mut());
        let mut child = command.spawn().map_err(|error| {
            let program = &self.words[0];
            let dir = self.dir.display();
            TaskError::permanent(format!("cannot start `{program}` in {dir}: {error}"))
        })?;
        // The command holds the write ends: without it, the read end would never see the end.
        drop(command);
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        read_all(&reader, &printed).await?;
        let status = child.wait().await?;
        group.0 = None;
        if status.success() {
            Ok(Captured { text: printed.text() })
        } else {
            Err(TaskError::new(status.to_string()))
        }
    }
}

/// Kills a process group when it is dropped: its step was cancelled or took too long.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // It may have ended meanwhile.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn read_all(reader: &pipe::Receiver, printed: &Printed) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(()),
            n => printed.push(&buffer[..n]),
        }
    }
}
