async fn wait() {}

#[vitte::task(explicit, native)]
async fn f() { wait().await; }

fn main() {}
