#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(value: impl Into<u64>) -> u64 {
    wait().await;
    value.into()
}

fn main() {
    let future = f(3u32);
    assert!(!future.is_done());
}
