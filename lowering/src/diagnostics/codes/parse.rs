//! Keys of the parser.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "PARSE_E_EXPECTED_ITEM",
        title: "an item was expected",
        explanation: "\
At the top of a file and in `impl`, `trait` and `extern` blocks stand items only: `proc`, `form`,
`pick`, `type`, `const`, `static`, `trait`, `impl`, `use`, `export`, `test` and so on. Statements
belong into the body of a procedure.",
        bad: "println(\"hello\")\n\nproc main() -> int { give 0 }",
        good: "proc main() -> int {\n    println(\"hello\")\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_EXPRESSION",
        title: "an expression was expected",
        explanation: "\
Here a value is needed: a literal, a name, a call, or an operator with its operands. Often an
operand is missing after an operator or `=`.",
        bad: "proc main() -> int {\n    let x = ;\n    give 0\n}",
        good: "proc main() -> int {\n    let x = 1;\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_TYPE",
        title: "a type was expected",
        explanation: "\
After `:` in a declaration, after `->` and `as`, and between the brackets of generics stands a
type: a name such as `int` or `Task[int]`, a list `[T]`, an optional `?T`, a tuple `(A, B)`, a
reference `&T`, or `proc(A) -> B`.",
        bad: "proc main() -> int {\n    let x: = 1;\n    give x\n}",
        good: "proc main() -> int {\n    let x: int = 1;\n    give x\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_PATTERN",
        title: "a pattern was expected",
        explanation: "\
A pattern is a name, `_`, a literal or a range of literals, a tuple or list of patterns, or an arm
of a `pick` with patterns for its payload.",
        bad: "proc main() -> int {\n    let + = 1;\n    give 0\n}",
        good: "proc main() -> int {\n    let (a, _) = (1, 2);\n    give a\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_NAME",
        title: "a name was expected",
        explanation: "\
Here something is given a name, or a member is chosen by its name. Any identifier is allowed here,
even one that is a keyword elsewhere.",
        bad: "proc (a: int) -> int { give a }",
        good: "proc same(a: int) -> int { give a }",
    },
    Code {
        key: "PARSE_E_EXPECTED_TOKEN",
        title: "a certain word or sign was expected",
        explanation: "\
The construct before this place needs the named word or sign to go on. Often a bracket, an arrow
or a comma is missing just before.",
        bad: "proc main() -> int {\n    for i 0..3 { println(i) }\n    give 0\n}",
        good: "proc main() -> int {\n    for i in 0..3 { println(i) }\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_BLOCK",
        title: "a block was expected",
        explanation: "\
The body of a procedure, loop or condition is a block in braces, even if it is one statement.",
        bad: "proc main() -> int {\n    if true give 1\n    give 0\n}",
        good: "proc main() -> int {\n    if true { give 1 }\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_EXPECTED_END",
        title: "a statement should end here",
        explanation: "\
A statement ends at `;`, before `}`, or at the end of its line. Two statements on one line need a
`;` between them. A line that begins with a binary operator goes on with the one before.",
        bad: "proc main() -> int {\n    let a = 1 let b = 2\n    give a + b\n}",
        good: "proc main() -> int {\n    let a = 1; let b = 2\n    give a + b\n}",
    },
    Code {
        key: "PARSE_E_DOUBLE_SEMICOLON",
        title: "two semicolons stand in a row",
        explanation: "\
There is no empty statement: one `;` ends a statement, a second one ends nothing and is usually
left over from an edit.",
        bad: "proc main() -> int {\n    let a = 1;;\n    give a\n}",
        good: "proc main() -> int {\n    let a = 1;\n    give a\n}",
    },
    Code {
        key: "PARSE_E_UNCLOSED_BLOCK",
        title: "a block is not closed",
        explanation: "\
Each `{` needs its `}`. The message points at the opening brace that found no partner; the missing
one may belong to any block inside.",
        bad: "proc main() -> int {\n    if true {\n        give 1\n    give 0\n}",
        good: "proc main() -> int {\n    if true {\n        give 1\n    }\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_UNCLOSED_BRACKET",
        title: "a bracket is not closed",
        explanation: "Each `(` needs its `)` and each `[` its `]`.",
        bad: "proc main() -> int {\n    println((1 + 2;\n    give 0\n}",
        good: "proc main() -> int {\n    println((1 + 2));\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_UNMATCHED_CLOSER",
        title: "a closing bracket has no opening one",
        explanation: "\
This `}`, `)` or `]` closes nothing. Either it is left over, or its opening bracket is missing or
of another kind.",
        bad: "proc main() -> int { give 0 }\n}",
        good: "proc main() -> int { give 0 }",
    },
    Code {
        key: "PARSE_E_TOO_DEEP",
        title: "the program is nested too deeply",
        explanation: "\
Expressions, types and patterns nest at most 96 deep, blocks 48; a chain of operators has at most
about 150. So reading any program needs bounded memory. Give inner parts a name, by `let` or as a procedure of their own.",
        bad: "const x: int = ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
        good: "const x: int = 1",
    },
    Code {
        key: "PARSE_E_TOO_MANY_ERRORS",
        title: "there are too many errors to go on",
        explanation: "\
After 100 errors the parser gives up on a file: what follows would mostly be consequences. Mend
the first ones and check again. (The file may not be Vitte at all.)",
        bad: "// (a file with more than 100 errors)",
        good: "proc main() -> int { give 0 }",
    },
    Code {
        key: "PARSE_E_OLD_WORD",
        title: "this word is not Vitte's",
        explanation: "\
Older texts and other languages write `fn` or `function`, `return`, `enum`, `struct` and `do`.
Vitte says `proc`, `give`, `pick`, `form`, and nothing for `do`: a `{` opens the block.",
        bad: "fn main() -> int { give 0 }",
        good: "proc main() -> int { give 0 }",
    },
    Code {
        key: "PARSE_E_INVALID_PLACE",
        title: "the left side of an assignment is not a place",
        explanation: "\
What is assigned to must be a place that can hold a value: a name, a field `a.b`, an element
`a[i]`, what a reference points to `*r`, or a tuple of places.",
        bad: "proc main() -> int {\n    set 1 + 2 = 3\n    give 0\n}",
        good: "proc main() -> int {\n    let mut x = 1\n    set x = 3\n    give x\n}",
    },
    Code {
        key: "PARSE_E_MISSING_VALUE",
        title: "a declaration has no value",
        explanation: "\
`let`, `const` and `static` give a name to a value, so the value must be there: there are no
uninitialised variables.",
        bad: "proc main() -> int {\n    let x: int\n    give 0\n}",
        good: "proc main() -> int {\n    let x: int = 0\n    give x\n}",
    },
    Code {
        key: "PARSE_E_MISPLACED_MODIFIER",
        title: "a modifier does not fit what follows",
        explanation: "\
`async` belongs before `proc` only; `unsafe` before `proc`, `trait`, `impl` or a block; `pub`,
`share` and attributes before an item. What is async about a program are its procedures.",
        bad: "async form Point { x: int }",
        good: "form Point { x: int }\n\nasync proc origin() -> Point { give Point { x: 0 } }",
    },
    Code {
        key: "PARSE_E_CHAINED_COMPARISON",
        title: "comparisons cannot be chained",
        explanation: "\
`a < b < c` would compare the truth value of `a < b` with `c`. Say what is meant with `and`.",
        bad: "proc inside(a: int) -> bool { give 0 < a < 9 }",
        good: "proc inside(a: int) -> bool { give 0 < a and a < 9 }",
    },
    Code {
        key: "PARSE_E_CHAINED_RANGE",
        title: "ranges cannot be chained",
        explanation: "A range has one start and one end: `a..b`, or `a..=b` with the end included.",
        bad: "proc main() -> int {\n    for i in 0..3..9 { println(i) }\n    give 0\n}",
        good: "proc main() -> int {\n    for i in 0..9 { println(i) }\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_LOOP_LABEL",
        title: "loops have no labels",
        explanation: "\
`break` and `continue` are for the innermost loop that they stand in. What leaves several loops at
once is put into a procedure, which gives its value from within them, or is told the outer loop by
a variable.",
        bad: "proc main() -> int {\n    outer: for i in 0..3 {\n        for j in 0..3 { if i * j == 2 { break outer } }\n    }\n    give 0\n}",
        good: "proc search() -> int {\n    for i in 0..3 {\n        for j in 0..3 { if i * j == 2 { give i } }\n    }\n    give -1\n}\nproc main() -> int {\n    println(search())\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_INVALID_ARM",
        title: "this is not an arm",
        explanation: "\
The braces of `match` and `pick` hold arms: a pattern, perhaps `if` and a condition, then a block
or `=>` and an expression. Those of `select` hold `when name = operation { … }` (the async form)
or `when pattern { … }` (the form with a value), and perhaps one `else { … }`.",
        bad: "async proc main() -> int {\n    select {\n        sleep(1) { println(1) }\n    }\n    give 0\n}",
        good: "async proc main() -> int {\n    select {\n        when _ = sleep(1) { println(1) }\n    }\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_ELSE_NOT_LAST",
        title: "`else` is not the last arm",
        explanation: "\
`else` runs if no other arm does. It stands once, and last: an arm after it could never run.",
        bad: "proc main() -> int {\n    match 1 {\n        else { give 0 }\n        case 1 { give 1 }\n    }\n}",
        good: "proc main() -> int {\n    match 1 {\n        case 1 { give 1 }\n        else { give 0 }\n    }\n}",
    },
    Code {
        key: "PARSE_E_STRAY_ELSE",
        title: "`else` has no `if`",
        explanation: "\
`elif` and `else` continue an `if`: they stand directly after the closing brace of its block (or
of the `elif` before).",
        bad: "proc main() -> int {\n    let a = 1\n    else { give 1 }\n    give 0\n}",
        good: "proc main() -> int {\n    if true { give 0 } else { give 1 }\n}",
    },
    Code {
        key: "PARSE_E_NAMED_BEFORE_POSITIONAL",
        title: "a plain argument follows a named one",
        explanation: "\
Arguments without a name come first, in the order of the parameters; named ones follow.",
        bad: "proc main() -> int {\n    connect(port: 80, \"host\")\n    give 0\n}",
        good: "proc main() -> int {\n    connect(\"host\", port: 80)\n    give 0\n}",
    },
    Code {
        key: "PARSE_E_INVALID_ATTRIBUTE",
        title: "an attribute is malformed",
        explanation: "\
An attribute is `#[name]` or `#[name(…)]` before an item, `#![…]` at the top of a file. A `#` that
is not followed by `[` or `![` begins a comment.",
        bad: "#[]\nproc main() -> int { give 0 }",
        good: "#[inline]\nproc main() -> int { give 0 }",
    },
];
