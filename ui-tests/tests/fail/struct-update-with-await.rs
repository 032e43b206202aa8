async fn get(n: u64) -> u64 {
    n
}

#[vitte::task(explicit)]
async fn f(old: Pair) -> Pair {
    Pair { a: get(1).await, ..old }
}

struct Pair {
    a: u64,
    b: u64,
}

fn main() {}
