//! `vitte test FILE...`: runs `test "…" { … }` blocks.
//!
//! Each run of a test has a runtime of its own: a real one with one thread, or with `--seeds` a virtual
//! one per seed.

use super::{TestArgs, exit, report};
use crate::driver::{Compilation, Error};
use crate::execute::{End, Executable};
use crate::host::imports::flush;
use crate::host::leaks;
use std::time::Duration;
use vitte_rt::runtime::Builder;

/// How long tasks that outlive a test have to clean up.
const SHUTDOWN: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    filtered: usize,
}

/// Runs the tests of all files.
pub(super) fn run(args: &TestArgs) -> u8 {
    let mut count = Count::default();
    let mut code = exit::FINE;
    for file in &args.files {
        let ran = Compilation::read(file).and_then(|mut compilation| {
            let module = compilation.module();
            report::diagnostics(&compilation, args.format);
            match module? {
                Some(module) => run_tests(&compilation, module, args, &mut count),
                None => Ok(exit::ERROR),
            }
        });
        let here = ran.unwrap_or_else(|error| report::error(&error, args.format));
        code = code.max(here);
    }
    let Count { passed, failed, filtered } = count;
    println!("{passed} passed, {failed} failed, {filtered} filtered out");
    if failed > 0 { code.max(exit::ERROR) } else { code }
}

/// Runs the tests of one file.
fn run_tests(
    compilation: &Compilation,
    module: vitte_lowering::ir::Module,
    args: &TestArgs,
    count: &mut Count,
) -> Result<u8, Error> {
    let wanted = |name: &str| args.filter.as_ref().is_none_or(|part| name.contains(part.as_str()));
    let tests: Vec<_> = compilation
        .tests
        .iter()
        .filter_map(|t| Some((t.name.as_str(), module.func_by_name(&t.symbol)?)))
        .collect();
    let (run, filtered): (Vec<_>, Vec<_>) = tests.into_iter().partition(|t| wanted(t.0));
    count.filtered += filtered.len();
    if run.is_empty() {
        return Ok(exit::FINE);
    }
    let funcs: Vec<_> = run.iter().map(|t| t.1).collect();
    let executable = Executable::new(&compilation.path, module, &funcs)?;
    for (n, (name, _)) in run.iter().enumerate() {
        let seeds: Vec<Option<u64>> = match args.seeds {
            Some(n) => (0..n).map(Some).collect(),
            None => vec![None],
        };
        let failure = seeds.into_iter().find_map(|seed| {
            let how = seed.map_or(String::new(), |s| format!(" (seed {s})"));
            match run_one(&executable, n, seed) {
                Ok(None) => None,
                Ok(Some(why)) => Some(format!("{why}{how}")),
                Err(error) => Some(format!("{error}{how}")),
            }
        });
        flush();
        match failure {
            None => {
                count.passed += 1;
                println!("test {name} ... ok");
            }
            Some(why) => {
                count.failed += 1;
                println!("test {name} ... FAILED\n{}", indented(&why));
            }
        }
    }
    Ok(exit::FINE)
}

/// Runs one test once; answers why it failed.
fn run_one(executable: &Executable, n: usize, seed: Option<u64>) -> Result<Option<String>, Error> {
    let builder = seed.map_or_else(Builder::current_thread, Builder::seeded);
    let runtime = builder.build().map_err(|e| Error::Refused {
        stage: "test",
        code: String::new(),
        message: format!("the runtime cannot start: {e}"),
    })?;
    let running = executable.start(n, &runtime)?;
    let end = running.wait(&runtime);
    let has_ended = matches!(end, End::Gave(_));
    let why = match end {
        End::Gave(_) => None,
        End::Panicked(failure) => Some(failure.to_string()),
        End::Cancelled => Some("it was cancelled".into()),
        End::Stalled(dump) => {
            Some(format!("every task waits for something that can never come\n{dump}"))
        }
    };
    let program = running.program.clone();
    drop(running);
    let report = runtime.shutdown(SHUTDOWN);
    let cycles = leaks::told();
    // Each seed would tell the same.
    if has_ended && report.left.tasks.is_empty() && seed.is_none_or(|seed| seed == 0) {
        crate::host::imports::report(&cycles);
    }
    let unseen = || program.has_failed().then(|| "a task failed that nobody awaited".to_owned());
    Ok(why.or_else(unseen))
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}
