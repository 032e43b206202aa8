#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

trait Reads {
    async fn read(&mut self, buf: &mut [u8]) -> usize;
}

struct Zeros;

impl Reads for Zeros {
    #[vitte::task]
    async fn read(&mut self, buf: &mut [u8]) -> usize {
        wait().await;
        buf.fill(0);
        buf.len()
    }
}

#[vitte::main(flavor = "current_thread")]
async fn main() {
    let mut buf = [1u8; 8];
    assert_eq!(Zeros.read(&mut buf).await, 8);
    assert_eq!(wait_kind(), "explicit");
}

#[vitte::task]
async fn pause() {
    wait().await;
}

fn wait_kind() -> String {
    pause().layout().kind
}
