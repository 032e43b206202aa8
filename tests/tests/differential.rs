//! Random modules, four ways: source and machine interpreted, machine code, and the checker.
//!
//! `VITTE_CASES=100000` runs more, `VITTE_SEED=17` one, with its number printed before it runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use vitte_abi::VT_YIELDED;
use vitte_codegen::{OptLevel, Options};
use vitte_lowering::check::check;
use vitte_lowering::coroutine::lower;
use vitte_lowering::fuzzing::generate;
use vitte_lowering::fuzzing::mutate::Random;
use vitte_lowering::interp::{Input, Outcome, Script, run_machine, run_source};
use vitte_lowering::ir::Module;
use vitte_tests::jit::{Program, difference};

/// Modules of an ordinary test run.
const CASES: u64 = 10_000;

/// What the runs of one module were.
#[derive(Default)]
struct Seen {
    runs: u64,
    suspended: u64,
    cancelled: u64,
    faulted: u64,
}

/// Further scripts for a module: everything ready, and a cancel at some tick of one of the runs before.
fn scripts(seed: u64, pending_ticks: u32, seeded_ticks: u32) -> Vec<(String, Script)> {
    let tick = |ticks: u32| (seed / 7) as u32 % (ticks + 1);
    let (p, s) = (tick(pending_ticks), tick(seeded_ticks));
    let cancelled = if seed.is_multiple_of(2) {
        (format!("pending cancel {p}"), Script::pending(1).cancel_at(p))
    } else {
        (format!("seeded cancel {s}"), Script::seeded(seed).cancel_at(s))
    };
    let mut all = vec![("ready".into(), Script::ready()), cancelled];
    if seed.is_multiple_of(8) {
        all.push(("spurious".into(), Script { spurious: 1, ..Script::seeded(seed) }));
    }
    all
}

fn first_violation(outcome: &Outcome) -> Result<(), String> {
    outcome.violations.first().map_or(Ok(()), |v| Err(format!("{v}\n{}", outcome.trace)))
}

fn end(o: &Outcome) -> (u32, u32, Option<(u32, i64)>) {
    (o.status, o.ticks, o.fault)
}

/// Runs one module every way.
fn run_case(seed: u64, module: &Module) -> Result<Seen, String> {
    let lowered = lower(module).map_err(|e| format!("does not lower: {}", e[0]))?;
    let checked = check(&lowered).map_err(|e| format!("the checker objects: {}", e[0]));
    let options = Options {
        opt: if seed.is_multiple_of(4) { OptLevel::Speed } else { OptLevel::None },
        verify: seed.is_multiple_of(16),
        ..Options::default()
    };
    let program = Program::with_options(module, &lowered, &options);
    let program = program.map_err(|e| format!("does not compile: {e}"))?;
    let root = module.func_by_name("root").ok_or("no root")?;
    let args = [Input::from(seed as i64 % 5), Input::from(3)];
    let mut seen = Seen::default();
    let mut one = |name: &str, script: &Script| -> Result<u32, String> {
        let at = |what: String| format!("{name}: {what}");
        let source = run_source(module, root, &args, script);
        first_violation(&source).map_err(|e| at(format!("source: {e}")))?;
        let machine = run_machine(module, &lowered.module, &lowered.machines, root, &args, script);
        let jit = program.run(root, &args, script);
        for (way, outcome) in [("machine", &machine), ("machine code", &jit)] {
            first_violation(outcome).map_err(|e| at(format!("{way}: {e}")))?;
            if let Some(d) = difference(&source.trace, &outcome.trace) {
                return Err(at(format!("{way}: {d}\n{}", outcome.trace)));
            }
            if end(&source) != end(outcome) {
                return Err(at(format!("{way}: {:?} / {:?}", end(&source), end(outcome))));
            }
        }
        seen.runs += 1;
        seen.suspended += u64::from(source.ticks > 0);
        seen.cancelled += u64::from(source.status == vitte_abi::VT_CANCELLED);
        seen.faulted += u64::from(source.status == vitte_abi::VT_FAULTED);
        if source.status == VT_YIELDED {
            return Err(at("the run does not end".into()));
        }
        Ok(source.ticks)
    };
    let pending = one("pending", &Script::pending(1))?;
    let seeded = one("seeded", &Script::seeded(seed))?;
    for (name, script) in scripts(seed, pending, seeded) {
        one(&name, &script)?;
    }
    // Ready awaits run out: branches interleave otherwise than in the source, but both forms of the
    // machine must agree.
    let script = Script { coop: Some((seed % 4) as i32), ..Script::seeded(seed) };
    let machine = run_machine(module, &lowered.module, &lowered.machines, root, &args, &script);
    let jit = program.run(root, &args, &script);
    first_violation(&machine).map_err(|e| format!("coop, machine: {e}"))?;
    first_violation(&jit).map_err(|e| format!("coop, machine code: {e}"))?;
    match difference(&machine.trace, &jit.trace) {
        Some(d) => Err(format!("coop: {d}\n{}", jit.trace)),
        None => checked.map(|()| seen),
    }
}

/// A module, mostly a small one: what small ones do not show, large ones show ever more slowly.
fn generate(seed: u64) -> Module {
    if seed.is_multiple_of(16) {
        return generate::from_seed(seed);
    }
    let mut random = Random::new(seed);
    let len = [60, 120, 200, 400][random.below(4)];
    let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
    generate::module(&bytes)
}

fn case(seed: u64) -> Result<Seen, String> {
    let module = generate(seed);
    let done = catch_unwind(AssertUnwindSafe(|| run_case(seed, &module)));
    let done = done.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panics: {}", text.unwrap_or("without a message")))
    });
    done.map_err(|e| format!("seed {seed}: {e}\n{module}"))
}

#[test]
fn random_modules_do_the_same_in_every_form() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    if let Some(seed) = number("VITTE_SEED") {
        println!("seed {seed}");
        if let Err(e) = case(seed) {
            panic!("{e}");
        }
        return;
    }
    let cases = number("VITTE_CASES").unwrap_or(CASES);
    let next = AtomicU64::new(0);
    let failed = AtomicU64::new(0);
    let work = || {
        let (mut total, mut failures) = (Seen::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= cases || failed.load(Ordering::Relaxed) >= 3 {
                return (total, failures);
            }
            match case(seed) {
                Ok(seen) => {
                    total.runs += seen.runs;
                    total.suspended += seen.suspended;
                    total.cancelled += seen.cancelled;
                    total.faulted += seen.faulted;
                }
                Err(e) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    failures.push(e);
                }
            }
        }
    };
    let workers = thread::available_parallelism().map_or(2, usize::from);
    let results: Vec<_> = thread::scope(|s| {
        let all: Vec<_> = (0..workers).map(|_| s.spawn(work)).collect();
        all.into_iter().map(|t| t.join().expect("a worker catches its panics")).collect()
    });
    let failures: Vec<&String> = results.iter().flat_map(|(_, f)| f).collect();
    if let Some(first) = failures.first() {
        let heads = failures.iter().map(|f| f.lines().next().unwrap_or_default());
        let heads: Vec<&str> = heads.collect();
        panic!("of {cases} cases some fail:\n{}\n{first}", heads.join("\n"));
    }
    let sum = |f: fn(&Seen) -> u64| results.iter().map(|(s, _)| f(s)).sum::<u64>();
    let (runs, suspended) = (sum(|s| s.runs), sum(|s| s.suspended));
    let (cancelled, faulted) = (sum(|s| s.cancelled), sum(|s| s.faulted));
    println!(
        "{cases} modules, {runs} runs: {suspended} suspend, {cancelled} are cancelled, {faulted} fault"
    );
    assert!(6 * suspended > runs, "only {suspended} of {runs} runs suspend");
    assert!(20 * cancelled > runs, "only {cancelled} of {runs} runs are cancelled");
    assert!(50 * faulted > runs, "only {faulted} of {runs} runs fault");
}
