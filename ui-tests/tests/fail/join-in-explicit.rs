async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> (u64, u64) {
    get(0).await;
    vitte::join!(get(1), get(2))
}

fn main() {}
