#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f((a, b): (u64, u64)) -> u64 {
    wait().await;
    a + b
}

fn main() {
    let future = f((1, 2));
    assert!(!future.is_done());
}
