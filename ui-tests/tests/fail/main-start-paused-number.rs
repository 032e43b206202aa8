#[vitte::main(start_paused = 1)]
async fn main() {}
