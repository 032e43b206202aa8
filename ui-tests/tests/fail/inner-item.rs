async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    const N: u64 = 3;
    get(N).await
}

fn main() {}
