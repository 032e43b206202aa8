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
//!
//! A stable macro cannot warn, so a warning is the use of a deprecated constant at the first token
//! that it is about ([`Place::warnings`]). `allow(deprecated)` turns such warnings off.

mod options;
mod procs;
mod source;
mod types;

use crate::embed::source::Source;
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use std::path::PathBuf;
use syn::{Error, LitStr};
use vitte_lowering::build::{self, OpSizes};
use vitte_lowering::diagnostics::{Color, Diagnostic, Diagnostics, Severity, SourceMap, render};
use vitte_lowering::sema::{self, hir};
use vitte_lowering::{coroutine, ir, syntax};

/// Expands `vitte! { … }`.
pub(crate) fn inline(tokens: TokenStream) -> TokenStream {
    let (krate, tokens) = match options::of_source(tokens) {
        Ok(found) => found,
        Err(e) => return e.to_compile_error(),
    };
    let source = Source::new(tokens);
    let place = Place::Tokens(&source);
    let text = source.text.clone();
    expand(&krate, &source.path, text, &place).unwrap_or_else(|e| e.to_compile_error())
}

/// Expands `include_vitte!("file.vit")`.
pub(crate) fn include(tokens: TokenStream) -> TokenStream {
    let (krate, file) = match options::of_file(tokens) {
        Ok(found) => found,
        Err(e) => return e.to_compile_error(),
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
    match expand(&krate, &shown, text, &Place::Literal(&file)) {
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

    /// An item that makes rustc warn of what the checker warns of.
    fn warnings(&self, diagnostics: &Diagnostics, sources: &SourceMap) -> TokenStream {
        let all = diagnostics.iter().filter(|d| d.severity == Severity::Warning).map(|d| {
            let (lo, hi) = d.span().map_or((0, 0), |s| (s.lo, s.hi));
            let span = self.span(lo, hi);
            let text = match self {
                Place::Tokens(_) => text_of(d, sources),
                Place::Literal(_) => render(d, sources, Color::Plain).trim_end().to_owned(),
            };
            // rustc underlines the name of what is deprecated.
            let used = quote_spanned!(span=> vitte::warning);
            quote! {{
                mod vitte {
                    #[deprecated(note = #text)]
                    #[allow(non_upper_case_globals)]
                    pub const warning: () = ();
                }
                let () = #used;
            }}
        });
        let all: TokenStream = all.collect();
        if all.is_empty() { all } else { quote!(const _: () = { #all };) }
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

fn expand(
    krate: &TokenStream,
    path: &str,
    text: String,
    place: &Place<'_>,
) -> Result<TokenStream, Error> {
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
    let chosen = procs::chosen(&program, &exported, place)?;
    let ids: Vec<hir::ProcId> = chosen.iter().map(|c| c.id).collect();
    let sizes = OpSizes::default();
    let (module, entries) = build::build_entries(&program, &sources, &sizes, &ids)
        .map_err(|refused| place.errors(&refused, &sources))?;
    checked(&module, place)?;
    let functions = procs::functions(krate, &program, &chosen, &module, &entries, place)?;
    let warnings = place.warnings(&diagnostics, &sources);
    Ok(quote!(#warnings #functions))
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
