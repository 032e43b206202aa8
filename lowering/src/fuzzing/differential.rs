//! Source against machine: a generated program must do the same in both forms, under every script.
//!
//! Also: the verifier accepts it, the checker accepts its lowering, and no run has a violation.

use super::generate;
use crate::coroutine::{Lowered, lower};
use crate::interp::{Input, Outcome, Script, run_machine, run_source};
use crate::ir::{Func, Module, verify};
use std::fmt::Display;
use vitte_abi::VT_YIELDED;

/// Instructions of a source run; what needs more is not compared.
const FUEL: u64 = 60_000;

/// Makes a module from bytes and compares its two forms.
///
/// # Panics
///
/// If they differ, with the module.
pub fn check(bytes: &[u8]) {
    let module = generate::module(bytes);
    if let Err(why) = agree(&module) {
        panic!("{why}\n\n{module}");
    }
}

fn list<E: Display>(what: &str, errors: &[E]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    format!("{what}:\n{}", lines.join("\n"))
}

/// Compares the two forms of a generated module.
///
/// # Errors
///
/// What differs, or what a stage complains about.
pub fn agree(module: &Module) -> Result<(), String> {
    verify(module).map_err(|e| list("the verifier rejects the module", &e))?;
    let lowered = lower(module).map_err(|e| list("lowering fails", &e))?;
    let root = module.func_by_name("root").ok_or("there is no root")?;
    let pair = Pair { module, lowered: &lowered, root };
    for base in [Script::ready(), Script::pending(1), Script::seeded(1), Script::seeded(2)] {
        let Some(ticks) = pair.compare(&base)? else { continue };
        for tick in 0..=ticks.min(8) {
            pair.compare(&base.clone().cancel_at(tick))?;
        }
        pair.compare(&Script { spurious: 1, ..base })?;
    }
    crate::check::check(&lowered).map_err(|e| list("the checker rejects the machine", &e))
}

/// A module and its lowering.
struct Pair<'a> {
    module: &'a Module,
    lowered: &'a Lowered,
    root: Func,
}

impl Pair<'_> {
    /// Runs both forms under a script; answers the ticks, or `None` if the run is too long.
    fn compare(&self, script: &Script) -> Result<Option<u32>, String> {
        let args = [Input::from(3), Input::from(5)];
        let script = Script { fuel: FUEL, max_ticks: 500, ..script.clone() };
        let source = run_source(self.module, self.root, &args, &script);
        let endless = source.violations.iter().any(|v| v.what == "out of fuel");
        if endless || source.status == VT_YIELDED {
            return Ok(None);
        }
        let script = Script { fuel: 100 * FUEL, ..script };
        let Lowered { module, machines, .. } = self.lowered;
        let machine = run_machine(self.module, module, machines, self.root, &args, &script);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `VITTE_FUZZ_SEED` and `VITTE_FUZZ_CASES` say which seeds; a failure names its own.
    #[test]
    fn random_modules_agree() {
        let number = |name: &str, other: u64| {
            std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(other)
        };
        let first = number("VITTE_FUZZ_SEED", 0);
        for seed in first..first + number("VITTE_FUZZ_CASES", 150) {
            let module = generate::from_seed(seed);
            if let Err(why) = agree(&module) {
                panic!("seed {seed}: {why}\n\n{module}");
            }
        }
    }
}
