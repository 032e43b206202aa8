#[vitte_macros::task(jit)]
async fn f<T>(n: u64, t: T) -> u64 {
    n
}

fn main() {}
