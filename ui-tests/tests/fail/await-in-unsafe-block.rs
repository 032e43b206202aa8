async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    unsafe { get(1).await }
}

fn main() {}
