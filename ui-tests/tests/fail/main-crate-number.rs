#[vitte::main(crate = 1)]
async fn main() {}
