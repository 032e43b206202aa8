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

use crate::modules;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use vitte_lowering::build::{self, OpSizes};
use vitte_lowering::coroutine::{self, LowerError, Lowered, Unsplit};
use vitte_lowering::diagnostics::{Diagnostics, SourceId, SourceMap, Span};
use vitte_lowering::ir::{self, Func, FuncKind, Module};
use vitte_lowering::sema::{self, hir};
use vitte_lowering::syntax::{self, ast};

/// What language a file is written in, by its ending.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Vitte source: `.vit`, `.vitl`.
    Vitte,
    /// Textual IR: `.vir`.
    Ir,
}

impl Language {
    /// The language that a file's ending stands for.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension().and_then(|e| e.to_str()) {
            Some("vit" | "vitl") => Some(Language::Vitte),
            Some("vir") => Some(Language::Ir),
            _ => None,
        }
    }
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
    /// The tests of the module, once it was built.
    pub tests: Vec<Test>,
    id: SourceId,
}

/// A test of a program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Test {
    /// Its name in the source.
    pub name: String,
    /// Name of its procedure in the module.
    pub symbol: String,
}

impl Compilation {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Error::Ending`] and [`Error::Read`] (also for text that is not UTF-8).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let unreadable = |reason| Error::Read { path: path.to_owned(), reason };
        let Some(language) = Language::of(path) else {
            // Of a file that is not there, that is what matters.
            std::fs::metadata(path).map_err(|e| unreadable(reason(&e)))?;
            return Err(Error::Ending { path: path.to_owned() });
        };
        let bytes = std::fs::read(path).map_err(|e| unreadable(reason(&e)))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            unreadable(format!("it is no text: byte {at} is not UTF-8"))
        })?;
        Ok(Self::of_text(path, language, text))
    }

    /// Starts from a text.
    pub fn of_text(path: &Path, language: Language, text: String) -> Self {
        let mut sources = SourceMap::new();
        let id = sources.add(path.display().to_string(), text);
        let diagnostics = Diagnostics::new();
        let tests = Vec::new();
        Self { path: path.to_owned(), language, sources, diagnostics, tests, id }
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

    /// What our own frontend makes must pass the verifier.
    fn assert_valid(module: &Module) -> Result<(), Error> {
        ir::verify_with(module, &on_all_cores).map_err(|violations| {
            let all: Vec<String> = violations.iter().map(ToString::to_string).collect();
            Error::Bug { stage: "build", message: all.join("\n") }
        })
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

    /// The checked program as text, or `None` if there are errors among the diagnostics.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] for textual IR.
    pub fn hir_text(&mut self) -> Result<Option<String>, Error> {
        Ok(self.program().map(|program| sema::print(&program)))
    }

    /// Parses and checks Vitte source; `None` if there are errors among the diagnostics.
    pub(crate) fn program(&mut self) -> Option<hir::Program> {
        let file = self.ast();
        let (sources, diagnostics) = (&mut self.sources, &mut self.diagnostics);
        let files = modules::Program::load(&self.path, (self.id, file), sources, diagnostics);
        let program = sema::check_linked(&files.files, &files.links, sources, diagnostics);
        files.explain(diagnostics);
        self.diagnostics.sort();
        program.filter(|_| !self.diagnostics.has_errors())
    }

    /// Whether a place lies in the file itself, not in one that it uses.
    pub(crate) fn is_own(&self, span: Span) -> bool {
        span.file == self.id
    }

    /// The IR of some procedures of a program of this file, which a host calls, and their functions;
    /// `None` if there are errors among the diagnostics.
    ///
    /// # Errors
    ///
    /// [`Error::Bug`] only.
    pub(crate) fn entries(
        &mut self,
        program: &hir::Program,
        procs: &[hir::ProcId],
    ) -> Result<Option<(Module, Vec<Func>)>, Error> {
        match build::build_entries(program, &self.sources, &op_sizes(), procs) {
            Ok((module, entries)) => {
                Self::assert_valid(&module)?;
                Ok(Some((module, entries)))
            }
            Err(refused) => {
                self.diagnostics.extend(refused);
                Ok(None)
            }
        }
    }

    /// The IR of the file, or `None` if there are errors among the diagnostics.
    ///
    /// # Errors
    ///
    /// [`Error::Ir`] for textual IR with mistakes.
    pub fn module(&mut self) -> Result<Option<Module>, Error> {
        match self.language {
            Language::Ir => {
                let module = self.parse_ir()?;
                verified(&self.path, &module)?;
                Ok(Some(module))
            }
            Language::Vitte => {
                let Some(program) = self.program() else { return Ok(None) };
                let built = build::build(&program, &self.sources, &op_sizes());
                let module = match built {
                    Ok(module) => module,
                    Err(refused) => {
                        self.diagnostics.extend(refused);
                        return Ok(None);
                    }
                };
                // The tests of a file that is only used belong to that file.
                let is_own = |t: &hir::Test| self.is_own(program.procs[t.proc.0 as usize].span);
                let tests = program.tests.iter().enumerate().filter(|(_, t)| is_own(t));
                let test = |(n, t): (usize, &hir::Test)| Test {
                    name: t.name.clone(),
                    symbol: format!("test${n}"),
                };
                self.tests = tests.map(test).collect();
                Self::assert_valid(&module)?;
                Ok(Some(module))
            }
        }
    }
}

/// Sizes of the host's operations, which the compiler lays out in frames.
fn op_sizes() -> OpSizes {
    let mut sizes = OpSizes::default();
    for op in crate::host::table::operations() {
        sizes.set(op.symbol, op.size, op.align);
    }
    sizes
}

/// Checks a module that somebody else made.
///
/// # Errors
///
/// [`Error::Ir`] with every violation.
pub fn verified(path: &Path, module: &Module) -> Result<(), Error> {
    ir::verify(module).map_err(|violations| {
        let mistakes = violations.into_iter().map(|v| {
            let func = v.func.map_or(String::new(), |f| match module.funcs.get(f) {
                Some(data) => format!("in {f} \"{}\", ", data.name),
                None => format!("in {f}, "),
            });
            let help = ir::codes::lookup(v.code).map_or("", |c| c.meaning);
            Mistake {
                code: v.code.to_owned(),
                message: format!("{func}{}: {}", v.entity, v.message),
                line: 0,
                column: 0,
                help: help.to_owned(),
            }
        });
        Error::Ir { path: path.to_owned(), mistakes: mistakes.collect() }
    })
}

/// Turns the coroutines of a module into machines.
///
/// # Errors
///
/// [`Error::Ir`] with everything that no frame can hold.
pub fn lower(path: &Path, module: &Module) -> Result<Lowered, Error> {
    coroutine::lower_with(module, &on_all_cores)
        .map_err(|errors| lower_errors(path, module, errors))
}

/// Gives the coroutines of a module their frames; each is split when it is first called.
///
/// # Errors
///
/// As [`lower`].
pub(crate) fn lay_out(path: &Path, module: &Module) -> Result<Unsplit, Error> {
    coroutine::lay_out(module, &on_all_cores).map_err(|errors| lower_errors(path, module, errors))
}

/// Work on functions by as many threads as there are processors.
fn on_all_cores(n: usize, work: &(dyn Fn(usize) + Sync)) {
    /// What a thread should have to do to be worth its start.
    const PER_THREAD: usize = 8;
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(n / PER_THREAD);
    let next = AtomicUsize::new(0);
    let take = || {
        loop {
            // Only the number matters; what is done with it is joined by the scope.
            let i = next.fetch_add(1, Ordering::Relaxed);
            if i >= n {
                break;
            }
            work(i);
        }
    };
    thread::scope(|scope| {
        for _ in 1..n_threads {
            scope.spawn(take);
        }
        take();
    });
}

/// Errors of the transform in the form of the driver.
pub fn lower_errors(path: &Path, module: &Module, errors: Vec<LowerError>) -> Error {
    let mistakes = errors.into_iter().map(|e| Mistake {
        code: e.code.to_owned(),
        message: e.message,
        line: e.span.line,
        column: e.span.column,
        help: String::new(),
    });
    let file = module.files.values().next();
    let path = file.map_or_else(|| path.to_owned(), PathBuf::from);
    Error::Ir { path, mistakes: mistakes.collect() }
}

/// The function of a name.
///
/// # Errors
///
/// [`Error::Missing`], which names what there is.
pub fn find(module: &Module, name: &str) -> Result<Func, Error> {
    module.func_by_name(name).ok_or_else(|| {
        let names: Vec<&str> = module.funcs.values().map(|f| f.name.as_str()).take(20).collect();
        Error::Missing {
            what: format!("there is no procedure `{name}`"),
            help: format!("there is {}", names.join(", ")),
        }
    })
}

/// Makes sure that a procedure without parameters can be run as a task: itself if it is async, else
/// a new async procedure that calls it.
///
/// # Errors
///
/// [`Error::Missing`] if it has parameters or is a stream.
pub fn entry(module: &mut Module, func: Func) -> Result<Func, Error> {
    use vitte_lowering::ir::{
        Arg, BlockArg, BlockCall, Callee, Function, InstKind, Signature, Terminator, Type,
    };
    let callee = &module.funcs[func];
    let name = callee.name.clone();
    if !callee.sig.params.is_empty() || callee.kind == FuncKind::Generator {
        return Err(Error::Missing {
            what: format!("`{name}` cannot be run: it takes arguments or is a stream"),
            help: "give it no parameters, and a number or nothing as result".into(),
        });
    }
    if callee.kind == FuncKind::Async {
        return Ok(func);
    }
    let results = callee.sig.results.clone();
    let Some(types) = results.iter().map(|t| t.as_value()).collect::<Option<Vec<Type>>>() else {
        return Err(Error::Missing {
            what: format!("`{name}` cannot be run: its result is no number"),
            help: "give it a number or nothing as result".into(),
        });
    };
    let (faults, span) = (callee.sig.faults, callee.span);
    let sig = Signature { params: Vec::new(), results, faults: true };
    let mut f = Function::new(format!("{name} (task)"), FuncKind::Async, sig);
    f.span = span;
    let callee = Callee::Func(func);
    if faults {
        let ok = f.add_block();
        let given = types.iter().map(|&t| Arg::Value(f.add_block_param(ok, t))).collect();
        f.set_term(ok, Terminator::Return(given), span);
        let unwind = f.add_block();
        let cause = f.add_block_param(unwind, Type::I32);
        f.set_term(unwind, Terminator::Unwind(cause), span);
        let results = (0..types.len() as u32).map(BlockArg::Result).collect();
        let call = Terminator::Call {
            callee,
            args: Vec::new(),
            dests: Vec::new(),
            ok: BlockCall { block: ok, args: results },
            unwind: BlockCall { block: unwind, args: vec![BlockArg::Cause] },
        };
        f.set_term(f.entry, call, span);
    } else {
        let call = InstKind::Call { callee, args: Vec::new(), dests: Vec::new() };
        let inst = f.add_inst(f.entry, call, &types, span);
        let given = f.insts[inst].results.iter().map(|&v| Arg::Value(v)).collect();
        f.set_term(f.entry, Terminator::Return(given), span);
    }
    Ok(module.funcs.push(f))
}

/// An error of the code generator in the form of the driver.
pub fn codegen_error(error: vitte_codegen::CodegenError) -> Error {
    let (code, text) = (error.code().to_owned(), error.to_string());
    let message = text.split_once(": ").map_or(text.clone(), |(_, rest)| rest.to_owned());
    if matches!(error, vitte_codegen::CodegenError::Internal { .. }) {
        return Error::Bug { stage: "codegen", message: text };
    }
    Error::Refused { stage: "codegen", code, message }
}

/// A file that cannot be written.
pub fn write_error(path: &Path, error: &std::io::Error) -> Error {
    Error::Write { path: path.to_owned(), reason: reason(error) }
}

/// The system's message without its number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}
