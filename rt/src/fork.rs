//! A process that forked while a runtime was running.
//!
//! The child has the memory and the descriptors of the parent, but none of its threads, and its poller
//! is the parent's: what the child would change there, the parent would lose. So the child is
//! told that the runtime is not its own: I/O and blocking work answer an error, `block_on` panics,
//! dropping the runtime gives up its memory and leaves the poller alone. A runtime built in the
//! child is an ordinary one.
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
