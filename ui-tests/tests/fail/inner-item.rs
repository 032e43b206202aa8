async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f(ask: bool) -> u64 {
    if ask {
        const N: u64 = 3;
        return get(N).await;
    }
    0
}

fn main() {}
