#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f() -> usize {
    let n = line!() as usize;
    wait().await;
    n
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
