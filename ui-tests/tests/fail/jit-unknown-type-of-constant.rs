const LIMIT: u64 = 4;

#[vitte_macros::task(jit)]
async fn f(n: u64) -> u64 {
    let _limit = LIMIT;
    n
}

fn main() {
    let _ = LIMIT;
}
