#[vitte::task(explicit)]
async fn f(n: u64) -> u64 {
    #[cfg(debug_assertions)]
    std::future::ready(()).await;
    n
}

fn main() {
    drop(f(1));
}
