//! A local may get its value in a later statement, and items may stand anywhere in the body.
#![forbid(unsafe_code)]
#![deny(warnings)]

async fn wait() {}

#[vitte::task(explicit)]
async fn f(fast: bool) -> (String, u64) {
    let (reply, n);
    wait().await;
    if fast {
        reply = String::from("fast");
        n = LIMIT;
    } else {
        wait().await;
        reply = slow();
        n = 2;
    }
    const LIMIT: u64 = 1;
    fn slow() -> String {
        String::from("slow")
    }
    wait().await;
    (reply, n)
}

fn main() {
    assert_eq!(vitte::block_on(f(true)), (String::from("fast"), 1));
    assert_eq!(vitte::block_on(f(false)), (String::from("slow"), 2));
}
