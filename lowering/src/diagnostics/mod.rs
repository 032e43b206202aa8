//! Source texts, diagnostics, and the codes they carry.
//!
//! In: what the phases have to say. Out: text for people, JSON for tools, explanations for
//! `vitte explain`. User mistakes are data: a phase pushes a [`Diagnostic`] and goes on.
//!
//! ```text
//! phases ──push──► Diagnostics ──render_all / to_json_all──► text, JSON
//!                      │ key
//!                      ▼
//!               codes::lookup ──► title, explanation, wrong and right example
//! ```

pub mod codes;
mod diagnostic;
mod render;
mod source;

pub use diagnostic::{Diagnostic, Diagnostics, Label, Severity};
pub use render::{Color, render, render_all, to_json, to_json_all};
pub use source::{Position, SourceFile, SourceId, SourceMap, Span};
