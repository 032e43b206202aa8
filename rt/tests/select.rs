//! `select!`, `join!`, `try_join!`, task-locals, scopes, sets and intervals.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vitte_rt::channel::{mpsc, oneshot};
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::stream::StreamExt;
use vitte_rt::task::{self, JoinSet, spawn, yield_now};
use vitte_rt::time::{Instant, MissedTickBehavior, interval, interval_at, sleep};
use vitte_rt::{block_on, join, select, task_local, try_join};

const MS: Duration = Duration::from_millis(1);

fn each(test: impl Fn(&Runtime)) {
    test(&Builder::current_thread().build().unwrap());
    test(&Builder::multi_thread().workers(2).build().unwrap());
    test(&Builder::seeded(7).workers(3).build().unwrap());
}

#[test]
fn first_ready_branch_is_taken_and_the_others_are_dropped() {
    each(|rt| {
        rt.block_on(async {
            let guard = Arc::new(());
            let held = guard.clone();
            let taken = select! {
                n = async { yield_now().await; 1 } => n,
                n = async move { let n = pending::<i32>().await; drop(held); n } => n,
            };
            assert_eq!(taken, 1);
            assert_eq!(Arc::strong_count(&guard), 1);
        });
    });
}

#[test]
fn futures_are_gone_when_the_handler_runs() {
    block_on(async {
        let (tx, mut rx) = mpsc::channel(1);
        tx.send(1).await.unwrap();
        let n = select! {
            Some(n) = rx.recv() => { rx.close(); n }
            else => 0,
        };
        assert_eq!((n, rx.recv().await), (1, None));
    });
}

#[test]
fn patterns_that_do_not_match_put_their_branch_out() {
    block_on(async {
        // By value, with `mut`, nested, with an or-pattern, not `Copy`.
        let text = select! {
            Some(_) = ready(None::<u8>) => unreachable!(),
            Ok(mut text) | Err((mut text, _)) = ready(Err::<String, _>((String::from("a"), 3))) => {
                text.push('b');
                text
            }
        };
        assert_eq!(text, "ab");
        let out = select! {
            Some(n) = ready(None::<u8>) => n,
            else => 9,
        };
        assert_eq!(out, 9);
        let ref_to = (1, String::from("kept"));
        let len = select! { (_, ref text) = ready(ref_to.clone()) => text.len() };
        assert_eq!(len, 4);
    });
}

#[test]
fn conditions_put_branches_out_before_they_are_polled() {
    block_on(async {
        let (mut on, never) = (false, std::hint::black_box(false));
        for _ in 0..20 {
            let n = select! {
                _ = async { panic!("polled") }, if never => 1,
                n = ready(2), if !on => n,
                else => 3,
            };
            assert_eq!(n, if on { 3 } else { 2 });
            on = !on;
        }
    });
}

#[test]
#[should_panic(expected = "all branches are disabled")]
fn all_out_without_else_panics() {
    block_on(async {
        select! { Some(()) = ready(None) => {}, _ = ready(1), if 1 > 2 => {} }
    });
}

#[test]
fn handlers_break_return_and_ask() {
    async fn asks(fail: bool) -> Result<u8, String> {
        let mut n = 0;
        loop {
            select! {
                result = ready(if fail { Err("no".to_string()) } else { Ok(1) }) => n += result?,
                () = pending() => return Ok(0),
            }
            yield_now().await;
            if n == 3 {
                select! { () = ready(()) => break }
            }
            select! { () = ready(()) => continue }
        }
        Ok(n)
    }
    block_on(async {
        assert_eq!(asks(false).await, Ok(3));
        assert_eq!(asks(true).await, Err("no".into()));
    });
}

#[test]
fn biased_tries_in_order_and_seeded_runs_repeat() {
    let run = |seed: Option<u64>, biased: bool| {
        let builder = seed.map_or_else(Builder::current_thread, Builder::seeded);
        builder.build().unwrap().block_on(async move {
            let mut taken = Vec::new();
            for _ in 0..64 {
                let n = if biased {
                    select! { biased; n = ready(0) => n, n = ready(1) => n, n = ready(2) => n }
                } else {
                    select! { n = ready(0) => n, n = ready(1) => n, n = ready(2) => n }
                };
                taken.push(n);
            }
            taken
        })
    };
    assert_eq!(run(None, true), [0; 64]);
    assert_eq!(run(Some(5), false), run(Some(5), false));
    assert_ne!(run(Some(5), false), run(Some(6), false));
    assert_eq!(run(None, false).into_iter().collect::<BTreeSet<_>>().len(), 3, "no branch starves");
}

#[test]
fn join_waits_for_all_and_try_join_stops_at_an_error() {
    each(|rt| {
        rt.block_on(async {
            let (a, b, c) = join!(
                ready(1),
                async {
                    sleep(MS).await;
                    "two"
                },
                async {
                    yield_now().await;
                    3.0
                }
            );
            assert_eq!((a, b, c), (1, "two", 3.0));
            let n = AtomicUsize::new(0);
            let failed: Result<((), ()), u8> = try_join!(
                async {
                    yield_now().await;
                    Err(4)
                },
                async {
                    yield_now().await;
                    yield_now().await;
                    n.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                },
            );
            assert_eq!((failed, n.load(Ordering::SeqCst)), (Err(4), 0));
            // An output that is a `Result` itself, and not `Unpin` futures by reference.
            let mut pinned = std::pin::pin!(async { 5 });
            assert_eq!(join!(&mut pinned, ready(Err::<(), ()>(()))), (5, Err(())));
        });
    });
}

task_local! {
    static USER: &'static str;
    static COUNT: Cell<u32>;
}

#[test]
fn task_locals_belong_to_their_task() {
    each(|rt| {
        rt.block_on(async {
            let tasks: Vec<_> = ["a", "b", "c"]
                .into_iter()
                .map(|name| {
                    spawn(USER.scope(name, async move {
                        for _ in 0..20 {
                            assert_eq!(USER.get(), name);
                            yield_now().await;
                        }
                        USER.scope("inner", async {
                            yield_now().await;
                            assert_eq!(USER.get(), "inner");
                        })
                        .await;
                        USER.get()
                    }))
                })
                .collect();
            let mut names = Vec::new();
            for task in tasks {
                names.push(task.await.unwrap());
            }
            assert_eq!(names, ["a", "b", "c"]);
            assert!(USER.try_with(|_| ()).is_err());
        });
    });
}

#[test]
fn task_local_is_set_while_the_future_is_dropped_and_after_a_panic_gone() {
    struct Asks(Arc<AtomicUsize>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.store(USER.get().len(), Ordering::SeqCst);
        }
    }
    let len = Arc::new(AtomicUsize::new(0));
    let asks = Asks(len.clone());
    drop(USER.scope("four", async move {
        let _asks = asks;
    }));
    assert_eq!(len.load(Ordering::SeqCst), 4);
    block_on(async {
        assert!(spawn(USER.scope("x", async { panic!("gone") })).await.unwrap_err().is_panic());
        assert!(USER.try_with(|_| ()).is_err());
        COUNT.scope(Cell::new(1), async { COUNT.with(|n| n.set(n.get() + 1)) }).await;
    });
}

#[test]
fn scope_ends_after_all_of_its_descendants() {
    each(|rt| {
        rt.block_on(async {
            let n_ended = Arc::new(AtomicUsize::new(0));
            let ended = n_ended.clone();
            task::scope(|scope| async move {
                for k in 0..5u32 {
                    let (scope_of_child, ended) = (scope.clone(), ended.clone());
                    drop(scope.spawn(async move {
                        sleep(k * MS).await;
                        let grandchild = ended.clone();
                        drop(scope_of_child.spawn(async move {
                            sleep(MS).await;
                            grandchild.fetch_add(1, Ordering::SeqCst);
                        }));
                        ended.fetch_add(1, Ordering::SeqCst);
                    }));
                }
            })
            .await;
            assert_eq!(n_ended.load(Ordering::SeqCst), 10);
        });
        assert_eq!(rt.handle().n_tasks(), 0);
    });
}

#[test]
fn panic_of_a_child_ends_the_scope_after_the_others() {
    each(|rt| {
        let alive = Arc::new(());
        let held = alive.clone();
        let outcome = rt.block_on(async move {
            spawn(task::scope(|scope| async move {
                let held = held;
                let sibling = held.clone();
                drop(scope.spawn(async move {
                    pending::<()>().await;
                    drop(sibling);
                }));
                let lost = scope.spawn(async { panic!("child") });
                let _ = lost.await;
                pending::<()>().await;
            }))
            .await
        });
        let error = outcome.unwrap_err();
        assert_eq!(*error.try_into_panic().unwrap().downcast::<&str>().unwrap(), "child");
        assert_eq!(Arc::strong_count(&alive), 1);
        assert_eq!(rt.handle().n_tasks(), 0);
    });
}

#[test]
fn aborted_children_are_no_panic_and_a_scope_that_is_over_takes_none() {
    block_on(async {
        let escaped = task::scope(|scope| async move {
            let child = scope.spawn(pending::<()>());
            child.abort();
            assert!(child.await.is_err());
            drop(scope.spawn(pending::<()>()));
            scope.abort_children();
            scope
        })
        .await;
        assert!(escaped.spawn(pending::<()>()).await.is_err());
        assert_eq!(escaped.n_children(), 0);
    });
}

#[test]
fn join_set_joins_in_the_order_of_ends() {
    each(|rt| {
        rt.block_on(async {
            let mut set = JoinSet::new();
            assert!(set.join_next().await.is_none());
            let mut ends: Vec<_> = (0..4)
                .map(|n| {
                    let (end, ended) = oneshot::channel();
                    set.spawn(async move {
                        ended.await.unwrap();
                        n
                    });
                    Some(end)
                })
                .collect();
            set.spawn(async { panic!("one") });
            let aborted = set.spawn(pending());
            aborted.abort();
            assert_eq!(set.len(), 6);
            for _ in 0..2 {
                assert!(set.join_next().await.unwrap().is_err());
            }
            for n in [1, 3, 2, 0] {
                ends[n].take().unwrap().send(()).unwrap();
                assert_eq!(set.join_next().await.unwrap().unwrap(), n);
            }
            assert!(set.join_next().await.is_none());
            // Places are used again.
            for round in 0..100 {
                set.spawn(async move { round });
                set.spawn(async {
                    yield_now().await;
                    1000
                });
                assert!(set.join_next().await.is_some());
                assert!(set.join_next().await.is_some());
                assert!(set.try_join_next().is_none());
            }
            // Detached tasks run on.
            let (tx, mut rx) = mpsc::channel(1);
            set.spawn(async move {
                yield_now().await;
                tx.send(()).await.unwrap();
                0
            });
            set.detach_all();
            drop(set);
            assert_eq!(rx.recv().await, Some(()));
        });
    });
    // Some end while nobody joins: in virtual time, where their order is known.
    Builder::seeded(7).workers(3).build().unwrap().block_on(async {
        let sleepers = [40, 10, 30, 20].map(|ms| async move {
            sleep(ms * MS).await;
            ms
        });
        let mut set: JoinSet<u32> = sleepers.into_iter().collect();
        assert_eq!(set.join_next().await.unwrap().unwrap(), 10);
        sleep(50 * MS).await;
        for ms in [20, 30, 40] {
            assert_eq!(set.try_join_next().unwrap().unwrap(), ms);
        }
    });
}

#[test]
fn missed_ticks_come_at_once_later_or_not_at_all() {
    use MissedTickBehavior::{Burst, Delay, Skip};
    let expected = [
        (Burst, [10, 20, 30, 40, 50]),
        (Delay, [10, 45, 55, 65, 75]),
        (Skip, [10, 40, 50, 60, 70]),
    ];
    for (behavior, expected) in expected {
        Builder::seeded(1).build().unwrap().block_on(async move {
            let start = Instant::now();
            let mut ticks = interval(10 * MS);
            ticks.set_missed_tick_behavior(behavior);
            assert_eq!(ticks.tick().await, start);
            sleep(35 * MS).await; // 10, 20, 30 are missed
            let mut scheduled = Vec::new();
            for _ in 0..5 {
                scheduled.push((ticks.tick().await - start).as_millis());
            }
            assert_eq!(scheduled, expected, "{behavior:?}");
            ticks.reset();
            assert_eq!(ticks.tick().await - Instant::now(), Duration::ZERO);
        });
    }
    Builder::seeded(1).build().unwrap().block_on(async {
        let start = Instant::now() + 50 * MS;
        let ticks: Vec<_> = interval_at(start, MS).take(3).collect().await;
        assert_eq!(ticks, [start, start + MS, start + 2 * MS]);
        assert_eq!(Instant::now(), start + 2 * MS);
    });
}
