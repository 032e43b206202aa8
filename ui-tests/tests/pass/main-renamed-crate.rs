#![forbid(unsafe_code)]
#![deny(warnings)]
use vitte as other;

#[other::main(crate = other, flavor = "current_thread")]
async fn main() {}
