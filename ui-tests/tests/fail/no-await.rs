#[vitte::task(explicit)]
async fn f() -> u64 {
    3
}

fn main() {}
