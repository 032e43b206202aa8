//! Keys of moves.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "BORROWCK_E_MOVE_OUT",
        title: "only a whole local can be moved",
        explanation: "\
`move` leaves its place without a value. A field, an element or a static must always have one.",
        bad: "form F { a: [int] }\nproc f(x: [int]) {}\nproc main() -> int {\n    let x = F { a: [] };\n    f(move x.a);\n    give 0\n}",
        good: "form F { a: [int] }\nproc f(x: [int]) {}\nproc main() -> int {\n    let x = F { a: [] };\n    f(x.a);\n    give 0\n}",
    },
    Code {
        key: "BORROWCK_E_USE_AFTER_MOVE",
        title: "a value is used after it was moved",
        explanation: "\
`move x` and `owned` parameters take the value over; a future or stream is used up by its first use. On
some way to this place that has happened. Assigning the local makes it usable again.",
        bad: "proc f(x: [int]) {}\nproc main() -> int {\n    let xs = [1];\n    f(move xs);\n    println(len(xs));\n    give 0\n}",
        good: "proc f(x: [int]) {}\nproc main() -> int {\n    let xs = [1];\n    f(xs);\n    println(len(xs));\n    give 0\n}",
    },
];
