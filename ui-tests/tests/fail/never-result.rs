async fn wait() {}

#[vitte::task(explicit)]
async fn f() -> ! {
    loop {
        wait().await;
    }
}

fn main() {}
