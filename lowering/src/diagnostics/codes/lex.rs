//! Keys of the lexer.

use super::Code;

pub(super) static CODES: &[Code] = &[
    Code {
        key: "LEX_E_INVALID_CHAR",
        title: "this character has no meaning in Vitte",
        explanation: "\
Outside of strings and comments a program consists of names, numbers and the signs of the
grammar. Other characters, such as `$`, `@` or typographic quotes, often come from copied text.
Names may use any Unicode letter (XID), but no emoji and no signs.",
        bad: "proc main() -> int {\n    let price = 5$\n    give price\n}",
        good: "proc main() -> int {\n    let price = 5\n    give price\n}",
    },
    Code {
        key: "LEX_E_UNTERMINATED_STRING",
        title: "a string has no closing quote",
        explanation: "\
A string begins and ends with `\"` on one line. To go on over several lines use a raw string in
three quotes, or `\\n` for a line break inside. A quote inside a string is written `\\\"`.",
        bad: "proc main() -> int {\n    println(\"hello);\n    give 0\n}",
        good: "proc main() -> int {\n    println(\"hello\");\n    give 0\n}",
    },
    Code {
        key: "LEX_E_UNTERMINATED_CHAR",
        title: "a character literal has no closing quote",
        explanation: "\
A character literal is one character, or one escape, between two single quotes on one line.",
        bad: "proc main() -> int {\n    let c = '+;\n    give 0\n}",
        good: "proc main() -> int {\n    let c = '+';\n    give 0\n}",
    },
    Code {
        key: "LEX_E_INVALID_CHAR_LITERAL",
        title: "a character literal does not hold exactly one character",
        explanation: "\
Between single quotes stands exactly one character or one escape. Text of any other length is a
string, in double quotes. What looks like one character may be several code points (a letter and
a combining accent): that is a string, too.",
        bad: "proc main() -> int {\n    let c = 'ab';\n    give 0\n}",
        good: "proc main() -> int {\n    let c = \"ab\";\n    give 0\n}",
    },
    Code {
        key: "LEX_E_INVALID_ESCAPE",
        title: "this escape is not known",
        explanation: "\
After `\\` in a string or character literal may stand `n r t 0 \\ ' \"`, `xHH` with two
hexadecimal digits up to 7F, or `u{…}` with the hexadecimal number of a Unicode character. A
backslash itself is written `\\\\`; in a raw string `r\"…\"` nothing is an escape.",
        bad: "proc main() -> int {\n    println(\"C:\\dir\");\n    give 0\n}",
        good: "proc main() -> int {\n    println(\"C:\\\\dir\");\n    give 0\n}",
    },
    Code {
        key: "LEX_E_UNTERMINATED_COMMENT",
        title: "a comment is not closed",
        explanation: "\
A block comment `/* … */` nests, so each opening needs its closing; a zone `<<< … >>>` goes on to
the first `>>>`. Everything after the unclosed opening was skipped.",
        bad: "proc main() -> int { give 0 }\n/* the rest\n",
        good: "proc main() -> int { give 0 }\n/* the rest */\n",
    },
    Code {
        key: "LEX_E_INVALID_NUMBER",
        title: "this is not a number",
        explanation: "\
A number is decimal, `0x`, `0b` or `0o`; digits may be grouped by `_`. It may end in the name of a
number type (`i8 … i64 u8 … u64 i128 u128 usize isize int f32 f64`). A fraction needs a digit on
both sides of the point, an exponent at least one digit. A name cannot begin with a digit.",
        bad: "proc main() -> int {\n    let n = 0b102;\n    give n\n}",
        good: "proc main() -> int {\n    let n = 0b101;\n    give n\n}",
    },
    Code {
        key: "LEX_E_NUMBER_TOO_LARGE",
        title: "this number is too large for any type",
        explanation: "\
The largest integer a program can write down is 2^128 - 1, the largest of `u128`. Floating point
numbers must be finite: the largest `f64` is about 1.8e308.",
        bad: "proc main() -> int {\n    let n = 400000000000000000000000000000000000000;\n    give 0\n}",
        good: "proc main() -> int {\n    let n = 4e38;\n    give 0\n}",
    },
    Code {
        key: "LEX_E_NAME_TOO_LONG",
        title: "a name has more than 128 characters",
        explanation: "\
Names are at most 128 characters long: they appear in messages, layout records and symbol tables.
A longer one is nearly always generated or pasted by mistake.",
        bad: "const aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: int = 1",
        good: "const limit: int = 1",
    },
    Code {
        key: "LEX_E_FILE_TOO_LARGE",
        title: "a source file is too large",
        explanation: "\
A source file has at most 2 MiB, so that checking any file needs bounded memory. Split the file
into modules, or read large data at run time.",
        bad: "// (a file of more than 2 MiB)",
        good: "proc main() -> int { give 0 }",
    },
];
