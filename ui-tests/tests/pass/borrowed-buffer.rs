#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(buf: &mut [u8]) -> usize {
    wait().await;
    buf[0] = 1;
    buf.len()
}

fn main() {
    let mut buf = [0u8; 4];
    let future = f(&mut buf);
    assert!(!future.is_done());
}
