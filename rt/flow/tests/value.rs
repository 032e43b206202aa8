//! Values: computed once, on demand, again only after a change.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use vitte_flow::{Flow, FlowError, Node};

/// Flows on real threads and under seeds.
fn ways() -> impl Iterator<Item = Flow> {
    let real = (1..=3).map(|n| Flow::new().workers(n));
    real.chain((0..12).map(|seed| Flow::new().seed(seed)))
}

#[test]
fn example_of_the_manual_gives_its_sum() {
    let mut flow = Flow::new();
    let a = flow.node("A", || 1);
    let b = flow.node("B", || 2);
    let sum = flow.node("Sum", move || a.get() + b.get());
    flow.run().unwrap();
    assert_eq!(sum.get(), 3);
}

#[test]
fn shared_dependency_is_computed_once() {
    for mut flow in ways() {
        let n = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&n);
        let base = flow.node("base", move || {
            std::thread::sleep(Duration::from_millis(2));
            count.fetch_add(1, Ordering::SeqCst) + 10
        });
        let users: Vec<Node<u32>> = (0..8)
            .map(|i| {
                let base = base.clone();
                flow.node(&format!("user {i}"), move || base.get() + i)
            })
            .collect();
        flow.run().unwrap();
        assert_eq!(n.load(Ordering::SeqCst), 1);
        assert_eq!(
            users.iter().map(Node::get).collect::<Vec<_>>(),
            [10, 11, 12, 13, 14, 15, 16, 17]
        );
    }
}

#[test]
fn independent_nodes_run_at_the_same_time() {
    let mut flow = Flow::new().workers(2);
    let both = Arc::new(Barrier::new(2));
    for name in ["left", "right"] {
        let both = Arc::clone(&both);
        // Neither could pass alone.
        let _ = flow.node(name, move || {
            both.wait();
        });
    }
    flow.run().unwrap();
}

#[test]
fn set_computes_anew_what_depends_on_it_and_nothing_else() {
    ways().for_each(set_computes_anew);
}

fn set_computes_anew(mut flow: Flow) {
    let x = flow.input("x", 1);
    let y = flow.input("y", 10);
    let (first, second, third) = (x.node(), y.node(), y.node());
    let double = flow.node("double", move || first.get() * 2);
    let doubled = double.clone();
    let sum = flow.node("sum", move || doubled.get() + second.get());
    let other = flow.node("other", move || third.get() + 1);
    flow.run().unwrap();
    assert_eq!((sum.get(), other.get()), (12, 11));
    flow.set(&x, 5);
    assert!(sum.try_get().is_err(), "out of date");
    assert!(other.try_get().is_ok());
    flow.run().unwrap();
    assert_eq!((sum.get(), double.n_runs(), sum.n_runs(), other.n_runs()), (20, 2, 2, 1));
    flow.run().unwrap();
    assert_eq!(sum.n_runs(), 2, "nothing changed");
}

#[test]
fn dependencies_are_what_the_last_evaluation_read() {
    ways().for_each(dependencies_are_what_was_read);
}

fn dependencies_are_what_was_read(mut flow: Flow) {
    let which = flow.input("which", true);
    let left = flow.input("left", 1);
    let right = flow.input("right", 2);
    let (w, l, r) = (which.node(), left.node(), right.node());
    let chosen = flow.node("chosen", move || if w.get() { l.get() } else { r.get() });
    flow.run().unwrap();
    flow.set(&right, 20);
    flow.run().unwrap();
    assert_eq!((chosen.get(), chosen.n_runs()), (1, 1), "it did not read `right`");
    flow.set(&which, false);
    flow.run().unwrap();
    flow.set(&left, 10);
    flow.run().unwrap();
    assert_eq!((chosen.get(), chosen.n_runs()), (20, 2));
}

#[test]
fn circle_is_an_error_with_its_path() {
    for mut flow in ways() {
        let later: Arc<OnceLock<Node<i32>>> = Arc::default();
        let l = Arc::clone(&later);
        let a = flow.node("a", move || l.get().unwrap().get() + 1);
        let b = flow.node("b", move || a.get() + 1);
        let c = flow.node("c", move || b.get() + 1);
        later.set(c).unwrap();
        let error = flow.run().unwrap_err();
        let FlowError::Cycle { path } = &error else { panic!("{error}") };
        assert_eq!(path.len(), 4, "{path:?}");
        assert_eq!(path.first(), path.last());
        let text = error.to_string();
        assert!(text.contains("→") && text.contains("circle"), "{text}");
    }
}

#[test]
fn declared_order_is_kept_without_reading() {
    ways().for_each(declared_order_is_kept);
}

fn declared_order_is_kept(mut flow: Flow) {
    let seen = Arc::new(AtomicU32::new(0));
    let (first, second) = (Arc::clone(&seen), Arc::clone(&seen));
    let a = flow.node("a", move || {
        std::thread::sleep(Duration::from_millis(5));
        first.store(1, Ordering::SeqCst);
    });
    let b = flow.node("b", move || second.load(Ordering::SeqCst)).after(&[&a]);
    flow.run().unwrap();
    assert_eq!(b.get(), 1);
}

#[test]
fn panic_names_its_node_and_spares_the_others() {
    // Seeds may begin with the bad one: then nothing else is begun.
    let mut flow = Flow::new().workers(2);
    let good = flow.node("good", || 1);
    let bad: Node<i32> = flow.node("bad", || panic!("no luck"));
    let b = bad.clone();
    let after = flow.node("after", move || b.get());
    let error = flow.run().unwrap_err();
    assert_eq!(error.to_string(), "`bad` panicked: no luck");
    assert!(after.try_get().is_err());
    assert_eq!(good.get(), 1);
}

#[test]
fn get_before_run_says_what_to_do() {
    let mut flow = Flow::new();
    let a = flow.node("a", || 1);
    let message = "node `a` has no value: run the flow first, or run it again after a change";
    assert_eq!(a.try_get().unwrap_err().to_string(), message);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| a.get())).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), message);
}

#[test]
fn name_given_twice_is_an_error() {
    let mut flow = Flow::new();
    let _ = flow.node("a", || 1);
    let _ = flow.node("a", || 2);
    assert!(matches!(flow.run(), Err(FlowError::DuplicateName { name }) if name == "a"));
}

#[test]
fn long_chain_does_not_use_the_stack() {
    let mut flow = Flow::new().workers(2);
    let mut last = flow.node("0", || 0_u32);
    for i in 1..20_000 {
        let before = last.clone();
        last = flow.node(&i.to_string(), move || before.get() + 1);
    }
    flow.run().unwrap();
    assert_eq!(last.get(), 19_999);
}

#[test]
fn async_nodes_need_no_thread_to_wait() {
    for mut flow in ways() {
        // Each waits for all others: any that held a thread would hold the rest up.
        let all = Arc::new(vitte_rt::sync::Barrier::new(20));
        let nodes: Vec<Node<u32>> = (0..20)
            .map(|i| {
                let all = Arc::clone(&all);
                flow.async_node(&i.to_string(), move || {
                    let all = Arc::clone(&all);
                    async move {
                        all.wait().await;
                        i
                    }
                })
            })
            .collect();
        flow.run().unwrap();
        assert_eq!(nodes.iter().map(Node::get).sum::<u32>(), 190);
        assert!(nodes.iter().all(|node| node.n_runs() == 1));
    }
}

#[test]
fn future_reads_what_was_computed_and_is_told_else() {
    for mut flow in ways() {
        let a = flow.input("a", 1);
        let (early, late) = (a.node(), a.node());
        let sum = flow.async_node("sum", move || {
            let (first, second) = (early.get(), late.clone());
            async move {
                vitte_rt::task::yield_now().await;
                first + second.get()
            }
        });
        flow.run().unwrap();
        flow.set(&a, 5);
        flow.run().unwrap();
        assert_eq!((sum.get(), sum.n_runs()), (10, 2));
    }
    // Not read before, and added later, so not computed either.
    let mut flow = Flow::new().workers(1);
    let later: Arc<OnceLock<Node<i32>>> = Arc::default();
    let l = Arc::clone(&later);
    let _ = flow.async_node("hasty", move || {
        let l = Arc::clone(&l);
        async move { l.get().unwrap().get() }
    });
    later.set(flow.async_node("slow", std::future::pending)).unwrap();
    let error = flow.run().unwrap_err().to_string();
    let wanted = "`hasty` panicked: node `slow` was not computed when the future of `hasty` read it: \
                  read it in the body, before the future, or say `after(&[&slow])`";
    assert_eq!(error, wanted);
}

#[test]
fn panic_in_a_future_ends_the_run_and_the_next_one_goes_on() {
    for mut flow in ways() {
        let fails = flow.input("fails", true);
        let f = fails.node();
        let stuck = flow.async_node("stuck", {
            let f = f.clone();
            move || {
                let fails = f.get();
                async move {
                    if fails {
                        std::future::pending::<()>().await;
                    }
                }
            }
        });
        let bad = flow.async_node("bad", move || {
            let fails = f.get();
            async move {
                vitte_rt::task::yield_now().await;
                assert!(!fails, "no luck");
                7
            }
        });
        let (s, b) = (stuck.clone(), bad.clone());
        let both = flow.node("both", move || {
            let value = b.get();
            s.get();
            value
        });
        assert_eq!(flow.run().unwrap_err().to_string(), "`bad` panicked: no luck");
        assert!(both.try_get().is_err() && stuck.try_get().is_err());
        flow.set(&fails, false);
        flow.run().unwrap();
        assert_eq!((both.get(), both.n_runs()), (7, 1));
    }
}

#[test]
fn one_seed_is_one_order() {
    let order_of = |seed| {
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut flow = Flow::new().seed(seed);
        for i in 0..10_u64 {
            let note = Arc::clone(&order);
            let nap = std::time::Duration::from_millis(i * 7 % 4);
            let _ = flow.async_node(&i.to_string(), move || {
                note.lock().unwrap().push(i);
                let note = Arc::clone(&note);
                async move {
                    vitte_rt::time::sleep(nap).await;
                    note.lock().unwrap().push(100 + i);
                }
            });
        }
        flow.run().unwrap();
        let all = order.lock().unwrap();
        all.clone()
    };
    let orders: std::collections::BTreeSet<_> = (0..10).map(order_of).collect();
    assert!(orders.len() > 5, "seeds differ");
    (0..10).for_each(|seed| assert_eq!(order_of(seed), order_of(seed)));
}

#[test]
fn async_nodes_wait_together() {
    let mut flow = Flow::new().workers(2);
    let n = flow.node("n", || 3_u32);
    let tasks: Vec<_> = (0..2)
        .map(|i| {
            let n = n.clone();
            flow.async_node(&format!("async {i}"), move || {
                let n = n.get();
                async move {
                    vitte_rt::time::sleep(Duration::from_millis(2)).await;
                    n + i
                }
            })
        })
        .collect();
    flow.run().unwrap();
    assert_eq!(tasks.iter().map(Node::get).collect::<Vec<_>>(), [3, 4]);
    assert!(flow.to_dot().contains("n0 -> n1"), "{}", flow.to_dot());
}

#[test]
fn dropped_flow_drops_its_bodies_and_leaves_values_readable() {
    let witness = Arc::new(());
    let held = Arc::clone(&witness);
    let mut flow = Flow::new().workers(1);
    let a = flow.node("a", move || Arc::strong_count(&held));
    let before = a.clone();
    let b = flow.node("b", move || before.get());
    flow.run().unwrap();
    drop(flow);
    assert_eq!(Arc::strong_count(&witness), 1);
    assert_eq!(b.get(), 2);
}
