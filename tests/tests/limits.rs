//! Cases that are properties rather than traces: depth, length, alignment, identity, misuse. The
//! numbers are those of the list of cases any lowering must get right.

use std::fmt::Write as _;
use std::thread;
use vitte_abi::{LayoutRecord, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_YIELDED};
use vitte_lowering::check::check;
use vitte_lowering::coroutine::{Lowered, lower};
use vitte_lowering::interp::{Input, Script, run_machine, run_source};
use vitte_lowering::ir::{Func, Module, parse_module, verify};
use vitte_tests::cases::{Case, load_all};
use vitte_tests::jit::{Program, difference};

const HEAD: &str = r#"module "limits"
file0 = "limits.vit"
class0 = class "object" retain imp1 release imp2
imp0 = import "t_note"(i64)
imp1 = import "t_retain"(ref(class0))
imp2 = import "t_release"(ref(class0))
imp3 = import "t_new"(i64) -> ref(class0)
op0 = op "op_wait" symbol "op_wait"(i64) -> i64 size 16 align 8 result 8
"#;

fn module(body: &str) -> Module {
    let module = parse_module(&format!("{HEAD}\n{body}"));
    let module = module.unwrap_or_else(|e| panic!("{}\n{body}", e[0]));
    if let Err(errors) = verify(&module) {
        panic!("{}\n{body}", errors[0]);
    }
    module
}

fn lowered(module: &Module) -> Lowered {
    let lowered = lower(module).unwrap_or_else(|e| panic!("{}", e[0]));
    assert_eq!(check(&lowered), Ok(()));
    lowered
}

fn record(text: &str, name: &str) -> LayoutRecord {
    let module = module(text);
    let lowered = lowered(&module);
    lowered.machines[&module.func_by_name(name).expect("the function")].clone()
}

fn case(name: &str) -> Case {
    load_all().into_iter().find(|c| c.name == name).unwrap_or_else(|| panic!("no case {name}"))
}

const ROOT: Func = Func::from_u32(0);

// ---- case 15 -----------------------------------------------------------------------------------

#[test]
fn a_finished_frame_answers_faulted_and_is_not_touched() {
    let case = case("case02_cancel_each_state");
    let program = Program::new(&case.module, &case.lowered).unwrap();
    for cancel in [false, true] {
        let mut run = program.session(case.root, &case.variants[0], &Script::ready());
        if cancel {
            run.cancel();
        }
        let end = if cancel { VT_CANCELLED } else { VT_DONE };
        assert_eq!(run.resume(), end);
        let bytes = run.frame_bytes();
        for _ in 0..2 {
            assert_eq!(run.resume_raw(), VT_FAULTED);
            assert_eq!(run.frame_bytes(), bytes);
            run.cancel();
        }
        assert_eq!(run.finish().violations, vec![]);
    }
}

#[test]
fn a_cancel_while_the_task_runs_is_delivered_when_it_suspends() {
    let module = module(&in_a_row(2));
    let lowered = lowered(&module);
    let program = Program::new(&module, &lowered).unwrap();
    let mut run = program.session(ROOT, &[Input::from(1)], &Script::pending(1));
    run.cancel_in_start(1);
    assert_eq!(run.resume(), VT_YIELDED);
    run.tick();
    assert_eq!(run.resume(), VT_CANCELLED, "in the same resume");
    let outcome = run.finish();
    assert_eq!(outcome.violations, vec![]);
    let lines = ["op0 op_wait(1)", "op0 ready 2", "op1 op_wait(2)", "op1 cancelled"];
    assert_eq!(outcome.trace.lines()[..4], lines);
}

#[test]
fn a_body_that_resumes_itself_is_refused_and_goes_on() {
    for name in ["case05_operands", "case12_defer", "case18_recursion", "case23_join"] {
        let case = case(name);
        let program = Program::new(&case.module, &case.lowered).unwrap();
        let mut n_refused = 0;
        for args in &case.variants {
            for script in [Script::ready(), Script::pending(1)] {
                let expected = program.run(case.root, args, &script);
                let mut run = program.session(case.root, args, &script);
                run.resume_in_start();
                run.run();
                let refused = run.inner_resumes();
                n_refused += refused.len();
                assert!(refused.iter().all(|&s| s == VT_FAULTED), "{name} {refused:?}");
                let outcome = run.finish();
                assert_eq!((outcome.status, outcome.violations), (expected.status, vec![]));
                assert_eq!(outcome.trace, expected.trace, "{name}");
            }
        }
        assert!(n_refused > 0, "{name} starts operations");
    }
}

// ---- case 16 -----------------------------------------------------------------------------------

/// A waker may hand the frame on as soon as its resume function has returned.
#[test]
fn nothing_touches_the_frame_after_its_resume_function_has_returned() {
    let mut suspends = 0;
    for case in load_all() {
        let program = Program::new(&case.module, &case.lowered).unwrap();
        for args in &case.variants {
            let mut run = program.session(case.root, args, &Script::pending(1));
            for _ in 0..50 {
                let (status, same) = run.resume_watched();
                if status != VT_YIELDED {
                    break;
                }
                assert_ne!(same, Some(false), "{}", case.name);
                suspends += usize::from(same.is_some());
                run.tick();
            }
        }
    }
    assert!(suspends > 100, "{suspends} suspends");
}

// ---- case 25 -----------------------------------------------------------------------------------

#[test]
fn every_resume_may_run_on_another_thread_with_another_context() {
    for case in load_all() {
        let program = Program::new(&case.module, &case.lowered).unwrap();
        for args in &case.variants {
            let mut script = Script::pending(1);
            script.max_ticks = case.max_ticks.unwrap_or(script.max_ticks);
            let expected = run_source(&case.module, case.root, args, &script);
            let mut run = program.session(case.root, args, &script);
            for _ in 0..expected.ticks.min(200) {
                let status = thread::scope(|s| {
                    let resume = || {
                        run.renew_context();
                        let mut status = run.resume();
                        while status == vitte_abi::VT_ITEM {
                            status = run.resume();
                        }
                        run.tick();
                        status
                    };
                    s.spawn(resume).join().expect("no panic")
                });
                if status != VT_YIELDED {
                    break;
                }
            }
            run.run();
            let outcome = run.finish();
            assert_eq!(outcome.violations, vec![], "{}", case.name);
            let difference = difference(&expected.trace, &outcome.trace);
            assert_eq!(difference, None, "{}", case.name);
        }
    }
}

// ---- case 17 -----------------------------------------------------------------------------------

#[test]
fn a_million_ready_awaits_keep_the_stack_and_spill_nothing() {
    let text = r#"async fn0 "root"("n": i64) -> i64 {
  sp0 "wait"
block0(v0 "n": i64):
  v1 "zero": i64 = const 0
  jump block1(v0, v1)
block1(v2 "i": i64, v3 "sum": i64):
  v4 "more": bool = cmp.sgt v2, v1
  br v4, block2, block4
block2:
  await sp0 op0(v2) -> ok block3(r0), unwind block5(cause)
block3(v5 "a": i64):
  v6 "one": i64 = const 1
  v7 "j": i64 = sub v2, v6
  v8 "s": i64 = add v3, v5
  budget
  jump block1(v7, v8)
block4:
  return v3
block5(v9 "c": i32):
  unwind v9
}
"#;
    let module = module(text);
    let lowered = lowered(&module);
    let program = Program::new(&module, &lowered).unwrap();
    let mut run = program.session(ROOT, &[Input::from(1_000_000)], &Script::ready());
    run.silence();
    let before = run.frame_bytes();
    assert_eq!(run.resume(), VT_DONE);
    let after = run.frame_bytes();
    assert_eq!(run.stack_range(), 0, "every operation is started at one depth");
    // The frame keeps `i` and `sum` over the await. Only the storage of the operation, the tag and
    // the result may be written to.
    let record = &lowered.machines[&ROOT];
    let written = |s: &&vitte_abi::SlotRecord| matches!(s.role, vitte_abi::SlotRole::Op);
    let mut may_change = vec![false; after.len()];
    let mut mark = |from: u64, len: u64| may_change[from as usize..][..len as usize].fill(true);
    record.slots.iter().filter(written).for_each(|s| mark(s.offset, s.size));
    mark(record.tag_offset, record.tag_bytes);
    mark(record.result_offset, record.result_bytes);
    let spilled: Vec<usize> =
        (0..after.len()).filter(|&i| before[i] != after[i] && !may_change[i]).collect();
    assert!(spilled.is_empty(), "{spilled:?}\n{record}");
    let kept = may_change.iter().filter(|c| !**c).count();
    assert!(kept >= 8, "some place of a kept value is watched\n{record}");
    assert_eq!(run.frames(), 1);
    assert_eq!(run.finish().violations, vec![]);
}

// ---- case 18 -----------------------------------------------------------------------------------

#[test]
fn a_chain_of_a_hundred_thousand_lives_on_a_small_stack() {
    let case = case("case18_deep_chain");
    let work = move || {
        let program = Program::new(&case.module, &case.lowered).unwrap();
        for (cancel, status) in [(None, VT_DONE), (Some(1), VT_CANCELLED)] {
            let script = Script { cancel_at: cancel, ..Script::pending(1) };
            let mut run = program.session(case.root, &[Input::from(100_000)], &script);
            run.run();
            assert!(run.frames() > 1_000, "most frames are allocated on their own");
            let outcome = run.finish();
            assert_eq!((outcome.status, outcome.violations), (status, vec![]));
        }
    };
    // Compiling takes more stack than running does: a debug build of Cranelift needs some 100 KiB.
    let small = thread::Builder::new().stack_size(1 << 20);
    small.spawn(work).unwrap().join().expect("the stack suffices");
}

// ---- case 21 -----------------------------------------------------------------------------------

/// Holds a slot of some size and alignment, whose address was taken, over an await.
fn pinned(size: u64, align: u32) -> String {
    format!(
        r#"async fn0 "root"("n": i64) -> i64 {{
  slot0 "page": bytes({size}, {align})
  sp0 "wait"
block0(v0 "n": i64):
  v1: ptr = slot_addr slot0
  store v1, v0
  await sp0 op0(v0) -> ok block1(r0), unwind block2(cause)
block1(v2: i64):
  v3: i64 = load v1
  v4: i64 = bitcast v1
  v5: i64 = const {mask}
  v6: i64 = and v4, v5
  call imp0(v6)
  return v3
block2(v7: i32):
  unwind v7
}}
"#,
        mask = align - 1
    )
}

#[test]
fn over_aligned_slots_are_aligned_in_memory() {
    for align in [16, 64, 4096] {
        let module = module(&pinned(u64::from(align), align));
        let lowered = lowered(&module);
        let program = Program::new(&module, &lowered).unwrap();
        let outcome = program.run(ROOT, &[Input::from(7)], &Script::pending(1));
        assert_eq!(outcome.violations, vec![]);
        let expected = ["op0 op_wait(7)", "op0 ready 8", "note 0", "end DONE 7"];
        assert_eq!(outcome.trace.lines(), expected, "align {align}");
    }
}

#[test]
fn frames_beyond_two_gibibytes_are_refused() {
    let text = r#"async fn0 "root"("n": i64) -> i64 {
  slot0 "a": bytes(1500000000, 8)
  slot1 "b": bytes(1500000000, 8)
  sp0 "wait"
block0(v0 "n": i64):
  v1: ptr = slot_addr slot0
  v2: ptr = slot_addr slot1
  store v1, v0
  store v2, v0
  await sp0 op0(v0) -> ok block1(r0), unwind block2(cause)
block1(v3: i64):
  v4: i64 = load v1
  v5: i64 = load v2
  v6: i64 = add v4, v5
  return v6
block2(v7: i32):
  unwind v7
}
"#;
    let errors = lower(&module(text)).map(|l| l.machines[&ROOT].size).unwrap_err();
    assert_eq!(errors[0].code, "LOWER0001");
    assert!(errors[0].message.contains("root"), "{}", errors[0]);
}

// ---- case 22 -----------------------------------------------------------------------------------

/// Awaits in a row, each given the result of the one before.
fn in_a_row(n: usize) -> String {
    let mut text = String::from("async fn0 \"root\"(\"n\": i64) -> i64 {\n");
    (0..n).for_each(|i| writeln!(text, "  sp{i} \"s{i}\"").unwrap());
    text.push_str("block0(v0: i64):\n");
    for i in 0..n {
        let (next, cleanup) = (i + 1, n + 1);
        writeln!(
            text,
            "  await sp{i} op0(v{i}) -> ok block{next}(r0), unwind block{cleanup}(cause)\n\
             block{next}(v{next}: i64):"
        )
        .unwrap();
    }
    let (cleanup, cause) = (n + 1, n + 1);
    write!(text, "  return v{n}\nblock{cleanup}(v{cause}: i32):\n  unwind v{cause}\n}}\n").unwrap();
    text
}

#[test]
fn the_tag_grows_with_the_number_of_states() {
    for (n, tag_bytes) in [(252, 1), (253, 1), (254, 2), (256, 2)] {
        let module = module(&in_a_row(n));
        let lowered = lowered(&module);
        let record = &lowered.machines[&ROOT];
        assert_eq!((record.states.len(), record.tag_bytes), (n, tag_bytes));
        let program = Program::new(&module, &lowered).unwrap();
        let args = [Input::from(0)];
        for script in [Script::pending(1), Script::pending(1).cancel_at(n as u32 - 1)] {
            let source = run_source(&module, ROOT, &args, &script);
            let jit = program.run(ROOT, &args, &script);
            assert_eq!(jit.violations, vec![]);
            assert_eq!(difference(&source.trace, &jit.trace), None, "{n} states");
        }
    }
}

#[test]
fn ten_thousand_suspends_compile_and_run() {
    const N: usize = 10_000;
    let module = module(&in_a_row(N));
    let lowered = lowered(&module);
    assert_eq!(lowered.machines[&ROOT].states.len(), N);
    let options = vitte_codegen::Options { verify: false, ..Default::default() };
    let program = Program::with_options(&module, &lowered, &options).unwrap();
    let mut script = Script::pending(1);
    script.max_ticks = u32::MAX;
    let outcome = program.run(ROOT, &[Input::from(0)], &script);
    assert_eq!((outcome.status, outcome.ticks, outcome.violations), (VT_DONE, N as u32, vec![]));
    assert_eq!(outcome.trace.lines().last().map(String::as_str), Some("end DONE 10000"));
}

// ---- fuel --------------------------------------------------------------------------------------

/// An endless loop beside an object that has to be dropped; a round of it may await `sp1`.
fn endless(more: &str, round: &str) -> String {
    format!(
        r#"async fn0 "root"() {{
  slot0 "kept": ref(class0)
  sp0 "first"
  {more}
block0:
  v0: i64 = const 7
  v1: ref(class0) = call imp3(v0)
  slot_store slot0, v1
  await sp0 op0(v0) -> ok block5(r0), unwind block4(cause)
block1:
  v2: i64 = const 1
  {round}
block2(v3: i64):
  call imp0(v3)
  v4: bool = budget
  br v4, block1, block3
block3:
  fault 10 -> unwind block4(cause)
block4(v5: i32):
  drop slot0
  unwind v5
block5(v6: i64):
  jump block1
}}
"#
    )
}

#[test]
fn a_loop_without_fuel_takes_its_unwind_edge() {
    for (more, round) in [
        ("", "jump block2(v2)"),
        ("sp1 \"round\"", "await sp1 op0(v2) -> ok block2(r0), unwind block4(cause)"),
    ] {
        let module = module(&endless(more, round));
        let lowered = lowered(&module);
        for back_edges in [0, 1, 5] {
            let script = Script { back_edges, ..Script::pending(1) };
            let source = run_source(&module, ROOT, &[], &script);
            let machine =
                run_machine(&module, &lowered.module, &lowered.machines, ROOT, &[], &script);
            assert_eq!((source.status, source.fault), (VT_FAULTED, Some((10, 0))), "{round}");
            assert_eq!(source.violations, vec![]);
            let notes = source.trace.lines().iter().filter(|l| l.starts_with("note")).count();
            assert_eq!(notes, back_edges as usize + 1, "{}", source.trace);
            assert_eq!(difference(&source.trace, &machine.trace), None);
            for program in [
                Program::new(&module, &lowered).unwrap(),
                Program::on_demand(&module, &lowered).unwrap(),
            ] {
                let jit = program.run(ROOT, &[], &script);
                assert_eq!(jit.violations, vec![]);
                assert_eq!((jit.status, jit.fault), (source.status, source.fault));
                assert_eq!(difference(&source.trace, &jit.trace), None);
            }
        }
    }
}

// ---- case 24 -----------------------------------------------------------------------------------

const KEEPER: &str = r#"async fn0 "keeper"("n": i64, "m": i64) -> i64 {
  sp0 "wait"
block0(v0 "n": i64, v1 "m": i64):
  v2 "k": i64 = const 5
  v3 "sum": i64 = add v0, v2
  await sp0 op0(v1) -> ok block1(r0), unwind block2(cause)
block1(v4 "r": i64):
  v5: i64 = add v3, v4
  return v5
block2(v6: i32):
  unwind v6
}
"#;

#[test]
fn the_layout_hash_changes_with_the_layout_only() {
    let first = record(KEEPER, "keeper");
    let hash = |text: &str| record(text, "keeper").layout_hash();
    assert_eq!(hash(KEEPER), first.layout_hash());
    let same = [
        // Another constant, another block order, another function before it.
        KEEPER.replace("const 5", "const 6"),
        KEEPER.replace("add v0, v2", "sub v0, v2"),
        format!(
            "{}\n{}",
            in_a_row(1).replace("\"root\"", "\"other\""),
            KEEPER.replace("fn0", "fn1")
        ),
    ];
    for text in same {
        assert_eq!(hash(&text), first.layout_hash(), "{text}");
    }
    let other = [
        // Another name of what is kept, of the state; more that is kept; a larger parameter.
        KEEPER.replace("\"sum\"", "\"total\""),
        KEEPER.replace("\"wait\"", "\"nap\""),
        KEEPER.replace("add v3, v4", "add v3, v1"),
        KEEPER.replace("\"m\": i64", "\"mm\": i64"),
    ];
    for text in other {
        assert_ne!(hash(&text), first.layout_hash(), "{text}");
    }
}

#[test]
fn names_survive_reordering() {
    let swapped = format!(
        "{}\n{}",
        in_a_row(2).replace("\"root\"", "\"other\""),
        KEEPER.replace("fn0", "fn1")
    );
    assert_eq!(record(&swapped, "keeper"), record(KEEPER, "keeper"));
}

// ---- case 26 -----------------------------------------------------------------------------------

#[test]
fn states_know_their_line_and_what_is_dead() {
    let text = KEEPER.replace("sp0 \"wait\"", "sp0 \"wait\" @0:12:5");
    let r = record(&text, "keeper");
    let [state] = &r.states[..] else { panic!("one state\n{r}") };
    assert_eq!((state.span.file.as_str(), state.span.line), ("limits.vit", 12));
    let live: Vec<&str> = state.live.iter().map(|&i| r.slots[i as usize].name.as_str()).collect();
    assert!(live.contains(&"sum"), "{r}");
    for name in ["n", "m"] {
        assert!(!live.contains(&name), "{r}");
        assert!(state.dead.iter().any(|d| d == name), "{r}");
    }
}
