//! Order, outputs, retries, pools, triggers: under several seeds and on real threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_graph::{
    Context, Event, GraphError, OnFailure, Report, Retry, State, Task, TaskError, TaskExecutor,
    Trigger,
};

/// Builds the graph and runs it on real threads and under seeds; calls `check` for each.
fn each_way(
    n_workers: usize,
    build: impl Fn(&mut TaskExecutor),
    check: impl Fn(&TaskExecutor, Report),
) {
    for seed in [None, Some(1), Some(2), Some(3), Some(4)] {
        let mut exec = TaskExecutor::new(n_workers);
        if let Some(seed) = seed {
            exec.seed(seed);
        }
        build(&mut exec);
        let outcome = match exec.run_all() {
            Ok(report) => report,
            Err(GraphError::Failed(report)) => *report,
            Err(other) => panic!("{other}"),
        };
        check(&exec, outcome);
    }
}

fn state(exec: &TaskExecutor, name: &str) -> State {
    exec.tasks().find(|t| &*t.name == name).unwrap_or_else(|| panic!("no task {name}")).state
}

fn error(exec: &TaskExecutor, name: &str) -> String {
    exec.tasks().find(|t| &*t.name == name).unwrap().error.unwrap_or_default()
}

fn fall(how: &str) {
    panic!("{how}");
}

fn fails(name: &str) -> Task {
    Task::new(name, || Err::<(), _>(TaskError::new("on purpose")))
}

#[test]
fn diamond_with_a_failing_branch_skips_what_depends_on_it() {
    each_way(
        2,
        |exec| {
            exec.add(Task::new("top", || ()));
            exec.add(fails("left").after(&["top"]));
            exec.add(Task::depends_on("right", &["top"], || ()));
            exec.add(Task::depends_on("bottom", &["left", "right"], || ()));
            exec.add(Task::depends_on("below", &["bottom"], || ()));
        },
        |exec, report| {
            assert_eq!(state(exec, "left"), State::Failed);
            assert_eq!(state(exec, "right"), State::Completed);
            assert_eq!(state(exec, "bottom"), State::Skipped);
            assert_eq!(state(exec, "below"), State::Skipped);
            assert_eq!(report.count(State::Skipped), 2);
            let text = report.to_string();
            assert!(text.starts_with("2 completed, 1 failed, 2 skipped in "), "{text}");
        },
    );
}

#[test]
fn fail_fast_starts_nothing_new() {
    each_way(
        1,
        |exec| {
            exec.on_failure(OnFailure::FailFast);
            exec.add(fails("first").priority(1));
            for i in 0..50 {
                exec.add(Task::new(&format!("other {i}"), || ()));
            }
        },
        |_, report| {
            assert_eq!(report.count(State::Failed), 1);
            assert_eq!(report.count(State::Cancelled), 50);
        },
    );
}

#[test]
fn continue_lets_dependants_run_without_the_output() {
    each_way(
        2,
        |exec| {
            exec.add(fails("a").on_failure(OnFailure::Continue));
            exec.add(
                Task::with("b", |cx: &Context| {
                    assert_eq!(cx.state_of("a"), Some(State::Failed));
                    match cx.output::<u32>("a") {
                        Err(e) if e.to_string() == "`a` has no output: it is failed" => Ok(()),
                        other => Err(TaskError::new(format!("{other:?}"))),
                    }
                })
                .after(&["a"]),
            );
        },
        |exec, _| assert_eq!(state(exec, "b"), State::Completed, "{}", error(exec, "b")),
    );
}

#[test]
fn triggers_follow_how_dependencies_ended() {
    each_way(
        2,
        |exec| {
            exec.add(Task::new("good", || ()));
            exec.add(fails("bad"));
            for (name, on) in [("of good", "good"), ("of bad", "bad")] {
                let task = |kind: &str| Task::depends_on(&format!("{kind} {name}"), &[on], || ());
                exec.add(task("all succeeded"));
                exec.add(task("all done").trigger(Trigger::AllDone));
                exec.add(task("any failed").trigger(Trigger::AnyFailed));
            }
        },
        |exec, _| {
            let states = [
                ("all succeeded of good", State::Completed),
                ("all done of good", State::Completed),
                ("any failed of good", State::Skipped),
                ("all succeeded of bad", State::Skipped),
                ("all done of bad", State::Completed),
                ("any failed of bad", State::Completed),
            ];
            for (name, wanted) in states {
                assert_eq!(state(exec, name), wanted, "{name}");
            }
        },
    );
}

#[test]
fn outputs_and_parameters_are_read_with_their_types() {
    each_way(
        2,
        |exec| {
            exec.add(
                Task::with("n", |cx: &Context| cx.param::<u64>("start")).param("start", 20_u64),
            );
            exec.add(
                Task::future("sum", |cx: Context| async move {
                    vitte_rt::time::sleep(Duration::from_millis(2)).await;
                    Ok::<u64, TaskError>(*cx.output::<u64>("n")? + 1)
                })
                .after(&["n"]),
            );
            exec.add(
                Task::blocking("wrong type", |cx: &Context| cx.output::<String>("n").map(|_| ()))
                    .after(&["n"]),
            );
            exec.add(Task::with("not declared", |cx: &Context| cx.output::<u64>("n").map(|_| ())));
        },
        |exec, _| {
            assert_eq!(*exec.output::<u64>("sum").unwrap(), 21);
            let wrong = error(exec, "wrong type");
            assert!(wrong.contains("is u64, but it is read as alloc::string::String"), "{wrong}");
            let undeclared = error(exec, "not declared");
            assert!(undeclared.contains("add `.after(&[\"n\"])`"), "{undeclared}");
        },
    );
}

#[test]
fn retries_wait_longer_each_time_and_stop_at_permanent_errors() {
    let delays = Arc::new(Mutex::new(Vec::new()));
    let mut exec = TaskExecutor::new(1);
    exec.seed(7);
    let seen = Arc::clone(&delays);
    exec.observe(move |event| {
        if let Event::Retry { delay, .. } = event {
            seen.lock().push(*delay);
        }
    });
    let retry = Retry::attempts(5)
        .backoff(Duration::from_millis(10), 3.0)
        .cap(Duration::from_millis(100))
        .jitter(false);
    exec.add(fails("a").retry(retry.clone()));
    assert!(exec.run_all().is_err());
    let ms = Duration::from_millis;
    assert_eq!(*delays.lock(), [ms(10), ms(30), ms(90), ms(100)]);
    assert_eq!(exec.tasks().next().unwrap().n_attempts, 5);

    let count = Arc::new(AtomicU32::new(0));
    let n = Arc::clone(&count);
    let mut exec = TaskExecutor::new(1);
    exec.add(
        Task::new("b", move || {
            n.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(TaskError::permanent("no use"))
        })
        .retry(retry),
    );
    assert!(exec.run_all().is_err());
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[test]
fn author_says_which_errors_are_transient() {
    each_way(
        2,
        |exec| {
            for (name, kind) in [
                ("worth it", std::io::ErrorKind::TimedOut),
                ("not", std::io::ErrorKind::PermissionDenied),
            ] {
                let retry = Retry::attempts(3)
                    .backoff(Duration::from_millis(1), 1.0)
                    .when(|e| e.downcast_ref::<std::io::Error>().is_some_and(is_timeout));
                exec.add(
                    Task::new(name, move || Err::<(), _>(std::io::Error::from(kind))).retry(retry),
                );
            }
        },
        |exec, _| {
            let attempts: Vec<_> = exec.tasks().map(|t| t.n_attempts).collect();
            assert_eq!(attempts, [3, 1]);
        },
    );
}

fn is_timeout(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::TimedOut
}

#[test]
fn closures_are_told_when_their_time_is_over_and_count_as_late() {
    let mut exec = TaskExecutor::new(2);
    let until_told = |cx: &Context| {
        while !cx.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // What it answers then does not matter.
        if cx.attempt() == 1 { Ok(()) } else { Err(TaskError::new("gave up")) }
    };
    let retry = Retry::attempts(2).backoff(Duration::from_millis(1), 1.0);
    let limit = Duration::from_millis(5);
    exec.add(Task::blocking("blocking", until_told).timeout(limit).retry(retry.clone()));
    exec.add(Task::with("in place", until_told).timeout(limit).retry(retry));
    exec.add(Task::with("quick", |_: &Context| ()).timeout(Duration::from_hours(1)));
    let Err(GraphError::Failed(report)) = exec.run_all() else { panic!() };
    assert_eq!((report.count(State::Failed), report.count(State::Completed)), (2, 1));
    for name in ["blocking", "in place"] {
        assert_eq!(error(&exec, name), "the attempt took longer than 5ms");
    }
    let attempts: Vec<_> = exec.tasks().map(|t| t.n_attempts).collect();
    assert_eq!(attempts, [2, 2, 1]);
}

#[test]
fn attempts_of_futures_end_in_time_on_real_threads_too() {
    each_way(
        2,
        |exec| {
            let slow = |_| async { vitte_rt::time::sleep(Duration::from_hours(1)).await };
            let retry = Retry::attempts(3).backoff(Duration::from_millis(1), 1.0);
            exec.add(Task::future("slow", slow).timeout(Duration::from_millis(3)).retry(retry));
        },
        |exec, report| {
            assert_eq!(error(exec, "slow"), "the attempt took longer than 3ms");
            assert_eq!(exec.tasks().next().unwrap().n_attempts, 3);
            assert!(report.elapsed < Duration::from_mins(30), "{:?}", report.elapsed);
        },
    );
}

#[test]
fn jitter_keeps_delays_in_the_upper_half_and_repeats_with_the_seed() {
    let run = |seed| {
        let delays = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&delays);
        let mut exec = TaskExecutor::new(2);
        exec.seed(seed).observe(move |event| {
            if let Event::Retry { delay, .. } = event {
                seen.lock().push(*delay);
            }
        });
        for i in 0..4 {
            let retry = Retry::attempts(4).backoff(Duration::from_millis(16), 1.0);
            exec.add(fails(&format!("t{i}")).retry(retry));
        }
        assert!(exec.run_all().is_err());
        Arc::try_unwrap(delays).unwrap_or_else(|d| Mutex::new(d.lock().clone())).into_inner()
    };
    let delays = run(3);
    assert_eq!(delays.len(), 12);
    let bounds = Duration::from_millis(8)..=Duration::from_millis(16);
    assert!(delays.iter().all(|d| bounds.contains(d)), "{delays:?}");
    assert_eq!(delays, run(3));
    assert_ne!(delays, run(4));
}

#[test]
fn timeouts_end_async_attempts_and_all_attempts_together() {
    let mut exec = TaskExecutor::new(1);
    exec.seed(1);
    let slow = |_| async { vitte_rt::time::sleep(Duration::from_mins(1)).await };
    let often = Retry::attempts(100).backoff(Duration::from_millis(500), 1.0).jitter(false);
    exec.add(Task::future("each", slow).timeout(Duration::from_secs(1)).retry(Retry::attempts(2)));
    exec.add(
        Task::future("all", slow)
            .timeout(Duration::from_secs(1))
            .overall_timeout(Duration::from_secs(10))
            .retry(often),
    );
    let Err(GraphError::Failed(report)) = exec.run_all() else { panic!() };
    assert_eq!(report.count(State::Failed), 2);
    assert_eq!(error(&exec, "each"), "the attempt took longer than 1s");
    let attempts: Vec<_> = exec.tasks().map(|t| t.n_attempts).collect();
    assert_eq!(attempts, [2, 7], "1.5 s an attempt in 10 s");
    assert!(report.elapsed < Duration::from_secs(12), "{:?}", report.elapsed);
}

#[test]
fn cancel_during_the_wait_for_a_retry_ends_at_once() {
    each_way(
        2,
        |exec| {
            let control = exec.control();
            exec.add(fails("a").retry(Retry::attempts(3).backoff(Duration::from_hours(1), 1.0)));
            exec.add(Task::future("b", move |_| {
                let control = control.clone();
                async move {
                    vitte_rt::time::sleep(Duration::from_millis(20)).await;
                    control.cancel();
                }
            }));
            exec.add(Task::depends_on("c", &["a"], || ()));
        },
        |exec, report| {
            assert_eq!(state(exec, "a"), State::Cancelled);
            assert_eq!(state(exec, "c"), State::Skipped);
            // On real threads: an hour would not have passed.
            assert!(report.elapsed < Duration::from_mins(30), "{:?}", report.elapsed);
        },
    );
}

#[test]
fn panic_is_the_failure_of_its_task() {
    each_way(
        2,
        |exec| {
            exec.add(Task::new("sync", || fall(&format!("boom {}", 1))).retry(Retry::attempts(3)));
            exec.add(Task::future("async", |_| async { fall("bang") }));
            exec.add(Task::blocking("blocking", |_| fall("crash")));
            exec.add(Task::new("plain", || fall("thud")));
            exec.add(Task::new("fine", || ()));
        },
        |exec, _| {
            assert_eq!(error(exec, "sync"), "panicked: boom 1");
            assert_eq!(error(exec, "async"), "panicked: bang");
            assert_eq!(error(exec, "blocking"), "panicked: crash");
            assert_eq!(error(exec, "plain"), "panicked: thud");
            assert_eq!(state(exec, "fine"), State::Completed);
            assert_eq!(exec.tasks().next().unwrap().n_attempts, 1, "panics are permanent");
        },
    );
}

#[test]
fn pools_bound_what_runs_at_a_time() {
    let now = Arc::new(AtomicU32::new(0));
    let most = Arc::new(AtomicU32::new(0));
    each_way(
        4,
        |exec| {
            most.store(0, Ordering::Relaxed);
            exec.pool("disk", 3);
            for i in 0..20 {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                let wants = 1 + i % 2;
                exec.add(
                    Task::future(&format!("t{i}"), move |_| {
                        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                        async move {
                            let used = now.fetch_add(wants, Ordering::SeqCst) + wants;
                            most.fetch_max(used, Ordering::SeqCst);
                            vitte_rt::time::sleep(Duration::from_millis(1)).await;
                            now.fetch_sub(wants, Ordering::SeqCst);
                        }
                    })
                    .pool("disk", wants),
                );
            }
        },
        |_, report| {
            assert!(report.is_success());
            assert_eq!(most.load(Ordering::SeqCst), 3);
        },
    );
}

#[test]
fn priorities_order_what_is_ready_and_can_change_while_queued() {
    let order = Arc::new(Mutex::new(Vec::new()));
    each_way(
        1,
        |exec| {
            order.lock().clear();
            let control = exec.control();
            let push = |name: &'static str| {
                let order = Arc::clone(&order);
                move || order.lock().push(name)
            };
            exec.add(
                Task::new("first", move || {
                    assert!(control.set_priority("late", 5));
                    assert!(!control.set_priority("nobody", 5));
                })
                .priority(9),
            );
            exec.add(Task::depends_on("low", &["first"], push("low")).priority(-1));
            exec.add(Task::depends_on("middle", &["first"], push("middle")));
            exec.add(Task::depends_on("high", &["first"], push("high")).priority(3));
            exec.add(Task::depends_on("late", &["first"], push("late")).priority(-7));
        },
        |_, report| {
            assert!(report.is_success());
            assert_eq!(*order.lock(), ["late", "high", "middle", "low"]);
        },
    );
}

/// With one worker the order is that of the priorities, whatever they are; equal ones by arrival.
#[test]
fn priorities_are_an_order_for_any_numbers() {
    for round in 0..8_u64 {
        let draw = |i: u64| ((i * 7919 + round * 104_729) % 11) as i32 - 5;
        let order = Arc::new(Mutex::new(Vec::new()));
        each_way(
            1,
            |exec| {
                order.lock().clear();
                exec.add(Task::new("gate", || ()).priority(9));
                for i in 0..30 {
                    let order = Arc::clone(&order);
                    // 0 has deques of its own, with an order of their own.
                    let priority = if draw(i) == 0 { 6 } else { draw(i) };
                    let body = move || order.lock().push((-priority, i));
                    exec.add(Task::depends_on(&i.to_string(), &["gate"], body).priority(priority));
                }
            },
            |_, _| {
                let order = order.lock();
                assert_eq!(order.len(), 30);
                assert!(order.is_sorted(), "round {round}: {order:?}");
            },
        );
    }
}

#[test]
fn children_end_before_their_parent() {
    each_way(
        2,
        |exec| {
            exec.add(Task::with("all", |cx: &Context| {
                cx.add_child(Task::new("one", || ()))?;
                cx.add_child(Task::depends_on("two", &["one"], || ()))?;
                let unknown = cx.add_child(Task::depends_on("x", &["nobody"], || ()));
                assert!(unknown.unwrap_err().to_string().contains("no child of `all`"));
                assert!(cx.add_child(Task::new("one", || ())).is_err());
                Ok::<_, TaskError>(())
            }));
            exec.add(Task::with("bad", |cx: &Context| cx.add_child(fails("child"))));
            exec.add(Task::depends_on("after", &["all"], || ()));
            exec.add(Task::depends_on("never", &["bad"], || ()));
        },
        |exec, report| {
            assert_eq!(report.count(State::Completed), 4);
            assert_eq!(state(exec, "all/two"), State::Completed);
            assert_eq!(error(exec, "bad"), "its child `bad/child` did not complete");
            assert_eq!(state(exec, "never"), State::Skipped);
        },
    );
}

#[test]
fn same_executor_runs_again() {
    let count = Arc::new(AtomicU32::new(0));
    let n = Arc::clone(&count);
    let mut exec = TaskExecutor::new(2);
    exec.add(Task::with("a", move |cx: &Context| {
        n.fetch_add(1, Ordering::Relaxed);
        cx.add_child(Task::new("child", || ()))
    }));
    for run in 1..=3 {
        exec.run_all().unwrap();
        assert_eq!(count.load(Ordering::Relaxed), run);
    }
}

#[test]
fn hundred_thousand_tasks_complete_in_dependency_order() {
    for (chain, seed) in [(true, None), (false, None), (true, Some(1)), (false, Some(2))] {
        let n = 100_000_u32;
        let mut exec = TaskExecutor::new(2);
        if let Some(seed) = seed {
            exec.seed(seed);
        }
        let done: Arc<Vec<AtomicU32>> = Arc::new((0..n).map(|_| AtomicU32::new(0)).collect());
        let clock = Arc::new(AtomicU32::new(1));
        let before = move |i: u32| if chain { i.checked_sub(1) } else { (i > 0).then_some(i / 2) };
        for i in 0..n {
            let (done, clock) = (Arc::clone(&done), Arc::clone(&clock));
            let task = Task::new(&format!("{i}"), move || {
                done[i as usize].store(clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            });
            let names: Vec<_> = before(i).map(|b| b.to_string()).into_iter().collect();
            exec.add(task.after(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        exec.run_all().unwrap();
        for i in 1..n {
            let at = |i: u32| done[i as usize].load(Ordering::Relaxed);
            assert!(at(before(i).unwrap()) < at(i) && at(i) > 0, "{i}");
        }
    }
}

#[test]
fn metrics_count_states_attempts_and_retries() {
    let mut exec = TaskExecutor::new(2);
    exec.add(
        Task::with(
            "flaky",
            |cx: &Context| {
                if cx.attempt() < 3 { Err(TaskError::new("not yet")) } else { Ok(()) }
            },
        )
        .retry(Retry::attempts(5).backoff(Duration::from_micros(1), 1.0)),
    );
    exec.add(fails("bad"));
    exec.add(Task::depends_on("never", &["bad"], || ()));
    exec.run_all().unwrap_err();
    let metrics = exec.control().metrics();
    let counts = [State::Completed, State::Failed, State::Skipped, State::Running];
    assert_eq!(counts.map(|s| metrics.count(s)), [1, 1, 1, 0]);
    assert_eq!((metrics.n_attempts, metrics.n_retries, metrics.n_remembered), (4, 2, 0));
    let text = metrics.to_prometheus();
    assert!(text.contains("vitte_graph_tasks{state=\"skipped\"} 1\n"), "{text}");
    assert!(text.contains("vitte_graph_retries 2\n"), "{text}");
}

#[cfg(feature = "tracing")]
#[test]
fn attempts_are_inside_of_spans_that_name_them() {
    use tracing_subscriber::layer::{Context as Of, Layer, SubscriberExt};

    #[derive(Clone, Default)]
    struct Notes(Arc<Mutex<Vec<String>>>);

    struct Named(String);

    impl tracing::field::Visit for Named {
        fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
            self.0 += &format!(" {field}={value:?}");
        }
    }

    impl<S: tracing::Subscriber> Layer<S> for Notes {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            _: &tracing::Id,
            _: Of<'_, S>,
        ) {
            let mut named = Named(attributes.metadata().name().to_owned());
            attributes.record(&mut named);
            if named.0.starts_with("attempt") {
                self.0.lock().push(named.0);
            }
        }
    }

    // The other tests have no subscriber. If they come first to where a span is made, and ours is the only
    // one there is, tracing asks theirs whether it is wanted, and remembers the answer.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let notes = Notes::default();
    let subscriber = tracing_subscriber::registry().with(notes.clone());
    tracing::subscriber::with_default(subscriber, || {
        let mut exec = TaskExecutor::new(1);
        exec.add(Task::new("plain", || ()));
        exec.add(Task::future("waits", |_| vitte_rt::task::yield_now()).after(&["plain"]));
        exec.seed(1).run_all().unwrap();
    });
    let said = notes.0.lock().clone();
    assert_eq!(said, ["attempt task=\"plain\" attempt=1", "attempt task=\"waits\" attempt=1"]);
}
