#[vitte::main(seed = 1, flavor = "multi_thread")]
async fn main() {}
