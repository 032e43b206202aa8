//! What a runtime must survive, each a named test. Here are those of the scheduler as a whole; the
//! table [`FAULTS`] says where the others are. The long forms run with `--release --features stress`.
#![allow(
    clippy::large_stack_arrays,
    reason = "a future of a mebibyte is made where futures are made"
)]

mod drops;
mod scheduler;
mod seeded;
mod soak;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vitte_rt::runtime::{Builder, Runtime};

/// How much of something: the short form, or the long one.
const fn amount(short: usize, long: usize) -> usize {
    if cfg!(feature = "stress") { long } else { short }
}

fn real_runtimes() -> [Runtime; 3] {
    [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(1).build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ]
}

/// Counts its drops.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Files and names of tests.
type Tests = &'static [(&'static str, &'static str)];

/// The list of faults: number, what it is, where its tests are (from the root of the repository) and
/// what they are called.
const FAULTS: &[(u32, &str, Tests)] = &[
    (
        1,
        "a wake raced against a park is not lost",
        &[
            ("rt/tests/faults/scheduler.rs", "wake_raced_against_park_is_not_lost"),
            ("rt/src/models.rs", "unpark_ends_park"),
            ("rt/src/models.rs", "push_is_seen_or_wakes"),
        ],
    ),
    (
        2,
        "panics on poll, drop and output drop, against every end of the handle",
        &[
            ("rt/tests/faults/drops.rs", "fault_2_every_panic_against_every_end"),
            ("rt/tests/host_ops.rs", "panics_in_start_poll_and_drop_fault_the_task"),
            ("rt/c/tests/panics.rs", "fault_2_every_panic_against_every_end"),
        ],
    ),
    (
        3,
        "an abort storm",
        &[
            ("rt/tests/faults/scheduler.rs", "abort_storm_drops_everything_once"),
            ("rt/tests/host_ops.rs", "cancel_storm_ends_every_task_once_and_drops_every_future"),
        ],
    ),
    (
        4,
        "a task that blocks",
        &[("rt/tests/stalls.rs", "fault_4_a_task_that_blocks_is_named_and_others_go_on")],
    ),
    (
        5,
        "all workers blocked",
        &[("rt/tests/stalls.rs", "fault_5_all_workers_blocked_are_reported_and_recover")],
    ),
    (
        6,
        "a pair that wakes each other beside a thousand tasks",
        &[("rt/tests/faults/scheduler.rs", "pair_that_wakes_each_other_does_not_starve_the_rest")],
    ),
    (
        7,
        "a task that wakes itself, a million wakes",
        &[
            ("rt/tests/faults/scheduler.rs", "a_million_wakes_are_one_run"),
            ("rt/tests/futures/tasks.rs", "self_waking_task_does_not_starve_others"),
        ],
    ),
    (
        8,
        "a shutdown at any point",
        &[
            ("rt/tests/shutdown.rs", "fault_8_shutdown_at_a_random_point"),
            ("rt/tests/shutdown.rs", "fault_8_shutdown_of_threads_at_a_random_point"),
            ("rt/tests/faults/seeded.rs", "shutdown_at_any_point_drops_everything"),
        ],
    ),
    (
        9,
        "a runtime dropped in its own task, by a foreign thread, twice",
        &[
            ("rt/tests/shutdown.rs", "fault_9_dropped_inside_of_its_own_task"),
            ("rt/tests/shutdown.rs", "fault_9_dropped_by_a_foreign_thread_and_twice"),
        ],
    ),
    (
        10,
        "every async fn dropped at every await",
        &[("rt/tests/dropped.rs", "mutex_lock"), ("rt/tests/net_dropped.rs", "waits_for_bytes")],
    ),
    (
        11,
        "channel ends dropped while others use them",
        &[
            ("rt/tests/channels/ends.rs", "mpsc_ends_go_while_others_send"),
            ("rt/tests/channels/ends.rs", "fault_11_ends_of_every_channel_go_while_others_use_it"),
            ("rt/src/channel/models.rs", "close_raced_with_send_loses_nothing"),
        ],
    ),
    (
        12,
        "timers against an ordered map",
        &[("rt/src/timers.rs", "wheel_agrees_with_an_ordered_map")],
    ),
    (
        13,
        "a descriptor closed and opened again under pending events",
        &[("rt/tests/net.rs", "a_descriptor_closed_under_pending_events_harms_nobody")],
    ),
    (
        14,
        "no descriptors during accept",
        &[
            (
                "rt/tests/descriptors.rs",
                "accept_survives_a_shortage_of_descriptors_without_spinning",
            ),
            ("rt/tests/faults/seeded.rs", "descriptors_run_out_and_accept_goes_on"),
        ],
    ),
    (
        15,
        "resets, half-close, short writes, EINTR, EPIPE",
        &[
            ("rt/tests/net.rs", "interrupted_calls_are_made_again"),
            ("rt/tests/net.rs", "a_reset_is_an_error_and_not_the_end"),
            ("rt/tests/net.rs", "a_stream_carries_bytes_both_ways_and_ends_by_halves"),
            ("rt/tests/net.rs", "short_writes_lose_nothing"),
            ("rt/tests/faults/seeded.rs", "transfers_are_short_and_lose_nothing"),
        ],
    ),
    (
        16,
        "no memory, no threads",
        &[
            ("rt/tests/shutdown.rs", "fault_16_threads_that_cannot_be_had_are_errors"),
            (
                "rt/tests/coroutines.rs",
                "fault_16_frames_that_get_no_memory_are_faults_of_their_tasks",
            ),
        ],
    ),
    (
        17,
        "a future of a mebibyte, unbounded recursion",
        &[
            (
                "rt/tests/faults/scheduler.rs",
                "future_of_a_mebibyte_and_one_of_strict_alignment_work",
            ),
            ("tests/command/bad_ends.rs", "the stack is exhausted"),
        ],
    ),
    (
        18,
        "misuse of the C interface",
        &[
            ("rt/c/tests/c/misuse.c", "Resume after the end"),
            ("rt/c/tests/c/abi.c", "a resume after its end is answered"),
            ("rt/c/tests/panics.rs", "a_panic_ends_its_task_only"),
            ("rt/tests/faults/scheduler.rs", "fault_18_a_waker_outlives_its_task_and_its_runtime"),
        ],
    ),
    (
        19,
        "a thousand child processes",
        &[("rt/tests/processes.rs", "of_a_thousand_children_none_stays_a_zombie")],
    ),
    (20, "a hundred thousand signals", &[("rt/tests/processes.rs", "a_hundred_thousand_signals")]),
    (21, "a fork", &[("rt/tests/fork.rs", "a_forked_child_is_told_and_the_parent_goes_on")]),
    (
        22,
        "the same run from the same seed, planted bugs",
        &[
            ("rt/tests/faults/seeded.rs", "same_seed_same_hash"),
            ("rt/tests/faults/seeded.rs", "fault_22_same_seed_same_hash_with_faults"),
            ("rt/tests/faults/seeded.rs", "planted_lost_wake_is_found_and_replays"),
            ("rt/tests/faults/seeded.rs", "planted_trust_in_polls_is_found_and_replays"),
        ],
    ),
    (23, "a soak", &[("rt/tests/faults/soak.rs", "fault_23_soak_leaves_nothing_behind")]),
    (
        24,
        "a journal killed, torn, full, flipped",
        &[
            ("rt/graph/tests/journal.rs", "kill_at_random_moments_repeats_nothing_acknowledged"),
            (
                "rt/graph/tests/journal.rs",
                "damaged_end_of_the_file_is_cut_or_refused_with_a_message",
            ),
            ("rt/graph/tests/journal.rs", "full_disk_ends_the_run_and_loses_nothing_acknowledged"),
            ("rt/graph/tests/journal.rs", "bit_flips_never_invent_a_completion"),
        ],
    ),
];

/// Published bugs of others, re-created: advisory, and where (as above).
const ADVISORIES: &[(&str, &str, &str)] = &[
    ("RUSTSEC-2021-0072", "rt/tests/channels/ends.rs", "aborted_tasks_drop_their_ends_once"),
    ("RUSTSEC-2021-0093", "rt/src/scheduler/ring.rs", "nothing_is_lost_or_taken_twice"),
    ("RUSTSEC-2021-0124", "rt/tests/channels/ends.rs", "oneshot_closed_and_asked_while_it_is_sent"),
    (
        "RUSTSEC-2025-0023",
        "rt/tests/channels/main.rs",
        "broadcast_clones_a_value_on_one_thread_at_a_time",
    ),
    (
        "RUSTSEC-2025-0024",
        "rt/tests/channels/ends.rs",
        "unbounded_receiver_dropped_while_blocks_are_linked",
    ),
];

/// Bugs of libraries that are below us: the first version without.
const FIXED_IN: &[(&str, &str, [u32; 3])] = &[
    ("RUSTSEC-2026-0204", "crossbeam-epoch", [0, 9, 20]),
    ("RUSTSEC-2026-0221", "event-listener", [5, 4, 2]),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn every_fault_has_its_tests() {
    assert!(FAULTS.iter().map(|(number, ..)| *number).eq(1..=24));
    let tests = FAULTS.iter().flat_map(|(_, _, tests)| tests.iter().copied());
    let replays = ADVISORIES.iter().map(|&(_, file, name)| (file, name));
    for (file, name) in tests.chain(replays) {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(name), "{file} has no {name}");
    }
}

#[test]
fn libraries_are_younger_than_their_advisories() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for (advisory, package, fixed) in FIXED_IN {
        let entries = lock.split("[[package]]").filter(|e| e.contains(&format!("\"{package}\"\n")));
        let versions: Vec<&str> = entries
            .filter(|e| e.trim_start().starts_with(&format!("name = \"{package}\"")))
            .filter_map(|e| e.split("version = \"").nth(1)?.split('"').next())
            .collect();
        assert!(!versions.is_empty(), "{package} is used no more: take it from the list");
        for version in versions {
            let numbers: Vec<u32> = version.split('.').map(|n| n.parse().unwrap()).collect();
            assert!(numbers.as_slice() >= fixed.as_slice(), "{advisory}: {package} {version}");
        }
    }
}
