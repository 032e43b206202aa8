//! Running a compiled program from C: the entry that an object file of `vitte build` is linked with.
//!
//! ```c
//! #include "program.h"
//! int main(int argc, char **argv) { return vitte_run(&main_machine, argc, argv); }
//! ```

use super::fault::Failure;
use super::imports::{flush, report, set_args};
use super::task::{Program, launch_main};
use std::ffi::{CStr, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use vitte_abi::{VT_DONE, VT_FAULTED, vt_machine};
use vitte_rt::runtime::Runtime;

/// Exit code of a bug of ours, or of a runtime that cannot start.
const BUG: c_int = 70;
/// Exit code of a panic in main.
const PANIC: c_int = 101;
/// How long tasks that outlive main have to clean up.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Runs a main coroutine without parameters to its end and answers the exit code.
///
/// # Safety
///
/// `machine` describes a compiled coroutine without parameters whose result is nothing or an `int32_t`;
/// `argv` has `argc` strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_run(
    machine: *const vt_machine,
    argc: c_int,
    argv: *const *const c_char,
) -> c_int {
    let mut args = Vec::new();
    for i in 1..usize::try_from(argc).unwrap_or(0) {
        // SAFETY: the caller vouches for `argv`.
        let arg = unsafe { argv.add(i) };
        // SAFETY: as above.
        let arg = unsafe { arg.read() };
        // SAFETY: as above.
        args.push(unsafe { CStr::from_ptr(arg) }.to_string_lossy().into_owned());
    }
    set_args(args);
    // SAFETY: the caller vouches for the machine, which is static.
    catch_unwind(AssertUnwindSafe(|| unsafe { run(machine) })).unwrap_or(BUG)
}

/// # Safety
///
/// As [`vitte_run`] for the machine.
unsafe fn run(machine: *const vt_machine) -> c_int {
    let Ok(runtime) = Runtime::new() else {
        report("error: the runtime cannot start\n");
        return BUG;
    };
    // SAFETY: the machine is static (caller).
    let frame = unsafe { runtime.handle().alloc_frame(machine) };
    let program = Program::new(None);
    // SAFETY: a frame without parameters is complete as it is allocated.
    let task = frame.and_then(|frame| unsafe { launch_main(frame, program.clone()) });
    let Some(task) = task else {
        report("error: out of memory for the main task\n");
        return BUG;
    };
    let code = match runtime.run(task.join()) {
        // SAFETY: the machine is static (caller).
        Ok(VT_DONE) if unsafe { (*machine).result_bytes } == 4 => {
            // SAFETY: the result of a finished task is an `int32_t` (caller).
            task.result().map_or(0, |at| unsafe { at.cast::<i32>().read_unaligned() })
        }
        Ok(VT_DONE) => 0,
        Ok(VT_FAULTED) => {
            // SAFETY: the code is static; the payload is the task's.
            let failure = task.fault().map(|f| unsafe { Failure::of(f) });
            let text = failure.map_or(String::new(), |f| f.to_string());
            report(&format!("error: `main` panicked: {text}\n"));
            PANIC
        }
        Ok(_) => PANIC,
        Err(stalled) => {
            report(&format!("error: {stalled}"));
            1
        }
    };
    drop(task);
    runtime.shutdown(SHUTDOWN);
    flush();
    if program.has_failed() { PANIC } else { code }
}
