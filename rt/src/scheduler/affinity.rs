//! Workers that stay on one processor each.
//!
//! A thread is bound while it plays a worker: worker `k` to the `k`-th processor that the process may
//! use, round about if there are more workers. A thread that handed its core on (a task held it up) is
//! free again, or it would fight for the processor with the thread that plays the worker now.

use std::io;

/// The processors of the process, when workers are to be bound.
#[derive(Debug)]
pub(crate) struct Affinity {
    #[cfg(target_os = "linux")]
    all: rustix::thread::CpuSet,
    #[cfg(target_os = "linux")]
    each: Box<[usize]>,
}

#[cfg(target_os = "linux")]
impl Affinity {
    /// The processors that this thread may use now.
    ///
    /// # Errors
    ///
    /// `Unsupported` where there is no such call; else what the system says.
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::thread::CpuSet;
        let all = rustix::thread::sched_getaffinity(None)?;
        let each = (0..CpuSet::MAX_CPU).filter(|&cpu| all.is_set(cpu)).collect();
        Ok(Affinity { all, each })
    }

    /// Binds this thread to the processor of a worker.
    pub(crate) fn bind(&self, worker: usize) {
        let mut one = rustix::thread::CpuSet::new();
        one.set(self.each[worker % self.each.len()]);
        // The processor may have been taken from the process meanwhile: then the thread stays free.
        let _ = rustix::thread::sched_setaffinity(None, &one);
    }

    /// Lets this thread use all processors again.
    pub(crate) fn free(&self) {
        // As above.
        let _ = rustix::thread::sched_setaffinity(None, &self.all);
    }
}

#[cfg(not(target_os = "linux"))]
impl Affinity {
    /// There is no such call here.
    ///
    /// # Errors
    ///
    /// `Unsupported`.
    pub(crate) fn new() -> io::Result<Self> {
        let text = "workers can be bound to processors on Linux only";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    /// Nothing.
    pub(crate) fn bind(&self, _worker: usize) {}

    /// Nothing.
    pub(crate) fn free(&self) {}
}
