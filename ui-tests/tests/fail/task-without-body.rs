trait Waits {
    #[vitte::task]
    async fn f(&self);
}

fn main() {}
