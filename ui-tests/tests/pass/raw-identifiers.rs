#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(r#type: u64) -> u64 {
    wait().await;
    r#type
}

fn main() {
    let future = f(3);
    assert!(!future.is_done());
}
