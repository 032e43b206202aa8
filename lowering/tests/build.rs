//! Vitte source to IR: everything built passes the verifier.
#![cfg(feature = "vitte")]

use vitte_lowering::build::{OpSizes, build};
use vitte_lowering::diagnostics::{Color, Diagnostics, SourceMap, render_all};
use vitte_lowering::ir::{Module, verify};
use vitte_lowering::{sema, syntax};

/// Builds a program that must be right.
#[track_caller]
fn module(text: &str) -> Module {
    let mut sources = SourceMap::new();
    let id = sources.add("t.vit", text);
    let mut diags = Diagnostics::new();
    let file = syntax::parse(id, text, &mut diags);
    let program = sema::check(&[(id, file)], &sources, &mut diags);
    let shown = render_all(&diags, &sources, Color::Plain);
    let program = program.unwrap_or_else(|| panic!("{shown}"));
    match build(&program, &sources, &OpSizes::default()) {
        Ok(m) => m,
        Err(diags) => panic!("{}", render_all(&diags, &sources, Color::Plain)),
    }
}

/// Builds and verifies.
#[track_caller]
fn good(text: &str) -> Module {
    let m = module(text);
    if let Err(violations) = verify(&m) {
        let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
        panic!("{}\n\n{m}", all.join("\n"));
    }
    match vitte_lowering::coroutine::lower(&m) {
        Ok(lowered) => {
            if let Err(found) = vitte_lowering::check::check(&lowered) {
                panic!("{found:?}");
            }
        }
        Err(errors) => panic!("{errors:?}"),
    }
    m
}

#[test]
fn the_examples_build() {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "vit") {
            println!("{}", path.display());
            good(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn scalars_and_calls() {
    good(
        "proc twice(x: int) -> int { give x * 2; }
proc main() -> int {
    let mut total = 0;
    for i in 0..10 { set total += twice(i); }
    let mut n = 3;
    while n > 0 { set n -= 1; }
    if total > 5 and n == 0 { println(total); } else { println(\"small\"); }
    give total % 7;
}",
    );
}

#[test]
fn values_of_every_shape() {
    good(
        "form Point { x: int, y: f64, name: string }
pick Shape { Dot, Circle(r: f64), Named(string, Point) }
pick Color { Red, Green }
proc area(s: Shape) -> f64 {
    give match s {
        case Shape.Dot => 0.0;
        case Shape.Circle(r) => r * r * 3.0;
        case Shape.Named(n, p) => p.x as f64 + len(n) as f64;
    };
}
proc first(xs: [string]) -> ?string {
    if len(xs) == 0 { give null; }
    give xs[0];
}
proc pair(a: int, s: string) -> (int, string) { give (a, s + \"!\"); }
proc safe(a: int, b: int) -> Result[int, string] {
    if b == 0 { give Err(\"zero\"); }
    give Ok(a / b);
}
proc both(a: int) -> Result[int, string] {
    let x = safe(a, 2)?;
    let y = safe(x, 0)?;
    give Ok(x + y);
}
proc main() -> int {
    let p = Point { x: 1, y: 2.5, name: \"p\" };
    let shapes = [Shape.Dot, Shape.Circle(2.0), Shape.Named(\"n\", p)];
    let mut sum = 0.0;
    for s in shapes { set sum += area(s); }
    set p.x = p.x + 1;
    let (n, text) = pair(p.x, p.name);
    println(text + (n as string));
    let words = [\"a\", \"b\"];
    let mut more = words + [\"c\"];
    set more = more + [\"d\", text];
    push(more, \"e\");
    println(first(more) ?? \"none\");
    let c = Color.Green;
    println(c as string);
    match both(9) {
        case Ok(v) => println(v);
        case Err(e) => println(e);
    }
    let last = loop { if n > 3 { break \"big\"; } break text; };
    println(last);
    for i in 0..=3 { if i == 1 { continue; } if i == 2 { break; } println(i); }
    if \"a\" in words { println(\"yes\"); }
    if words == [\"a\", \"b\"] { println(\"equal\"); }
    give (sum as int) % 256;
}",
    );
}

#[test]
fn defers_and_exits() {
    good(
        "async proc step(n: int) -> int { await sleep(n); give n; }
async proc work(n: int, name: string) -> string {
    let s = name + \"!\";
    defer { println(s); }
    let mut total = 0;
    while total < n {
        let t = s + (total as string);
        defer { await sleep(1); println(t); }
        if total == 3 { give t; }
        if total == 2 { set total += 2; continue; }
        if total == 7 { break; }
        set total += await step(total + 1);
    }
    defer { println(total); }
    let u = await step(1) + await step(2);
    give s + (u as string);
}
async proc main() -> int {
    println(await work(9, \"x\"));
    give 0;
}",
    );
}

#[test]
fn everything_async() {
    good(
        "async proc item(id: int, tag: string) -> string { await sleep(id); give tag + (id as string); }
async proc fib(n: int) -> int { if n < 2 { give n; } give await fib(n - 1) + await fib(n - 2); }
async proc count(n: int) -> stream[int] { for i in 0..n { emit i; await sleep(1); } }
async proc producer(ch: Channel[string], n: int) {
    for i in 0..n { await ch.send(\"v\" + (i as string)); }
    ch.close();
}
async proc main() -> int {
    let a = spawn item(1, \"a\");
    let b = spawn item(2, \"b\");
    println(await a ?? \"lost\");
    match await b { case Ok(s) => println(s); case Err(e) => println(\"failed\"); }
    let f = item(3, \"late\");
    let (x, y) = await (item(4, \"x\"), fib(5));
    println(x + (y as string));
    println(await f);
    let ch = channel[string](2);
    spawn producer(ch, 3);
    for await v in ch { println(v); }
    for await n in count(5) { if n == 3 { break; } println(n); }
    match await timeout(10, item(100, \"slow\")) { case Ok(v) => println(v); case Err(t) => println(\"timeout\"); }
    let done = channel[int](0);
    select {
        when v = done.recv() { println(v ?? -1); }
        when _ = sleep(5) { println(\"late\"); }
    }
    select { when v = done.recv() { println(v ?? 0); } else { println(\"nothing\"); } }
    with task_scope() as s {
        s.spawn(item(1, \"s\"));
        s.spawn(item(2, \"t\"));
        if y == 99 { give 3; }
    }
    let (p, (q, r)) = await (item(1, \"p\"), (item(2, \"q\"), timeout(1, sleep(5))));
    println(p + q);
    let t = spawn sleep(5);
    t.cancel();
    await yield_now();
    give await fib(6);
}
test \"adds\" { assert 1 + 1 == 2, \"sum\"; await sleep(1); }",
    );
}

#[test]
fn kept_and_spawned_timeouts() {
    good(
        "async proc item(id: int, tag: string) -> string { await sleep(id); give tag; }
async proc deep(n: int, xs: [int]) -> int {
    if n == 0 { give len(xs) }
    let t = spawn timeout(10, deep(n - 1, xs));
    let kept = timeout(10, deep(n - 1, xs));
    let (a, b) = await (deep(n - 1, xs), timeout(10, deep(n - 1, xs)));
    set a += (await kept) ?? 0;
    match await t { case Ok(r) => give a + (r ?? 0); case Err(e) => give a + (b ?? 0); }
}
async proc twice[T](a: T, b: T, of: Future[T]) -> int {
    let f = timeout(5, (of, sleep(1)));
    match await f { case Ok(v) => give 1; case Err(e) => give 2; }
}
async proc main() -> int {
    let name = \"a\";
    let pair = timeout(5, (item(1, name), timeout(3, item(2, name + \"b\")), sleep(1)));
    let ch = channel[[int]](1);
    let list = [1, 2];
    let task = spawn timeout(5, ch.send(list));
    spawn ch.send([len(list)]);
    let other = spawn timeout(5, (item(1, name), task, ch.recv()));
    let flag = await twice(1, 2, deep(1, list));
    let late = timeout(1, task);
    with task_scope() as s { s.spawn(timeout(5, yield_now())); spawn_detached(timeout(1, sleep(5))); }
    match await pair { case Ok((a, b, c)) => println(a + (b ?? \"late\")); case Err(e) => println(\"late\"); }
    await late;
    give flag + await deep(2, list);
}",
    );
}

#[test]
fn procedure_values_and_generics() {
    good(
        "proc pick_one[T](a: T, b: T, first: bool) -> T { if first { give a; } give b; }
proc apply(f: proc(int) -> int, n: int) -> int { give f(n); }
proc inc(n: int) -> int { give n + 1; }
proc even(n: int) -> bool { if n == 0 { give true; } give odd(n - 1); }
proc odd(n: int) -> bool { if n == 0 { give false; } give even(n - 1); }
proc main() -> int {
    println(pick_one(\"a\", \"b\", true));
    println(pick_one(1, 2, false));
    println(apply(inc, 3));
    println(apply(proc(n: int) -> int { give n * 2; }, 3));
    if even(10) { println(\"even\"); }
    give 0;
}",
    );
}

/// Text of one function of a module.
fn text_of(m: &Module, name: &str) -> String {
    let all = m.to_string();
    let head = format!("\"{name}\"(");
    let from = all.find(&head).and_then(|at| all[..at].rfind('\n')).map_or(0, |at| at + 1);
    let rest = &all[from..];
    let end = rest.find("\n}\n").map_or(rest.len(), |at| at + 3);
    // Positions make a dump of control flow hard to read.
    let lines = rest[..end].lines().map(|l| l.split(" @0:").next().unwrap_or(l));
    lines.flat_map(|l| [l, "\n"]).collect()
}

#[test]
fn every_way_out_of_a_suspend_drops_in_reverse() {
    let m = good(
        "async proc work(a: string) -> int { let b = a + \"!\"; await sleep(1); give len(b); }
async proc main() -> int { give await work(\"x\"); }",
    );
    expect_test::expect![[r#"
        async fn2 "work"("a": ref(class0)) -> i64 faults
          slot0 "a": ref(class0)
          slot1 "b": ref(class0)
          sp0 "await sleep"
        block0(v0 "a": ref(class0)):
          slot_store slot0, v0
          v1: ref(class0) = slot_load slot0
          v2: ref(class0) = data_ref data3, class0
          v3: ref(class0) = call imp2(v1, v2)
          v4: ref(class0) = null
          v5: bool = cmp.eq v3, v4
          br v5, block1, block2
        block1:
          fault 7 -> unwind block3(cause)
        block2:
          slot_store slot1, v3
          v6: i64 = const 1
          await sp0 op1(v6) -> ok block6, unwind block5(cause)
        block3(v7: i32):
          drop slot0
          jump block4
        block4:
          unwind v7
        block5(v8: i32):
          drop slot1
          jump block3(v8)
        block6:
          v9: ref(class0) = slot_load slot1
          v10: ptr = bitcast v9
          v11: i64 = load v10+16
          jump block7
        block7:
          drop slot1
          jump block8
        block8:
          drop slot0
          jump block9
        block9:
          return v11
        }
    "#]]
    .assert_eq(&text_of(&m, "work"));
}

#[test]
fn a_defer_is_shielded_and_a_fault_in_it_ends_the_cleanup() {
    let m = good(
        "async proc work(n: int) { defer { await sleep(n + 1); } await sleep(n); }
async proc main() -> int { await work(1); give 0; }",
    );
    expect_test::expect![[r#"
        async fn2 "work"("n": i64) faults
          sp0 "await sleep"
          sp1 "await sleep"
          sp2 "await sleep"
        block0(v0 "n": i64):
          await sp0 op1(v0) -> ok block7, unwind block1(cause)
        block1(v1: i32):
          shield 1
          v2: i64 = const 1
          v3: i64, v4: bool = checked.sadd v0, v2
          br v4, block2, block3
        block2:
          fault 1
        block3:
          await sp1 op1(v3) -> ok block5, unwind block4
        block4:
          fault 9
        block5:
          shield -1
          jump block6(v1)
        block6(v5: i32):
          unwind v5
        block7:
          shield 1
          v6: i64 = const 1
          v7: i64, v8: bool = checked.sadd v0, v6
          br v8, block8, block9
        block8:
          fault 1 -> unwind block10(cause)
        block9:
          await sp2 op1(v7) -> ok block11, unwind block10(cause)
        block10(v9: i32):
          shield -1
          jump block6(v9)
        block11:
          shield -1
          jump block12
        block12:
          return
        }
    "#]]
    .assert_eq(&text_of(&m, "work"));
}

#[test]
fn a_future_awaited_on_one_path_has_a_drop_flag() {
    let m = good(
        "async proc item(n: int) -> int { await sleep(n); give n; }
async proc work(b: bool) -> int { let f = item(1); if b { give await f; } give 0; }
async proc main() -> int { give await work(true); }",
    );
    let text = text_of(&m, "work");
    assert!(text.contains("future"), "{text}");
    assert_eq!(text.matches("drop slot0").count(), 1, "{text}");
}

#[test]
fn code_grows_with_entries_and_not_with_exits() {
    let program = |n: usize| {
        let mut s = String::from("async proc work(n: int) -> int {\n");
        for i in 0..n {
            s += &format!("let s{i} = \"s\" + (n as string); defer {{ println(s{i}); }}\n");
            s += &format!("if n == {i} {{ give {i}; }}\nawait sleep({i});\n");
        }
        s + "give 0; }\nasync proc main() -> int { give await work(1); }"
    };
    let size = |n| good(&program(n)).funcs.values().map(|f| f.insts.len()).sum::<usize>();
    let (small, large) = (size(10), size(40));
    assert!(large < 5 * small, "{small} instructions for 10, {large} for 40");
}

#[test]
fn what_cannot_be_compiled_is_said() {
    let text = "async proc item(s: string) -> int { await sleep(1); give len(s); }
async proc main() -> int { let f = item(\"a\"); let t = spawn f; give (await t) ?? 0; }";
    let mut sources = SourceMap::new();
    let id = sources.add("t.vit", text);
    let mut diags = Diagnostics::new();
    let file = syntax::parse(id, text, &mut diags);
    let Some(program) = sema::check(&[(id, file)], &sources, &mut diags) else { return };
    let found = build(&program, &sources, &OpSizes::default()).expect_err("not compiled");
    assert!(found.iter().all(|d| d.key == "SEMA_E_UNSUPPORTED"));
}

#[test]
fn a_future_of_plain_data_can_be_spawned_later() {
    good(
        "async proc item(n: int) -> int { await sleep(n); give n; }
async proc main() -> int { let f = item(1); let t = spawn f; give (await t) ?? 0; }",
    );
}
