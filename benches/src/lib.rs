//! What the benches share: the size corpus, its twins in Rust, and machines compiled for timing.
pub mod corpus;
pub mod twins;
