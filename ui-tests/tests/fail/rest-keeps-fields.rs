async fn wait() {}

#[vitte::task(explicit)]
async fn f() {
    match pair().await {
        (a, ..) => {
            wait().await;
            drop(a);
        }
    }
}

async fn pair() -> (String, String) {
    Default::default()
}

fn main() {}
