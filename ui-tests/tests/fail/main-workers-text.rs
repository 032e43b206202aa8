#[vitte::main(workers = "four")]
async fn main() {}
