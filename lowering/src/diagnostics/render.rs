//! Diagnostics as text and as JSON.
//!
//! ```text
//! error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `;`
//!   --> demo.vit:3:13
//!    |
//!  3 |     let x = ;
//!    |             ^ an expression belongs here
//!    |
//!    = help: write `let x = 0;`
//! ```
//!
//! Places in one file are shown in line order, each line once; the primary place is marked with
//! `^`, others with `-`. A place over several lines is marked to the end of its first line. Long
//! lines are cut to a window around the mark, control characters are shown escaped, so that no
//! input can spoil the terminal or blow up the output.

use std::fmt::Write as _;

use super::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use super::source::{SourceFile, SourceId, SourceMap, Span};

/// Columns shown of a line that is longer than this.
const WINDOW: usize = 160;

/// Whether to colour text with ANSI escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Color {
    /// Plain text.
    #[default]
    Plain,
    /// ANSI colours, for a terminal.
    Ansi,
}

#[derive(Clone, Copy)]
struct Paint(Color);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self.0 {
            Color::Plain => text.to_owned(),
            Color::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn gutter(self, text: &str) -> String {
        self.with("1;34", text)
    }

    fn severity(self, severity: Severity, text: &str) -> String {
        let code = match severity {
            Severity::Error => "1;31",
            Severity::Warning => "1;33",
            Severity::Note => "1;32",
        };
        self.with(code, text)
    }
}

/// Renders all diagnostics, one blank line after each, and a closing count of errors and
/// warnings where there are any.
pub fn render_all(diagnostics: &Diagnostics, sources: &SourceMap, color: Color) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&render(diagnostic, sources, color));
        out.push('\n');
    }
    let n_errors = diagnostics.n_errors();
    let n_warnings = diagnostics.iter().filter(|d| d.severity == Severity::Warning).count();
    let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    let paint = Paint(color);
    match (n_errors, n_warnings) {
        (0, 0) => {}
        (0, w) => {
            let word = paint.severity(Severity::Warning, "warning");
            let _ = writeln!(out, "{word}: {}", count(w, "warning"));
        }
        (e, w) => {
            let word = paint.severity(Severity::Error, "error");
            let _ = write!(out, "{word}: {}", count(e, "error"));
            if w > 0 {
                let _ = write!(out, ", {}", count(w, "warning"));
            }
            out.push('\n');
        }
    }
    out
}

/// Renders one diagnostic, ending in a line break.
pub fn render(diagnostic: &Diagnostic, sources: &SourceMap, color: Color) -> String {
    let paint = Paint(color);
    let mut out = String::new();
    let head = format!("{}[{}]", diagnostic.severity.word(), diagnostic.key);
    let _ = writeln!(
        out,
        "{}: {}",
        paint.severity(diagnostic.severity, &head),
        paint.with("1", &printable(&diagnostic.title))
    );

    let mut marks: Vec<Mark<'_>> = Vec::new();
    marks.extend(diagnostic.primary.iter().map(|label| Mark { label, primary: true }));
    marks.extend(diagnostic.secondary.iter().map(|label| Mark { label, primary: false }));
    marks.retain(|mark| sources.get(mark.label.span.file).is_some());

    let width = marks
        .iter()
        .filter_map(|m| Some(sources.get(m.label.span.file)?.position(m.label.span.lo).line))
        .max()
        .map_or(1, |line| line.to_string().len());
    let pad = " ".repeat(width);
    let bar = paint.gutter("|");

    for (nth, file_id) in files_in_order(&marks).into_iter().enumerate() {
        let Some(file) = sources.get(file_id) else { continue };
        let mut of_file: Vec<&Mark<'_>> =
            marks.iter().filter(|m| m.label.span.file == file_id).collect();
        of_file.sort_by_key(|m| (m.label.span.lo, !m.primary));
        let shown = of_file.iter().find(|m| m.primary).unwrap_or(&of_file[0]);
        let arrow = paint.gutter(if nth == 0 { "-->" } else { ":::" });
        let _ = writeln!(out, "{pad} {arrow} {}", sources.locate(shown.label.span));
        let _ = writeln!(out, "{pad}  {bar}");
        let mut last_line = None;
        let mut at = 0;
        while at < of_file.len() {
            let line = file.position(of_file[at].label.span.lo).line;
            let end = of_file[at..]
                .iter()
                .position(|m| file.position(m.label.span.lo).line != line)
                .map_or(of_file.len(), |n| at + n);
            if last_line.is_some_and(|last| last + 1 < line) {
                let _ = writeln!(out, "{}", paint.gutter("..."));
            }
            render_line(&mut out, file, line, &of_file[at..end], width, paint, diagnostic.severity);
            last_line = Some(line);
            at = end;
        }
    }
    let tail = diagnostic.notes.iter().map(|text| ("note", text));
    let tail: Vec<_> = tail.chain(diagnostic.helps.iter().map(|text| ("help", text))).collect();
    if !marks.is_empty() && !tail.is_empty() {
        let _ = writeln!(out, "{pad}  {bar}");
    }
    for (word, text) in tail {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or("");
        let word = paint.with("1", word);
        let _ = writeln!(out, "{pad}  {} {word}: {}", paint.gutter("="), printable(first));
        for line in lines {
            let _ = writeln!(out, "{pad}          {}", printable(line));
        }
    }
    out
}

struct Mark<'a> {
    label: &'a Label,
    primary: bool,
}

fn files_in_order(marks: &[Mark<'_>]) -> Vec<SourceId> {
    let mut files = Vec::new();
    for mark in marks {
        if !files.contains(&mark.label.span.file) {
            files.push(mark.label.span.file);
        }
    }
    files
}

fn render_line(
    out: &mut String,
    file: &SourceFile,
    line: u32,
    marks: &[&Mark<'_>],
    width: usize,
    paint: Paint,
    severity: Severity,
) {
    let text = file.line(line);
    let start = file.line_start(line).unwrap_or(0);
    let (shown, columns) = lay_out(text, marks[0].label.span.lo.saturating_sub(start) as usize);
    let number = paint.gutter(&format!("{line:>width$}"));
    let bar = paint.gutter("|");
    let _ = writeln!(out, "{number}  {bar} {}", shown.trim_end());
    let pad = " ".repeat(width);
    for mark in marks {
        let Span { lo, hi, .. } = mark.label.span;
        let from = column_at(&columns, lo.saturating_sub(start) as usize);
        let to = column_at(&columns, (hi.saturating_sub(start) as usize).min(text.len()));
        let n_marks = to.saturating_sub(from).max(1);
        let sign = if mark.primary { "^" } else { "-" };
        let mut row = sign.repeat(n_marks);
        if !mark.label.text.is_empty() {
            row.push(' ');
            row.push_str(&printable(&mark.label.text));
        }
        let row = if mark.primary { paint.severity(severity, &row) } else { paint.gutter(&row) };
        let _ = writeln!(out, "{pad}  {bar} {}{row}", " ".repeat(from));
    }
}

/// Gives the column of byte `at`, from a table of (byte, column) in rising order.
fn column_at(columns: &[(usize, usize)], at: usize) -> usize {
    let found = columns.partition_point(|&(byte, _)| byte <= at);
    columns[found.saturating_sub(1)].1
}

/// Makes a line printable: tabs as four blanks, control characters escaped, long lines cut to a
/// window that holds byte `focus`. Gives the text and a table from bytes to columns.
fn lay_out(text: &str, focus: usize) -> (String, Vec<(usize, usize)>) {
    let skip = if text.len() > WINDOW && focus > WINDOW / 2 {
        let mut skip = focus.min(text.len()) - WINDOW / 2;
        while !text.is_char_boundary(skip) {
            skip -= 1;
        }
        skip
    } else {
        0
    };
    let mut shown = String::new();
    let mut columns = vec![(0, 0)];
    let mut column = 0;
    if skip > 0 {
        shown.push('…');
        column = 1;
    }
    for (at, c) in text[skip..].char_indices() {
        columns.push((skip + at, column));
        if column >= WINDOW {
            shown.push('…');
            return (shown, columns);
        }
        let before = shown.len();
        match c {
            '\t' => shown.push_str("    "),
            c => push_printable(&mut shown, c),
        }
        column += shown[before..].chars().count();
    }
    columns.push((text.len(), column));
    (shown, columns)
}

/// Escapes control and direction-changing characters.
fn printable(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| push_printable(&mut out, c));
    out
}

fn push_printable(out: &mut String, c: char) {
    let spoils =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || spoils {
        out.extend(c.escape_unicode());
    } else {
        out.push(c);
    }
}

/// Gives one diagnostic as a JSON value.
///
/// ```json
/// {"severity": "error", "key": "…", "title": "…", "labels": [{"primary": true, "text": "…",
///  "path": "…", "lo": 1, "hi": 2, "line": 1, "column": 2, "end_line": 1, "end_column": 3}],
///  "notes": ["…"], "helps": ["…"]}
/// ```
pub fn to_json(diagnostic: &Diagnostic, sources: &SourceMap) -> serde_json::Value {
    let label = |label: &Label, primary: bool| {
        let Span { file, lo, hi } = label.span;
        let mut value = serde_json::json!({
            "primary": primary, "text": label.text, "lo": lo, "hi": hi,
        });
        if let Some(file) = sources.get(file) {
            let (from, to) = (file.position(lo), file.position(hi));
            value["path"] = file.path().into();
            value["line"] = from.line.into();
            value["column"] = from.column.into();
            value["end_line"] = to.line.into();
            value["end_column"] = to.column.into();
        }
        value
    };
    let mut labels: Vec<_> = diagnostic.primary.iter().map(|l| label(l, true)).collect();
    labels.extend(diagnostic.secondary.iter().map(|l| label(l, false)));
    serde_json::json!({
        "severity": diagnostic.severity.word(),
        "key": diagnostic.key,
        "title": diagnostic.title,
        "labels": labels,
        "notes": diagnostic.notes,
        "helps": diagnostic.helps,
    })
}

/// Gives all diagnostics as one JSON value: `{"diagnostics": […], "errors": n}`.
pub fn to_json_all(diagnostics: &Diagnostics, sources: &SourceMap) -> serde_json::Value {
    let list: Vec<_> = diagnostics.iter().map(|d| to_json(d, sources)).collect();
    serde_json::json!({ "diagnostics": list, "errors": diagnostics.n_errors() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn sample() -> (SourceMap, Diagnostics) {
        let mut map = SourceMap::new();
        let text = "let a = 1\n\tlet bé = a +;\n\n\nlet c\n";
        let id = map.add("demo.vit", text);
        let mut sink = Diagnostics::new();
        let semi = text.find(';').unwrap() as u32;
        sink.push(
            Diagnostic::error("PARSE_E_EXPECTED_EXPRESSION", "expected an expression, found `;`")
                .at(Span::new(id, semi, semi + 1), "an operand belongs here")
                .also(Span::new(id, 4, 5), "`a` is here")
                .also(Span::new(id, semi - 1, semi), "after this operator")
                .also(Span::new(id, semi + 5, semi + 6), "")
                .note("why\nit is so")
                .help("write `a + 1`"),
        );
        sink.push(Diagnostic::warning("LEX_E_INVALID_CHAR", "no place\u{7}"));
        (map, sink)
    }

    #[test]
    fn text_shows_every_place_once_a_line() {
        let (map, sink) = sample();
        expect![[r#"
            error[PARSE_E_EXPECTED_EXPRESSION]: expected an expression, found `;`
              --> demo.vit:2:14
               |
            1  | let a = 1
               |     - `a` is here
            2  |     let bé = a +;
               |                - after this operator
               |                 ^ an operand belongs here
            ...
            5  | let c
               |  -
               |
               = note: why
                       it is so
               = help: write `a + 1`

            warning[LEX_E_INVALID_CHAR]: no place\u{7}

            error: 1 error, 1 warning
        "#]]
        .assert_eq(&render_all(&sink, &map, Color::Plain));
    }

    #[test]
    fn colour_adds_escapes_only() {
        let (map, sink) = sample();
        let ansi = render_all(&sink, &map, Color::Ansi);
        assert!(ansi.contains("\x1b[1;31m"));
        let mut plain = String::new();
        let mut rest = ansi.as_str();
        while let Some(at) = rest.find('\x1b') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find('m').unwrap() + 1..];
        }
        plain.push_str(rest);
        assert_eq!(plain, render_all(&sink, &map, Color::Plain));
    }

    #[test]
    fn long_lines_are_cut_around_the_mark() {
        let mut map = SourceMap::new();
        let id = map.add("long.vit", "é".repeat(100_000) + "!" + &"x".repeat(100_000));
        let d =
            Diagnostic::error("LEX_E_INVALID_CHAR", "t").at(Span::new(id, 200_000, 200_001), "m");
        let text = render(&d, &map, Color::Plain);
        assert!(text.len() < 1_000, "{}", text.len());
        let lines: Vec<&str> = text.lines().collect();
        let column = lines[3].chars().position(|c| c == '!').unwrap();
        assert_eq!(lines[4].chars().position(|c| c == '^'), Some(column));
    }

    #[test]
    fn json_has_places_in_bytes_and_lines() {
        let (map, sink) = sample();
        let value = to_json_all(&sink, &map);
        assert_eq!(value["errors"], 1);
        let first = &value["diagnostics"][0];
        assert_eq!(first["key"], "PARSE_E_EXPECTED_EXPRESSION");
        assert_eq!(first["labels"][0]["line"], 2);
        assert_eq!(first["labels"][0]["primary"], true);
        assert_eq!(value["diagnostics"][1]["labels"].as_array().unwrap().len(), 0);
    }
}
