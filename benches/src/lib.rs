//! What the benches share: the size corpus and its twins in Rust, contenders of the resume bench,
//! and programs of a given number of suspends.
#![recursion_limit = "512"] // futures of a chain 100 deep

pub mod chain;
pub mod corpus;
pub mod resume;
pub mod twins;
