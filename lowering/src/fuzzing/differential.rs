//! Source against machine: a generated program must do the same in both forms, under every script.
//!
//! Also: the verifier accepts it, the checker accepts its lowering, and no run has a violation.

use super::generate::{Program, generate};
use crate::coroutine::{Lowered, lower};
use crate::interp::{Outcome, Script, run_machine, run_source};
use crate::ir::verify;
use std::fmt::Display;
use vitte_abi::VT_YIELDED;

/// Instructions of a source run; what needs more is not compared.
const FUEL: u64 = 60_000;

/// Generates a program from bytes and compares its two forms.
///
/// # Panics
///
/// If they differ, with the program.
pub fn check(bytes: &[u8]) {
    let program = generate(bytes);
    if let Err(why) = agree(&program) {
        panic!("{why}\n\n{}", program.module);
    }
}

fn list<E: Display>(what: &str, errors: &[E]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    format!("{what}:\n{}", lines.join("\n"))
}

/// Compares the two forms of a program.
///
/// # Errors
///
/// What differs, or what a stage complains about.
pub fn agree(p: &Program) -> Result<(), String> {
    verify(&p.module).map_err(|e| list("the verifier rejects the program", &e))?;
    let lowered = lower(&p.module).map_err(|e| list("lowering fails", &e))?;
    for base in [Script::ready(), Script::pending(1), Script::seeded(1), Script::seeded(2)] {
        let Some(ticks) = compare(p, &lowered, &base)? else { continue };
        for tick in 0..=ticks.min(8) {
            compare(p, &lowered, &base.clone().cancel_at(tick))?;
        }
        compare(p, &lowered, &Script { spurious: 1, ..base })?;
    }
    crate::check::check(&lowered).map_err(|e| list("the checker rejects the machine", &e))
}

/// Runs both forms under a script; answers the ticks, or `None` if the run is too long.
fn compare(p: &Program, lowered: &Lowered, script: &Script) -> Result<Option<u32>, String> {
    let script = Script { fuel: FUEL, max_ticks: 500, ..script.clone() };
    let source = run_source(&p.module, p.root, &p.args, &script);
    if source.violations.iter().any(|v| v.what == "out of fuel") || source.status == VT_YIELDED {
        return Ok(None);
    }
    let script = Script { fuel: 100 * FUEL, ..script };
    let (module, machines) = (&lowered.module, &lowered.machines);
    let machine = run_machine(&p.module, module, machines, p.root, &p.args, &script);
    let context = |o: &Outcome, what: String| format!("{what}\nunder {script:?}\n{}", o.trace);
    for (form, outcome) in [("source", &source), ("machine", &machine)] {
        if !outcome.violations.is_empty() {
            return Err(context(outcome, list(form, &outcome.violations)));
        }
    }
    match source.trace.first_difference(&machine.trace) {
        Some(what) => Err(context(&source, format!("source / machine differ at {what}"))),
        None => Ok(Some(source.ticks)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seed: u64) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let n = 40 + usize::from(next());
        (0..n).map(|_| next()).collect()
    }

    /// `VITTE_FUZZ_SEED` and `VITTE_FUZZ_CASES` say which seeds: a failure names its own.
    #[test]
    fn random_programs_agree() {
        let env = |name: &str, other: u64| {
            std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(other)
        };
        let first = env("VITTE_FUZZ_SEED", 0);
        for seed in first..first + env("VITTE_FUZZ_CASES", 300) {
            let program = generate(&bytes(seed));
            if let Err(why) = agree(&program) {
                panic!("seed {seed}: {why}\n\n{}", program.module);
            }
        }
    }
}
