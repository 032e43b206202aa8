#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(n: u64) -> u64 {
    wait().await;
    let add = |x: u64| x + n;
    add(2)
}

fn main() {
    let future = f(2);
    assert!(!future.is_done());
}
