//! Comments, names and literals.

use expect_test::expect;

use super::{check, check_errors, check_exprs};
use crate::diagnostics::{Diagnostics, SourceId};

#[test]
fn comments_are_blanks() {
    check(
        "#!/usr/bin/env vitte
         # a line
         const a = 1 // rest
         /* block /* nested */ still */ const b = 2
         <<< zone
             with /* anything >>> const c = 3
         const d = 4 /* a line
         ends inside */ const e = 5",
        &expect![[r#"
            (const a 1)
            (const b 2)
            (const c 3)
            (const d 4)
            (const e 5)
        "#]],
    );
}

#[test]
fn names_are_unicode() {
    check_exprs(
        &["größe + λ + 变量 + _ + _x1"],
        &expect![[r#"
        (+ (+ (+ (+ größe λ) 变量) _) _x1)
    "#]],
    );
}

#[test]
fn number_edges() {
    check_exprs(
        &[
            "340282366920938463463374607431768211455",
            "0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff",
            "1..2",
            "1.e",
            "1e5",
            "0x1e5",
            "1_000.000_1e1_0",
            "0b1_u8",
        ],
        &expect![[r#"
            340282366920938463463374607431768211455
            340282366920938463463374607431768211455
            (.. 1 2)
            (. 1 e)
            100000.0
            485
            10000001000000.0
            1u8
        "#]],
    );
}

#[test]
fn a_file_too_large_is_refused() {
    let text = " ".repeat(super::super::MAX_BYTES + 1);
    let mut diags = Diagnostics::new();
    let file = super::super::parse(SourceId(0), &text, &mut diags);
    assert!(file.items.is_empty());
    assert_eq!(diags.iter().map(|d| d.key).collect::<Vec<_>>(), ["LEX_E_FILE_TOO_LARGE"]);
}

#[test]
fn bad_numbers() {
    check_errors(
        "const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg",
        &expect![[r#"
            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:11
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |           ^^^^ `2` is not a digit of base 2
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:18
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                  ^^ there is no digit after the base
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:23
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                       ^^^^^ `abc` is not the name of a number type
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:31
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                               ^^^^^^ a number with a fraction or exponent is no `i32`
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:40
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                                        ^^^ the exponent has no digit
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:46
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                                              ^^^ `8` is not a digit of base 8
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error[LEX_E_INVALID_NUMBER]: this is not a number
              --> test.vit:1:52
               |
            1  | const a = 0b12 + 0x + 12abc + 1.5i32 + 1e+ + 0o8 + 0xfg
               |                                                    ^^^^ `g` is not the name of an integer type
               |
               = help: write digits such as `1_000`, `0xff`, `1.5e3` and perhaps a type: `1u8`

            error: 7 errors
        "#]],
    );
}

#[test]
fn bad_escapes() {
    check_errors(
        r#"const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'"#,
        &expect![[r#"
            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:12
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |            ^^ not known; a backslash itself is written `\\`
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:15
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |               ^^^ `\x` needs two hexadecimal digits
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:19
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                   ^^^^ `\x` reaches to 7f; beyond it write `\u{…}`
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:24
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                        ^^^^^^^^^^ this number is not that of a character
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:35
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                   ^^^^ this number is not that of a character
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:40
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                        ^^ `\u` needs four hexadecimal digits, or any in braces: `\u{e9}`
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:45
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                             ^^^^^^ this number is not that of a character
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error[LEX_E_INVALID_CHAR_LITERAL]: a character literal holds exactly one character
              --> test.vit:1:55
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                                       ^^^^ there is more than one character between the quotes
               |
               = help: text is written in double quotes: `"text"`

            error[LEX_E_INVALID_CHAR_LITERAL]: a character literal holds exactly one character
              --> test.vit:1:62
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                                              ^^ there is nothing between the quotes
               |
               = help: text is written in double quotes: `"text"`

            error[LEX_E_INVALID_ESCAPE]: this escape is not known
              --> test.vit:1:68
               |
            1  | const a = "\q \x8 \xff \u{110000} \u{} \u12 \uD800" + 'ab' + '' + '\z'
               |                                                                    ^^ not known; a backslash itself is written `\\`
               |
               = help: escapes are `\n \r \t \0 \\ \" \' \xHH \uHHHH \u{…}`

            error: 10 errors
        "#]],
    );
}

#[test]
fn bad_characters() {
    check_errors(
        "const a = 5$ + “x” – 1\nconst b = é\u{301}😀",
        &expect![[r#"
            error[LEX_E_INVALID_CHAR]: `$` has no meaning here
              --> test.vit:1:12
               |
            1  | const a = 5$ + “x” – 1
               |            ^ not part of the language
               |
               = help: remove it, or put it into a string

            error[LEX_E_INVALID_CHAR]: `“` has no meaning here
              --> test.vit:1:16
               |
            1  | const a = 5$ + “x” – 1
               |                ^ not part of the language
               |
               = help: strings are written in straight quotes: `"text"`

            error[LEX_E_INVALID_CHAR]: `”` has no meaning here
              --> test.vit:1:18
               |
            1  | const a = 5$ + “x” – 1
               |                  ^ not part of the language
               |
               = help: strings are written in straight quotes: `"text"`

            error[LEX_E_INVALID_CHAR]: `–` has no meaning here
              --> test.vit:1:20
               |
            1  | const a = 5$ + “x” – 1
               |                    ^ not part of the language
               |
               = help: minus is written `-`

            error[LEX_E_INVALID_CHAR]: `😀` has no meaning here
              --> test.vit:2:13
               |
            2  | const b = é́😀
               |             ^ not part of the language
               |
               = help: remove it, or put it into a string

            error: 5 errors
        "#]],
    );
}

#[test]
fn unclosed_text() {
    check_errors(
        "const a = \"abc\nconst b = 'x\nconst c = \"\"\"open",
        &expect![[r#"
        error[LEX_E_UNTERMINATED_STRING]: this string is not closed
          --> test.vit:1:11
           |
        1  | const a = "abc
           |           ^^^^ it should end on this line
           |
           = help: close it with `"`; text over several lines is written `"""…"""`

        error[LEX_E_UNTERMINATED_CHAR]: this character literal is not closed
          --> test.vit:2:11
           |
        2  | const b = 'x
           |           ^^ it should end after one character
           |
           = help: close it with `'`

        error[LEX_E_UNTERMINATED_STRING]: this string is not closed
          --> test.vit:3:11
           |
        3  | const c = """open
           |           ^^^ it begins here
           |
           = help: close it with `"""`

        error: 3 errors
    "#]],
    );
    check_errors(
        "proc f() { /* open",
        &expect![[r#"
        error[LEX_E_UNTERMINATED_COMMENT]: this comment is not closed
          --> test.vit:1:12
           |
        1  | proc f() { /* open
           |            ^^ it begins here
           |
           = note: everything after it was skipped
           = help: close it with `*/`

        error: 1 error
    "#]],
    );
    check_errors(
        "proc f() { <<< open >> ",
        &expect![[r#"
        error[LEX_E_UNTERMINATED_COMMENT]: this comment is not closed
          --> test.vit:1:12
           |
        1  | proc f() { <<< open >>
           |            ^^^ it begins here
           |
           = note: everything after it was skipped
           = help: close it with `>>>`

        error: 1 error
    "#]],
    );
}
