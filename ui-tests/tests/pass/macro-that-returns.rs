//! A macro may return, use `?` or await: a plain task leaves such a function to rustc.

use vitte::Coroutine;

macro_rules! bail {
    ($e:expr) => {
        return Err($e)
    };
}

macro_rules! wait {
    ($e:expr) => {
        $e.await
    };
}

#[vitte::task]
async fn refuses(n: u64) -> Result<u64, String> {
    vitte::task::yield_now().await;
    if n > 2 {
        bail!("too large".into());
    }
    Ok(n)
}

#[vitte::task]
async fn waits() -> u64 {
    vitte::task::yield_now().await;
    wait!(async { 3 })
}

#[vitte::task]
async fn joins() -> (u64, u64) {
    vitte::task::yield_now().await;
    vitte::join!(waits(), async { 4 })
}

async fn wrap(n: u64) -> Option<u64> {
    Some(n)
}

#[vitte::task(explicit)]
async fn known(n: u64) -> String {
    assert!(n > 0);
    let some = matches!(wrap(n).await, Some(2));
    debug_assert_eq!(n, 2);
    format!("{some} {}", wrap(n).await.is_some())
}

fn main() {
    assert_eq!(vitte::block_on(refuses(3)), Err("too large".to_string()));
    assert_eq!(vitte::block_on(refuses(1)), Ok(1));
    assert_eq!(vitte::block_on(joins()), (3, 4));
    assert_eq!(waits().layout().kind, "native");
    assert_eq!(vitte::block_on(known(2)), "true true");
}
