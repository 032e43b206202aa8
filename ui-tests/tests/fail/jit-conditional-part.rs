#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    #[cfg(debug_assertions)]
    step(n).await;
    n
}

fn main() {}
