//! A task that does not return, by every machine.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[vitte::task]
async fn plain(mut n: u64) -> ! {
    loop {
        vitte::task::yield_now().await;
        n += 1;
    }
}

#[vitte::task(explicit)]
async fn explicit(mut n: u64) -> ! {
    loop {
        vitte::task::yield_now().await;
        n += 1;
    }
}

#[vitte::task(native)]
async fn native(mut n: u64) -> ! {
    loop {
        vitte::task::yield_now().await;
        n += 1;
    }
}

#[vitte::task]
async fn leaves(code: i32) -> ! {
    vitte::task::yield_now().await;
    std::process::exit(code)
}

fn waits<F: Future>(future: F) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..3 {
        assert!(matches!(future.as_mut().poll(&mut cx), Poll::Pending));
    }
}

fn main() {
    waits(plain(0));
    waits(explicit(0));
    waits(native(0));
    drop(leaves(1));
}
