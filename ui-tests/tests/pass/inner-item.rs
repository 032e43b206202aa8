#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f() -> u64 {
    const N: u64 = 3;
    wait().await;
    N
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
