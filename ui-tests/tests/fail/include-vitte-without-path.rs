vitte_macros::include_vitte!(jobs);

fn main() {}
