#[vitte_macros::task(jit)]
async fn f(n: (u64, bool)) -> u64 {
    let (m, true) = n else { return 0 };
    m
}

fn main() {}
