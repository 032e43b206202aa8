//! What a resume costs over a direct call, for each kind of task: the same counter as a Rust future, as a
//! C callback and as compiled code, each called in the way in which a worker calls it, without queues.
//!
//! * Rust future: `poll` through a pointer, caught if it panics.
//! * C callback: a call through a pointer with context and data, caught if it panics.
//! * compiled code: the pop loop, the tag and the store of state and count.
//! * direct call: the count alone, in a function that is not inlined.

use std::ffi::c_void;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::{Figure, Goal, interval};

const N: u64 = 200_000;

type Resume = Box<dyn FnMut(u64)>;

#[inline(never)]
fn count(n: &mut u64) {
    *n = black_box(*n + 1);
}

fn direct() -> Resume {
    let mut n = 0;
    Box::new(move |times| {
        for _ in 0..times {
            count(black_box(&mut n));
        }
    })
}

struct Counter(u64);

impl Future for Counter {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        count(&mut self.0);
        Poll::Pending
    }
}

fn future() -> Resume {
    let mut future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(Counter(0));
    Box::new(move |times| {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..times {
            let poll = || black_box(&mut future).as_mut().poll(&mut cx);
            let polled = catch_unwind(AssertUnwindSafe(poll));
            assert!(matches!(polled, Ok(Poll::Pending)));
        }
    })
}

unsafe extern "C-unwind" fn callback(_context: *mut c_void, data: *mut c_void) -> u32 {
    // SAFETY: the data is the count, which outlives the calls.
    count(unsafe { &mut *data.cast::<u64>() });
    1
}

fn c_callback() -> Resume {
    let mut n = Box::new(0u64);
    Box::new(move |times| {
        let callback: unsafe extern "C-unwind" fn(*mut c_void, *mut c_void) -> u32 =
            black_box(callback);
        for _ in 0..times {
            let data = (&raw mut *n).cast();
            // SAFETY: the data is what the callback expects.
            let call = || unsafe { callback(std::ptr::null_mut(), data) };
            assert!(matches!(catch_unwind(AssertUnwindSafe(call)), Ok(1)));
        }
    })
}

fn kinds() -> Vec<(&'static str, Resume)> {
    #[allow(unused_mut, reason = "compiled code is a feature")]
    let mut kinds = vec![("Rust future", future()), ("C callback", c_callback())];
    #[cfg(feature = "jit")]
    {
        let mut machine = crate::resume::Machine::compile(&crate::chain::looping(1));
        kinds.push(("compiled code", Box::new(move |times| machine.resume(times))));
    }
    kinds
}

/// Nanoseconds over a direct call, per kind; the median over rounds that take all in turn.
pub fn abi_resume(n_rounds: usize) -> Vec<Figure> {
    let (mut direct, mut kinds) = (direct(), kinds());
    let time = |resume: &mut Resume| {
        let started = Instant::now();
        resume(N);
        started.elapsed().as_nanos() as f64 / N as f64
    };
    let mut over = vec![Vec::new(); kinds.len()];
    for _ in 0..=n_rounds {
        let floor = time(&mut direct);
        for (kind, over) in kinds.iter_mut().zip(&mut over) {
            over.push(time(&mut kind.1) - floor);
        }
    }
    let figure = |((name, _), over): (&(&str, Resume), &Vec<f64>)| {
        let [value, ..] = interval(&over[1..]);
        let name = format!("abi_resume {name}, over a direct call");
        Figure { name, value, unit: "ns", goal: Goal::AtMost(3.0) }
    };
    kinds.iter().zip(&over).map(figure).collect()
}
