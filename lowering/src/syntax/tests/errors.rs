//! What is said about mistakes, and how the parser goes on after them.

use expect_test::expect;

use super::check_errors;
use crate::diagnostics::{Diagnostics, SourceId};

#[test]
fn several_mistakes_in_one_run() {
    check_errors(
        "use a.\n\
         proc f(a int) { }\n\
         proc g() -> {\n\
         \x20   let = 1\n\
         \x20   let x: = 2\n\
         \x20   let y = 1 +\n\
         \x20   set 1 = 2;;\n\
         \x20   if { }\n\
         \x20   for i 0..3 { f( }\n\
         \x20   give (1, ; \n\
         }\n\
         form F { a b, c: }\n\
         pick P { A(, B }\n\
         oops\n\
         proc h() { give 0 }",
        &expect![[r#"
            error[PARSE_E_EXPECTED_NAME]: expected a name, `*` or `{`, found the end of the line
              --> test.vit:1:7
               |
            1  | use a.
               |       ^ a name, `*` or `{` belongs here
               |
               = help: write `use path.{A, B}` or `use path.*`

            error[PARSE_E_EXPECTED_TOKEN]: expected `:`, found `int`
              --> test.vit:2:10
               |
            2  | proc f(a int) { }
               |          ^^^ `:` belongs here
               |
               = help: parameters are written `name: Type`

            error[PARSE_E_EXPECTED_TYPE]: expected a type, found `{`
              --> test.vit:3:13
               |
            3  | proc g() -> {
               |             ^ a type belongs here
               |
               = help: types are `int`, `[T]`, `?T`, `(A, B)`, `Task[T]`, `proc(A) -> B`, …

            error[PARSE_E_EXPECTED_PATTERN]: expected a pattern, found `=`
              --> test.vit:4:9
               |
            4  |     let = 1
               |         ^ a pattern belongs here
               |
               = help: patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`

            error[PARSE_E_EXPECTED_TYPE]: expected a type, found `=`
              --> test.vit:5:12
               |
            5  |     let x: = 2
               |            ^ a type belongs here
               |
               = help: types are `int`, `[T]`, `?T`, `(A, B)`, `Task[T]`, `proc(A) -> B`, …

            error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found the end of the line
              --> test.vit:6:16
               |
            6  |     let y = 1 +
               |                ^ an expression belongs here

            error[PARSE_E_INVALID_PLACE]: this cannot be assigned to
              --> test.vit:7:9
               |
            7  |     set 1 = 2;;
               |         ^ a value, not a place
               |
               = help: assign to a name, a field `a.b`, an element `a[i]` or `*reference`

            error[PARSE_E_DOUBLE_SEMICOLON]: this `;` ends nothing
              --> test.vit:7:15
               |
            7  |     set 1 = 2;;
               |               ^ the statement before it has ended
               |
               = help: remove it

            error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `{`
              --> test.vit:8:8
               |
            8  |     if { }
               |        ^ an expression belongs here
               |
               = help: the condition is missing; a `{` here opens the block (put a literal in `( )`)

            error[PARSE_E_EXPECTED_TOKEN]: expected `in`, found `0`
              --> test.vit:9:11
               |
            9  |     for i 0..3 { f( }
               |           ^ `in` belongs here
               |
               = help: loops are written `for x in xs { … }`

            error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `}`
              --> test.vit:9:21
               |
            9  |     for i 0..3 { f( }
               |                     ^ an expression belongs here
               |
               = help: write a value, a name or a call

            error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `;`
               --> test.vit:10:14
                |
            10  |     give (1, ;
                |              ^ an expression belongs here
                |
                = help: write a value, a name or a call

            error[PARSE_E_EXPECTED_TOKEN]: expected `:`, found `b`
               --> test.vit:12:12
                |
            12  | form F { a b, c: }
                |            ^ `:` belongs here
                |
                = help: fields are written `name: Type`

            error[PARSE_E_EXPECTED_TYPE]: expected a type, found `}`
               --> test.vit:12:18
                |
            12  | form F { a b, c: }
                |                  ^ a type belongs here
                |
                = help: types are `int`, `[T]`, `?T`, `(A, B)`, `Task[T]`, `proc(A) -> B`, …

            error[PARSE_E_EXPECTED_TYPE]: expected a type, found `,`
               --> test.vit:13:12
                |
            13  | pick P { A(, B }
                |            ^ a type belongs here
                |
                = help: types are `int`, `[T]`, `?T`, `(A, B)`, `Task[T]`, `proc(A) -> B`, …

            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `oops`
               --> test.vit:14:1
                |
            14  | oops
                | ^^^^ an item belongs here
                |
                = help: items are `proc`, `form`, `pick`, `const`, `use`, `test`, …

            error: 16 errors
        "#]],
    );
}

#[test]
fn old_words() {
    check_errors(
        "import a/b\n\
         async fn f() -> int { return 1 }\n\
         enum E { A }\n\
         struct S { a: int }\n\
         proc p() { while a do { var x = 1; do { return } } }",
        &expect![[r#"
            error[PARSE_E_OLD_WORD]: `import` is not a word of Vitte
              --> test.vit:1:1
               |
            1  | import a/b
               | ^^^^^^ write `use`
               |
               = help: write `use` instead of `import`

            error[PARSE_E_OLD_WORD]: `fn` is not a word of Vitte
              --> test.vit:2:7
               |
            2  | async fn f() -> int { return 1 }
               |       ^^ write `proc`
               |
               = help: write `proc` instead of `fn`

            error[PARSE_E_OLD_WORD]: `return` is not a word of Vitte
              --> test.vit:2:23
               |
            2  | async fn f() -> int { return 1 }
               |                       ^^^^^^ write `give`
               |
               = help: write `give` instead of `return`

            error[PARSE_E_OLD_WORD]: `enum` is not a word of Vitte
              --> test.vit:3:1
               |
            3  | enum E { A }
               | ^^^^ write `pick`
               |
               = help: write `pick` instead of `enum`

            error[PARSE_E_OLD_WORD]: `struct` is not a word of Vitte
              --> test.vit:4:1
               |
            4  | struct S { a: int }
               | ^^^^^^ write `form`
               |
               = help: write `form` instead of `struct`

            error[PARSE_E_OLD_WORD]: `do` is not a word of Vitte
              --> test.vit:5:20
               |
            5  | proc p() { while a do { var x = 1; do { return } } }
               |                    ^^ not needed
               |
               = help: remove `do`: `{` opens the block

            error[PARSE_E_OLD_WORD]: `var` is not a word of Vitte
              --> test.vit:5:25
               |
            5  | proc p() { while a do { var x = 1; do { return } } }
               |                         ^^^ write `let mut`
               |
               = help: write `let mut` instead of `var`

            error[PARSE_E_OLD_WORD]: `do` is not a word of Vitte
              --> test.vit:5:36
               |
            5  | proc p() { while a do { var x = 1; do { return } } }
               |                                    ^^ not needed
               |
               = help: remove `do`: `{` opens the block

            error[PARSE_E_OLD_WORD]: `return` is not a word of Vitte
              --> test.vit:5:41
               |
            5  | proc p() { while a do { var x = 1; do { return } } }
               |                                         ^^^^^^ write `give`
               |
               = help: write `give` instead of `return`

            error: 9 errors
        "#]],
    );
}

#[test]
fn brackets_that_do_not_match() {
    check_errors(
        "proc f() { g(1, [2); }\nproc h() { ) }\n}\nproc i() {}",
        &expect![[r#"
        error[PARSE_E_UNCLOSED_BRACKET]: this bracket is not closed
          --> test.vit:1:17
           |
        1  | proc f() { g(1, [2); }
           |                 ^ it opens here
           |                   - found `)` instead of `]`
           |
           = help: close it with `]`

        error[PARSE_E_UNMATCHED_CLOSER]: `)` closes nothing
          --> test.vit:2:12
           |
        2  | proc h() { ) }
           |            ^ no opening bracket belongs to it
           |
           = help: remove it, or add the opening bracket

        error[PARSE_E_UNMATCHED_CLOSER]: `}` closes nothing
          --> test.vit:3:1
           |
        3  | }
           | ^ no opening bracket belongs to it
           |
           = help: remove it, or add the opening bracket

        error: 3 errors
    "#]],
    );
    check_errors(
        "proc f() { g(1, 2\n  h()\n}\nproc i() {",
        &expect![[r#"
        error[PARSE_E_UNCLOSED_BRACKET]: this bracket is not closed
          --> test.vit:1:13
           |
        1  | proc f() { g(1, 2
           |             ^ it opens here
        2  |   h()
           |   - found `h` instead of `)`
           |
           = help: close it with `)`

        error[PARSE_E_UNCLOSED_BLOCK]: this block is not closed
          --> test.vit:4:10
           |
        4  | proc i() {
           |          ^ it opens here
           |           - found the end of the file instead of `}`
           |
           = help: close it with `}`

        error: 2 errors
    "#]],
    );
}

#[test]
fn an_unclosed_block_is_found_by_its_indentation() {
    check_errors(
        "proc f() -> int {\n    if a {\n        b()\n    give 0\n}\n\nproc g() {\n}\n",
        &expect![[r#"
            error[PARSE_E_UNCLOSED_BLOCK]: this block is not closed
              --> test.vit:1:17
               |
            1  | proc f() -> int {
               |                 ^ it opens here
            2  |     if a {
               |          - perhaps it is this one that is not closed,
            ...
            5  | }
               | - as this `}` stands at another column
            ...
            9  | 
               | - found the end of the file instead of `}`
               |
               = help: close it with `}`

            error: 1 error
        "#]],
    );
}

#[test]
fn words_one_letter_off() {
    check_errors(
        "pro main() {}\nporc f() {}\nforms F {}\ncnst X = 1",
        &expect![[r#"
            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `pro`
              --> test.vit:1:1
               |
            1  | pro main() {}
               | ^^^ an item belongs here
               |
               = help: perhaps `proc` was meant

            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `porc`
              --> test.vit:2:1
               |
            2  | porc f() {}
               | ^^^^ an item belongs here
               |
               = help: perhaps `proc` was meant

            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `forms`
              --> test.vit:3:1
               |
            3  | forms F {}
               | ^^^^^ an item belongs here
               |
               = help: perhaps `form` was meant

            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `cnst`
              --> test.vit:4:1
               |
            4  | cnst X = 1
               | ^^^^ an item belongs here
               |
               = help: perhaps `const` was meant

            error: 4 errors
        "#]],
    );
}

#[test]
fn statements_that_do_not_end() {
    check_errors(
        "proc f() { let a = 1 let b = 2 c d\n a b c ) }",
        &expect![[r#"
        error[PARSE_E_EXPECTED_END]: the statement should end before `let`
          --> test.vit:1:22
           |
        1  | proc f() { let a = 1 let b = 2 c d
           |                      ^^^ not part of the statement before it
           |
           = help: put `;` or a line end between the statements

        error[PARSE_E_EXPECTED_END]: the statement should end before `c`
          --> test.vit:1:32
           |
        1  | proc f() { let a = 1 let b = 2 c d
           |                                ^ not part of the statement before it
           |
           = help: end the statement with `;` or a line end, or add the missing operator

        error[PARSE_E_EXPECTED_END]: the statement should end before `b`
          --> test.vit:2:4
           |
        2  |  a b c ) }
           |    ^ not part of the statement before it
           |
           = help: end the statement with `;` or a line end, or add the missing operator

        error: 3 errors
    "#]],
    );
}

#[test]
fn arms_and_elses() {
    check_errors(
        "proc f() {\n\
         \x20 match x { else { 1 } case 2 { 3 } + 4 }\n\
         \x20 select { sleep(1) { } when x = f() { } else { } else { } }\n\
         \x20 else { 1 }\n\
         \x20 when x { }\n\
         \x20 match x { A => B }\n\
         \x20 elif y { }\n\
         }",
        &expect![[r#"
            error[PARSE_E_ELSE_NOT_LAST]: `else` is not the last arm
              --> test.vit:2:24
               |
            2  |   match x { else { 1 } case 2 { 3 } + 4 }
               |             ---------- `else` takes everything
               |                        ^^^^ this arm can never run
               |
               = help: move `else` to the end

            error[PARSE_E_INVALID_ARM]: expected an arm, found `+`
              --> test.vit:2:37
               |
            2  |   match x { else { 1 } case 2 { 3 } + 4 }
               |                                     ^ an arm belongs here
               |
               = help: arms are written `Pattern { … }`, `case Pattern => value` or `else { … }`

            error[PARSE_E_INVALID_ARM]: expected `when` or `else`, found `sleep`
              --> test.vit:3:12
               |
            3  |   select { sleep(1) { } when x = f() { } else { } else { } }
               |            ^^^^^ `when` or `else` belongs here
               |
               = help: arms of `select` are written `when v = operation { … }`

            error[PARSE_E_ELSE_NOT_LAST]: `else` is not the last arm
              --> test.vit:3:51
               |
            3  |   select { sleep(1) { } when x = f() { } else { } else { } }
               |                                          -------- `else` takes everything
               |                                                   ^^^^ this arm can never run
               |
               = help: move `else` to the end

            error[PARSE_E_STRAY_ELSE]: `else` has no `if`
              --> test.vit:4:3
               |
            4  |   else { 1 }
               |   ^^^^ no `if` block ends just before
               |
               = help: put it directly behind the `}` of an `if`

            error[PARSE_E_EXPECTED_TOKEN]: `when` tests against a pattern
              --> test.vit:5:8
               |
            5  |   when x { }
               |        ^ `is` and a pattern belong behind this
               |
               = help: write `when value is Pattern { … }`, or `if` for a condition

            error[PARSE_E_STRAY_ELSE]: `elif` has no `if`
              --> test.vit:7:3
               |
            7  |   elif y { }
               |   ^^^^ no `if` block ends just before
               |
               = help: put it directly behind the `}` of an `if`

            error: 7 errors
        "#]],
    );
}

#[test]
fn misplaced_modifiers_and_attributes() {
    check_errors(
        "async form F {}\n#[]\nproc f() {}\n#[a b] proc g() {}\n#[x] 1\npub +\nasync unsafe const X = 1",
        &expect![[r#"
            error[PARSE_E_MISPLACED_MODIFIER]: this modifier does not fit `form`
              --> test.vit:1:1
               |
            1  | async form F {}
               | ^^^^^ belongs before `proc`
               |
               = help: remove it

            error[PARSE_E_INVALID_ATTRIBUTE]: this attribute is malformed
              --> test.vit:2:1
               |
            2  | #[]
               | ^^ expected `#[name]` or `#[name(…)]`
               |
               = help: write `#[name]`, `#[name(value)]`, or `//` for a comment

            error[PARSE_E_INVALID_ATTRIBUTE]: this attribute is malformed
              --> test.vit:4:1
               |
            4  | #[a b] proc g() {}
               | ^^ expected `#[name]` or `#[name(…)]`
               |
               = help: write `#[name]`, `#[name(value)]`, or `//` for a comment

            error[PARSE_E_MISPLACED_MODIFIER]: attributes and visibility belong before an item
              --> test.vit:5:1
               |
            5  | #[x] 1
               | ^^^^ no item follows this
               |
               = help: remove it, or write an item such as `proc` or `form` behind it

            error[PARSE_E_EXPECTED_ITEM]: expected an item, found `pub`
              --> test.vit:6:1
               |
            6  | pub +
               | ^^^ an item belongs here
               |
               = help: items are `proc`, `form`, `pick`, `const`, `use`, `test`, …

            error[PARSE_E_MISPLACED_MODIFIER]: this modifier does not fit `const`
              --> test.vit:7:1
               |
            7  | async unsafe const X = 1
               | ^^^^^ belongs before `proc`
               |
               = help: remove it

            error: 6 errors
        "#]],
    );
}

#[test]
fn ambiguous_operators_are_refused() {
    check_errors(
        "const a = 1 < 2 < 3 < 4\nconst b = 0..1..2\nconst c = (1 < 2) == (a < b)",
        &expect![[r#"
        error[PARSE_E_CHAINED_COMPARISON]: comparisons cannot be chained
          --> test.vit:1:17
           |
        1  | const a = 1 < 2 < 3 < 4
           |             - with the result of this
           |                 ^ this would compare a truth value
           |
           = help: write `a < b and b < c`

        error[PARSE_E_CHAINED_RANGE]: ranges cannot be chained
          --> test.vit:2:15
           |
        2  | const b = 0..1..2
           |               ^^ the range has an end already
           |
           = help: write one range `a..b`

        error: 2 errors
    "#]],
    );
}

#[test]
fn an_error_in_an_argument_leaves_the_others() {
    check_errors(
        "proc f() { g(1, *, 3) + h[+] + F { a: , b: 2 } }",
        &expect![[r#"
        error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `,`
          --> test.vit:1:18
           |
        1  | proc f() { g(1, *, 3) + h[+] + F { a: , b: 2 } }
           |                  ^ an expression belongs here

        error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `+`
          --> test.vit:1:27
           |
        1  | proc f() { g(1, *, 3) + h[+] + F { a: , b: 2 } }
           |                           ^ an expression belongs here

        error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `,`
          --> test.vit:1:39
           |
        1  | proc f() { g(1, *, 3) + h[+] + F { a: , b: 2 } }
           |                                       ^ an expression belongs here

        error: 3 errors
    "#]],
    );
}

#[test]
fn a_bracket_that_is_not_closed_costs_one_message() {
    check_errors(
        "proc main( -> int {\n\
         \x20   let = 3\n\
         \x20   g(1, 2\n\
         \x20   let = 4\n\
         \x20   give 0\n\
         }\n\
         proc f(a: int, b int {\n\
         \x20   let = 5\n\
         }\n\
         proc g(a: int\n\
         proc h() { let = 6 }",
        &expect![[r#"
            error[PARSE_E_UNCLOSED_BRACKET]: this bracket is not closed
              --> test.vit:1:10
               |
            1  | proc main( -> int {
               |          ^ it opens here
               |            -- found `->` instead of `)`
               |
               = help: close it with `)`

            error[PARSE_E_EXPECTED_PATTERN]: expected a pattern, found `=`
              --> test.vit:2:9
               |
            2  |     let = 3
               |         ^ a pattern belongs here
               |
               = help: patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`

            error[PARSE_E_UNCLOSED_BRACKET]: this bracket is not closed
              --> test.vit:3:6
               |
            3  |     g(1, 2
               |      ^ it opens here
            4  |     let = 4
               |     --- found `let` instead of `)`
               |
               = help: close it with `)`

            error[PARSE_E_EXPECTED_PATTERN]: expected a pattern, found `=`
              --> test.vit:4:9
               |
            4  |     let = 4
               |         ^ a pattern belongs here
               |
               = help: patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`

            error[PARSE_E_EXPECTED_TOKEN]: expected `:`, found `int`
              --> test.vit:7:18
               |
            7  | proc f(a: int, b int {
               |                  ^^^ `:` belongs here
               |
               = help: parameters are written `name: Type`

            error[PARSE_E_EXPECTED_PATTERN]: expected a pattern, found `=`
              --> test.vit:8:9
               |
            8  |     let = 5
               |         ^ a pattern belongs here
               |
               = help: patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`

            error[PARSE_E_UNCLOSED_BRACKET]: this bracket is not closed
               --> test.vit:10:7
                |
            10  | proc g(a: int
                |       ^ it opens here
            11  | proc h() { let = 6 }
                | ---- found `proc` instead of `)`
                |
                = help: close it with `)`

            error[PARSE_E_EXPECTED_PATTERN]: expected a pattern, found `=`
               --> test.vit:11:16
                |
            11  | proc h() { let = 6 }
                |                ^ a pattern belongs here
                |
                = help: patterns are names, `_`, literals, `(a, b)`, `[a, b]` or arms `P.A(x)`

            error: 8 errors
        "#]],
    );
}

#[test]
fn the_parser_gives_up_in_the_end() {
    let text = "proc f() { let }\n".repeat(1_000);
    let mut diags = Diagnostics::new();
    super::super::parse(SourceId(0), &text, &mut diags);
    let last = diags.iter().last().map(|d| d.key);
    assert_eq!((diags.len(), last), (101, Some("PARSE_E_TOO_MANY_ERRORS")));
}
