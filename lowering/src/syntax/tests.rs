//! Tests of the lexer and parser.
//!
//! Most are data: a program in, the dump of its tree or its diagnostics out.

mod codes;
mod corpus;
mod depth;
mod errors;
mod examples;
mod exprs;
mod items;
mod lexing;
mod stmts;

use expect_test::Expect;

use crate::diagnostics::{Color, Diagnostics, SourceMap, render_all};

/// Parses a program; gives its dump and its diagnostics as text.
fn parse(text: &str) -> (String, String) {
    let mut sources = SourceMap::new();
    let source = sources.add("test.vit", text);
    let mut diags = Diagnostics::new();
    let file = super::parse(source, text, &mut diags);
    (super::dump(&file), render_all(&diags, &sources, Color::Plain))
}

/// Checks the dump of a whole program that has no mistakes.
fn check(text: &str, expect: &Expect) {
    let (dump, errors) = parse(text);
    assert_eq!(errors, "", "in {text}");
    expect.assert_eq(&dump);
}

/// Checks the dumps of several expressions, one a line.
fn check_exprs(exprs: &[&str], expect: &Expect) {
    let mut out = String::new();
    for text in exprs {
        let (dump, errors) = parse(&format!("const x = {text}"));
        assert_eq!(errors, "", "in {text}");
        let value = dump.strip_prefix("(const x").and_then(|rest| rest.strip_suffix(")\n"));
        out.push_str(value.unwrap_or(&dump).trim());
        out.push('\n');
    }
    expect.assert_eq(&out);
}

/// Checks the dump of a procedure's body.
fn check_body(body: &str, expect: &Expect) {
    check(&format!("proc p() {{\n{body}\n}}"), expect);
}

/// Checks what is said about a program with mistakes.
fn check_errors(text: &str, expect: &Expect) {
    let (_, errors) = parse(text);
    assert_ne!(errors, "", "no error in {text}");
    expect.assert_eq(&errors);
}
