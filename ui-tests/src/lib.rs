//! What the attributes accept, what they refuse, and what they say: see `tests/`.
