#[vitte::test(seed = 1, seeds = 2)]
async fn it_works() {}

fn main() {}
