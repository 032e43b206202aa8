//! What the attributes accept, what they refuse, and what they say: see `tests/`. The functions of
//! the frame test are here, because the bench measures them as well.

pub mod pairs;

#[cfg(test)]
mod frames;
