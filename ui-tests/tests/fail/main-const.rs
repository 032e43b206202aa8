#[vitte::main]
async extern "C" fn main() {}
