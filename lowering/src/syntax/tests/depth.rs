//! Nesting of any kind gives a diagnostic, not an overflow of the stack.
//!
//! Tests run on threads with a stack of 2 MiB, which is less than any the command has.

use super::super::{MAX_DEPTH, dump, parse};
use crate::diagnostics::{Diagnostics, SourceId};

/// What repeats, and what of it ends the program.
const NESTS: [(&str, &str, &str); 44] = [
    ("const x = ", "(", "1"),
    ("const x = ", "((", "1))"),
    ("const x = ", "[", "1"),
    ("const x = ", "(1, ", "1"),
    ("const x = ", "- ", "1"),
    ("const x = ", "not ", "1"),
    ("const x = ", "!", "1"),
    ("const x = ", "&", "1"),
    ("const x = ", "&&", "1"),
    ("const x = ", "await ", "1"),
    ("const x = ", "spawn move ", "1"),
    ("const x = ", "try ", "1"),
    ("const x = ", "f(", "1"),
    ("const x = ", "f(a: ", "1"),
    ("const x = ", "f[", "1"),
    ("const x = ", "f[g](", "1"),
    ("const x = ", "f<", "1"),
    ("const x = ", "|a| ", "1"),
    ("const x = ", "F { a: ", "1"),
    ("const x = ", "map { 1: ", "1"),
    ("const x = ", "a ? ", "1"),
    ("const x = ", "a ? b : ", "1"),
    ("const x = ", "a + ", "1"),
    ("const x = ", "a ** b + (", "1"),
    ("const x = ", "a = ", "1"),
    ("const x = ", "a.b.", "c"),
    ("const x = ", "a?.", "c"),
    ("const x = a", "()", ""),
    ("const x = a", "[1]", ""),
    ("const x = a", "?", ""),
    ("const x = a", " as int", ""),
    ("const x = ", "if a { ", "1"),
    ("const x = ", "match a { case b => ", "1"),
    ("const x = a is ", "A(", "1"),
    ("const x = a is ", "[(", "1"),
    ("const x = ", "proc() { ", "1"),
    ("const x: ", "?", "int"),
    ("const x: ", "[", "int"),
    ("const x: ", "A[", "int"),
    ("const x: ", "A<", "int"),
    ("const x: ", "proc(", "int"),
    ("const x: ", "&'a ", "int"),
    ("proc p() { ", "{ ", "1"),
    ("proc p() { ", "while a { for b in c { ", "1"),
];

#[test]
fn deep_nesting_is_refused() {
    for (start, repeated, end) in NESTS {
        let text = format!("{start}{}{end}", repeated.repeat(20_000));
        let mut diags = Diagnostics::new();
        let file = parse(SourceId(0), &text, &mut diags);
        assert!(diags.has_errors(), "{start}{repeated}");
        assert!(diags.len() < 20, "{start}{repeated}: {} messages", diags.len());
        dump(&file);
    }
}

#[test]
fn closed_deep_nesting_is_refused_once() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("F { a: ", " }"), ("f(", ")")] {
        let text = format!(
            "proc p() {{ let x = {}1{} }}\nproc q() {{ give 1 + }}",
            open.repeat(5_000),
            close.repeat(5_000)
        );
        let mut diags = Diagnostics::new();
        parse(SourceId(0), &text, &mut diags);
        let keys: Vec<_> = diags.iter().map(|d| d.key).collect();
        assert_eq!(keys, ["PARSE_E_TOO_DEEP"], "{open}");
    }
}

#[test]
fn nesting_and_chains_within_the_limit_are_fine() {
    let half = (MAX_DEPTH / 2) as usize - 10;
    let nested = format!("{}1{}", "(".repeat(2 * half), ")".repeat(2 * half));
    let blocks = format!("{}{}", "if a { ".repeat(half), "}".repeat(half));
    let sum = vec!["a"; 2 * half].join(" + ");
    let elifs = "if a { 1 } ".to_owned() + &"else if b { 2 } ".repeat(10_000);
    let many = "let x = 1 + 2 * 3\n".repeat(10_000);
    let wide = format!("[{}]", vec!["(1 + 2)"; 10_000].join(", "));
    for body in [nested, blocks, sum, elifs, many, wide] {
        let text = format!("proc p() {{\n{body}\n}}");
        let mut diags = Diagnostics::new();
        let file = parse(SourceId(0), &text, &mut diags);
        assert!(diags.is_empty(), "{:?} in {}", diags.iter().next(), &body[..40]);
        dump(&file);
    }
}
