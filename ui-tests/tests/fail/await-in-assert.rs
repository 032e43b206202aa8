async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() {
    assert!(get(1).await == 1);
}

fn main() {}
