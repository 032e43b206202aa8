#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f() -> u64 {
    let lock = std::sync::Mutex::new(3u64);
    let n = *lock.lock().unwrap();
    wait().await;
    n
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
