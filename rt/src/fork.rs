//! A process that forked while a runtime was running.
//!
//! The child has the memory and the descriptors of the parent, but none of its threads, and its poller
//! is the parent's: what the child would change there, the parent would lose, and what it would take
//! out of it, the parent would wait for. So the child is told that the runtime is not its own: I/O
//! answers `Unsupported`, `block_on` panics, dropping the runtime leaves threads and poller alone.
//! A child that was forked by a task may go on in that task, but ends when the task waits: there is
//! nobody who could wake it. A runtime built in the child is an ordinary one.
//!
//! How it is known: a handler that the C library calls in each child counts forks. A look costs one
//! load. A raw `clone` system call is not seen.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::scheduler::Shared;

/// Forks between the first process and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// The generation of this process, to be kept by what belongs to it.
pub(crate) fn generation() -> u32 {
    #[cfg(unix)]
    {
        extern "C" fn in_child() {
            // Relaxed: a child has one thread.
            GENERATION.fetch_add(1, Ordering::Relaxed);
        }
        static HANDLER: std::sync::Once = std::sync::Once::new();
        HANDLER.call_once(|| {
            // SAFETY: the handler only touches an atomic, which is allowed after a fork.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
    }
    // Relaxed: does not change while a process lives.
    GENERATION.load(Ordering::Relaxed)
}

/// Whether the runtime belongs to a parent of this process.
pub(crate) fn is_foreign(shared: &Shared) -> bool {
    // Relaxed: does not change while a process lives.
    GENERATION.load(Ordering::Relaxed) != shared.generation
}

/// Refuses what needs threads or the poller of a parent.
///
/// # Errors
///
/// `Unsupported` if the runtime belongs to a parent of this process.
pub(crate) fn check(shared: &Shared) -> io::Result<()> {
    if is_foreign(shared) {
        let text = "the runtime belongs to the process that this one was forked from";
        return Err(io::Error::new(io::ErrorKind::Unsupported, text));
    }
    Ok(())
}

/// Ends a child whose task went back to the parent's scheduler to wait.
pub(crate) fn end_child_that_waits(shared: &Shared) {
    #[cfg(unix)]
    if is_foreign(shared) {
        eprintln!(
            "vitte: the forked child of a task waits in the runtime of its parent: it ends here"
        );
        // SAFETY: always possible; the parent's clean-up is not the child's to run.
        unsafe { libc::_exit(101) };
    }
    #[cfg(not(unix))]
    let _ = shared;
}
