async fn wait() {}

#[vitte::task(explicit;)]
async fn f() { wait().await; }

fn main() {}
