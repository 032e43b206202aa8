//! Children that were dropped before they ended (I2 of the module).

use parking_lot::Mutex;

use super::child::Process;
use crate::fork;

/// Those whose runtime ended before they did. Looked at whenever a process is started or dropped.
static LEFT: Mutex<Vec<Process>> = Mutex::new(Vec::new());

/// A child that goes on being waited for by a task. When the task is dropped first, the child joins the
/// others that were left.
struct Orphan(Option<Process>);

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(mut process) = self.0.take()
            && let Ok(None) = process.try_wait()
        {
            LEFT.lock().push(process);
        }
    }
}

/// Sees to it that a child that nobody waits for is reaped when it ends.
pub(super) fn adopt(process: Process) {
    reap();
    if fork::check(&process.runtime.shared).is_err() {
        return; // the parent's child, not ours
    }
    let runtime = process.runtime.clone();
    let mut orphan = Orphan(Some(process));
    drop(runtime.spawn(async move {
        if let Some(process) = &mut orphan.0 {
            // An error leaves it to the drop.
            let _ = process.wait().await;
        }
    }));
}

/// Reaps those that have ended meanwhile.
pub(super) fn reap() {
    let is_running = |process: &mut Process| matches!(process.try_wait(), Ok(None));
    let ended: Vec<_> = LEFT.lock().extract_if(.., |process| !is_running(process)).collect();
    drop(ended); // outside of the lock
}
