//! One diagnostic, and the sink that collects them.
//!
//! Every phase pushes into one [`Diagnostics`]; nothing is printed before the end, so that an
//! unresolved name does not hide a type error. A diagnostic says what is wrong (title), where
//! (primary label), why (notes) and what to write instead (help).
//!
//! I1: every key pushed has an entry in [`codes`](super::codes); debug builds check it.

use super::codes;
use super::source::Span;

/// How grave a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program is refused.
    Error,
    /// The program is accepted, but is probably not what was meant.
    Warning,
    /// Something worth knowing.
    Note,
}

impl Severity {
    /// The word the user reads.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A place in the source with a remark; the remark may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What to say about it.
    pub text: String,
}

/// One message to the user.
///
/// # Examples
///
/// ```
/// use vitte_lowering::diagnostics::{Diagnostic, Span};
/// let span = Span::default();
/// let d = Diagnostic::error("PARSE_E_EXPECTED_NAME", "expected a name")
///     .at(span, "a name belongs here")
///     .help("write `let name = …`");
/// assert_eq!(d.key, "PARSE_E_EXPECTED_NAME");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// The stable key, such as `PARSE_E_EXPECTED_NAME`.
    pub key: &'static str,
    /// What is wrong, in one line without a full stop.
    pub title: String,
    /// Where it is wrong; `None` for what concerns a whole program.
    pub primary: Option<Label>,
    /// Other places that matter.
    pub secondary: Vec<Label>,
    /// Why it is wrong.
    pub notes: Vec<String>,
    /// What to write instead.
    pub helps: Vec<String>,
}

impl Diagnostic {
    /// Starts a diagnostic of any severity.
    pub fn new(severity: Severity, key: &'static str, title: impl Into<String>) -> Self {
        Self {
            severity,
            key,
            title: title.into(),
            primary: None,
            secondary: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
        }
    }

    /// Starts an error.
    pub fn error(key: &'static str, title: impl Into<String>) -> Self {
        Self::new(Severity::Error, key, title)
    }

    /// Starts a warning.
    pub fn warning(key: &'static str, title: impl Into<String>) -> Self {
        Self::new(Severity::Warning, key, title)
    }

    /// Starts a note.
    pub fn remark(key: &'static str, title: impl Into<String>) -> Self {
        Self::new(Severity::Note, key, title)
    }

    /// Sets the primary place and what to say there.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.primary = Some(Label { span, text: text.into() });
        self
    }

    /// Adds another place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.secondary.push(Label { span, text: text.into() });
        self
    }

    /// Adds a reason.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.helps.push(text.into());
        self
    }

    /// The primary span, if there is one.
    pub fn span(&self) -> Option<Span> {
        self.primary.as_ref().map(|label| label.span)
    }
}

/// Collects the diagnostics of all phases, in the order of pushing.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    n_errors: usize,
}

impl Diagnostics {
    /// Makes an empty sink.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one diagnostic in.
    ///
    /// # Panics
    ///
    /// In debug builds, if the key has no entry in [`codes`] (I1).
    pub fn push(&mut self, diagnostic: Diagnostic) {
        debug_assert!(
            codes::lookup(diagnostic.key).is_some(),
            "I1: no entry for {} in diagnostics/codes",
            diagnostic.key
        );
        self.n_errors += usize::from(diagnostic.severity == Severity::Error);
        self.list.push(diagnostic);
    }

    /// Says whether there is any error among them.
    pub fn has_errors(&self) -> bool {
        self.n_errors > 0
    }

    /// Number of errors.
    pub fn n_errors(&self) -> usize {
        self.n_errors
    }

    /// Number of diagnostics of every severity.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Says whether nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The diagnostics in the order of pushing.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Forgets everything pushed after the sink held `len` diagnostics (for speculative work).
    pub fn truncate(&mut self, len: usize) {
        for dropped in self.list.drain(len.min(self.list.len())..) {
            self.n_errors -= usize::from(dropped.severity == Severity::Error);
        }
    }

    /// Adds a note to the diagnostics of a key at a place.
    pub fn note_at(&mut self, key: &str, span: Span, note: &str) {
        for one in self.list.iter_mut().filter(|d| d.key == key && d.span() == Some(span)) {
            one.notes.push(note.to_owned());
        }
    }

    /// Puts them in source order (file, offset); those without a place come last. The order of
    /// pushing decides ties.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| {
            d.primary.as_ref().map_or((true, Span::default()), |label| (false, label.span))
        });
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, iter: T) {
        for diagnostic in iter {
            self.push(diagnostic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceId;
    use super::*;

    fn at(lo: u32) -> Diagnostic {
        Diagnostic::error("LEX_E_INVALID_CHAR", "x").at(Span::new(SourceId(0), lo, lo + 1), "")
    }

    #[test]
    fn sort_is_by_place_and_places_come_before_no_place() {
        let mut sink = Diagnostics::new();
        sink.push(Diagnostic::warning("LEX_E_INVALID_CHAR", "nowhere"));
        sink.push(at(9));
        sink.push(at(3));
        sink.sort();
        let order: Vec<_> = sink.iter().map(|d| d.span().map(|s| s.lo)).collect();
        assert_eq!(order, [Some(3), Some(9), None]);
    }

    #[test]
    fn truncate_takes_back_the_error_count() {
        let mut sink = Diagnostics::new();
        sink.push(at(1));
        sink.push(at(2));
        sink.truncate(1);
        assert_eq!((sink.len(), sink.n_errors()), (1, 1));
        sink.truncate(0);
        assert!(!sink.has_errors());
    }
}
