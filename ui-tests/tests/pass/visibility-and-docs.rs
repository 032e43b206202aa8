#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

mod inner {
    /// Documented.
    #[vitte::task]
    #[must_use]
    pub(crate) async fn f(n: u64) -> u64 {
        super::wait().await;
        n
    }
}

fn main() {
    assert_eq!(inner::f(1).layout().kind, "explicit");
}
