//! A small JSON writer: enough for records and dumps, without a dependency.

use alloc::string::String;
use core::fmt::Write;

/// Writes one JSON document, compact, keys in the order they are given.
///
/// # Examples
///
/// ```
/// let mut w = vitte_abi::JsonWriter::default();
/// w.object(|w| {
///     w.key("name").string("a\"b");
///     w.key("sizes").array([1u64, 2].iter(), |w, n| w.number(*n));
/// });
/// assert_eq!(w.finish(), r#"{"name":"a\"b","sizes":[1,2]}"#);
/// ```
#[derive(Default, Debug)]
pub struct JsonWriter {
    out: String,
    /// Whether a comma is due before the next key or element.
    comma: bool,
}

impl JsonWriter {
    /// Writes an object whose keys `body` writes.
    pub fn object(&mut self, body: impl FnOnce(&mut Self)) {
        self.out.push('{');
        self.comma = false;
        body(self);
        self.out.push('}');
        self.comma = true;
    }

    /// Writes an array, one element per item.
    pub fn array<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut element: impl FnMut(&mut Self, T),
    ) {
        self.out.push('[');
        self.comma = false;
        for item in items {
            self.separate();
            element(self, item);
            self.comma = true;
        }
        self.out.push(']');
        self.comma = true;
    }

    /// Writes a key; the value must follow.
    pub fn key(&mut self, name: &str) -> &mut Self {
        self.separate();
        self.quoted(name);
        self.out.push(':');
        self.comma = false;
        self
    }

    /// Writes a string value.
    pub fn string(&mut self, text: &str) {
        self.quoted(text);
        self.comma = true;
    }

    /// Writes a whole number.
    pub fn number(&mut self, n: impl Into<u64>) {
        let _ = write!(self.out, "{}", n.into());
        self.comma = true;
    }

    /// Writes `true` or `false`.
    pub fn bool(&mut self, b: bool) {
        self.out.push_str(if b { "true" } else { "false" });
        self.comma = true;
    }

    /// Writes `null`.
    pub fn null(&mut self) {
        self.out.push_str("null");
        self.comma = true;
    }

    /// The document.
    pub fn finish(self) -> String {
        self.out
    }

    fn separate(&mut self) {
        if core::mem::take(&mut self.comma) {
            self.out.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if (c as u32) < 0x20 => {
                    let _ = write!(self.out, "\\u{:04x}", c as u32);
                }
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}
