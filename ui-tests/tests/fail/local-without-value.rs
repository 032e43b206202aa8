async fn wait() {}

#[vitte::task(explicit)]
async fn f() -> u64 {
    let x;
    wait().await;
    x = 3;
    x
}

fn main() {}
