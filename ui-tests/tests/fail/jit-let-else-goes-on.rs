#[vitte_macros::task(jit)]
async fn f(n: (u64, bool)) -> u64 {
    let (m, true) = n else { 0 };
    m
}

fn main() {}
