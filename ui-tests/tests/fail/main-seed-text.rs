#[vitte::main(seed = "x")]
async fn main() {}
