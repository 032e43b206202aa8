#[vitte::main(flavor = "threads")]
async fn main() {}
