//! Every key of the lexer and parser has an example that triggers it and one that does not.

use crate::diagnostics::{Diagnostics, SourceId, codes};

/// Keys whose example is too large to be shown; the tests named show them.
const SHOWN_ELSEWHERE: [&str; 2] = [
    "LEX_E_FILE_TOO_LARGE",    // lexing::a_file_too_large_is_refused
    "PARSE_E_TOO_MANY_ERRORS", // errors::the_parser_gives_up_in_the_end
];

fn keys(text: &str) -> Vec<&'static str> {
    let mut diags = Diagnostics::new();
    super::super::parse(SourceId(0), text, &mut diags);
    diags.iter().map(|d| d.key).collect()
}

#[test]
fn examples_trigger_their_key_and_no_other() {
    let mut n_tried = 0;
    for code in codes::all() {
        let ours = code.key.starts_with("LEX_E_") || code.key.starts_with("PARSE_E_");
        assert_eq!(keys(code.good), [""; 0], "the right example of {}", code.key);
        if ours && !SHOWN_ELSEWHERE.contains(&code.key) {
            assert_eq!(keys(code.bad), [code.key], "the wrong example of {}", code.key);
            n_tried += 1;
        } else if !ours {
            assert_eq!(keys(code.bad), [""; 0], "the wrong example of {} must parse", code.key);
        }
    }
    assert!(n_tried > 30);
}

#[test]
fn examples_are_reported_as_the_golden_says() {
    let mut out = String::new();
    for code in codes::all() {
        let ours = code.key.starts_with("LEX_E_") || code.key.starts_with("PARSE_E_");
        if ours && !SHOWN_ELSEWHERE.contains(&code.key) {
            out.push_str(&super::parse(code.bad).1);
            out.push('\n');
        }
    }
    expect_test::expect_file!["codes.txt"].assert_eq(&out);
}
