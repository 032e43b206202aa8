mod other {
    macro_rules! join {
        ($a:expr, $b:expr) => {
            ($a.await, $b.await)
        };
    }
    pub(crate) use join;
}

async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> (u64, u64) {
    get(0).await;
    other::join!(get(1), get(2))
}

fn main() {}
