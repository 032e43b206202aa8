//! Programs without mistakes.

use super::good;

#[test]
fn the_example_of_the_language_description() {
    good(EXAMPLE);
}

#[test]
fn forms_picks_lists_options_and_matches() {
    good(VALUES);
}

#[test]
fn select_streams_joins_and_sockets() {
    good(ASYNC);
}

/// A seed for others.
pub(super) const EXAMPLE: &str = r#"
space demo/fetch

async proc fetch(id: int) -> string {
    await sleep(id * 10);
    give "item " + (id as string);
}

async proc producer(ch: Channel[int], n: int) {
    for i in 0..n { await ch.send(i); }
    ch.close();
}

async proc main() -> int {
    let a = spawn fetch(1);
    let b = spawn fetch(2);
    println(await a ?? "lost");
    println((await b) ?? "lost");
    let (ch, n) = (channel[int](8), 3);
    spawn producer(ch, n);
    let mut total = 0;
    for i in 0..n { set total += (await ch.recv()) ?? 0; }
    with task_scope() as s { s.spawn(fetch(3)); s.spawn(fetch(4)); }
    give 0;
}
"#;

/// A seed for others.
pub(super) const VALUES: &str = r#"
form Point { x: int, y: int
    proc sum(self) -> int { give self.x + self.y }
    proc origin() -> Point { give Point { x: 0, y: 0 } }
}
pick Shape { Dot, Circle(r: int), Rect(w: int, h: int) }
const LIMIT: int = 4 * 10
static mut COUNT: int = 0

proc area(s: Shape) -> int {
    pick s {
        Dot { 0 }
        Circle(r) if r > LIMIT { give LIMIT }
        Circle(r) { r * r * 3 }
        Shape.Rect(w, h) { w * h }
    }
}

proc half(n: int) -> ?int {
    if n % 2 == 0 { give n / 2 }
    give null
}

proc quarter(n: int) -> ?int { give half(half(n)?) }

proc first(xs: [string]) -> Result[string, string] {
    if len(xs) == 0 { give Err("empty") }
    give Ok(xs[0])
}

proc both() -> Result[int, string] {
    let a = first(["x"])?;
    let b = try first([]);
    give Ok(len(a) + len(b))
}

proc pair[A, B](a: A, b: B) -> (A, B) { give (a, b) }

proc main() -> int {
    let p = Point { x: 1, y: 2 };
    set p.x = 5;
    set p.y += p.sum();
    let mut xs: [int] = [];
    for i in 0..=3 { set xs = xs + [i]; push(xs, i * 2) }
    xs.push(4);
    set xs[0] = 9;
    let text = if xs[0] == 9 and not (p.x < 3) { "nine" } else { "other" };
    println(text + " " + (area(Shape.Rect(2, 3)) as string));
    let q = quarter(8) ?? -1;
    when half(3) is Some(n) { println(n) } else { println("odd") }
    let (a, b) = pair(1, "x");
    println(b.len() + a + q);
    set COUNT = COUNT + 1;
    let r = loop { if COUNT > 0 { break 7 } };
    let mut i = 0;
    while i < 3 { i += 1; if i == 2 { continue } }
    let o = Point.origin();
    match first(["a", "b"]) {
        case Ok(s) => println(s);
        case Err(e) => println("error " + e);
    }
    defer { println("bye") }
    assert r == 7, "seven";
    let f = |x: int| x + 1;
    println(f(1) + apply(proc(x: int) -> int { give x * 2 }, 3));
    println(xs[1:2].len() + o.x);
    println(3 in xs);
    println(p.x > 3 ? "big" : "small");
    give 0
}

proc apply(f: proc(int) -> int, x: int) -> int { give f(x) }

test "addition" { assert 1 + 1 == 2; await sleep(1) }
"#;

/// A seed for others.
pub(super) const ASYNC: &str = r#"
use std/net.{tcp_listen, tcp_connect}
use std/io
use std/time.{now_ms}

async proc primes(n: int) -> stream[int] {
    for i in 2..n {
        let mut prime = true;
        for j in 2..i { if i % j == 0 { set prime = false; break } }
        if prime { emit i }
    }
}

async proc one() -> int { give 1 }
async proc two() -> string { await yield_now(); give "two" }

async proc serve() -> Result[int, string] {
    let listener = (await tcp_listen("127.0.0.1:0"))?;
    let conn = await listener.accept()?;
    let text = (await conn.read(100))?;
    let n = await conn.write(text)?;
    conn.close();
    give Ok(n + listener.port())
}

async proc main() -> int {
    let ch = channel[int](1);
    select {
        when v = ch.recv() { println(v ?? -1); }
        when _ = sleep(100) { println("late"); }
        else { println("nothing ready"); }
    }
    for await n in primes(100) { println(n); }
    let (a, b) = await (one(), two());
    println(b + a.to_string());
    let slow = await timeout(10, two());
    match slow { Ok(s) => println(s); Err(_) => println("too slow"); }
    let f = one();
    let x = await f;
    let t = spawn one();
    t.cancel();
    if t.state() == TaskState.Running { println("running") }
    let done = await t;
    pick done {
        Ok(v) { println(v) }
        Err(TaskError.Panicked(m, at)) { println(m + at) }
        Err(TaskError.Cancelled) { println("cancelled") }
    }
    let line = await io.read_line() ?? "";
    println(line + (now_ms() as string) + (x as string));
    give 0
}
"#;
