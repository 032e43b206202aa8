async fn wait() {}

#[vitte::task(explicit = true)]
async fn f() { wait().await; }

fn main() {}
