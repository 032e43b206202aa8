async fn wait() {}

#[vitte::task(explicit)]
async fn f(name: String, n: u64) {
    if n > 2 {
        drop(name);
    }
    wait().await;
}

fn main() {}
