#[vitte_macros::task(jit)]
async fn f(n: u64, m: u32) -> u64 {
    n + m
}

fn main() {}
