//! Keys of name resolution and the meaning of items.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "SEMA_E_BAD_MAIN",
        title: "`main` has a form it cannot be started in",
        explanation: "\
A program starts at `main`. It takes nothing, or the list of arguments as `[string]`, and gives the
exit code as an `int`, or nothing. There is one `main` in a program.",
        bad: "proc main(n: int) -> int {\n    give n\n}",
        good: "proc main(args: [string]) -> int {\n    give len(args)\n}",
    },
    Code {
        key: "SEMA_E_BINDS_NOTHING",
        title: "a name bound by `is` can be used nowhere",
        explanation: "\
`e is P` gives a truth value: whether the value fits the pattern. A name in the pattern would have no
scope. Use `_`, or `when e is P { … }`, whose block has the names.",
        bad: "proc main() -> int {\n    let x: ?int = 1;\n    println(x is Some(n));\n    give 0\n}",
        good: "proc main() -> int {\n    let x: ?int = 1;\n    println(x is Some(_));\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_CAPTURE",
        title: "a closure uses a local of the procedure around it",
        explanation: "\
Closures are compiled without an environment: they are plain procedures. Pass what they need as
arguments.",
        bad: "proc main() -> int {\n    let k = 2;\n    let f = |x: int| x * k;\n    println(f(3));\n    give 0\n}",
        good: "proc main() -> int {\n    let f = |x: int, k: int| x * k;\n    println(f(3, 2));\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_CONST_CYCLE",
        title: "a constant needs itself",
        explanation: "\
The value of a constant is computed before the program runs, from other constants. Here the way leads
back to where it began.",
        bad: "const A: int = B + 1\nconst B: int = A + 1\nproc main() -> int {\n    println(A);\n    give 0\n}",
        good: "const A: int = B + 1\nconst B: int = 1\nproc main() -> int {\n    println(A);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_CONST_FAULT",
        title: "a constant has no value",
        explanation: "\
Computing the constant would panic: an overflow, a division by zero, a shift too far. The same key
reports a `static_assert` that does not hold.",
        bad: "const A: int = 1 / 0\nproc main() -> int {\n    println(A);\n    give 0\n}",
        good: "const A: int = 1 / 2\nproc main() -> int {\n    println(A);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_DUPLICATE",
        title: "two things have one name",
        explanation: "\
Names of items are unique in a module, those of fields and arms in their type, those of parameters in
their procedure.",
        bad: "proc f() {}\nproc f() {}\nproc main() -> int {\n    f();\n    give 0\n}",
        good: "proc f() {}\nproc g() {}\nproc main() -> int {\n    f();\n    g();\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_EMIT_OUTSIDE",
        title: "`emit` outside a procedure with a stream",
        explanation: "\
`emit` hands one item to a `for await` loop and suspends until the next is wanted. The procedure must
be declared as `async proc … -> stream[T]`.",
        bad: "async proc f() {\n    emit 1;\n}\nasync proc main() -> int {\n    await f();\n    give 0\n}",
        good: "async proc f() -> stream[int] {\n    emit 1;\n}\nasync proc main() -> int {\n    for await x in f() { println(x); }\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_LEAVES_DEFER",
        title: "a `defer` is left by force",
        explanation: "\
The block of a `defer` runs because its scope is being left already; there is no other way it could
turn to. Neither `give` nor `?` nor `emit` may stand in it.",
        bad: "proc main() -> int {\n    defer { give 1; }\n    give 0\n}",
        good: "proc main() -> int {\n    defer { println(1); }\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NOT_A_PLACE",
        title: "what is assigned is no place",
        explanation: "\
Locals, fields of forms, elements of lists, tuple elements of locals and mutable statics can be
assigned. Values, constants and strings cannot: a string is immutable and shared.",
        bad: "const A: int = 1\nproc main() -> int {\n    set A = 2;\n    give 0\n}",
        good: "static mut A: int = 1\nproc main() -> int {\n    set A = 2;\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NOT_A_TYPE",
        title: "a type or form was expected",
        explanation: "\
The name exists, but is not the form, pick or type that is needed here.",
        bad: "proc f() {}\nproc g(x: f) {}\nproc main() -> int {\n    f();\n    give 0\n}",
        good: "form F { a: int }\nproc g(x: F) {}\nproc main() -> int {\n    g(F { a: 1 });\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NOT_A_VALUE",
        title: "a value was expected",
        explanation: "\
A type, a module or a task scope stands where a value is needed. Make a value of a form by
`F { … }`, of a pick by `P.Arm`; open a scope by `with task_scope() as s { … }`.",
        bad: "form F { a: int }\nproc main() -> int {\n    let x = F;\n    give 0\n}",
        good: "form F { a: int }\nproc main() -> int {\n    let x = F { a: 1 };\n    println(x.a);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NOT_CONST",
        title: "this cannot be evaluated at compile time",
        explanation: "\
Constants and statics get their value before the program runs: from literals, operators, other
constants, and tuples, lists, forms and arms of those. Calls and statics are not among them.",
        bad: "proc f() -> int { give 1 }\nconst A: int = f()\nproc main() -> int {\n    println(A);\n    give 0\n}",
        good: "const A: int = 1 + 1\nproc main() -> int {\n    println(A);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NO_ARM",
        title: "a pick has no such arm",
        explanation: "\
The arms of a pick are those of its declaration; an option has `Some` and `None`, a result `Ok` and
`Err`.",
        bad: "pick P { A, B }\nproc main() -> int {\n    let x = P.C;\n    give 0\n}",
        good: "pick P { A, B }\nproc main() -> int {\n    let x = P.A;\n    println(x as int);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NO_FIELD",
        title: "there is no such field",
        explanation: "\
Forms have the fields of their declaration, tuples the elements `.0`, `.1` and so on. Other types have
no fields; what looks like one is a method there, called with `()`.",
        bad: "form F { a: int }\nproc main() -> int {\n    let x = F { a: 1 };\n    println(x.b);\n    give 0\n}",
        good: "form F { a: int }\nproc main() -> int {\n    let x = F { a: 1 };\n    println(x.a);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_NO_METHOD",
        title: "there is no such method",
        explanation: "\
Methods are declared inside a form or pick, or by `impl`; types of the language have those of std. A
method without `self` is called on the type: `F.make()`.",
        bad: "proc main() -> int {\n    let x = 1;\n    x.grow();\n    give 0\n}",
        good: "proc main() -> int {\n    let x = [1];\n    x.push(2);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_OUTSIDE_LOOP",
        title: "`break` or `continue` outside a loop",
        explanation: "\
They belong to the innermost loop of the same procedure. A loop around a `defer` or a closure does
not count.",
        bad: "proc main() -> int {\n    break;\n    give 0\n}",
        good: "proc main() -> int {\n    loop { break; }\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_PATTERN_NAMES",
        title: "the names of a pattern do not agree",
        explanation: "\
Each name is bound once in a pattern, and the alternatives of `a | b` bind the same names: whichever
fits, each must have a value.",
        bad: "proc main() -> int {\n    let (a, a) = (1, 2);\n    println(a);\n    give 0\n}",
        good: "proc main() -> int {\n    let (a, b) = (1, 2);\n    println(a + b);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_RECURSIVE_TYPE",
        title: "a type stands for itself",
        explanation: "\
A `type` is only another name. A type that contains itself must be a form or a pick, which is
referred to and not copied.",
        bad: "type A = [A]\nproc f(a: A) {}\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "form A { all: [A] }\nproc f(a: A) {}\nproc main() -> int {\n    f(A { all: [] });\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_SELF",
        title: "`self` where no type is",
        explanation: "\
`self` is the value a method is called on. Only procedures inside a form, pick or impl have one.",
        bad: "proc f(self) {}\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "form F {\n    a: int\n    proc f(self) -> int { give self.a }\n}\nproc main() -> int {\n    println(F { a: 1 }.f());\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_UNRESOLVED_NAME",
        title: "a name is not declared",
        explanation: "\
Names come from `let` and patterns, parameters, items of the module, `use`, and std. They are visible
from their declaration to the end of the block; items everywhere in the module.",
        bad: "proc main() -> int {\n    println(count);\n    give 0\n}",
        good: "proc main() -> int {\n    let count = 1;\n    println(count);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_UNRESOLVED_TYPE",
        title: "a type is not declared",
        explanation: "\
Types are those of the language (`int`, `string`, `[T]`, `?T`, …), of std, and the forms, picks and
`type` names of the module or of a `use`.",
        bad: "proc f(x: Integer) {}\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "proc f(x: int) {}\nproc main() -> int {\n    f(1);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_UNRESOLVED_USE",
        title: "there is nothing of this name to use",
        explanation: "\
`use` names a module of the program, a module of std, or an exported member of one. The file of a
module `a/b` is `a/b.vit`: below the folder of the file that uses it, beside it, or from the folder
above `a` downwards.",
        bad: "use std/net.{listen}\nproc main() -> int {\n    println(1);\n    give 0\n}",
        good: "use std/net.{tcp_listen}\nproc main() -> int {\n    println(1);\n    give 0\n}",
    },
    Code {
        key: "SEMA_E_UNSUPPORTED",
        title: "a construct is not compiled yet",
        explanation: "\
The parser knows this part of the language, but there is no code for it yet. It is refused so that no
program runs wrongly.",
        bad: "proc main() -> int {\n    let m = map { 1: 2 };\n    give 0\n}",
        good: "proc main() -> int {\n    let m = [(1, 2)];\n    println(len(m));\n    give 0\n}",
    },
];
