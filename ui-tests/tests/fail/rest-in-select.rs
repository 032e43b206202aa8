async fn get(n: u64) -> (String, u64) {
    (String::new(), n)
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    vitte::select! {
        (_, n) = get(1) => get(n).await.1,
        _ = get(2) => 3,
    }
}

fn main() {}
