//! Keys of the rules for async procedures.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "HIRASYNC0001",
        title: "await outside an async procedure",
        explanation: "\
Only an async procedure (and a `test` block) can be suspended and resumed, so only there can anything
be waited for: `await`, `for await`, `select`, `task_scope`.",
        bad: "proc f() {\n    await sleep(1);\n}\nproc main() -> int {\n    f();\n    give 0\n}",
        good: "async proc f() {\n    await sleep(1);\n}\nasync proc main() -> int {\n    await f();\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0002",
        title: "await where nothing may be waited for",
        explanation: "\
A `critical` block must not be interrupted, and a constant is evaluated by the compiler.",
        bad: "async proc main() -> int {\n    critical {\n        await sleep(1);\n    }\n    give 0\n}",
        good: "async proc main() -> int {\n    await sleep(1);\n    critical { println(1); }\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0003",
        title: "a future is never awaited",
        explanation: "\
Calling an async procedure runs nothing: it makes a future, which runs when it is awaited or spawned.
This is a warning.",
        bad: "async proc f() {}\nasync proc main() -> int {\n    f();\n    give 0\n}",
        good: "async proc f() {}\nasync proc main() -> int {\n    await f();\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0004",
        title: "a future is awaited twice",
        explanation: "\
A future is used up by the first await. Keep its value in a local, or call the procedure again; a task
(`spawn`) may be awaited more than once.",
        bad: "async proc f() -> int { give 1 }\nasync proc main() -> int {\n    let a = f();\n    let b = await a;\n    let c = await a;\n    println(b + c);\n    give 0\n}",
        good: "async proc f() -> int { give 1 }\nasync proc main() -> int {\n    let a = f();\n    let b = await a;\n    println(b + b);\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0005",
        title: "a reference lives across an await",
        explanation: "\
While the task is suspended, other code runs and the frame may move. A reference must be used up before
the await, or made again after it; an async procedure takes none as a parameter.",
        bad: "async proc main() -> int {\n    let x = 1;\n    let r = &x;\n    await sleep(1);\n    println(*r);\n    give 0\n}",
        good: "async proc main() -> int {\n    let x = 1;\n    let r = &x;\n    println(*r);\n    await sleep(1);\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0006",
        title: "a value cannot cross to a task",
        explanation: "\
Tasks share no memory: what crosses is moved or copied. A task scope belongs to the task that opened
it, and a stream to the one that reads it.",
        bad: "async proc f(s: TaskScope) {}\nasync proc main() -> int {\n    with task_scope() as s {\n        spawn f(s);\n    }\n    give 0\n}",
        good: "async proc f() {}\nasync proc main() -> int {\n    with task_scope() as s {\n        s.spawn(f());\n    }\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0007",
        title: "an async procedure awaits itself",
        explanation: "\
This is a note: every turn of the recursion needs a frame of its own from the task's arena, while other
callees live inside their caller's frame. A loop, or a list of what is left to do, avoids it.",
        bad: "async proc f(n: int) -> int {\n    if n == 0 { give 0 }\n    give await f(n - 1)\n}\nasync proc main() -> int {\n    println(await f(3));\n    give 0\n}",
        good: "async proc f(n: int) -> int {\n    let mut i = n;\n    while i > 0 { i -= 1; await sleep(0) }\n    give i\n}\nasync proc main() -> int {\n    println(await f(3));\n    give 0\n}",
    },
    Code {
        key: "HIRASYNC0008",
        title: "an arm of `select` waits for nothing",
        explanation: "\
Each arm names something that can be awaited: an async call, an operation such as `ch.recv()`, a future
or a task. A plain value would always be ready.",
        bad: "async proc main() -> int {\n    select {\n        when x = 5 { println(x); }\n    }\n    give 0\n}",
        good: "async proc main() -> int {\n    select {\n        when _ = sleep(5) { println(1); }\n    }\n    give 0\n}",
    },
];
