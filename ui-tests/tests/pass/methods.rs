#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

struct Counter {
    n: u64,
}

impl Counter {
    #[vitte::task]
    async fn bump(&mut self, by: u64) -> u64 {
        wait().await;
        self.n += by;
        self.n
    }

    #[vitte::task(explicit)]
    async fn into_value(self) -> u64 {
        wait().await;
        self.n
    }
}

#[vitte::main(flavor = "current_thread")]
async fn main() {
    let mut c = Counter { n: 1 };
    assert_eq!(c.bump(2).layout().kind, "explicit");
    assert_eq!(c.bump(2).await, 3);
    assert_eq!(c.into_value().await, 3);
}
