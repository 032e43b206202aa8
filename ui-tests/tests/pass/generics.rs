#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f<T: Clone>(value: T) -> (T, T) {
    let a = value.clone();
    wait().await;
    (a, value)
}

fn main() {
    let future = f(3u8);
    assert!(!future.is_done());
}
