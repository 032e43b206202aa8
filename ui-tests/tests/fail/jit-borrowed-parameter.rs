#[vitte_macros::task(jit)]
async fn f(list: &[u64]) -> u64 {
    list[0]
}

fn main() {}
