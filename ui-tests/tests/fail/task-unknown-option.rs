async fn wait() {}

#[vitte::task(fast)]
async fn f() { wait().await; }

fn main() {}
