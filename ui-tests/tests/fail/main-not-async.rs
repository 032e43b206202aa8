#[vitte::main]
fn main() {}
