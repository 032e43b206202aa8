#[vitte::main]
struct Program;

fn main() {}
