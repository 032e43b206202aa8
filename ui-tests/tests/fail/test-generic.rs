#[vitte::test]
async fn it_works<const N: usize>() {}

fn main() {}
