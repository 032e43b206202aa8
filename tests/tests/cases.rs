//! Every case, in every scenario, by every runner.

use vitte_lowering::check::check;
use vitte_lowering::interp::{Input, Outcome, Script, run_machine};
use vitte_lowering::ir::verify;
use vitte_tests::cases::{Case, Runner, Source, load_all};

/// The machine of the transform, interpreted.
struct Machine;

impl Runner for Machine {
    fn name(&self) -> &'static str {
        "machine"
    }
    fn run(&self, case: &Case, args: &[Input], script: &Script) -> Outcome {
        let lowered = &case.lowered;
        run_machine(&case.module, &lowered.module, &lowered.machines, case.root, args, script)
    }
}

fn complaints(outcome: &Outcome) -> String {
    let lines: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

#[test]
fn cases_behave_as_their_heads_say() {
    let bless = std::env::var_os("UPDATE_EXPECT").is_some();
    let runners: [&dyn Runner; 2] = [&Source, &Machine];
    let mut failures = Vec::new();
    for case in load_all() {
        let mut traces = Vec::new();
        for variant in 0..case.variants.len() {
            let mut waits = 0;
            for (scenario, script) in case.scenarios(runners[0], variant) {
                for runner in runners {
                    let at = format!("{} {scenario} by {}", case.name, runner.name());
                    let outcome = runner.run(&case, &case.variants[variant], &script);
                    waits = waits.max(outcome.ticks);
                    let lines = outcome.trace.lines();
                    if !outcome.violations.is_empty() {
                        failures.push(format!("{at}: {}\n{}", complaints(&outcome), outcome.trace));
                    } else if !bless && case.expected.get(&scenario) != Some(&lines) {
                        failures.push(format!("{at}: unexpected trace\n{}", outcome.trace));
                    }
                    if runner.name() == "source" {
                        traces.push((scenario.clone(), lines));
                    }
                }
            }
            assert!(waits > 0, "{} variant {variant} never suspends", case.name);
        }
        if bless {
            case.bless(&traces);
        } else if traces.len() != case.expected.len() {
            failures.push(format!("{}: other scenarios than in the file", case.name));
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn runners_agree_under_further_scripts() {
    let mut failures = Vec::new();
    for case in load_all() {
        for (variant, args) in case.variants.iter().enumerate() {
            for (name, script) in case.further() {
                let at = format!("{} {variant} {name}", case.name);
                let (source, machine) =
                    (Source.run(&case, args, &script), Machine.run(&case, args, &script));
                for outcome in [&source, &machine] {
                    if !outcome.violations.is_empty() {
                        failures.push(format!("{at}: {}", complaints(outcome)));
                    }
                }
                let difference = source.trace.first_difference(&machine.trace);
                failures.extend(difference.map(|d| format!("{at}: {d}")));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn checker_accepts_every_case() {
    for case in load_all() {
        assert_eq!(check(&case.lowered), Ok(()), "{}", case.name);
    }
}

#[test]
fn verifier_accepts_every_case() {
    for case in load_all() {
        let errors: Vec<String> =
            verify(&case.module).err().into_iter().flatten().map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{}:\n{}", case.name, errors.join("\n"));
    }
}
