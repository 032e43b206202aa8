#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    let m = step(n).await;
    m;
    n
}

fn main() {}
