//! Steps as tasks: start the command in a group of its own, keep what it prints, kill it when it is
//! no longer wanted.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use vitte_rt::net::unix::pipe;
use vitte_rt::process::Command;

use super::{Action, Manifest, Step};
use crate::error::TaskError;
use crate::policy::Retry;
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
pub(super) struct Jobs(Arc<jobserver::Client>);

impl Jobs {
    pub(super) fn new(n: usize) -> io::Result<Self> {
        Ok(Self(Arc::new(jobserver::Client::new(n)?)))
    }

    /// Waits for a token, on a thread that may block.
    async fn acquire(&self) -> Result<jobserver::Acquired, TaskError> {
        let client = Arc::clone(&self.0);
        let acquired = vitte_rt::task::spawn_blocking(move || client.acquire()).await;
        Ok(acquired.map_err(|_| TaskError::cancelled())??)
    }
}

/// The task of a step.
pub(super) fn task(manifest: &Manifest, step: &Step, vitte: &Path, jobs: &Jobs) -> Task {
    let command = Template::new(manifest, step, vitte);
    let jobs = jobs.clone();
    // For people, and for the fingerprint.
    let shown = command.words.clone();
    let body = move |_| {
        let (command, jobs) = (command.clone(), jobs.clone());
        async move { command.run(&jobs).await }
    };
    let names: Vec<&str> = step.after.iter().map(String::as_str).collect();
    // The command line is what the step is: another one, another fingerprint.
    let mut task = Task::future(&step.name, body).after(&names).param("command", shown);
    task = task.param("dir", &step.dir).param("env", &step.env).param("env_of_all", &manifest.env);
    for path in &step.inputs {
        task = task.input(path);
    }
    if let Action::Vitte(file, _) = &step.action {
        task = task.input(file);
    }
    for path in &step.outputs {
        task = task.creates(path);
    }
    if let Some(path) = &step.depfile {
        task = task.depfile(path, &step.dir);
    }
    if step.retries > 0 {
        task = task.retry(Retry::attempts(step.retries.saturating_add(1)));
    }
    if let Some(timeout) = step.timeout {
        task = task.timeout(timeout);
    }
    if let Some(pool) = &step.pool {
        task = task.pool(pool, 1);
    }
    if step.priority != 0 {
        task = task.priority(step.priority);
    }
    if step.always { task.always() } else { task }
}

/// How a step's command is made, once per attempt.
#[derive(Clone)]
struct Template {
    words: Vec<String>,
    dir: std::path::PathBuf,
    env: Vec<(String, String)>,
}

impl Template {
    fn new(manifest: &Manifest, step: &Step, vitte: &Path) -> Self {
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
        };
        let env = manifest.env.iter().chain(&step.env).cloned().collect();
        Self { words, dir: step.dir.clone(), env }
    }

    async fn run(&self, jobs: &Jobs) -> Result<Captured, TaskError> {
        let token = jobs.acquire().await?;
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
        jobs.0.configure_make(command.as_std_mut());
        let mut child = command.spawn().map_err(|error| {
            let program = &self.words[0];
            let dir = self.dir.display();
            TaskError::permanent(format!("cannot start `{program}` in {dir}: {error}"))
        })?;
        // The command holds the write ends: without it, the read end would never see the end.
        drop(command);
        let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        let text = read_all(&reader).await?;
        let status = child.wait().await?;
        group.0 = None;
        drop(token);
        let captured = Captured { text };
        if status.success() { Ok(captured) } else { Err(failed(status, &captured.text)) }
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

async fn read_all(reader: &pipe::Receiver) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            n => bytes.extend_from_slice(&buffer[..n]),
        }
    }
}

/// The error of a step shows all that it printed.
fn failed(status: ExitStatus, printed: &str) -> TaskError {
    let mut message = format!("{status}");
    if !printed.is_empty() {
        message.push_str(", it printed:\n");
        message.push_str(printed.trim_end());
    }
    TaskError::new(message)
}
