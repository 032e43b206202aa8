//! The size corpus as Rust async functions: each answers the size of rustc's future.
//!
//! The leaves are futures of the same size as the operations of the `.vir` programs: `wait` keeps one
//! byte, `read` keeps eight.

#![allow(
    clippy::large_types_passed_by_value,
    clippy::large_futures,
    clippy::large_stack_arrays,
    clippy::if_same_then_else,
    reason = "large values and equal branches are what is measured"
)]

use futures_util::future::{Either, select};
use futures_util::join;
use std::future::Future;
use std::hint::black_box;
use std::mem::size_of_val;
use std::pin::Pin;
use std::task::{Context, Poll};

/// One byte of state.
#[derive(Default)]
struct Wait(bool);

impl Future for Wait {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Eight bytes of state.
#[derive(Default)]
struct Read(i64);

impl Future for Read {
    type Output = i64;
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<i64> {
        self.0 += 1;
        if self.0 > 1 { Poll::Ready(self.0) } else { Poll::Pending }
    }
}

fn number() -> i32 {
    black_box(1)
}

fn consume(n: i32) {
    black_box(n);
}

fn sum(bytes: &[u8]) -> i64 {
    black_box(bytes).first().copied().unwrap_or(0).into()
}

/// Two sibling scopes each hold an `i32` over an await.
pub fn siblings() -> usize {
    async fn root() {
        {
            let a = number();
            Wait::default().await;
            consume(a);
        }
        {
            let b = number();
            Wait::default().await;
            consume(b);
        }
    }
    size_of_val(&root())
}

/// A loop whose awaited result is dead over the await.
pub fn dead_result() -> usize {
    async fn root() {
        loop {
            let x = Read::default().await;
            if x == 0 {
                break;
            }
        }
    }
    size_of_val(&root())
}

async fn hold(x: [u8; 8192]) -> i64 {
    Wait::default().await;
    sum(&x)
}

/// An 8 KiB argument is held over an await.
pub fn array_argument() -> usize {
    size_of_val(&hold([0; 8192]))
}

/// Ten pass-through wrappers over that.
pub fn ten_wrappers() -> usize {
    macro_rules! wrap {
        ($name:ident $inner:ident) => {
            async fn $name(x: [u8; 8192]) -> i64 {
                $inner(x).await
            }
        };
    }
    wrap!(w1 hold);
    wrap!(w2 w1);
    wrap!(w3 w2);
    wrap!(w4 w3);
    wrap!(w5 w4);
    wrap!(w6 w5);
    wrap!(w7 w6);
    wrap!(w8 w7);
    wrap!(w9 w8);
    wrap!(w10 w9);
    // The future is megabytes large: only its type is looked at.
    fn future_size<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }
    future_size(w10)
}

/// Three children of 1 KiB each are joined.
pub fn three_joined() -> usize {
    async fn child(seed: i64) -> i64 {
        let mut buffer = [0u8; 1024];
        black_box(&mut buffer);
        Wait::default().await;
        sum(&buffer) + seed
    }
    async fn root(seed: i64) -> i64 {
        let (a, b, c) = join!(child(seed), child(seed), child(seed));
        a + b + c
    }
    size_of_val(&root(1))
}

/// Either branch holds its own 1 KiB structure over an await.
pub fn either_struct() -> usize {
    async fn root(c: bool) -> i64 {
        if c {
            let mut left = [0u64; 128];
            black_box(&mut left);
            Wait::default().await;
            black_box(&left)[0] as i64
        } else {
            let mut right = [0u64; 128];
            black_box(&mut right);
            Wait::default().await;
            black_box(&right)[0] as i64
        }
    }
    size_of_val(&root(true))
}

/// A 64 KiB blob goes through four combinators that change the result.
pub fn four_combinators() -> usize {
    async fn source(blob: [u8; 65536]) -> i64 {
        Wait::default().await;
        sum(&blob)
    }
    fn future_size<A, F>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }
    macro_rules! wrap {
        ($name:ident $inner:ident) => {
            async fn $name(blob: [u8; 65536]) -> i64 {
                $inner(blob).await + 1
            }
        };
    }
    wrap!(m1 source);
    wrap!(m2 m1);
    wrap!(m3 m2);
    wrap!(m4 m3);
    future_size(m4)
}

/// Eight blocks in a row each lend a 64 KiB buffer to a child.
pub fn lent_buffers() -> usize {
    async fn child(buffer: &mut [u8; 65536]) -> i64 {
        Wait::default().await;
        sum(buffer)
    }
    async fn root() {
        macro_rules! lend {
            ($($n:literal)*) => {$({
                let mut buffer = [$n as u8; 65536];
                child(&mut buffer).await;
            })*};
        }
        lend!(0 1 2 3 4 5 6 7);
    }
    fn future_size<F>(_: impl FnOnce() -> F) -> usize {
        size_of::<F>()
    }
    future_size(root)
}

/// An integer is used in one branch only, before any await.
pub fn hoisted_integer() -> usize {
    async fn root(c: bool) {
        if c {
            let n = number();
            consume(n);
        }
        Wait::default().await;
    }
    size_of_val(&root(true))
}

/// An async function without an await, awaited by another.
pub fn no_await() -> usize {
    #[allow(clippy::unused_async, reason = "that it has no await is the point")]
    async fn plain(n: i64) -> i64 {
        n + 1
    }
    async fn root(n: i64) -> i64 {
        let m = plain(n).await;
        Wait::default().await;
        m
    }
    size_of_val(&root(1))
}

/// 64 values are held over one await.
pub fn many_values() -> usize {
    macro_rules! held {
        ($($v:ident)*) => {
            async fn root() -> i64 {
                $(let $v = number();)*
                Wait::default().await;
                $(consume($v);)*
                0
            }
        };
    }
    held!(
        a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7 d0 d1 d2 d3 d4 d5 d6 d7
        e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7 g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7
    );
    size_of_val(&root())
}

/// A connection handler reads requests into a buffer and answers them.
pub fn connection() -> usize {
    async fn read_line(buffer: &mut [u8; 512], limit: i64) -> i64 {
        let mut filled = 0;
        loop {
            let got = Read::default().await;
            filled += got;
            if filled >= limit || got == 0 {
                black_box(buffer);
                return filled;
            }
        }
    }
    async fn root(socket: i32) -> i64 {
        let mut buffer = [0u8; 512];
        let mut served = 0;
        loop {
            let bytes = read_line(&mut buffer, 512).await;
            if bytes == 0 {
                return served;
            }
            consume(socket);
            served += Read::default().await;
        }
    }
    size_of_val(&root(1))
}

/// A fetch is retried with growing delays.
pub fn retrying_fetch() -> usize {
    async fn fetch(url: *const u8) -> i64 {
        let connection = Read::default().await;
        black_box(url);
        let body = Read::default().await;
        connection + body
    }
    async fn root(url: *const u8, tries: i32) -> i64 {
        let (mut attempt, mut delay) = (0, 100);
        loop {
            let answer = fetch(url).await;
            if answer >= 0 {
                return answer;
            }
            attempt += 1;
            if attempt >= tries {
                return answer;
            }
            delay = delay * 2 + Read::default().await;
        }
    }
    size_of_val(&root(std::ptr::null(), 3))
}

/// A producer and a consumer are joined.
pub fn producer_consumer() -> usize {
    async fn producer(n: i64) -> i64 {
        let mut i = 0;
        while i < n {
            i += Read::default().await;
        }
        i
    }
    async fn consumer() -> i64 {
        let mut sum = 0;
        loop {
            let item = Read::default().await;
            if item == 0 {
                return sum;
            }
            sum += item;
        }
    }
    async fn root(n: i64) -> i64 {
        let (a, b) = join!(producer(n), consumer());
        a + b
    }
    size_of_val(&root(1))
}

/// A loop selects between a message and a timer.
pub fn select_loop() -> usize {
    async fn root(limit: i64) -> i64 {
        let (mut messages, mut ticks) = (0, 0);
        loop {
            match select(Read::default(), Wait::default()).await {
                Either::Left((message, _)) => {
                    messages += message;
                    if messages >= limit {
                        return messages + ticks;
                    }
                }
                Either::Right(_) => ticks += 1,
            }
        }
    }
    size_of_val(&root(1))
}

/// A walk over a directory with a stack of its own and a stat per entry.
pub fn directory_walk() -> usize {
    async fn stat(path: *const u8, entry: i64) -> i64 {
        let mut meta = [0u64; 18];
        black_box(&mut meta);
        let n = Read::default().await;
        black_box(path);
        black_box(&meta)[0] as i64 + n + entry
    }
    async fn root(path: *const u8) -> i64 {
        let mut entries = [0u64; 32];
        let (mut total, mut depth) = (0, 0);
        loop {
            black_box(&mut entries);
            let n = Read::default().await;
            let mut i = 0;
            while i < n {
                total += stat(path, i).await;
                i += 1;
            }
            depth += 1;
            if depth >= 8 {
                return total + black_box(&entries)[0] as i64;
            }
        }
    }
    size_of_val(&root(std::ptr::null()))
}
