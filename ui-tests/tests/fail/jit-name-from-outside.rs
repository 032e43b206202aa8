#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    n + limit
}

fn main() {}
