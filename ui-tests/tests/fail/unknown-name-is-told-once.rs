async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    let x = get(1).await;
    x + missing
}

fn main() {}
