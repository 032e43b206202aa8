//! Ctrl-C: the first asks what runs to end, and its cleanup runs; the second ends the process. SIGTERM, by
//! which a build server or a supervisor ends a process, is the same: what steps of a graph have started
//! would live on otherwise.

use super::exit;
#[cfg(unix)]
use signal_hook::{consts::SIGTERM, iterator::Signals};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
static CANCEL: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

/// Lets Ctrl-C call `cancel` from now on.
pub(super) fn watch(cancel: impl Fn() + Send + 'static) {
    *CANCEL.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(cancel));
    // Without a handler the system's default holds: Ctrl-C kills at once.
    let _ = ctrlc::set_handler(interrupted);
    #[cfg(unix)]
    if let Ok(mut requests) = Signals::new([SIGTERM]) {
        std::thread::spawn(move || requests.forever().for_each(|_| interrupted()));
    }
}

fn interrupted() {
    if INTERRUPTS.fetch_add(1, Ordering::SeqCst) > 0 {
        std::process::exit(i32::from(exit::INTERRUPTED));
    }
    if let Some(cancel) = &*CANCEL.lock().unwrap_or_else(PoisonError::into_inner) {
        cancel();
    }
}

/// Lets go of what runs.
pub(super) fn unwatch() {
    let cancel = CANCEL.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(cancel);
}

/// Whether Ctrl-C was pressed.
pub(super) fn happened() -> bool {
    INTERRUPTS.load(Ordering::SeqCst) > 0
}
