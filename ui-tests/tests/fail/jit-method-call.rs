#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    n.pow(2)
}

fn main() {}
