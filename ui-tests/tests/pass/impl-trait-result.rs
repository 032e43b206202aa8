#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f() -> impl Sized {
    wait().await;
    3u8
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
