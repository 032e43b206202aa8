async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f(n: u64) -> u64 {
    match n {
        x if get(x).await > 2 => x,
        x => x + 1,
    }
}

fn main() {}
