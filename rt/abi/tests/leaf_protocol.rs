//! The leaf protocol, driven by hand-written frames: what generated code relies on.
//!
//! Each coroutine below is a frame type and a resume function with the states 0 unresumed,
//! 1 returned, 3+ suspended. A [`World`] hangs off `ctx.user`: a virtual clock in ticks, a log of
//! what happened, a count of arena frames.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    clippy::cast_ptr_alignment,
    reason = "the frames are written by hand: all of it is the unsafe code under test"
)]

mod frames;

use frames::*;
use vitte_abi::*;

/// Runs `leaf` tick by tick until it ends; asks for cancel at tick `cancel_at`.
fn drive(world: &mut World, leaf: &mut vt_leaf, cancel_at: Option<u64>) -> vt_status {
    loop {
        if cancel_at == Some(world.now) && leaf.cancel == VT_CANCEL_NONE {
            leaf.cancel = VT_CANCEL_ASKED;
        }
        let status = world.run(leaf);
        if status != VT_YIELDED {
            return status;
        }
        world.now += 1;
        assert!(world.now < 100, "hangs: {:?}", world.log);
    }
}

#[test]
fn recursion_is_flat_on_a_small_stack() {
    let run = |cancel: bool| {
        let mut world = World::new();
        let root = world.arena(&REC_MACHINE);
        unsafe { (*of::<Rec>(root)).n = 200_000 };
        let mut leaf = vt_leaf::new(rec, root);
        assert_eq!(world.run(&mut leaf), VT_YIELDED);
        assert_eq!(world.live, 200_001);
        world.now = 20;
        if cancel {
            leaf.cancel = VT_CANCEL_ASKED;
        }
        let mut status = world.run(&mut leaf);
        if cancel {
            assert_eq!(status, VT_YIELDED, "the innermost cleanup awaits");
            world.now = 40;
            status = world.run(&mut leaf);
        }
        assert_eq!(status, if cancel { VT_CANCELLED } else { VT_DONE });
        assert_eq!(unsafe { (*of::<Rec>(root)).result }, 200_000);
        world.free(root);
        assert_eq!(world.live, 0);
    };
    std::thread::Builder::new()
        .stack_size(64 << 10)
        .spawn(move || {
            run(false);
            run(true);
        })
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn cancel_before_start_runs_nothing() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 0);
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    leaf.cancel = VT_CANCEL_ASKED;
    assert_eq!(world.run(&mut leaf), VT_CANCELLED);
    assert_eq!((leaf.cancel, frame.tag), (VT_CANCEL_TAKEN, 1));
    assert_eq!(world.log, ["1 never started"]);
}

#[test]
fn cancel_is_delivered_once() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 3);
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    leaf.cancel = VT_CANCEL_ASKED;
    assert_eq!(world.run(&mut leaf), VT_YIELDED, "cleanup awaits");
    assert_eq!(world.run(&mut leaf), VT_YIELDED, "a spurious resume in cleanup changes nothing");
    world.now = 3;
    assert_eq!(world.run(&mut leaf), VT_CANCELLED);
    assert_eq!(world.log, ["1 cancel@0", "1 cleaned@3"]);
}

#[test]
fn cancel_asked_while_running_is_delivered_at_the_next_suspension() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 0);
    frame.ask_itself = true;
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    assert_eq!(world.run(&mut leaf), VT_CANCELLED);
    assert_eq!(world.log, ["1 cancel@0", "1 cleaned@0"]);
}

#[test]
fn a_body_that_resumes_itself_is_refused_and_goes_on() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 0);
    frame.resume_itself = true;
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    assert_eq!((leaf.running, frame.tag), (0, 3), "suspended as if nothing had been tried");
    world.now = 5;
    assert_eq!(world.run(&mut leaf), VT_DONE);
    assert_eq!((leaf.running, world.log.as_slice()), (0, ["1 done@5".to_owned()].as_slice()));
}

#[test]
fn shield_holds_a_cancel_without_losing_it() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 0);
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    leaf.shield = 1;
    leaf.cancel = VT_CANCEL_ASKED;
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    assert_eq!((leaf.cancel, world.log.len()), (VT_CANCEL_ASKED, 0));
    leaf.shield = 0;
    assert_eq!(world.run(&mut leaf), VT_CANCELLED);
}

/// A select or join of two sleeps (branch k sleeps `d[k]`, cleans up for `k + 1`), then a sleep of
/// 4 in the same task, cancelled at tick `at`.
fn seq_case(flags: u32, at: Option<u64>, d: [u64; 2]) -> (vt_status, Vec<String>) {
    let mut world = World::new();
    let mut frame = Seq::new(flags, d);
    let mut leaf = vt_leaf::new(seq, frame.ptr());
    let status = drive(&mut world, &mut leaf, at);
    assert_eq!(leaf.shield, 0, "every shield was given back");
    (status, world.log)
}

#[test]
fn select_drains_its_losers_before_it_ends() {
    let (status, log) = seq_case(VT_SELECT, None, [3, 5]);
    assert_eq!(status, VT_DONE);
    assert_eq!(
        log,
        [
            "1 done@3",
            "mid1 DONE",
            "2 cancel@3",
            "2 cleaned@5",
            "mid2 CANCELLED",
            "end@5 DONE winner 0",
            "3 done@9"
        ]
    );
}

#[test]
fn select_whose_second_branch_is_ready_cancels_the_started_first() {
    let (status, log) = seq_case(VT_SELECT, None, [5, 0]);
    assert_eq!(status, VT_DONE);
    assert_eq!(
        log,
        ["1 cancel@0", "1 cleaned@1", "mid1 CANCELLED", "end@1 DONE winner 1", "3 done@5"]
    );
}

#[test]
fn select_cancelled_before_start_while_waiting_and_while_draining() {
    assert_eq!(seq_case(VT_SELECT, Some(0), [3, 5]), (VT_CANCELLED, vec![]));

    let (status, log) = seq_case(VT_SELECT, Some(2), [3, 5]);
    assert_eq!(status, VT_CANCELLED);
    assert_eq!(
        log,
        [
            "1 cancel@2",
            "2 cancel@2",
            "1 cleaned@3",
            "mid1 CANCELLED",
            "2 cleaned@4",
            "mid2 CANCELLED",
            "end@4 CANCELLED winner 0"
        ]
    );

    // Asked at 4 or at 5 while the loser cleans up: delivered when that is over, to what follows.
    for at in [4, 5] {
        let (status, log) = seq_case(VT_SELECT, Some(at), [3, 9]);
        assert_eq!(status, VT_CANCELLED);
        assert_eq!(
            log,
            [
                "1 done@3",
                "mid1 DONE",
                "2 cancel@3",
                "2 cleaned@5",
                "mid2 CANCELLED",
                "end@5 DONE winner 0",
                "3 cancel@5",
                "3 cleaned@6"
            ]
        );
    }

    let (status, log) = seq_case(VT_SELECT, Some(7), [3, 9]);
    assert_eq!((status, log.last().unwrap().as_str()), (VT_CANCELLED, "3 cleaned@8"));
}

#[test]
fn join_waits_for_all_and_passes_a_cancel_to_the_unfinished() {
    let (status, log) = seq_case(VT_JOIN, None, [3, 5]);
    assert_eq!(status, VT_DONE);
    assert_eq!(
        log,
        ["1 done@3", "mid1 DONE", "2 done@5", "mid2 DONE", "end@5 DONE winner 0", "3 done@9"]
    );

    let (status, log) = seq_case(VT_JOIN, Some(4), [3, 5]);
    assert_eq!(status, VT_CANCELLED);
    assert_eq!(
        log,
        [
            "1 done@3",
            "mid1 DONE",
            "2 cancel@4",
            "2 cleaned@6",
            "mid2 CANCELLED",
            "end@6 CANCELLED winner 0"
        ]
    );
}

#[test]
fn loser_that_completes_at_the_same_time_is_done_too() {
    let mut world = World::new();
    let mut frame = Par::new(VT_SELECT, [3, 3]);
    frame.mids[1].child.finish_on_cancel = true;
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_DONE);
    assert_eq!(world.winner, 0);
    assert_eq!(frame.statuses(), [VT_DONE, VT_DONE], "the caller drops the loser's result");
}

#[test]
fn select_starts_where_the_chooser_says() {
    let mut world = World::new();
    world.choice = 1;
    let mut frame = Par::new(VT_SELECT, [0, 0]);
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_DONE);
    assert_eq!(world.winner, 1);
    assert_eq!(frame.statuses(), [VT_CANCELLED, VT_DONE], "branch 0 was never started");
}

#[test]
fn select_now_takes_a_ready_branch_or_none() {
    let mut world = World::new();
    let mut frame = Par::new(VT_SELECT_NOW, [5, 0]);
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_DONE);
    assert_eq!(world.winner, 1);

    let mut world = World::new();
    let mut frame = Par::new(VT_SELECT_NOW, [5, 6]);
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_DONE);
    assert_eq!(world.winner, 2, "none was ready");
    assert_eq!(frame.statuses(), [VT_CANCELLED, VT_CANCELLED]);
    assert_eq!(leaf.shield, 0);
}

#[test]
fn empty_joins_end_and_empty_selects_do_not() {
    let mut world = World::new();
    let mut leaf = vt_leaf::new(sleep, std::ptr::null_mut());
    let mut call = |mode, flags| {
        let mut ctx = world.ctx();
        ctx.leaf = &raw mut leaf;
        ctx.mode = mode;
        let status = unsafe { vt_branches(&raw mut ctx, std::ptr::null_mut(), 0, flags) };
        assert_eq!(ctx.mode, VT_MODE_RESUME);
        status
    };
    assert_eq!(call(VT_MODE_RESUME, VT_JOIN), VT_DONE);
    assert_eq!(call(VT_MODE_RESUME, VT_SELECT_NOW), VT_DONE);
    assert_eq!(call(VT_MODE_RESUME, VT_SELECT), VT_YIELDED);
    assert_eq!(call(VT_MODE_CANCEL, VT_SELECT), VT_CANCELLED);
    assert_eq!(call(VT_MODE_CANCEL, VT_JOIN), VT_CANCELLED);
}

#[test]
fn join_inside_a_join_and_a_join_inside_a_select() {
    for (flags, at, want) in [
        (VT_JOIN, None, VT_DONE),
        (VT_JOIN, Some(2), VT_CANCELLED),
        (VT_SELECT, None, VT_DONE),
        (VT_SELECT, Some(2), VT_CANCELLED),
    ] {
        let mut world = World::new();
        let mut frame = Nest::new(flags, [Par::new(VT_JOIN, [2, 3]), Par::new(VT_JOIN, [4, 9])]);
        let mut leaf = vt_leaf::new(nest, frame.ptr());
        assert_eq!(drive(&mut world, &mut leaf, at), want);
        assert_eq!(leaf.shield, 0);
        // Every sleep either finished or was cancelled and cleaned up, once.
        let ends = world.log.iter().filter(|l| l.contains(" done@") || l.contains(" cleaned@"));
        assert_eq!(ends.count(), 4, "{:?}", world.log);
    }
}

#[test]
fn fault_in_a_branch_cancels_the_others_and_faults_the_join() {
    let mut world = World::new();
    let mut frame = Par::new(VT_JOIN, [2, 9]);
    frame.mids[0].child.fault = true;
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_FAULTED);
    assert_eq!(
        world.log,
        [
            "1 fault@2",
            "mid1 FAULTED",
            "2 cancel@2",
            "2 cleaned@4",
            "mid2 CANCELLED",
            "end@4 FAULTED winner 0"
        ]
    );
    assert_eq!(leaf.shield, 0);
}

#[test]
fn fault_in_the_cleanup_of_a_loser_faults_the_select() {
    let mut world = World::new();
    let mut frame = Par::new(VT_SELECT, [2, 9]);
    frame.mids[1].child.fault_in_cleanup = true;
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_FAULTED);
    assert_eq!(leaf.shield, 0);
}

#[test]
fn abort_ends_all_cleanup_of_the_task() {
    let mut world = World::new();
    let mut frame = Par::new(VT_SELECT, [9, 9]);
    frame.mids[0].child.abort_in_cleanup = true;
    let mut leaf = vt_leaf::new(par, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, Some(1)), VT_FAULTED);
    // Branch 0 aborted: its awaiter was not resumed, branch 1 was never asked.
    assert_eq!(world.log, ["1 cancel@1", "end@1 FAULTED winner 0"]);
    assert_eq!(frame.statuses(), [VT_FAULTED, VT_FAULTED]);
}

#[test]
fn endless_recursion_through_joins_faults_at_the_stack_limit() {
    let body = || {
        let mut world = World::new();
        world.stack_limit = stack_pointer() - (256 << 10);
        let root = world.arena(&FORK_MACHINE);
        let mut leaf = vt_leaf::new(fork, root);
        assert_eq!(drive(&mut world, &mut leaf, None), VT_FAULTED);
        assert_eq!(world.faults, [fault_code::STACK]);
        assert!(world.max_live > 100, "it went deep: {}", world.max_live);
        world.free(root);
        assert_eq!(world.live, 0, "every frame was freed");
        assert_eq!(leaf.shield, 0);
    };
    std::thread::Builder::new().stack_size(512 << 10).spawn(body).unwrap().join().unwrap();
}

#[test]
fn generator_answers_items_and_stays_suspended() {
    let mut world = World::new();
    let mut frame = Consumer::new(4);
    let mut leaf = vt_leaf::new(consumer, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, None), VT_DONE);
    // Values 0..4; the odd ones come after a suspension, so through the pop loop.
    assert_eq!(frame.sum, 6);
    assert_eq!(frame.popped, 2);
    assert_eq!(world.now, 2);
}

#[test]
fn generator_is_cancelled_between_two_items() {
    let mut world = World::new();
    let mut frame = Consumer::new(40);
    let mut leaf = vt_leaf::new(consumer, frame.ptr());
    assert_eq!(drive(&mut world, &mut leaf, Some(3)), VT_CANCELLED);
    assert_eq!(world.log, ["generator cancelled"]);
}

#[test]
fn host_operation_is_a_leaf_without_a_link() {
    let mut world = World::new();
    let mut storage = [3u64, 0];
    let mut leaf = vt_leaf::new(countdown, storage.as_mut_ptr().cast());
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    assert_eq!(world.run(&mut leaf), VT_YIELDED);
    assert_eq!(world.run(&mut leaf), VT_DONE, "storage bytes are never read as a link");

    storage = [3, 0];
    leaf.cancel = VT_CANCEL_ASKED;
    assert_eq!(world.run(&mut leaf), VT_CANCELLED);
    assert_eq!(storage[1], 1, "the operation was dropped");
}

#[test]
fn branches_restore_the_context_of_their_caller() {
    let mut world = World::new();
    let mut frame = Sleep::new(1, 5, 0);
    let mut leaf = vt_leaf::new(sleep, frame.ptr());
    let mut outer = vt_leaf::new(sleep, std::ptr::null_mut());
    let mut ctx = world.ctx();
    ctx.leaf = &raw mut outer;
    ctx.child_status = VT_ITEM;
    let status = unsafe { vt_branches(&raw mut ctx, &raw mut leaf, 1, VT_JOIN) };
    assert_eq!(status, VT_YIELDED);
    assert_eq!((ctx.leaf, ctx.child_status), (&raw mut outer, VT_ITEM));
}
