//! Child processes. Unix only; not in seeded runtimes.
//!
//! In: a [`Command`], as that of the standard library. Out: a [`Child`] whose end can be awaited and
//! whose pipes are read and written without blocking.
//!
//! The end of a child is an event of its *pidfd* (Linux 5.3); where there is none, a thread for
//! blocking work waits for it. Nothing listens to `SIGCHLD`, so the children of others are left
//! alone.
//!
//! * **I1** A child is reaped exactly once, by whoever holds the [`std::process::Child`].
//! * **I2** A child that is dropped before it was reaped is reaped later: by a task that waits for it,
//!   or, when the runtime ends before the child does, by the next call of this module in any
//!   runtime. No zombie stays.
//!
//! | future | dropped before it is ready |
//! | --- | --- |
//! | [`Child::wait`] | nothing is lost |
//! | [`Child::kill`] | polled once, it has killed the child; who waits for its end is the next call |
//! | [`Child::wait_with_output`], [`Command::output`], `status` | the child is dropped too: it runs on unless [`Command::kill_on_drop`] was asked for |

mod child;
mod orphan;
mod stdio;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

pub use child::Child;
pub use stdio::{ChildStderr, ChildStdin, ChildStdout};

use crate::net::allow_real;
use crate::runtime::Handle;

/// A process to be started; as [`std::process::Command`].
///
/// # Examples
///
/// ```
/// use vitte_rt::process::Command;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let output = Command::new("echo").arg("hello").output().await?;
/// assert!(output.status.success());
/// assert_eq!(output.stdout, b"hello\n");
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Command {
    inner: std::process::Command,
    kill_on_drop: bool,
    /// Which of the three streams the caller has chosen.
    chosen: [bool; 3],
}

impl Command {
    /// A command that starts `program`, with the arguments, the environment, the directory and the
    /// streams of this process.
    pub fn new(program: impl AsRef<OsStr>) -> Command {
        std::process::Command::new(program).into()
    }

    /// The command of the standard library.
    pub fn as_std(&self) -> &std::process::Command {
        &self.inner
    }

    /// The command of the standard library, for what has no method here.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        &mut self.inner
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Command {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = S>) -> &mut Command {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Command {
        self.inner.env(key, value);
        self
    }

    /// Sets variables of the environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Command {
        self.inner.envs(variables);
        self
    }

    /// Takes a variable out of the environment.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Command {
        self.inner.env_remove(key);
        self
    }

    /// Empties the environment.
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.env_clear();
        self
    }

    /// Sets the directory.
    pub fn current_dir(&mut self, path: impl AsRef<Path>) -> &mut Command {
        self.inner.current_dir(path);
        self
    }

    /// Sets where the child's input comes from.
    pub fn stdin(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.inner.stdin(stream);
        self.chosen[0] = true;
        self
    }

    /// Sets where the child's output goes.
    pub fn stdout(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.inner.stdout(stream);
        self.chosen[1] = true;
        self
    }

    /// Sets where the child's errors go.
    pub fn stderr(&mut self, stream: impl Into<Stdio>) -> &mut Command {
        self.inner.stderr(stream);
        self.chosen[2] = true;
        self
    }

    /// Puts the child into a process group; 0: one of its own.
    pub fn process_group(&mut self, group: i32) -> &mut Command {
        std::os::unix::process::CommandExt::process_group(&mut self.inner, group);
        self
    }

    /// Whether dropping a [`Child`] that has not ended kills it.
    pub fn kill_on_drop(&mut self, on: bool) -> &mut Command {
        self.kill_on_drop = on;
        self
    }

    /// Starts the child.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn spawn(&mut self) -> io::Result<Child> {
        let runtime = Handle::current();
        allow_real(&runtime, "processes")?;
        orphan::reap();
        Child::new(&runtime, self.inner.spawn()?, self.kill_on_drop)
    }

    /// Starts the child and waits for its end.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn status(&mut self) -> io::Result<ExitStatus> {
        self.spawn()?.wait().await
    }

    /// Starts the child, collects what it writes, and waits for its end. Streams that were not
    /// chosen are pipes, the input is empty.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn output(&mut self) -> io::Result<Output> {
        let [stdin, stdout, stderr] = self.chosen;
        if !stdin {
            self.inner.stdin(Stdio::null());
        }
        if !stdout {
            self.inner.stdout(Stdio::piped());
        }
        if !stderr {
            self.inner.stderr(Stdio::piped());
        }
        self.spawn()?.wait_with_output().await
    }
}

impl From<std::process::Command> for Command {
    fn from(inner: std::process::Command) -> Command {
        Command { inner, kill_on_drop: false, chosen: [false; 3] }
    }
}
