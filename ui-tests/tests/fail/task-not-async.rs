#[vitte::task(native)]
fn f() {}

fn main() {}
