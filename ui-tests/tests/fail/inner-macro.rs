async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    macro_rules! three {
        () => {
            3
        };
    }
    get(three!()).await
}

fn main() {}
