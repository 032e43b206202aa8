#[vitte::main]
async fn main<T>() {}
