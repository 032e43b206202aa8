//! The numeric functions of the pairs as JIT tasks: bodies of scalars, calls written out.
//!
//! Each await makes its future in the frame, through the function table, and polls it there; rustc
//! does not see through either. The frame lies on the heap and is measured there.

use super::{Peer, Side};
use std::hint::black_box;
use ui_tests::pairs::{give, run, turn};
use vitte::Coroutine;

mod tasks {
    use super::{give, turn};

    #[vitte::task(jit)]
    pub(super) async fn while_sum(n: u64) -> u64 {
        let mut i: u64 = 0;
        let mut sum: u64 = 0;
        while i < n {
            turn().await;
            sum += i;
            i += 1;
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn for_range(n: u64) -> u64 {
        let mut sum: u64 = 0;
        for i in 0..n {
            sum += give(i).await;
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn break_value(n: u64) -> u64 {
        let mut i: u64 = 1;
        let found: u64 = loop {
            turn().await;
            i += 3;
            if i > n {
                break i;
            }
        };
        turn().await;
        found
    }

    #[vitte::task(jit)]
    pub(super) async fn nested_loops(n: u64) -> u64 {
        let mut sum: u64 = 0;
        for i in 0..n {
            for j in 0..n {
                turn().await;
                sum += i * j;
            }
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn ping_pong(n: u64) -> u64 {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            a += give(i).await;
            a ^= give(a).await;
            i += 1;
        }
        a
    }

    #[vitte::task(jit)]
    pub(super) async fn four_states(n: u64) -> u64 {
        let mut a: u64 = 1;
        let mut i: u64 = 0;
        while i < n {
            turn().await;
            a += 1;
            turn().await;
            a *= 3;
            turn().await;
            a ^= i;
            turn().await;
            i += 1;
        }
        a
    }

    #[vitte::task(jit)]
    pub(super) async fn straight(n: u64) -> u64 {
        let a: u64 = give(n).await;
        let b: u64 = give(a + 1).await;
        let c: u64 = give(b * 2).await;
        let d: u64 = give(c + n).await;
        d
    }

    #[vitte::task(jit)]
    pub(super) async fn kept_to_the_end(n: u64) -> u64 {
        let a: u64 = give(n).await;
        let b: u64 = give(n + 1).await;
        let c: u64 = give(n + 2).await;
        turn().await;
        a + 3 * b + 5 * c
    }

    #[vitte::task(jit)]
    pub(super) async fn operands(n: u64) -> u64 {
        let (a, b): (u64, u64) = (give(n).await, give(n + 1).await);
        let sum = a + 3 * b + 5 * give(n + 2).await;
        turn().await;
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn dead_argument(data: [u64; 16]) -> u64 {
        let mut sum: u64 = 0;
        for i in 0..16 {
            sum = (sum << 3 | sum >> 61) ^ data[i];
        }
        turn().await;
        turn().await;
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn array_in_a_loop(n: u64) -> u64 {
        const LEN: usize = 16;
        let mut data: [u64; LEN] = [n; LEN];
        for k in 0..LEN {
            data[k] += k as u64;
        }
        let mut i: usize = 0;
        while i < 64 {
            turn().await;
            data[i % LEN] += 1;
            i += 1;
        }
        let mut sum: u64 = 0;
        for k in 0..LEN {
            sum = (sum << 3 | sum >> 61) ^ data[k];
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn awaiting_arms(n: u64) -> u64 {
        let mut sum: u64 = 0;
        for i in 0..n {
            match i % 3 {
                0 => {
                    turn().await;
                    sum += 1;
                }
                1 => sum += give(i).await,
                _ => {
                    sum ^= give(sum).await;
                }
            }
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn early_return(n: u64) -> u64 {
        let mut i: u64 = 0;
        loop {
            let x: u64 = give(i).await;
            if x == n {
                return x;
            }
            i += 1;
        }
    }

    #[vitte::task(jit)]
    pub(super) async fn labels(n: u64) -> u64 {
        let mut sum: u64 = 0;
        'outer: for i in 0..n {
            for j in 0..n {
                turn().await;
                if j > i {
                    continue 'outer;
                }
                sum += j;
            }
        }
        sum
    }

    #[vitte::task(jit)]
    pub(super) async fn lazy(n: u64) -> u64 {
        let mut hits: u64 = 0;
        for i in 0..n {
            let (second, third) = (i % 2, i % 3);
            if give(second == 0).await && give(third == 0).await {
                hits += 1;
            }
        }
        hits
    }
}

fn filled(n: u64) -> [u64; 16] {
    std::array::from_fn(|i| n + i as u64)
}

macro_rules! jit {
    ($($name:ident $value:expr),*) => {
        &[$(Peer {
            whose: "task(jit)",
            name: stringify!($name),
            side: Side {
                size: || tasks::$name($value).layout().size as usize,
                run: || run(tasks::$name(black_box($value))),
            },
        }),*]
    };
}

/// Those of the pairs that are numbers alone; their sizes are those of the frames on the heap.
pub(super) const JIT: &[Peer] = jit![
    while_sum 64, for_range 64, break_value 64, nested_loops 8, ping_pong 32, four_states 16,
    straight 5, kept_to_the_end 5, operands 5, dead_argument filled(3), array_in_a_loop 64,
    awaiting_arms 32, early_return 48, labels 8, lazy 32
];
