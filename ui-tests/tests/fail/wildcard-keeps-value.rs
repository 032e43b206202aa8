async fn wait() {}

#[vitte::task(explicit)]
async fn f() {
    match text().await {
        Ok(_) => wait().await,
        Err(e) => drop(e),
    }
}

async fn text() -> Result<String, String> {
    Ok(String::new())
}

fn main() {}
