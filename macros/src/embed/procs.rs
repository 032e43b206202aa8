//! Which procedures Rust may call, and the functions that call them.

use super::Place;
use super::types::{Types, ident, pairs};
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeSet;
use syn::Error;
use vitte_lowering::diagnostics::Span;
use vitte_lowering::ir;
use vitte_lowering::sema::hir::{Proc, ProcId, ProcKind, Program};
use vitte_lowering::sema::types::TyId;
use vitte_lowering::syntax::ast::{File, ItemKind, Visibility};

/// What a file says about who may be called.
pub(super) struct Exported {
    /// Procedures of the top level.
    top: BTreeSet<String>,
    /// Those marked `export`, or named by an `export`.
    marked: BTreeSet<String>,
}

/// Reads the items of a file.
pub(super) fn exported(file: &File) -> Exported {
    let mut out = Exported { top: BTreeSet::new(), marked: BTreeSet::new() };
    for item in &file.items {
        match &item.kind {
            ItemKind::Proc(proc) => {
                out.top.insert(proc.name.name.clone());
                if item.visibility == Visibility::Shared {
                    out.marked.insert(proc.name.name.clone());
                }
            }
            ItemKind::Export(export) => {
                let last = |n: &vitte_lowering::syntax::ast::ExportName| {
                    n.path.segments.last().map(|s| s.name.clone())
                };
                out.marked.extend(export.names.iter().filter_map(last));
            }
            _ => {}
        }
    }
    out.marked.retain(|name| out.top.contains(name));
    out
}

/// A procedure that Rust may call.
pub(super) struct Chosen<'a> {
    pub(super) id: ProcId,
    proc: &'a Proc,
}

/// The procedures that Rust may call.
///
/// # Errors
///
/// There is none, or one is marked that cannot be called.
pub(super) fn chosen<'a>(
    program: &'a Program,
    exported: &Exported,
    place: &Place<'_>,
) -> Result<Vec<Chosen<'a>>, Error> {
    let names = if exported.marked.is_empty() { &exported.top } else { &exported.marked };
    let all = (0..).map(ProcId).zip(&program.procs);
    let mut out = vec![];
    for (id, proc) in all.filter(|(_, p)| names.contains(&p.name)) {
        let what = match (proc.kind, proc.generics.is_empty()) {
            (ProcKind::Stream, _) => "a stream",
            (_, false) => "generic",
            _ => {
                out.push(Chosen { id, proc });
                continue;
            }
        };
        if !exported.marked.is_empty() {
            let text = format!(
                "Rust cannot call `{}`: it is {what}\n  help: export a procedure without generic \
                 parameters that uses it",
                proc.name
            );
            return Err(Error::new(place.span(proc.span.lo, proc.span.hi), text));
        }
    }
    if out.is_empty() {
        let text = "there is no procedure that Rust could call\n  help: write one at the top level: \
                    `proc add(a: int, b: int) -> int { give a + b }`";
        return Err(Error::new(place.span(0, 0), text));
    }
    Ok(out)
}

/// The static with the IR, and the functions.
///
/// # Errors
///
/// A type in a signature that cannot cross.
pub(super) fn functions(
    krate: &TokenStream,
    program: &Program,
    chosen: &[Chosen<'_>],
    module: &ir::Module,
    entries: &[ir::Func],
    place: &Place<'_>,
) -> Result<TokenStream, Error> {
    let mut types = Types::new(program, krate, place.span(0, 0));
    let first = &chosen[0].proc.name;
    let module_name = ident(&format!("__vitte_module_of_{first}"), proc_macro2::Span::mixed_site());
    let mut functions = TokenStream::new();
    for (n, chosen) in chosen.iter().enumerate() {
        let proc = chosen.proc;
        let refused = |span: Span, what: &str| {
            let text = format!(
                "Rust cannot call `{}`: a `{what}` cannot cross between Vitte and Rust\n  help: use \
                 scalars, strings, lists, tuples, options, results, forms and picks, or mark the \
                 procedures that Rust shall call with `export`",
                proc.name
            );
            Error::new(place.span(span.lo, span.hi), text)
        };
        let name = ident(&proc.name, place.span(proc.span.lo, proc.span.hi));
        let result = types.rust(proc.result).map_err(|what| refused(proc.span, &what))?;
        let (mut params, mut values) = (vec![], vec![]);
        for local in &proc.body.locals[..proc.body.n_params as usize] {
            let name = ident(&local.name, place.span(local.span.lo, local.span.hi));
            if local.ty == TyId::STRING {
                params.push(quote!(#name: impl ::core::convert::Into<::std::string::String>));
                values.push(quote!(::core::convert::Into::into(#name)));
                continue;
            }
            let ty = types.rust(local.ty).map_err(|what| refused(local.span, &what))?;
            params.push(quote!(#name: #ty));
            values.push(quote!(#name));
        }
        let args = pairs(&values);
        let doc = format!("The Vitte procedure `{}`.", proc.name);
        functions.extend(match proc.kind {
            ProcKind::Async => quote! {
                #[doc = #doc]
                #[allow(dead_code, clippy::all, clippy::pedantic)]
                pub async fn #name(#(#params),*) -> #result {
                    #module_name.run(#n, #args).await
                }
            },
            _ => quote! {
                #[doc = #doc]
                #[allow(dead_code, clippy::all, clippy::pedantic)]
                #[track_caller]
                pub fn #name(#(#params),*) -> #result {
                    #module_name.call(#n, #args)
                }
            },
        });
    }
    let definitions = types.definitions().map_err(|(name, what)| {
        let text = format!("`{name}` holds a `{what}`, which cannot cross between Vitte and Rust");
        Error::new(place.span(0, 0), text)
    })?;
    let text = module.to_string();
    let names = entries.iter().map(|&f| module.funcs[f].name.as_str());
    Ok(quote! {
        #[doc(hidden)]
        #[allow(non_upper_case_globals)]
        static #module_name: #krate::__private::embed::Module =
            #krate::__private::embed::Module::new(#text, &[#(#names),*]);

        #definitions
        #functions
    })
}
