//! `#[vitte::task(jit)]`: async functions over scalars, compiled when they are first called.

use crate::panic_text;
use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use vitte::Coroutine;

/// Polls once, with a waker that does nothing.
fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls to the end.
fn run<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    for _ in 0..10_000 {
        if let Poll::Ready(value) = poll(future.as_mut()) {
            return value;
        }
    }
    panic!("it does not end");
}

fn ready<T>(value: T) -> std::future::Ready<T> {
    std::future::ready(value)
}

async fn pending<T>(value: T) -> T {
    vitte::task::yield_now().await;
    value
}

/// Sums, in a loop that waits.
#[vitte::task(jit)]
async fn sum(n: u64) -> u64 {
    let mut total = 0;
    for i in 0..n {
        vitte::task::yield_now().await;
        total += i;
    }
    total
}

#[vitte::task(jit)]
async fn kinds(
    a: i8,
    b: u16,
    c: bool,
    d: f32,
    e: char,
    (f, g): (u8, [i64; 3]),
) -> (i64, f32, bool, char, [i64; 3]) {
    let mut out = g;
    let mut i = 0;
    while i < 3 {
        out[i] = out[i] * a as i64 + b as i64 + f as i64;
        i += 1;
    }
    (out[0] + out[1] + out[2], d / 2.0, !c, e, out)
}

#[vitte::task(jit)]
async fn sieve(n: usize) -> usize {
    let mut composite = [false; 64];
    let mut count = 0;
    for i in 2..=n {
        if composite[i] {
            continue;
        }
        count += 1;
        let mut k = i * i;
        while k <= n {
            composite[k] = true;
            k += i;
        }
    }
    count
}

#[vitte::task(jit)]
async fn collatz(start: u64) -> (u32, u64) {
    let (mut n, mut steps, mut top) = (start, 0, start);
    let steps = loop {
        top = top.max(n);
        match n {
            0 | 1 => break steps,
            n2 if n2 % 2 == 0 => n /= 2,
            _ => n = 3 * n + 1,
        }
        steps += 1;
        if steps % 16 == 0 {
            pending(()).await;
        }
    };
    (steps, top)
}

#[vitte::task(jit)]
async fn nested(n: u64) -> u64 {
    let a: u64 = sum(n).await;
    let b: (u64, [u8; 2]) = pending((a + 1, [1u8, 2])).await;
    let c: bool = ready(b.1[1] == 2).await;
    if c { b.0 + b.1[0] as u64 } else { 0 }
}

#[vitte::task(jit)]
async fn labels(n: i32) -> i32 {
    let mut found = -1;
    'outer: for a in 1..n {
        for b in a..n {
            if a * b == n {
                found = a;
                break 'outer;
            }
            if a * b > n && b > 0 {
                continue 'outer;
            }
        }
    }
    if found < 0 {
        return -n;
    }
    found
}

#[vitte::task(jit)]
async fn add(a: u8, b: u8) -> u8 {
    a + b
}

#[vitte::task(jit)]
async fn divide(a: i32, b: i32) -> (i32, i32) {
    pending(()).await;
    (a / b, a % b)
}

#[vitte::task(jit)]
async fn element(i: usize) -> u8 {
    let list = [7, 8, 9];
    list[i]
}

#[vitte::task(jit)]
async fn shifted(a: u32, by: u8) -> (u32, i32, u32) {
    (a << by, (a as i32) >> by, a.wrapping_mul(0x9e37_79b9) ^ u32::MAX)
}

#[vitte::task(jit)]
async fn checked(n: u32) -> u32 {
    assert!(n > 1, "too small");
    assert!(n < 100);
    if n == 50 {
        panic!("fifty");
    }
    n
}

#[vitte::task(jit)]
async fn naps(ms: u64) -> u64 {
    vitte::sleep(Duration::from_millis(ms * 2)).await;
    ms
}

async fn fails(n: u32) -> u32 {
    pending(()).await;
    assert!(n < 5, "the operation failed at {n}");
    n
}

#[vitte::task(jit)]
async fn awaits_failing(n: u32) -> u32 {
    let m: u32 = fails(n).await;
    m + 1
}

const LIMIT: u32 = 40;
static OFFSET: i64 = -3;

mod limits {
    pub(super) const PAIR: (u8, bool) = (9, true);
    pub(super) const LOW: u8 = 3;
}

#[vitte::task(jit)]
async fn constants(n: u32, pair: (u8, bool)) -> (u32, i64, bool, u32) {
    let (low, flag): (u8, bool) = limits::PAIR;
    let kind = match pair.0 {
        limits::LOW => 1,
        u8::MAX => 2,
        _ if pair.0 == low => 3,
        _ => 4,
    };
    pending(()).await;
    let bits: u32 = u32::BITS;
    (n.min(LIMIT) + bits, OFFSET * 2, flag && pair.1, kind)
}

#[vitte::task(jit)]
async fn patterns(n: (u8, i32)) -> i32 {
    let (0..=9, m) = n else {
        pending(()).await;
        return -1;
    };
    let small = if let 1 | 3 | 5 = m
        && n.0 > 1
    {
        100
    } else if let k @ 10..20 = m {
        k
    } else {
        0
    };
    let mut rest = (m, 0);
    while let (left @ 1.., count) = rest
        && count < 5
    {
        rest = (left / 2, count + 1);
    }
    let other = match n {
        (1, x @ 3..) | (2..=4, x @ 7) if x < 100 => x,
        _ => 5,
    };
    small + rest.1 * 1000 + other * 10_000
}

#[vitte::task(jit)]
async fn blocks(n: [u16; 3]) -> u32 {
    let found = 'search: {
        for i in 0..n.len() {
            if matches!(n[i], 10..=20 | 99 if i > 0) {
                break 'search i as u32;
            }
        }
        let awaited: u32 = pending(50).await;
        awaited
    };
    found + 1
}

#[test]
fn constants_are_those_of_rust() {
    assert_eq!(run(constants(7, (3, true))), (39, -6, true, 1));
    assert_eq!(run(constants(70, (9, false))), (72, -6, false, 3));
    assert_eq!(run(constants(1, (255, true))).3, 2);
}

#[test]
fn patterns_may_fail() {
    fn plain(n: (u8, i32)) -> i32 {
        let (0..=9, m) = n else { return -1 };
        let small = match m {
            1 | 3 | 5 if n.0 > 1 => 100,
            10..20 => m,
            _ => 0,
        };
        let (mut left, mut count) = (m, 0);
        while left >= 1 && count < 5 {
            (left, count) = (left / 2, count + 1);
        }
        let other = match n {
            (1, x) if (3..100).contains(&x) => x,
            (2..=4, 7) => 7,
            _ => 5,
        };
        small + count * 1000 + other * 10_000
    }
    for a in [0, 1, 2, 4, 9, 10] {
        for b in [-4, 0, 1, 3, 7, 12, 20, 400] {
            assert_eq!(run(patterns((a, b))), plain((a, b)), "{a} {b}");
        }
    }
}

#[test]
fn blocks_may_be_left() {
    assert_eq!(
        (run(blocks([10, 3, 20])), run(blocks([10, 99, 20])), run(blocks([10, 1, 2]))),
        (3, 2, 51)
    );
}

#[test]
fn scalars_tuples_and_arrays_cross() {
    let given = run(kinds(-2, 300, true, 3.0, 'ß', (7, [1, -1, i64::from(u32::MAX)])));
    let list = [305, 309, -8_589_934_283];
    assert_eq!(given, (list.iter().sum(), 1.5, false, 'ß', list));
    assert_eq!(run(shifted(0x8000_0001, 4)), (0x10, -0x0800_0000, 0x1e37_79b9 ^ u32::MAX));
}

#[test]
fn control_flow_is_that_of_rust() {
    assert_eq!((run(sieve(63)), run(sieve(1))), (18, 0));
    assert_eq!((run(collatz(27)), run(collatz(1))), ((111, 9232), (0, 1)));
    assert_eq!((run(labels(35)), run(labels(7))), (5, -7));
    assert_eq!(run(sum(10)), 45);
}

#[test]
fn jit_tasks_await_each_other_and_any_async_function() {
    assert_eq!(run(nested(5)), 12);
    let runtime = vitte::runtime::Builder::seeded(3).build().unwrap();
    let spent = runtime.block_on(async {
        let start = vitte::time::Instant::now();
        assert_eq!(vitte::spawn(naps(20)).await.unwrap(), 20);
        start.elapsed()
    });
    assert!(spent >= Duration::from_millis(40), "{spent:?}");
}

#[test]
fn faults_panic_with_the_words_of_rust_and_the_place() {
    let text = panic_text(|| run(add(200, 100)));
    assert!(text.starts_with("attempt to add with overflow\n  --> "), "{text}");
    assert!(text.contains("jit.rs:"), "{text}");
    let starts = |call: &dyn Fn() -> String, with: &str| {
        let text = call();
        assert!(text.starts_with(with), "{text}");
    };
    starts(&|| panic_text(|| run(divide(1, 0))), "attempt to divide by zero\n");
    starts(&|| panic_text(|| run(divide(i32::MIN, -1))), "attempt to divide with overflow\n");
    let bounds = "index out of bounds: the len is 3 but the index is 3\n";
    starts(&|| panic_text(|| run(element(3))), bounds);
    starts(&|| panic_text(|| run(shifted(1, 32))), "attempt to shift left with overflow\n");
    starts(&|| panic_text(|| run(checked(1))), "too small\n");
    starts(&|| panic_text(|| run(checked(100))), "assertion failed: n < 100\n");
    starts(&|| panic_text(|| run(checked(50))), "fifty\n");
    starts(&|| panic_text(|| run(awaits_failing(7))), "the operation failed at 7");
    assert_eq!((run(add(200, 55)), run(divide(-7, 2)), run(element(2))), (255, (-3, -1), 9));
    assert_eq!((run(checked(2)), run(awaits_failing(4))), (2, 5));
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

async fn guarded(n: u32) -> u32 {
    let _guard = Guard;
    std::future::pending::<()>().await;
    n
}

#[vitte::task(jit)]
async fn waits_for_ever(n: u32) -> u32 {
    let m: u32 = guarded(n + 1).await;
    m
}

#[test]
fn a_dropped_task_drops_what_it_awaits_at_once() {
    drop(waits_for_ever(1));
    assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
    let mut waits = Box::pin(waits_for_ever(1));
    assert!(poll(waits.as_mut()).is_pending());
    drop(waits);
    assert_eq!(DROPPED.load(Ordering::Relaxed), 1);
}

#[test]
fn a_jit_task_is_a_coroutine() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let mut sum = pin!(is_send(sum(2)));
    assert_eq!((sum.state_name(), sum.layout().kind.as_str()), ("unresumed", "jit"));
    assert!(poll(sum.as_mut()).is_pending());
    assert_eq!((sum.state_name(), sum.is_done()), ("await0", false));
    while poll(sum.as_mut()).is_pending() {}
    assert!(sum.is_done());
    assert_eq!(sum.layout().name, "sum");
}

#[test]
fn the_dump_names_its_await() {
    let runtime = vitte::runtime::Builder::current_thread().build().unwrap();
    let task = runtime.spawn(waits_for_ever(2));
    let dump = runtime.run(task).unwrap_err().dump.to_string();
    assert!(dump.contains("waits_for_ever: waiting, awaiting guarded(n + 1) at "), "{dump}");
}

#[test]
fn the_first_call_may_come_from_two_threads() {
    #[vitte::task(jit)]
    async fn square(n: u64) -> u64 {
        n * n
    }
    let barrier = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        for n in 3..5 {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                assert_eq!(run(square(n)), n * n);
            });
        }
    });
}

#[test]
fn results_equal_those_of_rustc() {
    // The same body, twice.
    macro_rules! both {
        ($jit:ident $native:ident ($($arg:ident: $ty:ty),*) -> $result:ty $body:block) => {
            #[vitte::task(jit)]
            async fn $jit($($arg: $ty),*) -> $result $body
            async fn $native($($arg: $ty),*) -> $result $body
        };
    }
    both! { mix_jit mix_native (seed: u64, rounds: u32) -> (u64, f64, i16) {
        let mut s = seed;
        let mut x = 0.5;
        let mut t: i16 = -7;
        for r in 0..rounds {
            s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = (s >> 33) as u32;
            x = x * 0.75 + bits as f64 / 4_294_967_296.0;
            t = match bits % 5 {
                0 => t / 2,
                1..=2 => -(t % 100),
                3 if r > 3 => (bits as i16) >> 3,
                _ => t ^ (r as i16),
            };
            if x > 1.5 && t < 0 || bits == 0 {
                x -= 1.0;
            }
        }
        (s, x, t)
    } }
    let checked = Cell::new(0);
    for seed in 0..50 {
        assert_eq!(run(mix_jit(seed, 40)), run(mix_native(seed, 40)));
        checked.set(checked.get() + 1);
    }
    assert_eq!(checked.get(), 50);
}

#[test]
#[allow(clippy::needless_range_loop, reason = "a JIT task has no iterators")]
fn constants_of_the_body_are_lengths_and_patterns() {
    macro_rules! both {
        ($jit:ident $native:ident ($($arg:ident: $ty:ty),*) -> $result:ty $body:block) => {
            #[vitte::task(jit)]
            async fn $jit($($arg: $ty),*) -> $result $body
            async fn $native($($arg: $ty),*) -> $result $body
        };
    }
    both! { in_jit in_native (n: u64) -> (u64, i8, [u32; 3]) {
        const HALF: usize = 2;
        const LEN: usize = 2 * HALF + 1;
        const LOW: i8 = -128;
        const YES: bool = !false;
        let mut data: [u64; LEN] = [n; LEN];
        for i in 0..LEN {
            const STEP: u64 = 3;
            let x: u64 = ready(STEP).await;
            data[i] += x * i as u64;
        }
        let out = match data[HALF] {
            STEP => 1,
            9 if YES => 2,
            _ => 3,
        };
        const STEP: u64 = 6;
        (data[LEN - 1] + STEP, LOW, [out; LEN - HALF])
    } }
    for n in [0, 3, 5] {
        assert_eq!(run(in_jit(n)), run(in_native(n)), "{n}");
    }
}
