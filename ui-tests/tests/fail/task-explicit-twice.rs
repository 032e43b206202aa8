async fn wait() {}

#[vitte::task(explicit, explicit)]
async fn f() { wait().await; }

fn main() {}
