#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f<const N: usize>(n: u64) -> u64 {
    wait().await;
    n + N as u64
}

fn main() {
    let future = f::<3>(3);
    assert!(!future.is_done());
}
