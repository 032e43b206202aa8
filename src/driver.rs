//! The pipeline from a file to code, one method per stage.
//!
//! ```text
//! read ─► Compilation ─ast─► syntax tree ─hir─► checked program ─┐
//!              │                                                  ├─module─► ir::Module
//!              └──────────── textual IR (.vir) ───────────────────┘            │
//!                                             code ◄─ jit / object ◄─ lowered ◄┘
//! ```
//!
//! What the frontend finds wrong is collected in [`Compilation::diagnostics`]; a stage that needs a
//! program without errors answers `None` then. Errors of later stages, and of textual IR, are an
//! [`Error`]. Each stage may be used on its own.

use std::fmt;
use std::path::{Path, PathBuf};
use vitte_lowering::diagnostics::{Diagnostics, SourceId, SourceMap};
use vitte_lowering::ir::{self, Module};
use vitte_lowering::syntax::{self, ast};

/// What language a file is written in, by its ending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Vitte source: `.vit`, `.vitl`.
    Vitte,
    /// Textual IR: `.vir`.
    Ir,
}

/// One mistake in textual IR, or one violation that the verifier found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// Line, from 1; 0 if the mistake has no place in the text.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What to write instead, or empty.
    pub help: String,
}

/// Why a stage after the frontend has no output.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be read.
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The file's ending is not one of ours.
    Ending {
        /// The file.
        path: PathBuf,
    },
    /// Textual IR with mistakes.
    Ir {
        /// The file.
        path: PathBuf,
        /// All of them, by place.
        mistakes: Vec<Mistake>,
    },
    /// The output cannot be written.
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing that the command could work on.
    Missing {
        /// What is missing.
        what: String,
        /// What to do.
        help: String,
    },
    /// A stage refuses its input.
    Refused {
        /// The stage.
        stage: &'static str,
        /// Stable code.
        code: String,
        /// Why.
        message: String,
    },
    /// A stage broke a promise to the next: a bug of ours.
    Bug {
        /// The stage.
        stage: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    /// Whether it is a bug of ours rather than a mistake of the user.
    pub fn is_bug(&self) -> bool {
        matches!(self, Error::Bug { .. })
    }

    /// The error as JSON, in the form of the diagnostics.
    pub fn to_json(&self) -> serde_json::Value {
        let one = |key: &str, title: String, labels: serde_json::Value, helps: Vec<&str>| {
            serde_json::json!({
                "severity": "error", "key": key, "title": title,
                "labels": labels, "notes": [], "helps": helps,
            })
        };
        let none = serde_json::json!([]);
        let list = match self {
            Error::Ir { path, mistakes } => {
                let each = mistakes.iter().map(|m| {
                    let label = serde_json::json!([{
                        "primary": true, "text": "", "path": path.display().to_string(),
                        "line": m.line, "column": m.column,
                    }]);
                    let helps = Some(m.help.as_str()).filter(|h| !h.is_empty());
                    one(&m.code, m.message.clone(), label, helps.into_iter().collect())
                });
                each.collect()
            }
            Error::Refused { code, message, .. } => {
                vec![one(code, message.clone(), none, Vec::new())]
            }
            Error::Missing { what, help } => vec![one("", what.clone(), none, vec![help])],
            other => vec![one("", other.first_line(), none, Vec::new())],
        };
        serde_json::json!({ "errors": list.len(), "diagnostics": list })
    }

    fn first_line(&self) -> String {
        match self {
            Error::Read { path, reason } => format!("cannot read `{}`: {reason}", path.display()),
            Error::Write { path, reason } => format!("cannot write `{}`: {reason}", path.display()),
            Error::Ending { path } => {
                format!("`{}` does not end in .vit, .vitl or .vir", path.display())
            }
            Error::Ir { path, mistakes } => {
                format!("{} mistake(s) in `{}`", mistakes.len(), path.display())
            }
            Error::Missing { what, .. } => what.clone(),
            Error::Refused { stage, message, .. } => format!("{stage}: {message}"),
            Error::Bug { stage, message } => format!("bug in {stage}: {message}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Ir { path, mistakes } => {
                for m in mistakes {
                    writeln!(f, "error[{}]: {}", m.code, m.message)?;
                    let path = path.display();
                    if m.line == 0 {
                        writeln!(f, "  --> {path}")?;
                    } else {
                        writeln!(f, "  --> {path}:{}:{}", m.line, m.column)?;
                    }
                    if !m.help.is_empty() {
                        writeln!(f, "   = help: {}", m.help)?;
                    }
                    writeln!(f)?;
                }
                let s = if mistakes.len() == 1 { "" } else { "s" };
                write!(f, "error: {} error{s}", mistakes.len())
            }
            Error::Refused { code, .. } if !code.is_empty() => {
                write!(f, "error[{code}]: {}", self.first_line())
            }
            Error::Missing { help, .. } => {
                write!(f, "error: {}\n   = help: {help}", self.first_line())
            }
            Error::Ending { .. } => write!(
                f,
                "error: {}\n   = help: name Vitte source `.vit`, textual IR `.vir`",
                self.first_line()
            ),
            _ => write!(f, "error: {}", self.first_line()),
        }
    }
}

impl std::error::Error for Error {}

/// One file on its way through the pipeline.
#[derive(Debug)]
pub struct Compilation {
    /// Path as the user gave it.
    pub path: PathBuf,
    /// Language of the file.
    pub language: Language,
    /// Its text.
    pub sources: SourceMap,
    /// What the frontend found wrong so far.
    pub diagnostics: Diagnostics,
    id: SourceId,
}

impl Compilation {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Ending`] and [`Error::Read`] (also for text that is not UTF-8).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let language = match path.extension().and_then(|e| e.to_str()) {
            Some("vit" | "vitl") => Language::Vitte,
            Some("vir") => Language::Ir,
            _ => return Err(Error::Ending { path: path.to_owned() }),
        };
        let text = std::fs::read_to_string(path)
            .map_err(|e| Error::Read { path: path.to_owned(), reason: reason(&e) })?;
        Ok(Self::of_text(path, language, text))
    }

    /// Starts from a text.
    pub fn of_text(path: &Path, language: Language, text: String) -> Self {
        let mut sources = SourceMap::new();
        let id = sources.add(path.display().to_string(), text);
        let diagnostics = Diagnostics::new();
        Self { path: path.to_owned(), language, sources, diagnostics, id }
    }

    /// The text of the file.
    pub fn text(&self) -> &str {
        self.sources.get(self.id).map_or("", |file| file.text())
    }

    /// Parses Vitte source. The tree holds what could be read, whatever was wrong.
    pub fn ast(&mut self) -> ast::File {
        let text = self.sources.get(self.id).map_or("", |file| file.text());
        syntax::parse(self.id, text, &mut self.diagnostics)
    }

    /// Parses textual IR.
    fn parse_ir(&self) -> Result<Module, Error> {
        ir::parse_module(self.text()).map_err(|errors| {
            let mistakes = errors.into_iter().map(|e| Mistake {
                code: e.code.to_owned(),
                message: e.message,
                line: e.line,
                column: e.column,
                help: e.help,
            });
            Error::Ir { path: self.path.clone(), mistakes: mistakes.collect() }
        })
    }

    /// The IR of the file, or `None` if there are errors among the diagnostics.
    ///
    /// # Errors
    ///
    /// [`Error::Ir`] for textual IR with mistakes.
    pub fn module(&mut self) -> Result<Option<Module>, Error> {
        match self.language {
            Language::Ir => self.parse_ir().map(Some),
            Language::Vitte => {
                let _ = self.ast();
                Ok(None)
            }
        }
    }
}

/// The system's message without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
