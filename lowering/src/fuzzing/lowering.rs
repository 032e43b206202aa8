//! Differential test of the lowering: a program and its machines do the same under every script.
//!
//! In: bytes, from which a module is generated. The module is verified, lowered, and the result is
//! verified again. Then the reference interpreter runs both forms under scripts with every operation
//! ready, pending, drawn from a seed, and with cancels at every tick; traces, final status and first
//! fault must be equal, and neither may do what no correct program does.

use super::generate;
use crate::coroutine::{Lowered, lower};
use crate::interp::{Input, Outcome, Script, run_machine, run_source};
use crate::ir::{Module, verify};

/// Ticks at which cancels are tried.
const MAX_CANCELS: u32 = 12;

/// Tests one generated module.
///
/// # Panics
///
/// If anything is wrong, with the module's text.
pub fn check(bytes: &[u8]) {
    check_module(&generate::module(bytes), bytes.iter().map(|&b| u64::from(b)).sum());
}

/// Tests a module with a function `root` of type `(i64, i64) -> i64`.
///
/// # Panics
///
/// If anything is wrong, with the module's text.
pub fn check_module(m: &Module, seed: u64) {
    if let Err(violations) = verify(m) {
        panic!("the generated module is wrong: {}\n{m}", violations[0]);
    }
    let lowered = lower(m).unwrap_or_else(|e| panic!("cannot be lowered: {}\n{m}", e[0]));
    if let Err(violations) = verify(&lowered.module) {
        panic!("the machines are wrong: {}\n{m}\n{}", violations[0], lowered.module);
    }
    compare(m, &lowered, &Script::ready());
    let ticks = compare(m, &lowered, &Script::pending(1)).ticks;
    for tick in 0..=ticks.min(MAX_CANCELS) {
        compare(m, &lowered, &Script::pending(1).cancel_at(tick));
    }
    let mut script = Script::seeded(seed);
    let ticks = compare(m, &lowered, &script).ticks;
    script.spurious = 1;
    compare(m, &lowered, &script);
    compare(m, &lowered, &script.cancel_at(seed as u32 % (ticks + 1)));
}

/// Runs both forms; answers the outcome if they agree.
fn compare(m: &Module, lowered: &Lowered, script: &Script) -> Outcome {
    let root = m.func_by_name("root").expect("I: the module has a root");
    let args = [Input::from(2), Input::from(5)];
    let source = run_source(m, root, &args, script);
    let machine = run_machine(m, &lowered.module, &lowered.machines, root, &args, script);
    for (form, outcome) in [("source", &source), ("machine", &machine)] {
        if let Some(v) = outcome.violations.first() {
            panic!("the {form} form does wrong: {v}\nunder {script:?}\n{m}");
        }
    }
    let same = source.trace == machine.trace
        && source.status == machine.status
        && source.fault == machine.fault;
    assert!(
        same,
        "the forms differ\nunder {script:?}\n--- source\n{}\n--- machine\n{}\n{m}",
        source.trace, machine.trace
    );
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_modules_do_the_same_when_lowered() {
        for seed in 0..400 {
            check_module(&generate::from_seed(seed), seed);
        }
    }
}
