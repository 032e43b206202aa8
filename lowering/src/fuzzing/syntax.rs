//! Arbitrary bytes into the lexer and parser.

use crate::diagnostics::{Color, Diagnostics, SourceMap, Span, render_all, to_json_all};
use crate::syntax::{ast, dump, parse};

/// Parses `bytes` and checks what must hold for any text:
///
/// - nothing panics, and diagnostics can be rendered;
/// - spans lie in the text, at borders of characters;
/// - a tree with error nodes comes with an error;
/// - the same text gives the same tree and diagnostics;
/// - a line end or comment at the end changes nothing, if the text is right.
///
/// # Panics
///
/// If one of these does not hold.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut sources = SourceMap::new();
    let source = sources.add("fuzz.vit", text.as_ref());
    let run = |text: &str| {
        let mut diags = Diagnostics::new();
        let file = parse(source, text, &mut diags);
        (file, diags)
    };
    let (file, diags) = run(&text);
    for diagnostic in &diags {
        let labels = diagnostic.primary.iter().chain(&diagnostic.secondary);
        labels.for_each(|label| check_span(&text, label.span));
    }
    file.items.iter().for_each(|item| check_span(&text, item.span));
    let shown = render_all(&diags, &sources, Color::Plain);
    let json = to_json_all(&diags, &sources).to_string();
    let tree = dump(&file);
    if tree.contains("<error>") && !text.contains("<error>") {
        assert!(diags.has_errors(), "error nodes without an error");
    }
    if !text.contains("NodeId(") {
        check_ids(&file);
    }

    let (again, diags_again) = run(&text);
    assert!(again == file || tree.contains("NaN"), "two runs give two trees");
    assert_eq!(render_all(&diags_again, &sources, Color::Plain), shown);
    assert_eq!(to_json_all(&diags_again, &sources).to_string(), json);

    if diags.is_empty() {
        let (longer, diags) = run(&format!("{text}\n// end"));
        assert_eq!(dump(&longer), tree, "a comment at the end changes the tree");
        assert!(diags.is_empty(), "a comment at the end is an error");
    }
}

fn check_span(text: &str, span: Span) {
    assert!(
        text.get(span.lo as usize..span.hi as usize).is_some(),
        "{span:?} is not in the text of {} bytes",
        text.len()
    );
}

/// Node ids are unique and below the number of nodes. They are found in the debug text, which
/// sees every node without a walk of its own.
fn check_ids(file: &ast::File) {
    let mut seen = vec![false; file.n_nodes as usize];
    let shown = format!("{file:?}");
    for part in shown.split("NodeId(").skip(1) {
        let id: usize = part.split(')').next().and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
        assert!(id < seen.len(), "NodeId({id}) of {}", seen.len());
        assert!(!seen[id], "NodeId({id}) twice");
        seen[id] = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::mutate::mutate;
    use super::*;

    const PROGRAMS: [&str; 4] = [
        "space a/b\nuse std/net.{tcp_listen as listen, *}\nexport a, b\n\
         form F[T] { a: ?T, b: [int; 4] = [0]\n proc m(&self) -> int { give self.b[0] } }\n\
         pick P { A, B(int), C(x: T, y: proc(int) -> bool) }\n\
         impl F[int] { async proc go(self, n: int = 1) -> stream[int] { emit n } }\n\
         trait T: A + B { proc f(self); type X = int }\n\
         #[inline(a = 1)] const X: f64 = 1.5e3\nstatic mut N: int = 0x_ff\n",
        "async proc main() -> int {\n  let (ch, n) = (channel[int](8), 3)\n  spawn producer(ch, n)\n\
         let mut total = 0\n  for i in 0..n { set total += (await ch.recv()) ?? 0 }\n\
         with task_scope() as s { s.spawn(fetch(3)); defer { s.cancel() } }\n\
         select { when v = ch.recv() { println(v ?? -1) } when _ = sleep(100) {} else { 1 } }\n\
         for await x in primes(100) { println(await f(x)? as string) }\n\
         for i = 0; i < 3; i = i + 1 { continue }\n  give total > 3 ? 1 : 0\n}\n",
        "proc p(owned a: T, b: ...int) {\n  pick e { A(x) { 1 } P.B | C => 2, F { a, .. } if a < b { } _ { } }\n\
         match xs[1:2] { case [a, ..rest] => give |x, y| x + y; case -1..=5 { } else { panic \"no\" } }\n\
         when e is Some(v) { loop { break v } } else { }\n  let f = proc(a: int) -> int { a }\n\
         let m = map { \"k\": 1 }; let s = [x * 2 for x in xs if not x in ys]\n\
         set a.b[0].1 <<= b<int>(1) ?? c is not D and await (x, y) \n\
         assert a == 1, \"m\"; critical { unsafe { unreachable } }\n}\n",
        "test \"strings\" { let s = \"a\\n\\u{e9}\\x41\" + r\"raw\\\" + \"\"\"three\"\"\" + 'c' + b\"y\" }\n\
         <<< zone >>> /* a /* nested */ one */ // line\n# line\n\
         extern \"C\" { proc puts(s: &'a mut string) -> i32; }\n",
    ];

    #[test]
    fn programs_are_fine_themselves() {
        for program in PROGRAMS {
            let mut sources = SourceMap::new();
            let source = sources.add("program.vit", program);
            let mut diags = Diagnostics::new();
            parse(source, program, &mut diags);
            assert_eq!(render_all(&diags, &sources, Color::Plain), "");
            check(program.as_bytes());
        }
    }

    #[test]
    fn mutated_programs_do_no_harm() {
        for seed in 0..3_000 {
            check(&mutate(seed, &PROGRAMS));
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm() {
        let mut random = super::super::mutate::Random::new(7);
        for _ in 0..1_000 {
            let len = random.below(200);
            let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
            check(&bytes);
        }
    }
}
