//! Contenders of the task bench: the pairs of `ui-tests`, and what peers can express of them.
//!
//! * `diapause` makes a coroutine of a function by code transformation, as `#[vitte::task]` does. It
//!   has yields, no awaits: no child is polled, no waker handed on, no site noted.
//! * `task(jit)` is the same function over scalars, compiled by us when it is first called (feature
//!   `jit`).
//! * `genawaiter` makes a generator of an async function: rustc's machine, and a cell beside it
//!   through which values pass.

use diapause::{Coroutine, CoroutineState};
use genawaiter::GeneratorState;
use genawaiter::stack::{Co, let_gen_using};
use std::hint::black_box;
pub use ui_tests::pairs::{ALL, Pair, Side};

#[cfg(feature = "jit")]
mod jit;

/// A pair by a peer.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// Whose it is.
    pub whose: &'static str,
    /// The name of the pair.
    pub name: &'static str,
    /// Bytes of the coroutine, and how to run it.
    pub side: Side,
}

mod coroutines {
    #[diapause::coroutine]
    pub(super) fn while_sum(n: u64) -> u64 {
        let mut i: u64 = 0;
        let mut sum: u64 = 0;
        while i < n {
            yield_!();
            sum += i;
            i += 1;
        }
        sum
    }

    #[diapause::coroutine]
    pub(super) fn nested_loops(n: u64) -> u64 {
        let mut sum: u64 = 0;
        for i in 0u64..n {
            for j in 0u64..n {
                yield_!();
                sum += i * j;
            }
        }
        sum
    }

    #[diapause::coroutine]
    pub(super) fn four_states(n: u64) -> u64 {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            yield_!();
            a += 1;
            yield_!();
            a *= 3;
            yield_!();
            a ^= i;
            yield_!();
            i += 1;
        }
        a
    }

    #[diapause::coroutine]
    pub(super) fn array_in_a_loop(n: u64) -> u64 {
        let mut data: [u64; 16] = std::array::from_fn(|i| n + i as u64);
        let mut i: usize = 0;
        while i < 64 {
            yield_!();
            data[i % 16] += 1;
            i += 1;
        }
        data.iter().fold(0, |sum: u64, x| sum.rotate_left(3) ^ x)
    }
}

fn drive<C: Coroutine<(), Return = u64>>(coroutine: C) -> (u64, u64) {
    let mut coroutine = coroutine;
    let coroutine: &mut dyn Coroutine<(), Return = u64, Yield = C::Yield> =
        black_box(&mut coroutine);
    let mut state = coroutine.start();
    let mut n = 1;
    loop {
        match state {
            CoroutineState::Complete(value) => return (value, n),
            CoroutineState::Yielded(_) => state = coroutine.resume(()),
        }
        n += 1;
    }
}

mod generators {
    use super::Co;

    pub(super) async fn while_sum(co: Co<'_, ()>, n: u64) -> u64 {
        let mut i: u64 = 0;
        let mut sum: u64 = 0;
        while i < n {
            co.yield_(()).await;
            sum += i;
            i += 1;
        }
        sum
    }

    pub(super) async fn four_states(co: Co<'_, ()>, n: u64) -> u64 {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            co.yield_(()).await;
            a += 1;
            co.yield_(()).await;
            a *= 3;
            co.yield_(()).await;
            a ^= i;
            co.yield_(()).await;
            i += 1;
        }
        a
    }

    pub(super) async fn array_in_a_loop(co: Co<'_, ()>, n: u64) -> u64 {
        let mut data: [u64; 16] = std::array::from_fn(|i| n + i as u64);
        let mut i: usize = 0;
        while i < 64 {
            co.yield_(()).await;
            data[i % 16] += 1;
            i += 1;
        }
        data.iter().fold(0, |sum: u64, x| sum.rotate_left(3) ^ x)
    }
}

macro_rules! generator {
    ($name:ident, $n:expr) => {
        Peer {
            whose: "genawaiter",
            name: stringify!($name),
            side: Side {
                size: || {
                    let_gen_using!(made, |co| generators::$name(co, $n));
                    size_of_val(&*made)
                },
                run: || {
                    let_gen_using!(made, |co| generators::$name(co, black_box($n)));
                    let made = black_box(made);
                    let mut n = 1;
                    loop {
                        match made.resume() {
                            GeneratorState::Complete(value) => return (value, n),
                            GeneratorState::Yielded(()) => n += 1,
                        }
                    }
                },
            },
        }
    };
}

macro_rules! coroutine {
    ($name:ident, $n:expr) => {
        Peer {
            whose: "diapause",
            name: stringify!($name),
            side: Side {
                size: || size_of_val(&coroutines::$name($n)),
                run: || drive(coroutines::$name(black_box($n))),
            },
        }
    };
}

/// Every contender beside rustc and the explicit machine that can express a function.
pub fn peers(name: &str) -> impl Iterator<Item = &'static Peer> {
    #[cfg(feature = "jit")]
    let all = PEERS.iter().chain(jit::JIT);
    #[cfg(not(feature = "jit"))]
    let all = PEERS.iter();
    all.filter(move |peer| peer.name == name)
}

/// What other crates can express.
const PEERS: &[Peer] = &[
    coroutine!(while_sum, 64),
    coroutine!(nested_loops, 8),
    coroutine!(four_states, 16),
    coroutine!(array_in_a_loop, 64),
    generator!(while_sum, 64),
    generator!(four_states, 16),
    generator!(array_in_a_loop, 64),
];
