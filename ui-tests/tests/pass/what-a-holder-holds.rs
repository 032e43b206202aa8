//! What is lent to a local that is kept stays where rustc put it.

use vitte::Coroutine;

#[vitte::task]
async fn closure(n: u64) -> u64 {
    let add = |x: u64| x + n;
    vitte::task::yield_now().await;
    add(1)
}

#[vitte::task]
async fn reference() -> u64 {
    let five: u64 = 5;
    let r = &five;
    vitte::task::yield_now().await;
    *r
}

#[vitte::task]
async fn taken_along(n: u64) -> u64 {
    let add = move |x: u64| x + n;
    vitte::task::yield_now().await;
    add(1)
}

fn main() {
    assert_eq!(vitte::block_on(closure(2)), 3);
    assert_eq!(vitte::block_on(reference()), 5);
    assert_eq!(closure(1).layout().kind, "native");
    assert_eq!(taken_along(1).layout().kind, "explicit");
    assert_eq!(vitte::block_on(taken_along(2)), 3);
}
