//! `vitte run FILE`.

use super::{RunArgs, exit, interrupt, report};
use crate::driver::{self, Compilation, Error};
use crate::execute::{End, Executable};
use crate::host::imports::{flush, set_args};
use crate::host::leaks;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::trace::Trace;

/// How long tasks that outlive main have to clean up.
const SHUTDOWN: Duration = Duration::from_secs(5);

/// Events that `--trace` keeps per worker; older ones are forgotten.
const TRACE_EVENTS: usize = 1 << 18;

/// Compiles and runs a program.
pub(super) fn run(args: &RunArgs) -> u8 {
    let compiled = Compilation::read(&args.file).and_then(|mut compilation| {
        let module = compilation.module();
        report::diagnostics(&compilation, args.format);
        let Some(module) = module? else { return Ok(None) };
        let main = driver::find(&module, "main").map_err(|_| no_main(&args.file))?;
        Executable::new(&args.file, module, &[main]).map(Some)
    });
    let executed = compiled.and_then(|program| match program {
        Some(program) => execute(&program, args),
        None => Ok(exit::ERROR),
    });
    executed.unwrap_or_else(|error| report::error(&error, args.format))
}

fn no_main(path: &Path) -> Error {
    Error::Missing {
        what: format!("`{}` has no `main`", path.display()),
        help: "write `proc main() -> int { … }`, or `async proc`".into(),
    }
}

/// The runtime that the arguments ask for.
fn runtime(args: &RunArgs) -> Result<Runtime, Error> {
    let builder = args.seed.map_or_else(Builder::multi_thread, Builder::seeded);
    let builder = match args.fuel {
        Some(rounds) => builder.fuel(rounds),
        None => builder,
    };
    let builder = match args.workers {
        Some(n) => builder.workers(n as usize),
        None => builder,
    };
    builder.build().map_err(|e| Error::Refused {
        stage: "run",
        code: String::new(),
        message: format!("the runtime cannot start: {e}"),
    })
}

/// Runs the compiled program and answers its exit code.
fn execute(executable: &Executable, args: &RunArgs) -> Result<u8, Error> {
    set_args(args.args.clone());
    let runtime = runtime(args)?;
    let handle = runtime.handle().clone();
    if args.trace.is_some() {
        handle.start_trace(TRACE_EVENTS);
    }
    let running = executable.start(0, &runtime)?;
    let main = running.task.clone();
    interrupt::watch(move || main.cancel());
    let end = running.wait(&runtime);
    interrupt::unwatch();
    flush();
    let has_ended = matches!(end, End::Gave(_));
    let code = match end {
        End::Gave(code) => code as u8,
        End::Panicked(failure) => {
            eprintln!("error: `main` panicked: {failure}");
            exit::PANIC
        }
        End::Cancelled => exit::INTERRUPTED,
        End::Stalled(dump) => {
            eprint!("error: every task waits for something that can never come\n{dump}");
            exit::ERROR
        }
    };
    let program = running.program.clone();
    drop(running);
    // Cancels what main did not wait for, and reports failures that nobody saw.
    let report = runtime.shutdown(SHUTDOWN);
    flush();
    if has_ended && report.left.tasks.is_empty() {
        crate::host::imports::report(&leaks::told());
    }
    if let Some(path) = &args.trace {
        write_trace(path, &handle.stop_trace())?;
    }
    if interrupt::happened() {
        return Ok(exit::INTERRUPTED);
    }
    Ok(if program.has_failed() { exit::PANIC } else { code })
}

/// Writes what the tasks did in the trace format of Chrome and Perfetto.
fn write_trace(path: &Path, trace: &Trace) -> Result<(), Error> {
    let write = || {
        let mut out = BufWriter::new(File::create(path)?);
        trace.write_chrome(&mut out)?;
        out.flush()
    };
    write().map_err(|e| driver::write_error(path, &e))
}
