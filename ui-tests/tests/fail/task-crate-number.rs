async fn wait() {}

#[vitte::task(crate = 3)]
async fn f() { wait().await; }

fn main() {}
