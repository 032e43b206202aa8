//! `runtime_set_tracing` and `runtime_write_trace`: what tasks were spawned, resumed, woken and ended
//! when, and on which worker.

use std::ffi::{CStr, OsStr, c_char};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use parking_lot::Mutex;
use vitte_rt::runtime::Handle;
use vitte_rt::trace::Trace;

use crate::guard;
use crate::runtime::{Runtime, runtime};

/// Events that are kept of each worker; the oldest are forgotten first.
const KEPT: usize = 1 << 16;

/// The event stream of a runtime.
#[derive(Default)]
pub(crate) struct Tracing(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    is_on: bool,
    /// What was kept when it was turned off.
    ended: Trace,
}

impl Tracing {
    fn set(&self, handle: &Handle, on: bool) {
        let mut inner = self.0.lock();
        if inner.is_on == on {
            return;
        }
        inner.is_on = on;
        inner.ended = Trace::default();
        if on {
            handle.start_trace(KEPT);
        } else {
            inner.ended = handle.stop_trace();
        }
    }

    fn take(&self, handle: &Handle) -> Trace {
        let mut inner = self.0.lock();
        if inner.is_on { handle.take_trace() } else { std::mem::take(&mut inner.ended) }
    }
}

/// Begins or ends the event stream: which tasks were spawned, resumed, woken and ended when, on which
/// worker; the newest 65,536 events of each. What a stream has kept is forgotten when the next begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_set_tracing(runtime: *mut Runtime, enabled: bool) {
    guard((), || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return };
        runtime.tracing.set(&runtime.handle, enabled);
    });
}

/// Writes what the event stream has kept into the file `path`, for <https://ui.perfetto.dev> and
/// chrome://tracing, and forgets it; the stream goes on. False if the file cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn runtime_write_trace(runtime: *mut Runtime, path: *const c_char) -> bool {
    guard(false, || {
        // SAFETY: the caller vouches for the runtime.
        let Some(runtime) = (unsafe { self::runtime(runtime) }) else { return false };
        if path.is_null() {
            return false;
        }
        // SAFETY: a text that ends with a 0 (caller).
        let path = unsafe { CStr::from_ptr(path) };
        let trace = runtime.tracing.take(&runtime.handle);
        write(Path::new(OsStr::from_bytes(path.to_bytes())), &trace).is_ok()
    })
}

fn write(path: &Path, trace: &Trace) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    trace.write_chrome(&mut out)?;
    out.flush()
}
