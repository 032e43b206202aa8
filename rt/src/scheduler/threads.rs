//! How the threads of a runtime are made: workers, and those for work that blocks.
//!
//! Each calls what the builder was given before its first and after its last piece of work, after a panic
//! too. They are named after what they do (`vitte-worker-1`, `vitte-blocking-1`) unless the builder has a
//! name for all of them. The watchdog's thread and that of the dump run no work of the user and have
//! neither.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::Shared;
use crate::runtime::Builder;

/// Stack of a thread, unless told otherwise.
pub(crate) const STACK_BYTES: usize = 2 << 20;

/// Something that a thread calls.
type Hook = Arc<dyn Fn() + Send + Sync>;

/// As the builder says.
#[derive(Clone, Default)]
pub(crate) struct ThreadOptions {
    name: Option<String>,
    stack_bytes: Option<usize>,
    on_start: Option<Hook>,
    on_stop: Option<Hook>,
}

impl fmt::Debug for ThreadOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ThreadOptions({:?}, {:?})", self.name, self.stack_bytes)
    }
}

/// Calls what it has when it is dropped.
struct AtEnd(Option<Hook>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.iter().for_each(|hook| hook());
    }
}

impl Shared {
    /// Starts the `n`-th thread of a kind.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub(crate) fn spawn_thread(
        &self,
        kind: &str,
        n: usize,
        body: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let ThreadOptions { name, stack_bytes, on_start, on_stop } = self.threads.clone();
        let name = name.unwrap_or_else(|| format!("vitte-{kind}-{n}"));
        let body = move || {
            on_start.iter().for_each(|hook| hook());
            let _at_end = AtEnd(on_stop);
            body();
        };
        let stack_bytes = stack_bytes.unwrap_or(STACK_BYTES);
        self.env.spawn_thread(&name, stack_bytes, Box::new(body)).map(drop)
    }
}

impl Builder {
    /// Name of the threads of workers and of those for work that blocks; `vitte-worker-1` and so on, and
    /// `vitte-blocking-1`, unless told otherwise. Systems cut long names (Linux after 15 bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// let builder = vitte_rt::runtime::Builder::multi_thread().workers(1).thread_name("pages");
    /// let name = || std::thread::current().name().map(String::from);
    /// let runtime = builder.build()?;
    /// let task = runtime.spawn(async move { name() });
    /// assert_eq!(runtime.block_on(task).unwrap().as_deref(), Some("pages"));
    /// # std::io::Result::Ok(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the name has a 0 byte in it.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        assert!(!name.contains('\0'), "a thread's name without 0 bytes");
        self.threads.name = Some(name);
        self
    }

    /// Bytes of stack of the same threads; 2 MiB unless told otherwise. Generated code uses 2 MiB at most,
    /// on whichever thread.
    #[must_use]
    pub fn thread_stack_size(mut self, n_bytes: usize) -> Self {
        self.threads.stack_bytes = Some(n_bytes);
        self
    }

    /// Calls `hook` on each of the same threads before it does any work. Without meaning for the thread
    /// that calls `block_on`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// let n_threads = Arc::new(AtomicUsize::new(0));
    /// let (more, less) = (n_threads.clone(), n_threads.clone());
    /// let runtime = vitte_rt::runtime::Builder::multi_thread()
    ///     .on_thread_start(move || _ = more.fetch_add(1, SeqCst))
    ///     .on_thread_stop(move || _ = less.fetch_sub(1, SeqCst))
    ///     .build()?;
    /// let seen = n_threads.clone();
    /// let task = runtime.spawn(async move { seen.load(SeqCst) });
    /// assert!(runtime.block_on(task).unwrap() > 0);
    /// runtime.shutdown(Duration::from_secs(5));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.threads.on_start = Some(Arc::new(hook));
        self
    }

    /// Calls `hook` on each of the same threads after its last work; see [`Builder::on_thread_start`].
    #[must_use]
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.threads.on_stop = Some(Arc::new(hook));
        self
    }
}
