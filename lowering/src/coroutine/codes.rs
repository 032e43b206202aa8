//! What the transform refuses, for `vitte explain`.

use crate::ir::codes::IrCode;

/// All codes of [`super::LowerError`], in order.
pub const CODES: &[IrCode] = &[
    IrCode {
        code: "LOWER0001",
        meaning: "A frame, slot or result would be larger than 2 GiB: hold large data behind a reference, or drop it before the next await.",
        example: include_str!("codes/LOWER0001.vir"),
    },
    IrCode {
        code: "LOWER0002",
        meaning: "A generator holds a generator of its own kind in a slot, whose frame would lie inside itself: box it.",
        example: include_str!("codes/LOWER0002.vir"),
    },
];
