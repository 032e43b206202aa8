async fn get() -> String {
    String::new()
}

#[vitte::task(explicit)]
async fn f(ask: bool) {
    let text;
    if ask {
        text = get().await;
        println!("{text}");
    }
    get().await;
}

fn main() {}
