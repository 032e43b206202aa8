#[vitte_macros::task(jit)]
async fn f<T>(n: u64) -> u64 {
    n
}

fn main() {}
