//! What a runtime says of itself: event stream, latencies, Prometheus text, dump on a signal,
//! panics that nobody asks for.

mod machines;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use vitte_rt::coroutine::HostOp;
use vitte_rt::dump::TaskInfo;
use vitte_rt::insight::UnobservedPanic;
use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::task::{spawn, yield_now};
use vitte_rt::time::sleep;
use vitte_rt::trace::{Trace, TraceKind};

const MS: Duration = Duration::from_millis(1);

/// A program with every way to end.
fn play(runtime: &Runtime) -> Trace {
    runtime.handle().start_trace(10_000);
    runtime.block_on(async {
        spawn(yield_now()).await.unwrap();
        let cancelled = spawn(std::future::pending::<()>());
        let is_waiting = |t: &TaskInfo| t.id == cancelled.id() && t.state == "waiting";
        while !Handle::current().dump().tasks.iter().any(is_waiting) {
            yield_now().await;
        }
        cancelled.abort();
        assert!(cancelled.await.unwrap_err().is_cancelled());
        assert!(spawn(async { panic!("on purpose") }).await.unwrap_err().is_panic());
        machines::spawn_op(&Handle::current(), HostOp::new0(|_| yield_now())).join().await;
    });
    runtime.handle().stop_trace()
}

/// The events of each task, as words.
fn words(trace: &Trace) -> BTreeMap<u64, Vec<&'static str>> {
    let mut words = BTreeMap::<_, Vec<_>>::new();
    for event in &trace.events {
        words.entry(event.task).or_default().push(event.kind.name());
    }
    words
}

#[test]
fn event_stream_tells_the_life_of_each_task() {
    for runtime in [Builder::seeded(3), Builder::current_thread(), Builder::multi_thread()] {
        let trace = play(&runtime.build().unwrap());
        let words: Vec<_> = words(&trace).into_values().collect();
        assert_eq!(
            words,
            [
                ["spawn", "poll", "suspend", "wake", "poll", "done"].as_slice(),
                &["spawn", "poll", "suspend", "cancel", "wake", "poll", "cancelled"],
                &["spawn", "poll", "panicked"],
                &["spawn", "poll", "suspend", "wake", "poll", "done"],
            ]
        );
        assert_eq!(trace.n_lost, 0);
        assert!(trace.events.is_sorted_by_key(|event| event.at_ns));
        let states: Vec<_> = trace
            .events
            .iter()
            .filter_map(|event| match &event.kind {
                TraceKind::Suspend { state, .. } => Some(&**state),
                _ => None,
            })
            .collect();
        // A Rust future has no named states, a machine has.
        assert_eq!((states[0], states[1]), ("", ""));
        assert!(!states[2].is_empty());
    }
}

#[test]
fn a_seeded_trace_is_the_same_every_time() {
    let play = || play(&Builder::seeded(9).build().unwrap());
    assert_eq!(play(), play());
}

#[test]
fn a_full_buffer_forgets_the_oldest_events() {
    let runtime = Builder::seeded(1).workers(1).build().unwrap();
    runtime.handle().start_trace(4);
    runtime.block_on(async {
        for _ in 0..10 {
            spawn(async {}).await.unwrap();
        }
    });
    let trace = runtime.handle().stop_trace();
    let last = trace.events.last().unwrap();
    assert_eq!((last.task, &last.kind), (10, &TraceKind::Done));
    // The spawns happened on the thread of `block_on`, runs and ends on the worker.
    assert_eq!((trace.events.len(), trace.n_lost), (8, 30 - 8));
}

#[test]
fn chrome_trace_is_json_with_a_slice_per_run() {
    let mut json = Vec::new();
    play(&Builder::seeded(3).build().unwrap()).write_chrome(&mut json).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let events = value["traceEvents"].as_array().unwrap();
    let of = |phase: &str| events.iter().filter(|e| e["ph"] == phase).collect::<Vec<_>>();
    assert_eq!((of("b").len(), of("e").len()), (4, 4));
    let runs = of("X");
    let ends: Vec<_> = runs.iter().map(|e| e["args"]["end"].as_str().unwrap()).collect();
    let expected = ["suspend", "done", "suspend", "cancelled", "panicked", "suspend", "done"];
    assert_eq!(ends, expected);
    assert!(runs.iter().all(|e| e["ts"].is_f64() && e["dur"].is_f64()));
    assert!(of("M").iter().any(|e| e["args"]["name"] == "worker 0"));
}

#[test]
fn latencies_are_measured_on_demand() {
    let runtime = Builder::seeded(5).workers(1).build().unwrap();
    let run = |n: u32| {
        runtime.block_on(async move {
            for _ in 0..n {
                spawn(yield_now()).await.unwrap();
            }
        });
    };
    run(3);
    assert_eq!(runtime.handle().latency().run.count(), 0);
    runtime.handle().measure_latency(true);
    run(4);
    runtime.handle().measure_latency(false);
    run(2);
    let latency = runtime.handle().latency();
    assert_eq!((latency.run.count(), latency.delay.count()), (8, 8));
}

#[test]
fn prometheus_text_has_every_counter_and_both_histograms() {
    let runtime = Builder::seeded(5).build().unwrap();
    runtime.handle().measure_latency(true);
    runtime.block_on(async { spawn(async {}).await.unwrap() });
    let text = runtime.handle().prometheus();
    for (name, _, value) in runtime.handle().metrics().each() {
        assert!(text.contains(&format!("\nvitte_{name}_total {value}\n")), "{name}");
    }
    for name in ["vitte_tasks 0", "vitte_workers 2", "vitte_run_seconds_bucket{le=\"+Inf\"} 1"] {
        assert!(text.contains(&format!("\n{name}\n")), "{name} in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[test]
fn a_panic_that_nobody_asks_for_is_counted_once() {
    for builder in [Builder::seeded(1), Builder::multi_thread()] {
        let runtime = builder.unobserved_panic(UnobservedPanic::Ignore).build().unwrap();
        runtime.block_on(async {
            let asked = spawn(async { panic!("asked for") });
            drop(spawn(async { panic!("detached before it ends") }));
            let late = spawn(async { panic!("detached after it ended") });
            while !late.is_finished() {
                yield_now().await;
            }
            drop(late);
            assert!(asked.await.unwrap_err().is_panic());
            while Handle::current().n_tasks() > 0 {
                yield_now().await;
            }
        });
        // The end of the second one is told after it left the table.
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(handle.metrics().unobserved, 2);
    }
}

/// This test alone in a process of its own, with `VITTE_CHILD` set.
fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env("VITTE_CHILD", "1");
    command
}

fn is_child() -> bool {
    std::env::var_os("VITTE_CHILD").is_some()
}

#[test]
fn a_panic_that_nobody_asks_for_is_logged_once() {
    if !is_child() {
        let output = child("a_panic_that_nobody_asks_for_is_logged_once").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let line = "vitte: task 1 panicked: nobody asks, and nobody waits for it";
        assert_eq!(said.matches(line).count(), 1, "{said}");
        return;
    }
    let runtime = Builder::seeded(1).build().unwrap();
    runtime.block_on(async {
        drop(spawn(async { panic!("nobody asks") }));
        sleep(MS).await;
    });
}

#[test]
fn sigusr1_writes_the_dump_although_all_workers_are_held_up() {
    if !is_child() {
        let mut command = child("sigusr1_writes_the_dump_although_all_workers_are_held_up");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap) {
            said += &format!("{line}\n");
            if line.starts_with("  task 2 future: ") {
                break; // the child has no end of its own
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said.contains("vitte: 2 task(s)\n  task 1 future: running"), "{said}");
        assert!(said.contains("\n  task 2 future: "), "{said}");
        return;
    }
    let runtime = Builder::multi_thread().workers(1).dump_on_sigusr1().build().unwrap();
    let (begun, has_begun) = std::sync::mpsc::channel();
    runtime.spawn(async move {
        begun.send(()).unwrap();
        loop {
            std::thread::park();
        }
    });
    runtime.spawn(std::future::pending::<()>());
    has_begun.recv().unwrap();
    let me = std::process::id().to_string();
    assert!(Command::new("kill").args(["-USR1", &me]).status().unwrap().success());
    // Who reads the dump ends the process.
    loop {
        std::thread::park();
    }
}
