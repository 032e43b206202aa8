//! What goes to stderr: diagnostics of the frontend and errors of later stages.

use super::{Format, exit};
use crate::driver::{Compilation, Error};
use std::io::{IsTerminal as _, Write as _};
use vitte_lowering::diagnostics::{Color, render_all, to_json_all};

/// Colour where a person reads: on a terminal, unless `NO_COLOR` is set.
fn color() -> Color {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if !plain && std::io::stderr().is_terminal() { Color::Ansi } else { Color::Plain }
}

/// Writes the diagnostics of a compilation, if there are any.
pub(super) fn diagnostics(compilation: &Compilation, format: Format) {
    if compilation.diagnostics.is_empty() {
        return;
    }
    let text = match format {
        Format::Text => render_all(&compilation.diagnostics, &compilation.sources, color()),
        Format::Json => to_json_all(&compilation.diagnostics, &compilation.sources).to_string(),
    };
    write(&text);
}

/// Writes an error of a stage after the frontend; answers the exit code that it asks for.
pub(super) fn error(error: &Error, format: Format) -> u8 {
    let text = match format {
        Format::Text => error.to_string(),
        Format::Json => error.to_json().to_string(),
    };
    write(&text);
    if error.is_bug() { exit::BUG } else { exit::ERROR }
}

fn write(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
}
