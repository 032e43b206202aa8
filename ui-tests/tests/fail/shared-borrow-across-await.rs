#[vitte::task(explicit)]
async fn f(name: String) -> usize {
    let n = length(&name).await;
    n + name.len()
}

async fn length(text: &str) -> usize {
    text.len()
}

fn main() {}
