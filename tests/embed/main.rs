//! `vitte!` and `include_vitte!`: Vitte procedures called from Rust.

mod jit;
mod values;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use vitte::runtime::Builder;

mod jobs {
    vitte::include_vitte!("jobs.vit");
}

mod renamed {
    use vitte as another_name;

    vitte::vitte! {
        crate = another_name;

        form Pair { a: int, b: [string] }

        export proc swapped(p: Pair) -> (int, [string]) {
            give (p.a + len(p.b), p.b)
        }
    }

    pub(crate) mod jobs {
        vitte::include_vitte!("jobs.vit", crate = vitte);
    }
}

vitte::vitte! {
    async proc wait_and_add(a: int, b: int) -> int {
        await sleep(1)
        let c = a + b
        await sleep(1)
        give c
    }

    export async proc add(a: int, b: int) -> int {
        give await wait_and_add(a, b)
    }

    export async proc at_once(a: int) -> int {
        give a + 1
    }

    export async proc parents_wait(n: int) -> int {
        for i in 0..n {
            spawn wait_and_add(i, i)
        }
        give n
    }

    export async proc cleans_up(ms: int) -> int {
        defer { println("") }
        await sleep(ms)
        give ms
    }

    export async proc fails_later(n: int) -> int {
        await sleep(0)
        give 10 / n
    }

    export proc overflow(n: i8) -> i8 {
        give n + 1
    }

    export proc explicit(text: string) -> int {
        panic "no " + text
    }

    export proc factorial(n: int) -> int {
        if n <= 1 { give 1 }
        give n * factorial(n - 1)
    }

    export proc endless(n: int) -> int {
        give endless(n + 1) + 1
    }
}

/// The text that a call panics with.
fn panic_text<R>(call: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(call)) else { panic!("it did not panic") };
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn async_procedures_are_awaited_like_rust_functions() {
    let sum = vitte::block_on(async {
        let (a, b) = vitte::join!(add(1, 2), add(3, 4));
        a + b + at_once(1).await
    });
    assert_eq!(sum, 12);
}

#[test]
fn synchronous_procedures_need_no_runtime() {
    assert_eq!(factorial(10), 3_628_800);
}

#[test]
fn an_included_file_gives_what_it_exports() {
    assert_eq!(vitte::block_on(jobs::double(21)), 42);
}

#[test]
fn the_crate_may_have_another_name() {
    let pair = renamed::Pair { a: 7, b: vec!["x".to_owned()] };
    assert_eq!(renamed::swapped(pair), (8, vec!["x".to_owned()]));
    assert_eq!(vitte::block_on(renamed::jobs::double(2)), 4);
}

/// cargo builds again when a file changes that rustc lists beside its output.
#[test]
fn an_included_file_is_among_those_that_cargo_watches() {
    let made = std::env::current_exe().unwrap().with_extension("d");
    let list = std::fs::read_to_string(&made).unwrap_or_else(|e| panic!("{}: {e}", made.display()));
    let watched = list.split_whitespace().any(|file| file.ends_with("jobs.vit"));
    assert!(watched, "{list}");
}

#[test]
fn a_procedure_ends_after_its_children() {
    let runtime = Builder::seeded(1).build().unwrap();
    let spent = runtime.block_on(async {
        let start = vitte::time::Instant::now();
        assert_eq!(parents_wait(3).await, 3);
        start.elapsed()
    });
    assert!(spent >= Duration::from_millis(2), "{spent:?}");
}

#[test]
fn a_dropped_future_cancels_its_procedure() {
    let runtime = Builder::seeded(1).build().unwrap();
    runtime.block_on(async {
        {
            let mut waits = pin!(cleans_up(1_000_000));
            assert!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            vitte::sleep(Duration::from_millis(5)).await;
            assert_eq!(vitte::runtime::Handle::current().n_tasks(), 1);
        }
        vitte::sleep(Duration::from_millis(5)).await;
        assert_eq!(vitte::runtime::Handle::current().n_tasks(), 0);
    });
}

#[test]
fn a_future_that_was_never_polled_starts_nothing() {
    let runtime = Builder::seeded(1).build().unwrap();
    runtime.block_on(async {
        drop(add(1, 2));
        assert_eq!(vitte::runtime::Handle::current().n_tasks(), 0);
    });
}

#[test]
fn a_fault_is_a_panic_with_its_place() {
    let text = panic_text(|| overflow(127));
    assert!(text.starts_with("integer overflow\n  --> ") && text.contains("main.rs:"), "{text}");
    let text = panic_text(|| explicit("way"));
    assert!(text.starts_with("no way\n"), "{text}");
    let text = panic_text(|| vitte::block_on(fails_later(0)));
    assert!(text.starts_with("division by zero\n"), "{text}");
    assert_eq!((overflow(126), vitte::block_on(fails_later(5))), (127, 2));
}

#[test]
fn endless_recursion_is_a_panic() {
    let text = panic_text(|| endless(0));
    assert!(text.contains("stack"), "{text}");
}

#[test]
fn outside_of_a_runtime_an_async_procedure_says_so() {
    let text = panic_text(|| {
        let mut call = pin!(add(1, 2));
        let poll = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(poll, Poll::Pending);
    });
    assert!(text.contains("runs on a runtime of vitte"), "{text}");
}

mod race {
    vitte::vitte! {
        proc first(n: int) -> int { give n + 1 }
    }
}

#[test]
fn the_first_call_may_come_from_several_threads_at_once() {
    let barrier = std::sync::Barrier::new(4);
    std::thread::scope(|scope| {
        for n in 0..4 {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                assert_eq!(race::first(n), n + 1);
            });
        }
    });
}
