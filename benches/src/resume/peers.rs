//! Peers written in Rust: rustc's own futures, inline and boxed, and stackful coroutines.

use corosensei::{Coroutine, CoroutineResult};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Suspends for ever, counting.
struct Count(i64);

impl Future for Count {
    type Output = i64;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i64> {
        self.0 = std::hint::black_box(self.0 + 1);
        Poll::Pending
    }
}

async fn deeper<F: Future<Output = i64>>(f: F) -> i64 {
    f.await + 1
}

fn driver<F: Future<Output = i64> + 'static>(future: F) -> Box<dyn FnMut(u64)> {
    let mut future = Box::pin(future);
    Box::new(move |times| {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..times {
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
    })
}

macro_rules! nest {
    ($f:expr;) => { $f };
    // Made inside, not passed in: a future that captures another holds it twice.
    ($f:expr; $_:tt $($rest:tt)*) => { async { nest!($f; $($rest)*).await + 1 } };
}

/// rustc's future of a chain of depth 1, 10 or 100, one inside the other.
pub fn inline(depth: usize) -> Option<Box<dyn FnMut(u64)>> {
    Some(match depth {
        1 => driver(Count(0)),
        10 => driver(nest!(Count(0); 1 2 3 4 5 6 7 8 9)),
        100 => driver(nest!(Count(0);
            1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6
            1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6
            1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6)),
        _ => return None,
    })
}

/// rustc's futures of a chain of any depth, each in a box.
pub fn boxed(depth: usize) -> Box<dyn FnMut(u64)> {
    let mut future: Pin<Box<dyn Future<Output = i64>>> = Box::pin(Count(0));
    for _ in 1..depth {
        future = Box::pin(deeper(future));
    }
    driver(future)
}

/// A stackful coroutine that counts.
pub fn corosensei() -> Box<dyn FnMut(u64)> {
    let mut coroutine: Coroutine<(), i64, ()> = Coroutine::new(|yielder, ()| {
        let mut n = 0;
        loop {
            n += 1;
            yielder.suspend(n);
        }
    });
    Box::new(move |times| {
        for _ in 0..times {
            assert!(matches!(coroutine.resume(()), CoroutineResult::Yield(_)));
        }
    })
}
