#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    step(n).await?
}

fn main() {}
