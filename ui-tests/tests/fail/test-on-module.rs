#[vitte::test]
mod tests {}

fn main() {}
