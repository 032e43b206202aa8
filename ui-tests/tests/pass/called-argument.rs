//! An argument that is called: once, so that it is gone, or as often as wanted.

async fn turn() {
    vitte::task::yield_now().await;
}

#[vitte::task]
async fn once(f: impl FnOnce(u64) -> u64, text: String) -> u64 {
    turn().await;
    let n: u64 = f(2);
    turn().await;
    n + text.len() as u64
}

#[vitte::task(explicit)]
async fn once_explicit<F>(f: F, text: String) -> u64
where
    F: FnOnce(u64) -> u64,
{
    turn().await;
    let n = f(2);
    turn().await;
    n + text.len() as u64
}

#[vitte::task(explicit)]
async fn often(f: impl Fn(u64) -> u64) -> u64 {
    let n = f(2);
    turn().await;
    f(n)
}

#[vitte::main]
async fn main() {
    let held = String::from("held");
    let also = held.clone();
    assert_eq!(once(move |n| n + { held }.len() as u64, "a".into()).await, 7);
    assert_eq!(once_explicit(move |n| n + { also }.len() as u64, "a".into()).await, 7);
    assert_eq!(often(|n| n * 2).await, 8);
}
