#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte::Coroutine;

async fn wait() {}

#[vitte::task]
async fn f(text: &'static str) -> Result<u64, Box<dyn std::error::Error + Send + Sync>> {
    wait().await;
    let n: u64 = text.parse()?;
    Ok(n)
}

fn main() {
    let future = f("3");
    assert!(!future.is_done());
}
