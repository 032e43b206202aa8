//! Programs that cannot be compiled or cannot go on: one test per promise of what happens then.

use super::{Folder, Ran, command, run_text, vitte};
use std::io::{Read as _, Write as _};
use std::process::Stdio;

/// Runs a program whose main faults after it suspended once; all of them clean up.
fn main_that(body: &str) -> Ran {
    let text = format!(
        "proc rec(n: int) -> int {{ give rec(n + 1) + 1 }}
async proc main() -> int {{
    defer {{ println(\"cleanup\") }}
    let (zero, most, xs) = (0, 9223372036854775807, [1, 2])
    await sleep(1)
    {body}
}}
"
    );
    run_text(&text, &[])
}

#[test]
fn each_fault_in_main_is_told_with_its_line_and_exits_101() {
    for (body, message, place) in [
        ("give most + 1", "integer overflow", "6:10"),
        ("give most / zero", "division by zero", "6:10"),
        ("give xs[2]", "index 2 is out of range", "6:10"),
        ("assert zero == 1, \"zero is one\"; give 0", "zero is one", "6:5"),
        ("panic \"no way\"", "no way", "6:5"),
        ("give rec(0)", "the stack is exhausted: endless recursion?", "1:6"),
    ] {
        let ran = main_that(body);
        assert_eq!((ran.code, ran.out.as_str()), (101, "cleanup\n"), "{body}: {}", ran.err);
        let told = format!("error: `main` panicked: {message}\n  --> program.vit:{place}\n");
        assert_eq!(ran.err, told, "{body}");
    }
}

#[test]
fn a_panic_during_cleanup_is_told_beside_the_first() {
    let ran = run_text(
        "async proc bad() -> int {
    defer { panic \"second\" }
    await sleep(1)
    panic \"first\"
}
async proc main() -> int {
    pick await spawn bad() {
        Ok(v) {}
        Err(e) { pick e { Cancelled {} Panicked(m, s) { println(m) } } }
    }
    give 0
}
",
        &[],
    );
    assert_eq!((ran.code, ran.out.as_str()), (101, "first\n"));
    let told = "error: task `bad` panicked during cleanup: second\n  --> program.vit:2:13\n";
    assert_eq!(ran.err, told);
}

#[test]
fn what_is_not_compiled_yet_is_named_and_nothing_runs() {
    let ran = run_text(
        "extern \"C\" { proc puts(s: string) -> i32; }
proc main() -> int {
    println(\"ran\")
    let m = map { \"k\": 1 }
    let s = [x * 2 for x in [1, 2]]
    give 0
}
",
        &[],
    );
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for what in ["a map literal", "a list comprehension", "an `extern` block"] {
        let told = format!("error[SEMA_E_UNSUPPORTED]: {what} is not compiled yet");
        assert!(ran.err.contains(&told), "{}", ran.err);
    }
}

/// Every phase speaks in one run: the lexer, the parser, the names, the types, and the async rules.
#[test]
fn all_phases_report_in_one_run() {
    let ran = run_text(
        "async proc one() -> int { give 1 }
proc a() -> int { give \"text\" }
proc b() -> int { give nowhere }
proc c() { await sleep(1) }
proc main() -> int {
    let s = '';
    let t = ;
    give 0
}
",
        &[],
    );
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for key in ["LEX_E_", "PARSE_E_", "SEMA_E_UNRESOLVED_NAME", "TYPECK_E_MISMATCH", "HIRASYNC0001"]
    {
        assert!(ran.err.contains(&format!("error[{key}")), "{key}\n{}", ran.err);
    }
    assert!(ran.err.contains(" = help: "), "{}", ran.err);
}

#[test]
fn warnings_do_not_stop_a_program() {
    let text = "async proc one() -> int { give 1 }\nasync proc main() -> int { one(); give 3 }\n";
    let ran = run_text(text, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert!(ran.err.contains("warning[HIRASYNC0003]"), "{}", ran.err);
}

#[test]
fn frames_that_nothing_can_hold_are_refused_with_their_code() {
    let folder = Folder::new();
    let file =
        folder.file("huge.vir", include_str!("../../lowering/src/coroutine/codes/LOWER0001.vir"));
    for stage in ["live", "frame", "machine", "clif"] {
        let ran = vitte(&["lower", &file, "--emit", stage]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{stage}");
        assert!(ran.err.contains("error[LOWER0001]"), "{}", ran.err);
    }
    let ran = vitte(&["build", &file, "-o", "/dev/null"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[LOWER0001]"), "{}", ran.err);
}

/// Address space is limited to what the command needs and some more.
#[cfg(target_os = "linux")]
#[test]
fn a_list_without_memory_is_a_fault_of_its_task() {
    let folder = Folder::new();
    let file = folder.file(
        "grow.vit",
        "async proc grow() -> int {
    defer { println(\"cleanup\") }
    let mut xs = [1]
    loop { set xs = xs + xs }
    give len(xs)
}
async proc main() -> int {
    pick await spawn grow() {
        Ok(v) {}
        Err(e) { pick e { Cancelled {} Panicked(m, s) { println(m) } } }
    }
    println(\"others go on\")
    give 0
}
",
    );
    let limited = format!("ulimit -v 4000000; exec {} run {file}", env!("CARGO_BIN_EXE_vitte"));
    let ran = Ran::of(&std::process::Command::new("sh").args(["-c", &limited]).output().unwrap());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, "cleanup\nout of memory\nothers go on\n");
}

#[test]
fn lines_are_read_until_the_input_ends() {
    let folder = Folder::new();
    let file = folder.file(
        "lines.vit",
        "use std/io.{read_line}
async proc main() -> int {
    let mut n = 0
    loop {
        match await read_line() {
            case Some(line) => { println(\"[\" + line + \"]\"); set n += 1 }
            else { break }
        }
    }
    give n
}
",
    );
    let child = command().args(["run", &file]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    child.stdin.take().unwrap().write_all("a\nb é\nlast".as_bytes()).unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!((child.wait().unwrap().code(), out.as_str()), (Some(3), "[a]\n[b é]\n[last]\n"));
}

/// A second interrupt does not wait for the cleanup.
#[cfg(unix)]
#[test]
fn a_second_interrupt_kills() {
    let folder = Folder::new();
    let file = folder.file(
        "stubborn.vit",
        "async proc main() -> int {
    defer { println(\"cleaning\"); await sleep(100000) }
    println(\"go\")
    await sleep(100000)
    give 0
}
",
    );
    let mut child = command().args(["run", &file]).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let interrupt = |child: &std::process::Child| {
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    };
    let mut line = [0u8; 3];
    out.read_exact(&mut line).unwrap();
    interrupt(&child);
    let mut line = [0u8; 9];
    out.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"cleaning\n");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn objects_in_cycles_are_told_when_the_program_has_ended() {
    let text = "form Node { name: string, next: ?Node }
form Tree { kids: [Tree] }
async proc ring(n: int) -> int {
    let first = Node { name: \"first\", next: null }
    let second = Node { name: \"second\", next: first }
    await sleep(1)
    if n > 0 { set first.next = second }
    give 1
}
async proc main() -> int {
    let leaf = Tree { kids: [] }
    let tree = Tree { kids: [leaf, leaf] }
    if LOOP > 1 { push(leaf.kids, tree) }
    let ts = [spawn ring(LOOP), spawn ring(LOOP)]
    for t in ts { await t }
    give 0
}
";
    for how in [&[][..], &["--seed", "3"], &["--workers", "1"]] {
        let ran = run_text(&text.replace("LOOP", "0"), how);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{how:?}: a shared tree is none");
        let ran = run_text(&text.replace("LOOP", "1"), how);
        let told = "note: 4 object(s) in cycles were never freed: 4 of `Node`
   = help: set a field \
                    of each cycle to null when it is no longer needed
";
        assert_eq!((ran.code, ran.err.as_str()), (0, told), "{how:?}");
        let ran = run_text(&text.replace("LOOP", "2"), how);
        let told =
            "8 object(s) in cycles were never freed: 4 of `Node`, 2 of `Tree`, 2 of `[Tree]`";
        assert!(ran.err.contains(told), "{how:?} {}", ran.err);
    }
}

/// The frame of a cold future lies with the task that made it.
#[test]
fn a_future_that_holds_another_is_not_spawned() {
    let ran = run_text(
        "async proc f(n: int) -> int { await sleep(n); give n }
async proc g(x: Future[int]) -> int { await sleep(1); give (await x) + 1 }
async proc main() -> int {
    let t = g(f(5))
    let h = spawn t
    give (await h) ?? -1
}
",
        &[],
    );
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error[SEMA_E_UNSUPPORTED]: spawning a future"), "{}", ran.err);
    assert!(ran.err.contains("program.vit:5:19"), "{}", ran.err);
}
