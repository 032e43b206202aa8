//! One test a rule: what is allowed, and what is not.

use super::{check_text, good, keys};

/// The keys for the body of an async `main`, with helpers before it.
fn body(text: &str) -> Vec<&'static str> {
    keys(&format!("{HELPERS}\nasync proc main() -> int {{\n{text}\n    give 0\n}}"))
}

const HELPERS: &str = "
form F { a: int, list: [int] }
pick P { A, B(int), C(x: int, y: string) }
async proc one() -> int { give 1 }
async proc stream() -> stream[int] { emit 1 }
proc take(xs: [int]) {}
proc own(owned xs: [int]) {}
proc peek(x: &int) -> int { give *x }
proc poke(x: &mut int) { set *x = 5 }
proc maybe() -> ?int { give 1 }
proc result() -> Result[int, string] { give Ok(1) }
";

const NONE: [&str; 0] = [];

#[test]
fn several_errors_are_told_in_one_run() {
    let found = keys(
        "proc f() -> int { give missing }
proc g(x: Nothing) { println(x + 1) }
proc main() -> int { let a: int = \"s\"; let b = 1 + \"t\"; give a + b }",
    );
    let want = [
        "SEMA_E_UNRESOLVED_TYPE",
        "SEMA_E_UNRESOLVED_NAME",
        "TYPECK_E_MISMATCH",
        "TYPECK_E_OPERATOR",
    ];
    assert_eq!(found, want);
}

#[test]
fn one_mistake_is_told_once() {
    assert_eq!(
        body("let x = missing(); let y = x + 1; println(y.z); x.w();"),
        ["SEMA_E_UNRESOLVED_NAME"]
    );
    assert_eq!(body("for v in nothing { println(v + 1) }"), ["SEMA_E_UNRESOLVED_NAME"]);
    assert_eq!(body("match gone { Some(x) => println(x); else {} }"), ["SEMA_E_UNRESOLVED_NAME"]);
}

#[test]
fn a_move_on_one_way_is_a_move() {
    let moved = ["BORROWCK_E_USE_AFTER_MOVE"];
    assert_eq!(body("let xs = [1]; if true { take(move xs) } take(xs);"), moved);
    assert_eq!(body("let xs = [1]; own(xs); take(xs);"), moved);
    assert_eq!(body("let xs = [1]; loop { own(xs); if true { break } }"), moved);
    assert_eq!(body("let xs = [1]; for i in 0..3 { take(move xs) }"), moved);
    assert_eq!(body("let xs = [1]; defer { take(xs) } own(xs);"), moved);
    assert_eq!(body("let xs = [1]; own(xs); xs.push(1);"), moved);
}

#[test]
fn a_move_that_is_not_met_again_is_fine() {
    assert_eq!(body("let mut xs = [1]; own(xs); set xs = [2]; take(xs);"), NONE);
    assert_eq!(body("let xs = [1]; if true { own(xs) } else { take(xs) }"), NONE);
    assert_eq!(body("for i in 0..3 { let xs = [i]; own(xs) }"), NONE);
    assert_eq!(body("let xs = [1]; loop { own(xs); break }"), NONE);
    assert_eq!(body("let xs = [1]; if true { own(xs); give 1 } take(xs);"), NONE);
    assert_eq!(body("let xs = [1]; while true { if true { own(xs); break } }"), NONE);
}

#[test]
fn futures_are_used_once() {
    assert_eq!(
        body("let f = one(); let a = await f; let b = await f; println(a + b);"),
        ["HIRASYNC0004"]
    );
    assert_eq!(body("let f = one(); for i in 0..2 { println(await f) }"), ["HIRASYNC0004"]);
    assert_eq!(
        body("let f = one(); let g = f; println(await g); println(await f);"),
        ["BORROWCK_E_USE_AFTER_MOVE"]
    );
    assert_eq!(body("let t = spawn one(); println(await t ?? 0); println(await t ?? 0);"), NONE);
    assert_eq!(body("let f = one(); spawn f;"), NONE);
}

#[test]
fn a_future_never_awaited_is_warned_of() {
    assert_eq!(body("one();"), ["HIRASYNC0003"]);
    assert_eq!(body("let f = one();"), ["HIRASYNC0003"]);
    assert_eq!(body("let _f = one();"), NONE);
    assert_eq!(body("if true { one() }"), ["HIRASYNC0003"]);
    let (program, ..) = check_text("async proc f() {}\nasync proc main() -> int { f(); give 0 }");
    assert!(program.is_some(), "a warning is no error");
}

#[test]
fn references_end_before_an_await() {
    let live = ["HIRASYNC0005"];
    assert_eq!(body("let x = 1; let r = &x; await one(); println(peek(r));"), live);
    assert_eq!(body("let x = 1; let r = &x; loop { println(*r); await one(); }"), live);
    assert_eq!(body("let x = 1; let r = &x; for await n in stream() { println(*r + n) }"), live);
    assert_eq!(body("let x = 1; loop { let r = &x; println(*r); await one(); break }"), NONE);
    assert_eq!(body("let x = 1; let r = &x; for i in 0..3 { println(*r) } await one();"), NONE);
    assert_eq!(body("let x = 1; let r = &x; if true { await one(); } else { println(*r) }"), NONE);
    assert_eq!(keys("async proc f(x: &int) {}"), live);
}

#[test]
fn references_stay_where_they_are() {
    assert_eq!(body("let mut x = 1; poke(&mut x); println(peek(&x));"), NONE);
    assert_eq!(body("let x = 1; let xs = [&x];"), ["TYPECK_E_REF_ESCAPES"]);
    assert_eq!(body("let x = 1; let mut r = &x; set *r = 2;"), ["SEMA_E_NOT_A_PLACE"]);
    assert_eq!(body("let x = 1; let r = if true { &x } else { &x };"), ["TYPECK_E_REF_ESCAPES"]);
    assert_eq!(body("let f = F { a: 1, list: [] }; peek(&f.a);"), ["TYPECK_E_REF_PLACE"]);
}

#[test]
fn options_and_results_are_taken_apart_on_purpose() {
    assert_eq!(body("println(maybe() + 1);"), ["TYPECK_E_OPERATOR"]);
    assert_eq!(body("let x: int = maybe();"), ["TYPECK_E_MISMATCH"]);
    assert_eq!(
        body("let x: ?int = 5; println(x == 5); println(x == null); println(x ?? 0);"),
        NONE
    );
    assert_eq!(body("println(maybe()?);"), ["TYPECK_E_TRY"]);
    assert_eq!(body("println(result() ?? 0); let n = maybe() ?? maybe() ?? 3; println(n);"), NONE);
    assert_eq!(body("println(5 ?? 6);"), ["TYPECK_E_OPERATOR"]);
}

#[test]
fn matches_cover_everything() {
    let open = ["TYPECK_E_NOT_EXHAUSTIVE"];
    let p = |arms: &str| body(&format!("let p = P.B(1); match p {{ {arms} }}"));
    assert_eq!(p("case P.A => {} case P.B(_) => {} case P.C(_, _) => {}"), NONE);
    assert_eq!(p("case P.A => {} case P.B(0) => {} case P.C(_, _) => {}"), open);
    assert_eq!(p("case P.A | P.B(_) => {} else {}"), NONE);
    assert_eq!(p("case P.A => {} case P.B(n) if n > 0 => {} case P.C(_, _) => {}"), open);
    assert_eq!(body("match true { case true => {} case false => {} }"), NONE);
    assert_eq!(body("match 5 { case 0..10 => {} case 10..=99 => {} }"), open);
    assert_eq!(body("let x: u8 = 5; match x { case 0..100 => {} case 100..=255 => {} }"), NONE);
    assert_eq!(
        body("match (true, maybe()) { case (true, _) => {} case (false, Some(_)) => {} }"),
        open
    );
    assert_eq!(body("match [1] { case [] => {} case [_, ..] => {} }"), NONE);
    assert_eq!(body("match [1] { case [] => {} case [_] => {} }"), open);
    assert_eq!(body("match \"a\" { case \"a\" => {} }"), open);
    assert_eq!(
        body("match result() { case Ok(n) => println(n); case Err(e) => println(e); }"),
        NONE
    );
}

#[test]
fn arms_that_are_never_taken_are_warned_of() {
    let late = ["TYPECK_E_UNREACHABLE_ARM"];
    assert_eq!(body("match 5 { case _ => {} case 3 => {} }"), late);
    assert_eq!(body("match 5 { case 0..9 => {} case 3..5 => {} else {} }"), late);
    assert_eq!(body("match P.A { case P.A | P.B(_) => {} case P.A => {} else {} }"), late);
    assert_eq!(body("match true { case true => {} case false => {} else {} }"), NONE);
}

#[test]
fn awaits_stand_in_async_bodies() {
    assert_eq!(keys("proc f() { await sleep(1) }"), ["HIRASYNC0001"]);
    assert_eq!(keys("proc f() { select { when _ = sleep(1) {} } }"), ["HIRASYNC0001"]);
    assert_eq!(keys("proc f() { with task_scope() as s {} }"), ["HIRASYNC0001"]);
    assert_eq!(keys("test \"t\" { await sleep(1) }"), NONE);
    assert_eq!(body("let f = proc() { await sleep(1) }; f();"), ["HIRASYNC0001"]);
    assert_eq!(body("critical { select { when _ = sleep(1) {} } }"), ["HIRASYNC0002"]);
    assert_eq!(keys("const A: int = await sleep(1)"), ["HIRASYNC0002"]);
}

#[test]
fn only_values_cross_to_tasks() {
    assert_eq!(
        body("with task_scope() as s { let ch = channel[TaskScope](1); }"),
        ["TYPECK_E_FUTURE_STORED"]
    );
    assert_eq!(
        keys(
            "async proc f(s: stream[int]) {}\nasync proc g() -> stream[int] { emit 1 }\nasync proc main() -> int { spawn f(g()); give 0 }"
        ),
        ["HIRASYNC0006"]
    );
    let future =
        "async proc f(x: Future[int]) -> int { give await x }\nasync proc g() -> int { give 1 }\n";
    let main = |text: &str| format!("{future}async proc main() -> int {{ {text} give 0 }}");
    assert_eq!(keys(&main("spawn f(g());")), ["HIRASYNC0006"]);
    assert_eq!(keys(&main("with task_scope() as s { s.spawn(f(g())); }")), ["HIRASYNC0006"]);
    assert_eq!(keys(&main("spawn_detached(f(g()));")), ["HIRASYNC0006"]);
    assert_eq!(keys(&main("spawn timeout(5, f(g()));")), ["HIRASYNC0006"]);
    assert_eq!(keys(&main("spawn timeout(5, (g(), f(g())));")), ["HIRASYNC0006"]);
    assert_eq!(keys(&main("spawn timeout(5, (g(), g()));")), NONE);
    assert_eq!(keys(&main("println(await f(g()));")), NONE);
    assert_eq!(body("let ch = channel[F](1); await ch.send(F { a: 1, list: [] });"), NONE);
}

#[test]
fn generics_are_told_from_arguments_or_written() {
    let same = "proc same[T](x: T) -> T { give x }\nproc none[T]() -> [T] { give [] }\n";
    let run = |text: &str| keys(&format!("{same}proc main() -> int {{ {text} give 0 }}"));
    assert_eq!(run("println(same(1)); println(same[string](\"x\"));"), NONE);
    assert_eq!(run("let xs: [int] = none(); println(len(xs));"), NONE);
    assert_eq!(run("println(len(none()));"), ["TYPECK_E_ANNOTATION"]);
    assert_eq!(run("println(same[int, int](1));"), ["TYPECK_E_TYPE_ARGS"]);
    assert_eq!(run("let x = 1; println(same(&x));"), ["TYPECK_E_TYPE_ARGS"]);
    assert_eq!(keys("proc f[T](x: T) { println(x) }"), ["TYPECK_E_PRINT"]);
    assert_eq!(keys("proc f[T](x: T) -> bool { give x == x }"), ["TYPECK_E_OPERATOR"]);
}

#[test]
fn modules_see_each_other_by_use() {
    let mut sources = crate::diagnostics::SourceMap::new();
    let mut diags = crate::diagnostics::Diagnostics::new();
    let texts = [
        "space app/main\nuse app/shapes.{Shape, area}\nuse app/shapes as s\nproc main() -> int { give area(Shape { w: 2, h: s.SIDE }) }",
        "space app/shapes\nexport *\nconst SIDE: int = 3\nform Shape { w: int, h: int }\nproc area(s: Shape) -> int { give s.w * s.h }",
    ];
    let mut files = Vec::new();
    for text in texts {
        let id = sources.add("m.vit", text);
        files.push((id, crate::syntax::parse(id, text, &mut diags)));
    }
    let program = super::check(&files, &sources, &mut diags);
    let shown = crate::diagnostics::render_all(&diags, &sources, crate::diagnostics::Color::Plain);
    assert!(program.is_some(), "{shown}");
}

#[test]
fn literals_take_the_type_that_is_wanted() {
    good(
        "proc f(x: u8) -> f64 { give 1 }\nproc main() -> int { let y: f32 = 2; println(f(255)); let z: ?u16 = 7; give (y as int) + ((z ?? 0) as int) }",
    );
    assert_eq!(
        keys("proc f(x: u8) {}\nproc main() -> int { f(256); give 0 }"),
        ["TYPECK_E_LITERAL_RANGE"]
    );
    assert_eq!(
        keys("proc main() -> int { let x = 9223372036854775808; give x }"),
        ["TYPECK_E_LITERAL_RANGE"]
    );
    good("proc main() -> int { let x = -9223372036854775808; give x }");
}

#[test]
fn an_append_is_seen_where_it_means_the_same() {
    let shows = |text: &str| {
        let program = good(&format!(
            "form F {{ xs: [int] }}\nasync proc g(n: int) -> int {{ give n }}\nasync proc main() -> int {{ {text} give 0 }}"
        ));
        crate::sema::print(&program).contains("append ")
    };
    assert!(shows("let xs: [int] = []; set xs = xs + [1];"));
    assert!(shows(
        "let xs: [int] = []; set xs = xs + [await g(len(xs)), xs[0] ?? 1 as int];"
            .replace(" ?? 1 as int", "")
            .as_str()
    ));
    assert!(shows("let s = \"\"; set s = s + \"x\";"));
    assert!(shows("let ts: [Task[int]] = []; set ts = ts + [spawn g(1)];"));
    assert!(!shows("let xs = [1]; let ys = [2]; set xs = ys + [1];"));
    assert!(!shows("let xs = [1]; set xs = xs + [{ set xs = []; 1 }];"));
}

/// What follows from a mistake is not told again.
#[test]
fn what_is_refused_has_one_diagnostic() {
    let mapped = "proc mapped[T, U](xs: [T], f: proc(T) -> U) -> [U] { let mut out: [U] = []; \
                  for x in xs { set out = out + [f(x)] } give out }\n";
    let capture = format!(
        "{mapped}proc main() -> int {{ let k = 3; let ys = mapped([1], |x| x * k); give ys[0] }}"
    );
    for (text, key) in [
        (capture.as_str(), "SEMA_E_CAPTURE"),
        (
            "proc main() -> int { let k = \"a\"; let f = |x: int| k; println(f(2) + \"b\"); give 0 }",
            "SEMA_E_CAPTURE",
        ),
        (
            "proc main() -> int { let f = |(a, b): (int, int)| a + b; give f((1, 2)) }",
            "SEMA_E_UNSUPPORTED",
        ),
        (
            "extern \"C\" { proc puts(s: string) -> i32; }\nproc main() -> int { puts(\"x\"); give 0 }",
            "SEMA_E_UNSUPPORTED",
        ),
        ("const X: int = await f()\nasync proc f() -> int { give 1 }", "HIRASYNC0002"),
        ("proc main() -> int { let a: [int; -1] = []; give len(a) }", "TYPECK_E_ARRAY_LEN"),
        (
            "proc main() -> int { let a: [int; 2] = [1, 2]; let [x, y, z] = a; give x + y + z }",
            "TYPECK_E_ARRAY_LEN",
        ),
        (
            "proc main() -> int { let mut a: [int; 2] = [1, 2]; set a = a + [3]; give a[0] }",
            "TYPECK_E_OPERATOR",
        ),
        (
            "proc main() -> int { let mut a: [int; 2] = [1, 2]; set a += [3]; give a[0] }",
            "TYPECK_E_OPERATOR",
        ),
        (
            "proc f(a: [int; 2]) {}\nproc main() -> int { f([1, 2, 3]); give 0 }",
            "TYPECK_E_ARRAY_LEN",
        ),
        ("proc f(a: [int]) {}\nproc g(a: [int; 2]) { f(a) }", "TYPECK_E_MISMATCH"),
        ("proc f(a: [int; 3]) {}\nproc g(a: [int; 2]) { f(a) }", "TYPECK_E_MISMATCH"),
        ("proc f(n: int) { let a: [int; n] = [0]; }", "SEMA_E_UNRESOLVED_NAME"),
        ("proc f(a: [int; 2]) { push(a, 3) }", "SEMA_E_NO_METHOD"),
        ("proc main() -> int { let f = len; give 0 }", "TYPECK_E_ANNOTATION"),
        ("proc main() -> int { let f: proc(int) -> int = len; give f(1) }", "TYPECK_E_OPERATOR"),
        ("proc main() -> int { let f = panic; give 0 }", "SEMA_E_UNSUPPORTED"),
        ("proc main() -> int { println(\"a\", 1); give 0 }", "TYPECK_E_ARG_COUNT"),
        (
            "proc main() -> int { outer: for i in 0..3 { while true { break outer } } give 0 }",
            "PARSE_E_LOOP_LABEL",
        ),
        (
            "proc main() -> int { 'a: for i in 0..3 { for j in 0..3 { if i > j { continue 'a } } } give 0 }",
            "PARSE_E_LOOP_LABEL",
        ),
        ("proc main() -> int { while true { break 'a } give 0 }", "PARSE_E_LOOP_LABEL"),
        ("proc f(a: ?int) -> bool { give a ?? 0 == 5 }", "TYPECK_E_MISMATCH"),
        ("proc f(a: ?int) { if a ?? 0 == 5 { println(1) } }", "TYPECK_E_MISMATCH"),
        (
            "proc f() { let a = Some(3); while a ?? 0 < 5 and true { println(1) } }",
            "TYPECK_E_MISMATCH",
        ),
        (
            "proc f(a: Result[string, int]) { assert a ?? \"x\" != \"y\", \"m\" }",
            "TYPECK_E_MISMATCH",
        ),
    ] {
        assert_eq!(keys(text), [key], "{text}");
    }
}

#[test]
fn constants_of_a_body_are_checked_and_see_each_other() {
    let main = |text: &str| keys(&format!("proc main() -> int {{ {text} give 0 }}"));
    assert_eq!(main("const A: int = 1; const B: int = A + C; const C: int = 5;"), NONE);
    assert_eq!(main("const A: int = 1; { const B: int = A; println(B) }"), NONE);
    assert_eq!(main("const A: int = B; const B: int = A;"), ["SEMA_E_CONST_CYCLE"]);
    assert_eq!(main("const A: int = \"x\";"), ["TYPECK_E_MISMATCH"]);
    assert_eq!(main("let a = 1; const A: int = a;"), ["SEMA_E_UNRESOLVED_NAME"]);
    assert_eq!(main("const A: int = await f();"), ["HIRASYNC0002"]);
}

#[test]
fn branches_may_be_printed() {
    let main = |text: &str| keys(&format!("proc main() -> int {{ {text} give 0 }}"));
    assert_eq!(main("println(if true { 1 } else { 2 }); print(loop { break 7 });"), NONE);
    assert_eq!(main("println(match 3 { case 3 => 4.5; else { 5.5 } });"), NONE);
    assert_eq!(main("println(if true { [1] } else { [2] });"), ["TYPECK_E_PRINT"]);
}

#[test]
fn what_is_too_deep_is_said_once() {
    let deep = |open: &str, close: &str| {
        keys(&format!("proc main() -> int {{ {} {} }}", open.repeat(500), close.repeat(500)))
    };
    assert_eq!(deep("if true { ", "}"), ["PARSE_E_TOO_DEEP"]);
    assert_eq!(deep("[", "]"), ["PARSE_E_TOO_DEEP"]);
}

#[test]
fn coalescing_truths_may_be_compared() {
    assert_eq!(keys("proc f(a: ?bool, n: int) -> bool { give a ?? n == 5 }"), NONE);
    assert_eq!(keys("proc f(a: ?int) -> bool { give (a ?? 0) == 5 }"), NONE);
}

#[test]
fn list_patterns_with_ends_cover_what_they_say() {
    let judged =
        |arms: &str| keys(&format!("proc f(xs: [int]) -> int {{ give match xs {{ {arms} }} }}"));
    assert_eq!(judged("case [] => 0; case [a] => a; case [a, .., b] => a + b;"), NONE);
    assert_eq!(judged("case [] => 0; case [.., b] => b;"), NONE);
    assert_eq!(judged("case [] => 0; case [a, .., b] => a + b;"), ["TYPECK_E_NOT_EXHAUSTIVE"]);
    assert_eq!(judged("case [1, ..] => 0; case [.., b] => b;"), ["TYPECK_E_NOT_EXHAUSTIVE"]);
    assert_eq!(
        judged("case [] => 0; case [.., b] => b; case [_, .., _] => 1;"),
        ["TYPECK_E_UNREACHABLE_ARM"]
    );
    assert_eq!(keys("proc f(a: [int; 2]) -> int { let [x, ..] = a; give x }"), NONE);
    assert_eq!(
        keys("proc f(a: [bool; 1]) -> int { give match a { case [true] => 1; } }"),
        ["TYPECK_E_NOT_EXHAUSTIVE"]
    );
    let both = "case [true, ..] => 1; case [.., false] => 2;";
    assert_eq!(keys(&format!("proc f(a: [bool; 1]) -> int {{ give match a {{ {both} }} }}")), NONE);
    assert_eq!(
        keys(&format!("proc f(a: [bool; 2]) -> int {{ give match a {{ {both} }} }}")),
        ["TYPECK_E_NOT_EXHAUSTIVE"]
    );
    assert_eq!(
        keys("proc f(a: [u8; 4000000000000]) -> u8 { let [x, .., y] = a; give x + y }"),
        NONE
    );
}
