//! Keys of type checking.

use super::Code;

pub(super) static CODES: &[Code] = &[];
