//! Each condition of a chain may await; what one has bound is there for the next.

async fn give<T>(value: T) -> T {
    vitte::task::yield_now().await;
    value
}

#[vitte::task(explicit)]
async fn sum(a: Option<u64>, b: Option<u64>, limit: u64) -> u64 {
    if let Some(a) = a
        && give(a).await < limit
        && let Some(b) = give(b).await
    {
        vitte::task::yield_now().await;
        return a + b;
    }
    0
}

#[vitte::main]
async fn main() {
    assert_eq!(sum(Some(1), Some(2), 9).await, 3);
    assert_eq!(sum(Some(1), None, 9).await, 0);
    assert_eq!(sum(Some(9), Some(2), 9).await, 0);
}
