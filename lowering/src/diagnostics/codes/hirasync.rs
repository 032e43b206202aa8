//! Keys of the async rules.

use super::Code;

pub(super) static CODES: &[Code] = &[];
