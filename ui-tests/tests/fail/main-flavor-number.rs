#[vitte::main(flavor = 2)]
async fn main() {}
