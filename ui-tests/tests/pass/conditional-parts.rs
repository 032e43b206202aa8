//! What a `#[cfg]` takes out of a plain task is out.

use vitte::Coroutine;

#[vitte::task]
async fn conditional(#[cfg(any())] missing: Missing, n: u64) -> u64 {
    #[cfg(any())]
    missing.call().await;
    #[cfg(all())]
    let n = std::future::ready(n + 1).await;
    match std::future::ready(n).await {
        #[cfg(any())]
        4 => Missing,
        n => n,
    }
}

#[vitte::main]
async fn main() {
    assert_eq!(conditional(3).layout().kind, "native");
    assert_eq!(conditional(3).await, 4);
}
