#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

#[vitte::task]
async fn f() -> u64 {
    3
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
