//! Keys of moves and references.

use super::Code;

pub(super) static CODES: &[Code] = &[];
