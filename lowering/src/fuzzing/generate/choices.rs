//! Bytes as decisions.

/// Reads decisions from bytes; behind their end every decision is 0.
#[derive(Clone, Debug)]
pub struct Choices<'b> {
    rest: &'b [u8],
}

impl<'b> Choices<'b> {
    /// Starts at the first byte.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next number below `n`, which is between 1 and 256.
    pub fn below(&mut self, n: usize) -> usize {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        usize::from(first) % n
    }

    /// Whether the next number below `n` is the last; never behind the end.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    /// Whether nothing is left to decide.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
