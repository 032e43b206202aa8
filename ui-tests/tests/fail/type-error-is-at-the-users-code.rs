async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    let x: u64 = get("one").await;
    x
}

fn main() {}
