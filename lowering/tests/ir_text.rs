//! The text form: print∘parse is the identity, and malformed text is a list of errors.

use vitte_lowering::ir::{
    BinaryOp, CheckedOp, CompareOp, ConvertOp, CtxFn, ParseError, UnaryOp, parse_module, verify,
};

const EVERYTHING: &str = include_str!("data/everything.vir");

fn errors(text: &str) -> Vec<String> {
    let errors: Vec<ParseError> = parse_module(text).expect_err("malformed text is refused");
    errors.iter().map(|e| format!("{}:{} {} {}", e.line, e.column, e.code, e.message)).collect()
}

fn in_function(body: &str) -> String {
    format!("module \"m\"\nsync fn0 \"f\"() {{\n{body}\n}}\n")
}

#[test]
fn everything_prints_as_it_was_written() {
    let module = parse_module(EVERYTHING).unwrap_or_else(|e| panic!("{e:#?}"));
    assert_eq!(module.to_string(), EVERYTHING);
    assert_eq!(parse_module(&module.to_string()).as_ref(), Ok(&module));
}

#[test]
fn free_writing_is_accepted() {
    let free = "module \"m\" ; a comment\n sync fn \"f\" ( i64 ,) -> (i64) { block0 ( v1:i64 ) :\n\
                v0:i64=const.i64 0x10 v2 : i64 = add\nv1 , v0 return v2 }";
    let module = parse_module(free).unwrap_or_else(|e| panic!("{e:#?}"));
    let printed = module.to_string();
    assert_eq!(
        printed,
        "module \"m\"\n\nsync fn0 \"f\"(i64) -> i64 {\nblock0(v1: i64):\n  v0: i64 = const 16\n  \
         v2: i64 = add v1, v0\n  return v2\n}\n"
    );
    assert_eq!(parse_module(&printed), Ok(module));
}

#[test]
fn every_cut_of_a_text_is_an_answer() {
    let cuts = EVERYTHING.char_indices().map(|(i, _)| i);
    for cut in cuts.filter(|i| i % 3 == 0) {
        let _ = parse_module(&EVERYTHING[..cut]);
    }
}

#[test]
fn every_missing_word_is_an_answer() {
    let words: Vec<&str> = EVERYTHING.split_inclusive(' ').collect();
    for i in 0..words.len() {
        let text: String =
            words.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, w)| *w).collect();
        if let Ok(module) = parse_module(&text) {
            assert_eq!(parse_module(&module.to_string()).as_ref(), Ok(&module));
        }
    }
}

#[test]
fn all_errors_are_reported() {
    let text = "module \"m\"\nimp0 = import \"a\"(i65)\nimp0 = import \"b\"(i64)\nwat\n\
                sync fn0 \"f\"() {\nblock0:\n  v0: i64 = frob 1\n  jump blok1\n}\n";
    assert_eq!(
        errors(text),
        [
            "2:19 IR0004 expected a type, found `i65`",
            "4:1 IR0004 expected a definition, found `wat`",
            "7:13 IR0007 `frob` is no instruction",
            "8:8 IR0004 expected a block such as `block0`, found `blok1`",
        ]
    );
}

#[test]
fn structural_errors_have_codes() {
    let cases = [
        ("", "IR0004"),
        ("module \"m", "IR0003"),
        ("module \"\\q\"", "IR0003"),
        ("module \"m\" $", "IR0001"),
        ("module \"m\" data0 = data \"d\" align 1 x\"0\"", "IR0003"),
        ("module \"m\" imp1 = import \"a\"()", "IR0005"),
    ];
    for (text, code) in cases {
        assert!(errors(text).iter().any(|e| e.contains(code)), "{text}: {:?}", errors(text));
    }
    let bodies = [
        ("block0:", "IR0008"),
        ("block0:\n return\n return", "IR0008"),
        ("block0:\n v0: i64 = return", "IR0008"),
        ("block0:\n v1: i64 = const 1\n return", "IR0006"),
        ("block0:\n v0: i64 = const 1\n v0: i64 = const 1\n return", "IR0006"),
        ("block0:\n v0: i64 = const 340282366920938463463374607431768211456", "IR0002"),
        ("block0:\n v4294967296: i64 = const 1\n return", "IR0007"),
        ("block1:\n return", "IR0005"),
        ("return", "IR0004"),
    ];
    for (body, code) in bodies {
        let found = errors(&in_function(body));
        assert!(found.iter().any(|e| e.contains(code)), "{body}: {found:?}");
    }
}

#[test]
fn huge_numbers_allocate_nothing() {
    let found = errors(&in_function("block0:\n v4294967295: i64 = const 1\n return"));
    assert_eq!(found, ["4:2 IR0006 v4294967295 is defined, but v0 is not"]);
}

#[test]
fn errors_are_capped() {
    let text = format!("module \"m\"\n{}", "wat\n".repeat(100_000));
    let found = errors(&text);
    assert_eq!(found.len(), 101);
    assert!(found[100].contains("IR0009"));
}

/// The fenced blocks of the reference that are IR.
fn examples() -> Vec<&'static str> {
    let reference = include_str!("../docs/ir.md");
    let blocks = reference.split("```vir\n").skip(1);
    blocks.map(|b| b.split("```").next().unwrap()).collect()
}

#[test]
fn examples_of_the_reference_are_valid() {
    assert!(examples().len() >= 5);
    for text in examples() {
        let module = parse_module(text).unwrap_or_else(|e| panic!("{}\n{text}", e[0]));
        verify(&module).unwrap_or_else(|e| panic!("{}\n{text}", e[0]));
        assert_eq!(parse_module(&module.to_string()), Ok(module));
    }
}

#[test]
fn reference_names_every_operator() {
    let reference = include_str!("../docs/ir.md");
    let words: Vec<&str> =
        reference.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let names = UnaryOp::ALL.iter().map(|o| o.name());
    let names = names.chain(BinaryOp::ALL.iter().map(|o| o.name()));
    let names = names.chain(CheckedOp::ALL.iter().map(|o| o.name()));
    let names = names.chain(CompareOp::ALL.iter().map(|o| o.name()));
    let names = names.chain(ConvertOp::ALL.iter().map(|o| o.name()));
    let names = names.chain(CtxFn::ALL.iter().map(|o| o.name()));
    let missing: Vec<_> = names.filter(|name| !words.contains(name)).collect();
    assert!(missing.is_empty(), "lowering/docs/ir.md lacks {missing:?}");
}
