async fn wait() {}

#[vitte::task(explicit)]
async fn f() -> impl Sized {
    wait().await;
}

fn main() {}
