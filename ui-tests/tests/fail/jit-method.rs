struct Counter;

impl Counter {
    #[vitte_macros::task(jit)]
    async fn f(&self, n: u64) -> u64 {
        n
    }
}

fn main() {
    let _ = Counter;
}
