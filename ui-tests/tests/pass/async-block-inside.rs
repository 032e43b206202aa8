#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(n: u64) -> u64 {
    let later = async move { n + 1 };
    wait().await;
    later.await
}

fn main() {
    let future = f(2);
    assert!(!future.is_done());
}
