//! A child that was started.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Output};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::{ChildStderr, ChildStdin, ChildStdout, orphan};
use crate::io::AsyncReadExt;
use crate::reactor::{Async, Interest};
use crate::runtime::Handle;

/// A child process. See the [module](super) for what dropping it does.
#[derive(Debug)]
pub struct Child {
    /// Its input, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// Its output, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// Its errors, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    /// `None` once dropped.
    process: Option<Process>,
    kill_on_drop: bool,
}

/// The process itself, and how its end is noticed.
#[derive(Debug)]
pub(super) struct Process {
    child: std::process::Child,
    /// Ready when the process has ended; `None` where the system has no such descriptor.
    pidfd: Option<Async<OwnedFd>>,
    pub(super) runtime: Handle,
    /// The status, once reaped.
    status: Option<ExitStatus>,
}

impl Process {
    fn new(runtime: &Handle, child: std::process::Child) -> Process {
        let pidfd = open_pidfd(Pid::from_child(&child))
            .ok()
            .and_then(|fd| Async::new_waiting(&runtime.shared, fd).ok());
        Process { child, pidfd, runtime: runtime.clone(), status: None }
    }

    /// The status if the process has ended; reaps it.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
        }
        Ok(self.status)
    }

    /// Waits for the end and reaps the process.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            match &self.pidfd {
                Some(pidfd) => {
                    pidfd.ready(Interest::Read).await?;
                    // Stays ready: an ended process does not begin again.
                }
                None => {
                    // Leaves the status where it is: a wait that is dropped must not reap.
                    let id = WaitId::Pid(Pid::from_child(&self.child));
                    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
                    let end = move || waitid(id, options).map(drop).map_err(io::Error::from);
                    self.runtime.spawn_blocking(end).await.map_err(io::Error::other)??;
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn open_pidfd(pid: Pid) -> io::Result<OwnedFd> {
    Ok(rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty())?)
}

#[cfg(not(target_os = "linux"))]
fn open_pidfd(_: Pid) -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Child {
    pub(super) fn new(
        runtime: &Handle,
        mut child: std::process::Child,
        kill_on_drop: bool,
    ) -> io::Result<Child> {
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // From here on an error drops the child, which is then reaped.
        let mut this = Child {
            stdin: None,
            stdout: None,
            stderr: None,
            process: Some(Process::new(runtime, child)),
            kill_on_drop,
        };
        this.stdin = pipes.0.map(ChildStdin::new).transpose()?;
        this.stdout = pipes.1.map(ChildStdout::new).transpose()?;
        this.stderr = pipes.2.map(ChildStderr::new).transpose()?;
        Ok(this)
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("I1: only the drop takes it")
    }

    /// The number of the process, `None` once it was reaped (the number may be another's then).
    pub fn id(&self) -> Option<u32> {
        let process = self.process.as_ref()?;
        process.status.is_none().then(|| process.child.id())
    }

    /// Closes the child's input and waits for its end. Afterwards it answers at once. Dropped
    /// before it is ready, it loses nothing.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.stdin = None; // a child that reads to the end would never end
        self.process().wait().await
    }

    /// The status if the child has ended.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process().try_wait()
    }

    /// Asks the system to kill the child, without waiting for its end.
    ///
    /// # Errors
    ///
    /// Those of the operating system. Killing one that has ended is none.
    pub fn start_kill(&mut self) -> io::Result<()> {
        let process = self.process();
        if process.try_wait()?.is_some() {
            return Ok(());
        }
        process.child.kill()
    }

    /// Kills the child and waits for its end.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(drop)
    }

    /// Waits for the end, and collects what comes out of the pipes until then.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        self.stdin = None;
        let (out, err) = (self.stdout.take(), self.stderr.take());
        let ((stdout, stderr), status) = futures_lite::future::try_zip(
            futures_lite::future::try_zip(read_all(out), read_all(err)),
            self.wait(),
        )
        .await?;
        Ok(Output { status, stdout, stderr })
    }
}

/// Reads a pipe to its end.
async fn read_all(pipe: Option<impl futures_io::AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut all).await?;
    }
    Ok(all)
}

impl Drop for Child {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if self.kill_on_drop && process.status.is_none() {
            // It may have ended by itself.
            let _ = process.child.kill();
        }
        if let Ok(None) = process.try_wait() {
            orphan::adopt(process);
        }
    }
}
