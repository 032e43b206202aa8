#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f<T>(value: T) -> T
where
    T: Send,
{
    wait().await;
    value
}

fn main() {
    let future = f(3u8);
    assert!(!future.is_done());
}
