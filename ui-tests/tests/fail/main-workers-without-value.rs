#[vitte::main(workers)]
async fn main() {}
