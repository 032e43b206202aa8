#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f() -> usize {
    let mut buf = [0u8; 8];
    fill(&mut buf).await;
    buf.len()
}

async fn fill(buf: &mut [u8]) {
    wait().await;
    buf.fill(1);
}

fn main() {
    let future = f();
    assert!(!future.is_done());
}
