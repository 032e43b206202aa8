struct Store {
    n: u64,
}

impl Store {
    async fn step(&mut self) {
        self.n += 1;
    }

    #[vitte::task(explicit)]
    async fn f(&mut self) -> u64 {
        while self.n < 9 {
            self.step().await;
        }
        self.n
    }
}

fn main() {}
