async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f(n: Option<u64>) -> u64 {
    if let Some(x) = n && get(x).await > 2 { x } else { 0 }
}

fn main() {}
