#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    let twice = |x: u64| x * 2;
    twice(n)
}

fn main() {}
