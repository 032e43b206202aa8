#[vitte::task]
struct Waits;

fn main() {}
