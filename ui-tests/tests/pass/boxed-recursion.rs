#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

#[vitte::task]
async fn f(n: u64) -> u64 {
    if n == 0 {
        return 0;
    }
    let rest: std::pin::Pin<Box<dyn Future<Output = u64>>> = Box::pin(f(n - 1));
    rest.await + 1
}

fn main() {
    let future = f(2);
    assert!(!future.is_done());
}
