#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f<'a>(text: &'a str, _other: &str) -> &'a str {
    wait().await;
    text
}

fn main() {
    let future = f("a", "b");
    assert!(!future.is_done());
}
