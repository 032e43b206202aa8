//! Runs step by step: what happens before the start, after the end, and very far down.

use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, VT_YIELDED};
use vitte_lowering::interp::{Input, NoHost, Script, Session};
use vitte_tests::cases::{Case, load_all};

fn case(name: &str) -> Case {
    load_all().into_iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

/// A session of each form.
fn sessions<'m>(case: &'m Case, args: &[Input], script: &Script) -> [Session<'m>; 2] {
    let lowered = &case.lowered;
    let (module, machines) = (&lowered.module, &lowered.machines);
    [
        Session::source(&case.module, case.root, args, script, Box::new(NoHost)),
        Session::machine(&case.module, module, machines, case.root, args, script, Box::new(NoHost)),
    ]
}

#[test]
fn finished_task_answers_faulted_and_is_not_touched() {
    let case = case("case02_cancel_each_state");
    for mut s in sessions(&case, &case.variants[0], &Script::ready()) {
        assert_eq!(s.resume(), VT_DONE);
        let trace = s.trace().clone();
        assert_eq!(s.resume(), VT_FAULTED);
        s.cancel();
        assert_eq!(s.resume(), VT_FAULTED);
        assert_eq!(s.trace(), &trace);
        let outcome = s.finish();
        assert_eq!((outcome.status, outcome.violations), (VT_DONE, vec![]));
    }
}

#[test]
fn poisoned_and_cancelled_tasks_are_not_touched_either() {
    let case = case("case14_fault");
    for (variant, cancel, status) in [(1, false, VT_FAULTED), (0, true, VT_CANCELLED)] {
        for mut s in sessions(&case, &case.variants[variant], &Script::pending(1)) {
            assert_eq!(s.resume(), VT_YIELDED);
            if cancel {
                s.cancel();
            }
            s.tick();
            assert_eq!(s.resume(), status);
            let trace = s.trace().clone();
            s.cancel();
            assert_eq!(s.resume(), VT_FAULTED);
            assert_eq!(s.trace(), &trace);
            let outcome = s.finish();
            assert_eq!((outcome.status, outcome.violations), (status, vec![]));
        }
    }
}

#[test]
fn second_cancel_changes_nothing() {
    let case = case("case12_defer");
    let script = Script::pending(1);
    let once: Vec<_> = sessions(&case, &case.variants[0], &script.clone().cancel_at(1))
        .map(|s| s.run().trace.lines())
        .into();
    for (mut s, once) in sessions(&case, &case.variants[0], &script).into_iter().zip(once) {
        assert_eq!(s.resume(), VT_YIELDED);
        s.tick();
        s.cancel();
        s.cancel();
        assert_eq!(s.resume(), VT_YIELDED, "the cleanup awaits");
        s.cancel();
        s.tick();
        assert_eq!(s.resume(), VT_CANCELLED);
        assert_eq!(s.finish().trace.lines(), once);
    }
}

#[test]
fn spurious_resumes_change_nothing_in_any_state() {
    for case in load_all() {
        for args in &case.variants {
            let base = Script { max_ticks: case.max_ticks.unwrap_or(100), ..Script::pending(2) };
            // Giving way is over at the next resume, whoever resumes.
            if case.max_ticks.is_some() || case.name == "case23_select_now" {
                continue;
            }
            let plain = sessions(&case, args, &base).map(Session::run);
            let script = Script { spurious: 3, ..base };
            for (outcome, plain) in
                sessions(&case, args, &script).map(Session::run).iter().zip(plain)
            {
                assert_eq!(outcome.violations, [], "{}", case.name);
                assert_eq!(outcome.trace.lines(), plain.trace.lines(), "{}", case.name);
            }
        }
    }
}

#[test]
fn many_ready_awaits_leave_nothing_behind() {
    let case = case("case17_ready_loop");
    let n = 20_000;
    let script = Script { fuel: 100_000_000, ..Script::ready() };
    for s in sessions(&case, &[Input::from(n)], &script) {
        let outcome = s.run();
        assert_eq!((outcome.status, outcome.ticks), (VT_DONE, 0));
        assert_eq!(outcome.violations, []);
    }
}

#[test]
fn deep_chain_finishes_and_is_cancelled_on_a_small_stack() {
    let run = || {
        let case = case("case18_deep_chain");
        let script = Script { fuel: 1_000_000_000, ..Script::pending(1) };
        for (n, script) in [(20_000, script.clone()), (100_000, script.cancel_at(1))] {
            for s in sessions(&case, &[Input::from(n)], &script) {
                let outcome = s.run();
                let want = if script.cancel_at.is_some() { VT_CANCELLED } else { VT_DONE };
                assert_eq!(outcome.violations, []);
                assert_eq!((outcome.status, outcome.ticks), (want, 1));
            }
        }
    };
    let small = std::thread::Builder::new().stack_size(512 << 10);
    small.spawn(run).expect("a thread").join().expect("no overflow");
}
