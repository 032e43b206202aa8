async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f(p: (u64, u64)) -> u64 {
    (p.0 + 1).max(get(1).await)
}

fn main() {}
