#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task(explicit)]
async fn f(name: String) -> usize {
    wait().await;
    name.len()
}

fn is_send<T: Send + Coroutine>(_: T) {}

fn main() {
    is_send(f(String::new()));
}
