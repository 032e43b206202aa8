//! The `vitte` command.
fn main() {}
