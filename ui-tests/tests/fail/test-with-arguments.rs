#[vitte::test]
async fn it_works(n: u32) {}

fn main() {}
