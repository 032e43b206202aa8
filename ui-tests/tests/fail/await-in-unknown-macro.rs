macro_rules! same {
    ($e:expr) => {
        $e
    };
}

async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f() -> u64 {
    same!(get(1).await)
}

fn main() {}
