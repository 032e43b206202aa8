#[vitte::test(seedz = 1)]
async fn it_works() {}

fn main() {}
