//! Keys of the type checker.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "TYPECK_E_ANNOTATION",
        title: "a type must be written",
        explanation: "\
Types of locals are told from their use within the procedure. Where nothing tells them (an empty list
nobody fills, a generic call without arguments of that type) and for parameters they are written.",
        bad: "proc main() -> int {\n    let xs = [];\n    println(len(xs));\n    give 0\n}",
        good: "proc main() -> int {\n    let xs: [int] = [];\n    println(len(xs));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_ARG_COUNT",
        title: "the number of values is wrong",
        explanation: "\
A call gives one argument for each parameter without default; an arm of a pick takes as many values
as it declares, in building and in matching.",
        bad: "proc f(a: int, b: int) {}\nproc main() -> int {\n    f(1);\n    give 0\n}",
        good: "proc f(a: int, b: int) {}\nproc main() -> int {\n    f(1, 2);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_ARG_NAME",
        title: "an argument has a wrong name",
        explanation: "\
Named arguments carry the names of parameters, each once. Procedures of std and procedure values take
arguments by position only.",
        bad: "proc f(a: int) {}\nproc main() -> int {\n    f(b: 1);\n    give 0\n}",
        good: "proc f(a: int) {}\nproc main() -> int {\n    f(a: 1);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_ARRAY_LEN",
        title: "an array has another length",
        explanation: "\
The length of an array `[T; N]` is part of its type: literals and patterns have exactly N elements, and
N is a constant that is not negative. `[v; N]` writes one value N times; a pattern with `..` may name
fewer. Where the number changes while the program runs, use a list `[T]`.",
        bad: "proc main() -> int {\n    let a: [int; 3] = [1, 2];\n    give a[0]\n}",
        good: "proc main() -> int {\n    let a: [int; 2] = [1, 2];\n    give a[0]\n}",
    },
    Code {
        key: "TYPECK_E_BREAK_VALUE",
        title: "a value breaks a loop that has none",
        explanation: "\
`loop` ends by `break` only, hence `break e` is its value. `while` and `for` can end by themselves and
have no value.",
        bad: "proc main() -> int {\n    while true { break 1; }\n    give 0\n}",
        good: "proc main() -> int {\n    let x = loop { break 1; };\n    println(x);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_CAST",
        title: "`as` cannot convert this",
        explanation: "\
`as` converts between numbers, from `bool`, `char` and picks without payload to integers, from
integers to `char`, and anything printable to `string`.",
        bad: "proc main() -> int {\n    let x = \"1\" as int;\n    give 0\n}",
        good: "proc main() -> int {\n    let x = parse_int(\"1\") ?? 0;\n    println(x);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_EMPTY_RANGE",
        title: "a range in a pattern is empty",
        explanation: "\
No value could fit it. The smaller end comes first; `..` leaves out its last value, `..=` includes
it.",
        bad: "proc main() -> int {\n    match 5 {\n        case 9..1 => println(1);\n        else { println(2) }\n    }\n    give 0\n}",
        good: "proc main() -> int {\n    match 5 {\n        case 1..9 => println(1);\n        else { println(2) }\n    }\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_FIELDS",
        title: "the fields of a form are not each given once",
        explanation: "\
A form literal gives a value to every field without default, each once, or takes the others from a
value by `..base`. A form pattern names every field, or ends in `..`.",
        bad: "form F { a: int, b: int }\nproc main() -> int {\n    let x = F { a: 1 };\n    give 0\n}",
        good: "form F { a: int, b: int }\nproc main() -> int {\n    let x = F { a: 1, b: 2 };\n    println(x.a + x.b);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_FUTURE_STORED",
        title: "a future or scope is stored",
        explanation: "\
Futures and streams are used once, and a task scope ends with its block; so they live in locals and
parameters only. A `Task[T]` can be kept anywhere.",
        bad: "async proc f() -> int { give 1 }\nasync proc main() -> int {\n    let xs = [f()];\n    give 0\n}",
        good: "async proc f() -> int { give 1 }\nasync proc main() -> int {\n    let xs = [spawn f()];\n    println(len(xs));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_INDEX",
        title: "something is indexed wrongly",
        explanation: "\
Lists and strings have elements, counted by integers from 0. Elements of tuples are `.0`, `.1` and so
on.",
        bad: "proc main() -> int {\n    let x = 5;\n    println(x[0]);\n    give 0\n}",
        good: "proc main() -> int {\n    let x = [5];\n    println(x[0]);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_LITERAL_RANGE",
        title: "a literal does not fit its type",
        explanation: "\
Every integer type has a smallest and a largest value. A literal outside is a mistake; `as` wraps on
purpose.",
        bad: "proc main() -> int {\n    let x: u8 = 300;\n    give 0\n}",
        good: "proc main() -> int {\n    let x: u8 = 30;\n    println(x);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_MISMATCH",
        title: "the types do not fit",
        explanation: "\
Nothing is converted by itself, except that a `T` may stand for a `?T`. Convert numbers and make texts
with `as`, await futures, take values out of options and results.",
        bad: "proc main() -> int {\n    let x: int = \"one\";\n    give 0\n}",
        good: "proc main() -> int {\n    let x: int = 1;\n    println(x);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_MISSING_GIVE",
        title: "the end of a procedure is reached without a value",
        explanation: "\
A procedure that declares a result gives one on every path: by `give`, or as the last expression of
its body, without `;`.",
        bad: "proc f(a: int) -> int {\n    if a > 0 { give 1 }\n}\nproc main() -> int {\n    println(f(1));\n    give 0\n}",
        good: "proc f(a: int) -> int {\n    if a > 0 { give 1 }\n    give 0\n}\nproc main() -> int {\n    println(f(1));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_NOT_AWAITABLE",
        title: "this cannot be awaited or spawned",
        explanation: "\
Futures, tasks, and tuples of them can be awaited; only a future can be spawned. Other values are there
already, and streams are taken apart by `for await`.",
        bad: "async proc main() -> int {\n    let x = await 5;\n    give 0\n}",
        good: "async proc main() -> int {\n    await sleep(5);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_NOT_CALLABLE",
        title: "this cannot be called",
        explanation: "\
Procedures and values of type `proc(…) -> …` can be called. A type is no procedure: forms are made by
`F { … }`.",
        bad: "proc main() -> int {\n    let x = 5;\n    x(1);\n    give 0\n}",
        good: "proc main() -> int {\n    let x = |a: int| a;\n    println(x(1));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_NOT_EXHAUSTIVE",
        title: "a match does not cover every value",
        explanation: "\
Some value fits none of the arms; guards do not count, because they may fail. Add an arm for what is
missing, or `else` (in `pick`: `_`).",
        bad: "pick P { A, B }\nproc main() -> int {\n    match P.A {\n        case P.A => println(1);\n    }\n    give 0\n}",
        good: "pick P { A, B }\nproc main() -> int {\n    match P.A {\n        case P.A => println(1);\n        case P.B => println(2);\n    }\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_NOT_ITERABLE",
        title: "`for` cannot go over this",
        explanation: "\
`for` goes over lists and ranges of integers or characters; `for await` over streams and channels.",
        bad: "proc main() -> int {\n    for i in 5 { println(i); }\n    give 0\n}",
        good: "proc main() -> int {\n    for i in 0..5 { println(i); }\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_OPERATOR",
        title: "an operator cannot be applied to these types",
        explanation: "\
Both operands of an operator have one type: numbers for arithmetic, integers for bits, truth values
for `and`, `or`, `not`; `+` also joins two strings or two lists.",
        bad: "proc main() -> int {\n    println(\"n: \" + 1);\n    give 0\n}",
        good: "proc main() -> int {\n    println(\"n: \" + (1 as string));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_PRINT",
        title: "a value has no text form",
        explanation: "\
Numbers, truth values, characters, texts, bytes and picks without payload have a text form. Of other
values print the parts.",
        bad: "proc main() -> int {\n    println([1, 2]);\n    give 0\n}",
        good: "proc main() -> int {\n    println(len([1, 2]));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_REFUTABLE",
        title: "a pattern might not fit",
        explanation: "\
`let`, `for`, parameters and the arms of `select` have no way out if a pattern does not fit. Use a
match, or `when e is P { … } else { … }`.",
        bad: "proc main() -> int {\n    let x: ?int = 1;\n    let Some(n) = x;\n    println(n);\n    give 0\n}",
        good: "proc main() -> int {\n    let x: ?int = 1;\n    when x is Some(n) { println(n) }\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_REF_ESCAPES",
        title: "a reference might outlive what it refers to",
        explanation: "\
A reference is bound by `let`, or passed to a procedure; it cannot be stored, given back, assigned or
chosen by an `if`. Lists and forms are shared anyway: use the value.",
        bad: "proc f(a: &int) -> &int { give a }\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "proc f(a: &int) -> int { give *a }\nproc main() -> int {\n    let x = 1;\n    println(f(&x));\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_REF_PLACE",
        title: "only a local can be referred to",
        explanation: "\
An element of a list or a field of a form may be gone while the reference lives. Put the value into a
local first, or pass the list or form.",
        bad: "proc f(a: &int) {}\nproc main() -> int {\n    f(&[1, 2][0]);\n    give 0\n}",
        good: "proc f(a: &int) {}\nproc main() -> int {\n    let x = [1, 2][0];\n    f(&x);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_TRY",
        title: "`?` does not fit here",
        explanation: "\
`e?` takes the value out of an option or result, or gives what is wrong to the caller at once. So the
procedure itself gives an option, or a result with the same type of error.",
        bad: "proc f() -> ?int { give 1 }\nproc main() -> int {\n    println(f()?);\n    give 0\n}",
        good: "proc f() -> ?int { give 1 }\nproc g() -> ?int { give f()? + 1 }\nproc main() -> int {\n    println(g() ?? 0);\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_TYPE_ARGS",
        title: "the type arguments are wrong",
        explanation: "\
A generic type or procedure takes one type for each of its parameters, in brackets. References,
futures and scopes cannot be type arguments.",
        bad: "form Box[T] { a: T }\nproc f(x: Box) {}\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "form Box[T] { a: T }\nproc f(x: Box[int]) {}\nproc main() -> int {\n    f(Box { a: 1 });\n    give 0\n}",
    },
    Code {
        key: "TYPECK_E_UNREACHABLE_ARM",
        title: "an arm is never taken",
        explanation: "\
The arms before it take every value that it could fit. This is a warning; often two arms are in the
wrong order.",
        bad: "proc main() -> int {\n    match 5 {\n        case _ => println(1);\n        case 5 => println(2);\n    }\n    give 0\n}",
        good: "proc main() -> int {\n    match 5 {\n        case 5 => println(2);\n        case _ => println(1);\n    }\n    give 0\n}",
    },
];
