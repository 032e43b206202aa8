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
        let all: Vec<String> = violations.iter().map(|v| v.to_string()).collect();
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
