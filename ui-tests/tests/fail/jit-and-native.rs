#[vitte_macros::task(jit, native)]
async fn f(n: u64) -> u64 {
    n
}

fn main() {}
