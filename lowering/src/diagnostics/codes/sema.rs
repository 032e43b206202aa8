//! Keys of name resolution and the meaning of items.

use super::Code;

pub(super) static CODES: &[Code] = &[];
