//! Where a Rust future is suspended, for the task dump.
//!
//! In: a static description of one `.await`, noted by code that knows its own (the attribute
//! macros) each time that await answers Pending. Out: the name of the task and what it waits for.
//!
//! A run of a task forgets the note first; of several notes in one run the first stands, which is
//! that of the innermost future that knows its awaits. One word per task, one store per run.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::task::Waker;

use super::cell::header_of;

/// One `.await` of an async function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuspendSite {
    /// Name of the function.
    pub task: &'static str,
    /// Name of the state, `await0` and so on.
    pub state: &'static str,
    /// What is awaited, as the source has it.
    pub awaitee: &'static str,
    /// Path of the source file; empty if unknown.
    pub file: &'static str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

/// Notes that the future being polled with this waker is suspended here, for the dump of its task.
/// Does nothing if the waker is not that of a task of this runtime.
///
/// # Examples
///
/// ```
/// use vitte_rt::task::{SuspendSite, note_suspend};
/// static SITE: SuspendSite = SuspendSite {
///     task: "fetch",
///     state: "await0",
///     awaitee: "client.get(url)",
///     file: "src/main.rs",
///     line: 41,
///     column: 9,
/// };
/// let runtime = vitte_rt::runtime::Builder::current_thread().build()?;
/// let waits = runtime.spawn(std::future::poll_fn(|cx| {
///     note_suspend(cx.waker(), &SITE);
///     std::task::Poll::<()>::Pending
/// }));
/// let dump = runtime.run(waits).unwrap_err().dump;
/// assert!(dump.to_string().contains("fetch: waiting, awaiting client.get(url) at src/main.rs:41"));
/// # std::io::Result::Ok(())
/// ```
#[inline]
pub fn note_suspend(waker: &Waker, site: &'static SuspendSite) {
    if let Some(header) = header_of(waker) {
        header.site.note(site);
    }
}

/// The note of one task.
#[derive(Debug, Default)]
pub(crate) struct SiteCell(AtomicPtr<SuspendSite>);

impl SiteCell {
    /// Forgets the note; called by the run.
    #[inline]
    pub(crate) fn clear(&self) {
        // Relaxed: a dump wants any recent value, and what it points to is static.
        self.0.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Keeps the first note of a run.
    #[inline]
    fn note(&self, site: &'static SuspendSite) {
        // Relaxed: as above. Not an exchange: only the run notes.
        if self.0.load(Ordering::Relaxed).is_null() {
            self.0.store(ptr::from_ref(site).cast_mut(), Ordering::Relaxed);
        }
    }

    /// The note, if there is one.
    pub(crate) fn get(&self) -> Option<&'static SuspendSite> {
        // Relaxed: as above.
        let site = self.0.load(Ordering::Relaxed);
        // SAFETY: null or made from a `&'static SuspendSite`, which is never written.
        unsafe { site.as_ref() }
    }
}
