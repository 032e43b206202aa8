//! Bad input and bad ends: exit codes and messages.

use super::{Folder, Ran, command, run_text, vitte};
use std::io::Read as _;
use std::process::Stdio;

const SHOW: &str = "
async proc show(t: Task[int]) {
    pick await t {
        Ok(v) { println(\"ok \" + (v as string)) }
        Err(e) {
            pick e {
                Cancelled { println(\"cancelled\") }
                Panicked(m, s) { println(m) }
            }
        }
    }
}
";

#[test]
fn wrong_usage_is_2_and_help_is_0() {
    assert_eq!(vitte(&[]).code, 2);
    assert_eq!(vitte(&["run"]).code, 2);
    assert_eq!(vitte(&["lower", "x.vit", "--emit", "soup"]).code, 2);
    let help = vitte(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(help.out.contains("explain"));
}

#[test]
fn unreadable_files_are_named() {
    for what in ["run", "check", "lower", "test"] {
        let ran = vitte(&[what, "no/such/file.vit"]);
        assert_eq!(ran.code, 1, "{what}");
        assert!(ran.err.contains("cannot read `no/such/file.vit`: No such file"), "{}", ran.err);
    }
    let ran = vitte(&["check", "README.md"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains(".vir"), "{}", ran.err);
    // Not there is worse than a wrong name.
    let ran = vitte(&["check", "no/such/file"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot read `no/such/file`: No such file"), "{}", ran.err);
    let ran = vitte(&["check", "src/main.rs/x.vit"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Not a directory"), "{}", ran.err);
    let folder = Folder::new();
    let path = folder.0.join("x.vit");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    let ran = vitte(&["check", &path.display().to_string()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("UTF-8"), "{}", ran.err);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let ran =
        run_text("proc main() -> int {\n    let a = ;\n    let b = nowhere\n    give 0\n}\n", &[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error[PARSE_E_EXPECTED_EXPRESSION]"), "{}", ran.err);
    assert!(ran.err.contains("program.vit:2:13"), "{}", ran.err);
    assert!(ran.err.contains("nowhere"), "{}", ran.err);
    assert!(!ran.err.contains('\x1b'), "no colour outside of a terminal");
}

#[test]
fn diagnostics_for_tools_are_json() {
    let folder = Folder::new();
    let good = folder.file("good.vit", "proc main() -> int { give 0 }\n");
    let bad = folder.file("bad.vit", "proc main() -> int { give }}\n");
    assert_eq!(vitte(&["check", &good]), Ran { code: 0, out: String::new(), err: String::new() });
    let ran = vitte(&["check", &good, &bad, "--format", "json"]);
    assert_eq!(ran.code, 1);
    let json: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert!(json["errors"].as_u64().unwrap() >= 1);
    assert!(json["diagnostics"][0]["key"].is_string());
}

#[test]
fn textual_ir_with_mistakes_is_refused_with_places() {
    let folder = Folder::new();
    let bad =
        folder.file("bad.vir", "module \"m\"\n\nsync fn0 \"f\"() {\nblock0:\n  frobnicate\n}\n");
    let ran = vitte(&["run", &bad]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("bad.vir:5:3"), "{}", ran.err);
    let unowned = folder.file(
        "unowned.vir",
        "module \"m\"\n\nasync fn0 \"main\"() -> i64 {\nblock0:\n  return v7\n}\n",
    );
    let ran = vitte(&["run", &unowned]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error[IR0"), "{}", ran.err);
}

#[test]
fn an_operation_declared_too_small_is_refused() {
    let folder = Folder::new();
    let file = folder.file(
        "small.vir",
        "module \"m\"\nop0 = op \"sleep\" symbol \"vitte_op_sleep\"(i64) size 8 align 8 result 8\n\n\
         async fn0 \"main\"() -> i64 {\n  sp0 \"sleep\"\nblock0:\n  v0: i64 = const 1\n  \
         await sp0 op0(v0) -> ok block1, unwind block2(cause)\nblock1:\n  return v0\n\
         block2(v1: i32):\n  unwind v1\n}\n",
    );
    let ran = vitte(&["run", &file]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("HOST0001"), "{}", ran.err);
}

#[test]
fn a_panic_in_main_runs_cleanup_and_exits_101() {
    let text = "proc deep(n: int) -> int {
    if n == 0 { panic \"bottom\" }
    give deep(n - 1) + 1
}
async proc main() -> int {
    defer { println(\"cleanup\") }
    give deep(3)
}
";
    let ran = run_text(text, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (101, "cleanup\n"));
    assert_eq!(ran.err, "error: `main` panicked: bottom\n  --> program.vit:2:17\n");
}

#[test]
fn faults_end_their_task_only() {
    let text = format!(
        "space t/faults
async proc over(n: int) -> int {{ let mut x = 9223372036854775807; set x += n; give x }}
async proc div(n: int) -> int {{ give 10 / n }}
async proc idx(n: int) -> int {{ let xs = [1, 2]; give xs[n] }}
async proc asrt(n: int) -> int {{ assert n == 0, \"n is not zero\"; give 1 }}
proc rec(n: int) -> int {{ give rec(n + 1) + 1 }}
async proc recurse() -> int {{ give rec(0) }}
{SHOW}
async proc main() -> int {{
    await show(spawn over(1))
    await show(spawn div(0))
    await show(spawn idx(5))
    await show(spawn asrt(2))
    await show(spawn recurse())
    await show(spawn div(5))
    give 0
}}
"
    );
    let ran = run_text(&text, &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let want = "integer overflow\ndivision by zero\nindex 5 is out of range\nn is not zero\n\
                the stack is exhausted: endless recursion?\nok 2\n";
    assert_eq!(ran.out, want);
}

#[test]
fn endless_async_recursion_ends_its_task_at_the_cap_of_its_memory() {
    // Frames of 1 MiB, of which a few bytes are touched: the cap is reached before memory is.
    let text = r#"module "deep"
async fn0 "deep"(i64) -> i64 {
  slot0 "room": bytes(1048576, 8)
  sp0 "down"
block0(v0: i64):
  slot_live slot0
  v1: ptr = slot_addr slot0
  store v1, v0
  v2: i64 = const 1
  v3: i64 = add v0, v2
  await sp0 fn0(v3) -> ok block1(r0), unwind block2(cause)
block1(v4: i64):
  v5: i64 = load v1
  v6: i64 = add v4, v5
  slot_dead slot0
  return v6
block2(v7: i32):
  slot_dead slot0
  unwind v7
}

async fn1 "main"() -> i64 {
  sp0 "deep"
block0:
  v0: i64 = const 0
  await sp0 fn0(v0) -> ok block1(r0), unwind block2(cause)
block1(v1: i64):
  return v1
block2(v2: i32):
  unwind v2
}
"#;
    let folder = Folder::new();
    let ran = vitte(&["run", &folder.file("deep.vir", text)]);
    assert_eq!((ran.code, ran.out.as_str()), (101, ""), "{}", ran.err);
    assert!(ran.err.contains("out of memory"), "{}", ran.err);
}

#[test]
fn a_failure_that_nobody_awaits_is_reported_and_exits_101() {
    let text = "async proc bad() -> int { await sleep(1); panic \"oh no\" }
async proc main() -> int { spawn bad(); println(\"done\"); give 0 }
";
    let ran = run_text(text, &[]);
    assert_eq!((ran.code, ran.out.as_str()), (101, "done\n"));
    assert!(ran.err.contains("task `bad` panicked: oh no"), "{}", ran.err);
    assert!(ran.err.contains("program.vit:1:43"), "{}", ran.err);
}

#[test]
fn waiting_for_ever_is_reported_with_the_tasks() {
    let text = "async proc wait(ch: Channel[int]) -> int { give (await ch.recv()) ?? 0 }
async proc main() -> int {
    let ch = channel[int](1)
    let t = spawn wait(ch)
    let v = await t
    give 0
}
";
    for how in [&[][..], &["--seed", "5"]] {
        let ran = run_text(text, how);
        assert_eq!(ran.code, 1, "{how:?}");
        assert!(
            ran.err.contains("every task waits for something that can never come"),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("2 task(s)") && ran.err.contains("wait"), "{}", ran.err);
        assert!(ran.err.contains("program.vit:1, spawned by task 1\n"), "{}", ran.err);
        let main = ran.err.lines().find(|line| line.contains("task 1 main")).unwrap_or("");
        assert!(main.contains("defined at ") && main.ends_with("program.vit:2"), "{}", ran.err);
    }
}

#[test]
fn a_dump_names_the_frames_of_a_task_down_to_its_leaf() {
    let text = "async proc get(ch: Channel[int]) -> int {
    let v = await ch.recv()
    give v ?? 0
}
async proc both(ch: Channel[int]) -> int {
    let (a, b, c) = await (get(ch), ch.recv(), sleep(1))
    give a
}
async proc either(ch: Channel[int]) -> int {
    let mut got = 0
    select {
        when v = both(ch) { set got = v }
        when _ = timeout(100, sleep(10)) { set got = 2 }
    }
    give await both(ch)
}
async proc deep(ch: Channel[int], n: int) -> int {
    if n == 0 { give await get(ch) }
    give 1 + await deep(ch, n - 1)
}
async proc main() -> int {
    let ch = channel[int](1)
    let t = spawn either(ch)
    let d = spawn deep(ch, 3)
    let e = spawn deep(ch, 30)
    let f = get(ch)
    let g = spawn wide(ch)
    let (a, b) = await (f, get(ch))
    give 0
}
async proc wide(ch: Channel[int]) {
    let f = get(ch)
    let t = timeout(1, deep(ch, 2))
    await t
    await (f, get(ch), deep(ch, 1), get(ch), get(ch), get(ch), get(ch), get(ch), get(ch), get(ch))
}
";
    let leaf = "get: await recv[int] (line 2)";
    let turn = "deep: await future (line 19)";
    let turns = |n: usize| vec![turn; n].join(" > ");
    let end = format!("deep: await get (line 18) > {leaf}");
    let join = format!("join (line 6) [{leaf} | recv[int]]");
    let wide = [leaf; 7].join(" | ");
    let lines = [
        format!(
            "main: waiting in await main.body (line 21) > main.body: join (line 28) [{leaf} | {leaf}], age"
        ),
        format!("either: waiting in await both (line 15) > both: {join}, age"),
        format!("deep: waiting in await future (line 19) > {} > {end}, age", turns(2)),
        format!("deep: waiting in await future (line 19) > (23 more) > {} > {end}, age", turns(6)),
        format!("wide: waiting in join (line 35) [{leaf} | {leaf} | {turn} > {end} | {wide}], age"),
    ];
    for how in [&[][..], &["--seed", "5"]] {
        let ran = run_text(text, how);
        assert_eq!(ran.code, 1, "{how:?}");
        for line in &lines {
            assert!(ran.err.contains(line), "{line}\n{}", ran.err);
        }
    }
}

#[test]
fn a_loop_without_await_does_not_stop_other_tasks() {
    let text = "async proc spin(ch: Channel[int]) -> int {
    let mut i = 0
    while i < 2000000000 { if ch.len() > 0 { give i } set i += 1 }
    give -1
}
async proc main() -> int {
    let ch = channel[int](1)
    let s = spawn spin(ch)
    await sleep(5)
    println(\"ticked\")
    await ch.send(1)
    let i = (await s) ?? -2
    give if i >= 0 { 0 } else { 1 }
}
";
    let ran = run_text(text, &["--workers", "1"]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "ticked\n", ""));
}

#[test]
fn the_result_of_main_is_the_exit_code() {
    assert_eq!(run_text("proc main() -> int { give 7 }\n", &[]).code, 7);
    assert_eq!(run_text("async proc main() -> int { await sleep(1); give 42 }\n", &[]).code, 42);
    let args =
        "proc main(args: list[string]) -> int { for a in args { println(a) } give len(args) }\n";
    let ran = run_text(args, &["--", "a", "--b"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, "a\n--b\n"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_cancels_main_and_exits_130() {
    let folder = Folder::new();
    let file = folder.file(
        "wait.vit",
        "async proc main() -> int {
    defer { println(\"cleaned\") }
    println(\"go\")
    await sleep(100000)
    give 0
}
",
    );
    let mut child = command()
        .args(["run", &file])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut first = [0u8; 3];
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"go\n");
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "cleaned\n");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_loop_without_fuel_panics_in_a_seeded_run_and_the_others_go_on() {
    let text = "
proc spin() -> int {
    let mut n = 0
    loop { set n += 1 }
}
async proc endless() -> int {
    defer { println(\"cleanup of endless\") }
    let mut n = 0
    loop { set n += 1 }
}
async proc calls() -> int {
    defer { println(\"cleanup of calls\") }
    give spin()
}
async proc other() -> int {
    await sleep(10)
    give 3
}
async proc main() -> int {
    let a = spawn endless()
    let b = spawn calls()
    let c = spawn other()
    pick await a { Ok(v) { println(\"a\") } Err(e) { println(\"no a\") } }
    pick await b { Ok(v) { println(\"b\") } Err(e) { println(\"no b\") } }
    println((await c) ?? -1)
    give 0
}
";
    let ran = run_text(text, &["--seed", "1", "--fuel", "1000000"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let mut lines: Vec<&str> = ran.out.lines().collect();
    lines[..4].sort_unstable();
    let expected = ["cleanup of calls", "cleanup of endless", "no a", "no b", "3"];
    assert_eq!(lines, expected, "{}", ran.err);

    let main = "proc main() -> int {\n    let mut n = 0\n    loop { set n += 1 }\n}\n";
    let ran = run_text(main, &["--seed", "1", "--fuel", "1000000"]);
    assert_eq!(ran.code, 101, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("out of fuel"), "{}", ran.err);
    assert!(ran.err.contains("program.vit:3"), "{}", ran.err);
    // Without a seed there is no fuel.
    assert_eq!(run_text(main, &["--fuel", "1"]).code, 2);
}

#[test]
fn odd_files_are_an_answer() {
    let folder = Folder::new();
    let empty = folder.file("empty.vit", "");
    assert_eq!(vitte(&["check", &empty]).code, 0);
    let ran = vitte(&["run", &empty]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("has no `main`"), "{}", ran.err);

    let directory = folder.0.join("directory.vit");
    std::fs::create_dir(&directory).unwrap();
    let ran = vitte(&["run", &directory.display().to_string()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("Is a directory"), "{}", ran.err);

    let binary = folder.0.join("binary.vit");
    std::fs::write(&binary, b"proc main() {}\n\x7fELF\x02\xc3\x28").unwrap();
    let ran = vitte(&["run", &binary.display().to_string()]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("byte 20 is not UTF-8"), "{}", ran.err);

    let long = format!(
        "// {}\nproc main() -> int {{ give nope }}{}\n",
        "x".repeat(1_000_000),
        " ".repeat(500_000)
    );
    let ran = vitte(&["check", &folder.file("long.vit", &long)]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("long.vit:2:27"), "{}", ran.err);
    assert!(ran.err.len() < 10_000, "a long line is cut, not {} bytes", ran.err.len());
}

#[test]
fn a_reader_that_goes_away_ends_the_output_quietly() {
    for args in [["lower", "examples/cancel.vit"], ["run", "examples/cancel.vit"]] {
        let mut child =
            command().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Closes the pipe before anything was read.
        drop(child.stdout.take());
        let ran = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(0), "{args:?} {err}");
        assert!(!err.contains("panicked"), "{err}");
    }
}

#[test]
fn help_teaches() {
    for what in ["run", "lower", "test", "build", "check", "explain"] {
        let ran = vitte(&[what, "--help"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{what}");
        assert!(ran.out.contains("Usage: vitte"), "{}", ran.out);
    }
    assert!(vitte(&["run", "--help"]).out.contains("--seed 7"));
    assert!(vitte(&["lower", "--help"]).out.contains("--emit frame"));
}
