//! Source texts and places in them.
//!
//! In: paths and texts. Out: [`SourceId`]s, and for a [`Span`] the file, line and column a
//! person reads. Offsets are bytes into the text, half open; lines and columns count from 1,
//! columns in characters. A file holds at most 4 GiB, as spans are 32 bits wide; the parser
//! refuses far smaller ones.

use std::fmt;

/// Names one text of a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src{}", self.0)
    }
}

/// A half-open range of bytes in one source text.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The text the range lies in.
    pub file: SourceId,
    /// Offset of the first byte.
    pub lo: u32,
    /// Offset just after the last byte; equal to `lo` for a point.
    pub hi: u32,
}

impl Span {
    /// Makes the span of bytes `lo..hi` of `file`.
    pub const fn new(file: SourceId, lo: u32, hi: u32) -> Self {
        Self { file, lo, hi }
    }

    /// Joins two spans of one file into the smallest that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { file: self.file, lo: self.lo.min(other.lo), hi: self.hi.max(other.hi) }
    }

    /// Gives the empty span at the start of this one.
    #[must_use]
    pub const fn start(self) -> Self {
        Self { file: self.file, lo: self.lo, hi: self.lo }
    }

    /// Gives the empty span at the end of this one.
    #[must_use]
    pub const fn end(self) -> Self {
        Self { file: self.file, lo: self.hi, hi: self.hi }
    }

    /// Length in bytes.
    pub const fn n_bytes(self) -> u32 {
        self.hi - self.lo
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.lo, self.hi)
    }
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line number.
    pub line: u32,
    /// Column number in characters.
    pub column: u32,
}

/// One source text with its path and the offsets of its lines.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: String,
    text: String,
    line_starts: Vec<u32>,
}

impl SourceFile {
    fn new(path: String, text: String) -> Self {
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at as u32 + 1));
        Self { path, text, line_starts }
    }

    /// The path as the user gave it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number of lines; a text that ends in a line break has an empty last one.
    pub fn n_lines(&self) -> u32 {
        self.line_starts.len() as u32
    }

    /// Finds the line and column of byte offset `at` (clamped to the text).
    pub fn position(&self, at: u32) -> Position {
        let at = (at as usize).min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start as usize <= at);
        let start = self.line_starts[line - 1] as usize;
        let column = self.text.get(start..at).map_or(at - start, |part| part.chars().count());
        Position { line: line as u32, column: column as u32 + 1 }
    }

    /// Gives the text of line `line` (from 1) without its line break; empty past the end.
    pub fn line(&self, line: u32) -> &str {
        let Some(&start) = self.line_starts.get(line.wrapping_sub(1) as usize) else { return "" };
        let rest = &self.text[start as usize..];
        let end = rest.find('\n').unwrap_or(rest.len());
        rest[..end].strip_suffix('\r').unwrap_or(&rest[..end])
    }

    /// Gives the byte offset at which line `line` (from 1) starts.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts.get(line.wrapping_sub(1) as usize).copied()
    }
}

/// All source texts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Makes an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and gives its id; ids count from 0 in the order of adding.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> SourceId {
        self.files.push(SourceFile::new(path.into(), text.into()));
        SourceId(self.files.len() as u32 - 1)
    }

    /// Gives a file by its id, if this map made the id.
    pub fn get(&self, id: SourceId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// Gives the text a span covers; empty if the span is not of this map.
    pub fn snippet(&self, span: Span) -> &str {
        self.get(span.file)
            .and_then(|file| file.text.get(span.lo as usize..span.hi as usize))
            .unwrap_or("")
    }

    /// Gives `path:line:column` of the start of a span.
    pub fn locate(&self, span: Span) -> String {
        match self.get(span.file) {
            Some(file) => {
                let Position { line, column } = file.position(span.lo);
                format!("{}:{line}:{column}", file.path)
            }
            None => "<unknown>".to_owned(),
        }
    }

    /// All ids with their files, in the order of adding.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (SourceId(at as u32), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let mut map = SourceMap::new();
        let id = map.add("a.vit", "let é = 1\r\nx\n");
        let file = map.get(id).unwrap();
        assert_eq!(file.position(0), Position { line: 1, column: 1 });
        assert_eq!(file.position(6), Position { line: 1, column: 6 });
        assert_eq!(file.position(12), Position { line: 2, column: 1 });
        assert_eq!(file.position(999), Position { line: 3, column: 1 });
        assert_eq!(file.line(1), "let é = 1");
        assert_eq!(file.line(9), "");
        assert_eq!(map.snippet(Span::new(id, 4, 6)), "é");
        assert_eq!(map.locate(Span::new(id, 12, 13)), "a.vit:2:1");
        assert_eq!(map.locate(Span::new(SourceId(7), 0, 0)), "<unknown>");
    }
}
