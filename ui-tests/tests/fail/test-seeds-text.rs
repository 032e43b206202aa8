#[vitte::test(seeds = true)]
async fn it_works() {}

fn main() {}
