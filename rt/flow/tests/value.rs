//! Values: computed once, on demand, again only after a change.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use vitte_flow::{Flow, FlowError, Node};

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
    for workers in 1..=4 {
        let mut flow = Flow::new().workers(workers);
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
    let mut flow = Flow::new().workers(2);
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
    let mut flow = Flow::new().workers(1);
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
    for workers in 1..=3 {
        let mut flow = Flow::new().workers(workers);
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
    let mut flow = Flow::new().workers(4);
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
