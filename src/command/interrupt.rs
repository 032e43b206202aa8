//! Ctrl-C: the first cancels the main task, whose cleanup runs; the second ends the process.

use super::exit;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use vitte_rt::coroutine::FrameTask;

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);
static MAIN: Mutex<Option<FrameTask>> = Mutex::new(None);

/// Lets Ctrl-C cancel `main` from now on.
pub(super) fn watch(main: &FrameTask) {
    *MAIN.lock().unwrap_or_else(PoisonError::into_inner) = Some(main.clone());
    // Without a handler the system's default holds: Ctrl-C kills at once.
    let _ = ctrlc::set_handler(|| {
        if INTERRUPTS.fetch_add(1, Ordering::SeqCst) > 0 {
            std::process::exit(i32::from(exit::INTERRUPTED));
        }
        if let Some(main) = &*MAIN.lock().unwrap_or_else(PoisonError::into_inner) {
            main.cancel();
        }
    });
}

/// Lets go of the main task.
pub(super) fn unwatch() {
    let main = MAIN.lock().unwrap_or_else(PoisonError::into_inner).take();
    drop(main);
}

/// Whether Ctrl-C was pressed.
pub(super) fn happened() -> bool {
    INTERRUPTS.load(Ordering::SeqCst) > 0
}
