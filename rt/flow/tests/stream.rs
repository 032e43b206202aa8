//! Streams: nothing is lost, order is kept, memory is bounded, ends are clean.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use vitte_flow::{FlowError, OnError, Pipeline, Stage};
use vitte_rt::runtime::Builder;

/// Runs a pipeline on real threads and under several seeds.
fn each_way(test: impl Fn(&dyn Fn(&Pipeline) -> Result<vitte_flow::stream::Report, FlowError>)) {
    for workers in 1..=3 {
        test(&|line| line.run(workers));
    }
    for seed in 0..5 {
        test(&|line| Builder::seeded(seed).workers(3).build().unwrap().block_on(line.drive()));
    }
}

#[test]
fn every_item_arrives_in_order() {
    each_way(|run| {
        let line = Pipeline::new();
        let out = line
            .source(Stage::named("numbers").capacity(7), 0..5_000_u64)
            .map(Stage::named("double").parallel(4).capacity(5), |n| n * 2)
            .filter(Stage::named("thirds").parallel(2), |n| n % 3 == 0)
            .flat_map("twice", |n| [n, n + 1])
            .collect("all");
        run(&line).unwrap();
        let wanted: Vec<_> =
            (0..5_000).map(|n| n * 2).filter(|n| n % 3 == 0).flat_map(|n| [n, n + 1]).collect();
        assert_eq!(out.take(), wanted);
    });
}

#[test]
fn unordered_stages_lose_and_invent_nothing() {
    each_way(|run| {
        let line = Pipeline::new();
        let out = line
            .source("numbers", 0..3_000_u32)
            .map_async(Stage::named("wait").parallel(5).unordered(), |n| async move {
                if n % 7 == 0 {
                    vitte_rt::task::yield_now().await;
                }
                n
            })
            .collect("all");
        run(&line).unwrap();
        let mut all = out.take();
        all.sort_unstable();
        assert_eq!(all, (0..3_000).collect::<Vec<_>>());
    });
}

#[test]
fn groups_windows_pairs_and_branches() {
    each_way(|run| {
        let line = Pipeline::new();
        let mut copies = line.source("numbers", 1..=7_u32).broadcast("copy", 3);
        let batches = copies.pop().unwrap().batch("batch", 3).collect("batches");
        let windows = copies.pop().unwrap().window("window", 3).collect("windows");
        let letters = line.source("letters", "abcd".chars());
        let pairs = copies.pop().unwrap().zip("zip", letters).collect("pairs");
        let low = line.source("low", 0..100_u32);
        let high = line.source("high", 100..200_u32);
        let merged = low.merge("merge", vec![high]).collect("merged");
        run(&line).unwrap();
        assert_eq!(batches.take(), [vec![1, 2, 3], vec![4, 5, 6], vec![7]]);
        let windows = windows.take();
        assert_eq!((windows.len(), &windows[0], &windows[4]), (5, &vec![1, 2, 3], &vec![5, 6, 7]));
        assert_eq!(pairs.take(), [(1, 'a'), (2, 'b'), (3, 'c'), (4, 'd')]);
        let mut merged = merged.take();
        merged.sort_unstable();
        assert_eq!(merged, (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn shorter_side_of_a_zip_ends_the_longer_one() {
    each_way(|run| {
        let line = Pipeline::new();
        let endless = line.source("endless", 0_u64..).map("pass", |n| n);
        let short = line.source("short", 0..10);
        let pairs = endless.zip("zip", short).collect("pairs");
        run(&line).unwrap();
        assert_eq!(pairs.take().len(), 10);
    });
}

#[test]
fn slow_stage_bounds_what_is_under_way() {
    each_way(|run| {
        let (made, used) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let most = Arc::new(AtomicUsize::new(0));
        let (m, u, top) = (Arc::clone(&made), Arc::clone(&used), Arc::clone(&most));
        let line = Pipeline::new();
        line.source(
            Stage::named("fast").capacity(8),
            (0..2_000_u32).inspect(move |_| {
                m.fetch_add(1, Ordering::SeqCst);
            }),
        )
        .map_async("slow", move |n| {
            let under_way = made.load(Ordering::SeqCst) - used.fetch_add(1, Ordering::SeqCst);
            top.fetch_max(under_way, Ordering::SeqCst);
            async move {
                vitte_rt::task::yield_now().await;
                n
            }
        })
        .discard("end");
        let report = run(&line).unwrap();
        // A batch at the source, the edge, a batch in the stage.
        assert!(most.load(Ordering::SeqCst) <= 64 + 8 + 64, "{most:?}");
        assert_eq!(u.load(Ordering::SeqCst), 2_000);
        assert!(report.edges[0].most_queued <= 8);
        assert_eq!(report.edges[0].n_items, 2_000);
    });
}

#[test]
fn drain_loses_nothing_that_left_the_source() {
    each_way(|run| {
        let line = Pipeline::new();
        let control = line.control();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let arrived = Arc::new(AtomicU64::new(0));
        let sum = Arc::clone(&arrived);
        let source = (0..).inspect(move |n: &u64| {
            counted.fetch_add(1, Ordering::SeqCst);
            if *n == 1_000 {
                control.drain();
            }
        });
        line.source("endless", source).map(Stage::named("work").parallel(3), |n| n + 1).sink(
            "count",
            move |_| {
                sum.fetch_add(1, Ordering::SeqCst);
            },
        );
        run(&line).unwrap();
        assert!(sent.load(Ordering::SeqCst) > 1_000);
        assert_eq!(sent.load(Ordering::SeqCst), arrived.load(Ordering::SeqCst));
    });
}

#[test]
fn items_of_a_channel_arrive_and_a_drain_ends_the_wait_for_more() {
    each_way(|run| {
        let (sender, receiver) = vitte_rt::channel::mpsc::channel::<u32>(4);
        let line = Pipeline::new();
        let control = line.control();
        let arrived = line
            .source_stream("channel", receiver)
            .map(Stage::named("double").parallel(2), |n| n * 2)
            .collect("all");
        // Another source that feeds the first, and keeps its end open for ever.
        line.source("feeder", 0..200_u32)
            .map_async("send", move |n| {
                let (sender, control) = (sender.clone(), control.clone());
                async move {
                    sender.send(n).await.unwrap();
                    if n == 199 {
                        // What was sent has not left the source yet; give it the time to.
                        while sender.capacity() < 4 {
                            vitte_rt::task::yield_now().await;
                        }
                        control.drain();
                    }
                }
            })
            .discard("end");
        run(&line).unwrap();
        assert_eq!(arrived.take(), (0..200).map(|n| n * 2).collect::<Vec<_>>());
    });
}

#[test]
fn cancel_ends_stages_that_wait_for_ever() {
    each_way(|run| {
        let line = Pipeline::new();
        let control = line.control();
        line.source("numbers", 0..1_000)
            .map_async(Stage::named("stuck").parallel(2), move |n| {
                if n == 100 {
                    control.cancel();
                }
                async move {
                    if n >= 100 {
                        std::future::pending::<()>().await;
                    }
                }
            })
            .discard("end");
        let result = run(&line);
        assert!(matches!(result, Err(FlowError::Cancelled)), "{result:?}");
    });
}

#[test]
fn errors_are_retried_skipped_told_or_end_it() {
    each_way(|run| {
        let with = |on_error: OnError, retries: u32| {
            let line = Pipeline::new();
            let n_calls = Arc::new(AtomicUsize::new(0));
            let calls = Arc::clone(&n_calls);
            let out = line
                .source("numbers", 0..10_u32)
                .try_map(Stage::named("parse").retry(retries).on_error(on_error), move |&n| {
                    let call = calls.fetch_add(1, Ordering::SeqCst);
                    match n {
                        3 => Err(format!("{n} is bad")),
                        5 if call.is_multiple_of(2) => Err("now and then".to_owned()),
                        _ => Ok(n),
                    }
                })
                .collect("all");
            (run(&line).map(|_| out.take()), n_calls.load(Ordering::SeqCst))
        };
        let (all, n_calls) = with(OnError::Skip, 3);
        assert_eq!(all.unwrap(), [0, 1, 2, 4, 5, 6, 7, 8, 9]);
        assert!(n_calls >= 13);
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let tell = OnError::DeadLetter(Arc::new(move |error| {
            assert_eq!(error.to_string(), "3 is bad");
            count.fetch_add(1, Ordering::SeqCst);
        }));
        assert_eq!(with(tell, 1).0.unwrap().len(), 9);
        assert_eq!(told.load(Ordering::SeqCst), 1);
        let error = with(OnError::Fail, 0).0.unwrap_err().to_string();
        assert_eq!(error, "stage `parse` failed: 3 is bad");
    });
}

#[test]
fn errors_of_futures_are_retried_skipped_or_end_it() {
    each_way(|run| {
        let with = |on_error: OnError, retries: u32| {
            let line = Pipeline::new();
            let n_failed = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
            let failed = Arc::clone(&n_failed);
            let stage = Stage::named("ask").parallel(3).retry(retries).on_error(on_error);
            let out = line
                .source("numbers", 0..40_u32)
                .try_map_async(stage, move |n| {
                    let failed = Arc::clone(&failed);
                    async move {
                        vitte_rt::task::yield_now().await;
                        match n {
                            3 => failed[0].fetch_add(1, Ordering::SeqCst),
                            5 if failed[1].load(Ordering::SeqCst) < 2 => {
                                failed[1].fetch_add(1, Ordering::SeqCst)
                            }
                            _ => return Ok(n),
                        };
                        Err(format!("{n} is bad"))
                    }
                })
                .collect("all");
            let all = run(&line).map(|_| out.take());
            (all, (n_failed[0].load(Ordering::SeqCst), n_failed[1].load(Ordering::SeqCst)))
        };
        let (all, n_failed) = with(OnError::Skip, 2);
        let wanted: Vec<_> = (0..40).filter(|&n| n != 3).collect();
        assert_eq!((all.unwrap(), n_failed), (wanted, (3, 2)), "two retries, in order");
        let error = with(OnError::Fail, 0).0.unwrap_err().to_string();
        assert!(error.starts_with("stage `ask` failed: "), "{error}");
    });
}

#[test]
fn panic_of_a_stage_ends_the_pipeline() {
    each_way(|run| {
        let line = Pipeline::new();
        line.source("endless", 0_u32..)
            .map(Stage::named("work").parallel(3), |n| {
                assert!(n != 500, "five hundred");
                n
            })
            .discard("end");
        let error = run(&line).unwrap_err().to_string();
        assert_eq!(error, "`work` panicked: five hundred");
    });
}

#[test]
fn open_ends_and_second_runs_are_refused() {
    let line = Pipeline::new();
    let pipe = line.source("numbers", 0..3).map("open", |n| n);
    let error = line.run(1).unwrap_err().to_string();
    assert!(error.starts_with("what comes out of stage `open` goes nowhere"), "{error}");
    pipe.discard("end");
    line.run(1).unwrap();
    assert!(matches!(line.run(1), Err(FlowError::Spent)));
}

#[test]
fn figures_are_shown_on_the_edges() {
    let line = Pipeline::new();
    // Virtual time: each item takes a second, so nine wait until there is room.
    line.source(Stage::named("numbers").capacity(1), 0..10_u32)
        .map_async("same", |n| async move {
            vitte_rt::time::sleep(std::time::Duration::from_secs(1)).await;
            n
        })
        .discard("end");
    Builder::seeded(1).workers(1).build().unwrap().block_on(line.drive()).unwrap();
    expect_test::expect![[r#"
        digraph pipeline {
          rankdir=LR;
          node [shape=box];
          s0 [label="numbers"];
          s1 [label="same"];
          s2 [label="end"];
          s0 -> s1 [label="10 items, 1/s, at most 1 of 1, blocked 8.0s"];
          s1 -> s2 [label="10 items, 1/s, at most 1 of 1024, blocked 0.0ns"];
        }
    "#]]
    .assert_eq(&line.to_dot());
}
