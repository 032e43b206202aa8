//! `vitte!` and `include_vitte!`: Vitte source as typed Rust functions.
//!
//! ```text
//!  tokens ─source─► text ─┐
//!  literal ─► file ───────┴► parse, check (sema) ─► build ─► verify, transform ─► IR as text
//!                                  │                                                 │
//!                               types: signatures, structs, enums ──► functions ◄────┘
//! ```
//!
//! In: Vitte source. Out: a static with the IR of what can be called, and one Rust function for each
//! procedure: those marked `export`, or all of the top level without generic parameters if none is.
//! Every diagnostic is shown at its token; of an included file, as text with path, line and column.
//!
//! The transform runs here to find what it refuses; its result depends on sizes that only the final
//! program knows and is made again there.

mod procs;
mod source;
mod types;

use crate::embed::source::Source;
use proc_macro2::{Span, TokenStream};
use quote::quote;
use std::path::PathBuf;
use syn::{Error, LitStr};
use vitte_lowering::build::{self, OpSizes};
use vitte_lowering::diagnostics::{Color, Diagnostic, Diagnostics, Severity, SourceMap, render};
use vitte_lowering::sema::{self, hir};
use vitte_lowering::{coroutine, ir, syntax};

/// Expands `vitte! { … }`.
pub(crate) fn inline(tokens: TokenStream) -> TokenStream {
    let source = Source::new(tokens);
    let place = Place::Tokens(&source);
    expand(&source.path, source.text.clone(), &place).unwrap_or_else(|e| e.to_compile_error())
}

/// Expands `include_vitte!("file.vit")`.
pub(crate) fn include(tokens: TokenStream) -> TokenStream {
    let file = match syn::parse2::<LitStr>(tokens.clone()) {
        Ok(file) => file,
        Err(e) => {
            let text =
                "`include_vitte!` takes the path of a Vitte file: `include_vitte!(\"jobs.vit\")`";
            let span = tokens.into_iter().next().map_or(e.span(), |t| t.span());
            return Error::new(span, text).to_compile_error();
        }
    };
    let path = beside(&file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) => {
            let text = format!(
                "cannot read `{}`: {}\n  help: the path is relative to this Rust file",
                path.display(),
                reason(&e)
            );
            return Error::new(file.span(), text).to_compile_error();
        }
    };
    // Names the file, so that a change of it builds this again.
    let watched = quote!(
        const _: &[u8] = ::core::include_bytes!(#file);
    );
    let shown = path.display().to_string();
    match expand(&shown, text, &Place::Literal(&file)) {
        Ok(tokens) => quote!(#watched #tokens),
        Err(e) => {
            let error = e.to_compile_error();
            quote!(#watched #error)
        }
    }
}

/// The file that a path in the source means: as for `include_str!`, relative to the Rust file.
fn beside(file: &LitStr) -> PathBuf {
    let folder = file.span().local_file().and_then(|f| f.parent().map(PathBuf::from));
    folder.unwrap_or_default().join(file.value())
}

/// The system's message without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Where errors are shown.
enum Place<'a> {
    Tokens(&'a Source),
    Literal(&'a LitStr),
}

impl Place<'_> {
    fn span(&self, lo: u32, hi: u32) -> Span {
        match self {
            Place::Tokens(source) => source.tokens_at(lo, hi).0,
            Place::Literal(file) => file.span(),
        }
    }

    /// One error for all that is wrong.
    fn errors(&self, diagnostics: &Diagnostics, sources: &SourceMap) -> Error {
        let wrong = diagnostics.iter().filter(|d| d.severity == Severity::Error);
        match self {
            Place::Literal(file) => {
                let all: Vec<String> =
                    wrong.map(|d| render(d, sources, Color::Plain).trim_end().to_owned()).collect();
                Error::new(file.span(), all.join("\n\n"))
            }
            Place::Tokens(source) => {
                let one = |d: &Diagnostic| {
                    let (lo, hi) = d.span().map_or((0, 0), |s| (s.lo, s.hi));
                    let (first, last) = source.tokens_at(lo, hi);
                    let marks: TokenStream =
                        [source::mark(first), source::mark(last)].into_iter().collect();
                    Error::new_spanned(marks, text_of(d, sources))
                };
                let all = wrong.map(one).reduce(|mut all, next| {
                    all.combine(next);
                    all
                });
                all.unwrap_or_else(|| Error::new(Span::call_site(), "this is no Vitte program"))
            }
        }
    }
}

/// A diagnostic as one text, without its place.
fn text_of(d: &Diagnostic, sources: &SourceMap) -> String {
    let mut text = d.title.clone();
    if let Some(label) = d.primary.as_ref().filter(|l| !l.text.is_empty()) {
        text.push_str(&format!(": {}", label.text));
    }
    text.push_str(&format!(" [{}]", d.key));
    for label in &d.secondary {
        let line = sources.get(label.span.file).map_or(0, |f| f.position(label.span.lo).line);
        text.push_str(&format!("\n  note: line {line}: {}", label.text));
    }
    d.notes.iter().for_each(|n| text.push_str(&format!("\n  note: {n}")));
    d.helps.iter().for_each(|h| text.push_str(&format!("\n  help: {h}")));
    text
}

fn expand(path: &str, text: String, place: &Place<'_>) -> Result<TokenStream, Error> {
    let mut sources = SourceMap::new();
    let id = sources.add(path.to_owned(), text);
    let mut diagnostics = Diagnostics::new();
    let text = sources.get(id).map_or("", |file| file.text());
    let file = syntax::parse(id, text, &mut diagnostics);
    let exported = procs::exported(&file);
    let files = [(id, file)];
    let program = sema::check(&files, &sources, &mut diagnostics);
    diagnostics.sort();
    let program = match program {
        Some(program) if !diagnostics.has_errors() => program,
        _ => return Err(place.errors(&diagnostics, &sources)),
    };
    let krate = quote!(::vitte);
    let chosen = procs::chosen(&program, &exported, place)?;
    let ids: Vec<hir::ProcId> = chosen.iter().map(|c| c.id).collect();
    let sizes = OpSizes::default();
    let (module, entries) = build::build_entries(&program, &sources, &sizes, &ids)
        .map_err(|refused| place.errors(&refused, &sources))?;
    checked(&module, place)?;
    procs::functions(&krate, &program, &chosen, &module, &entries, place)
}

/// What would fail in the final program fails here.
fn checked(module: &ir::Module, place: &Place<'_>) -> Result<(), Error> {
    let at = place.span(0, 0);
    if let Err(violations) = ir::verify(module) {
        let text = format!("bug in the Vitte frontend: {}", violations[0]);
        return Err(Error::new(at, text));
    }
    match coroutine::lower(module) {
        Ok(_) => Ok(()),
        Err(errors) => {
            let all: Vec<String> =
                errors.iter().map(|e| format!("{} [{}]", e.message, e.code)).collect();
            Err(Error::new(at, all.join("\n")))
        }
    }
}
