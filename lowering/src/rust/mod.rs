//! Rust async functions as explicit machines of Rust tokens.

pub mod text;
