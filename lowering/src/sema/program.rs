//! The tables as a finished program.

use super::hir::{self, ProcId, ProcKind};
use super::items::{Cx, Def};
use super::types::{TyId, TyKind};
use crate::diagnostics::Diagnostic;

impl Cx<'_, '_> {
    /// Gives the program, if nothing was wrong.
    pub(super) fn into_program(mut self) -> Option<hir::Program> {
        let main = self.find_main();
        if self.diags.has_errors() {
            return None;
        }
        let mut procs = Vec::new();
        for info in self.procs {
            procs.push(hir::Proc {
                name: info.name,
                space: self.modules.get(info.module as usize)?.space.clone(),
                generics: info.generics,
                kind: info.kind,
                result: info.result,
                body: info.body?,
                span: info.span,
            });
        }
        let statics = self
            .statics
            .into_iter()
            .map(|info| hir::Static {
                name: info.item.name.name.clone(),
                ty: info.ty,
                mutable: info.item.mutable,
                init: info.init,
                span: info.item.name.span,
            })
            .collect();
        let adts = self
            .adts
            .into_iter()
            .map(|info| hir::Adt {
                name: info.name,
                generics: info.generics,
                kind: info.kind,
                span: info.span,
            })
            .collect();
        Some(hir::Program { types: self.types, adts, procs, statics, main, tests: self.tests })
    }

    fn find_main(&mut self) -> Option<ProcId> {
        let mut found: Option<ProcId> = None;
        for at in 0..self.modules.len() {
            let Some(Def::Proc(id)) = self.modules[at].names.get("main").copied() else { continue };
            let info = &self.procs[id.0 as usize];
            if info.module as usize != at {
                continue;
            }
            if let Some(first) = found {
                let first = self.procs[first.0 as usize].span;
                self.diags.push(
                    Diagnostic::error("SEMA_E_BAD_MAIN", "two procedures are named `main`")
                        .at(info.span, "a program starts at one place")
                        .also(first, "the other one"),
                );
                continue;
            }
            found = Some(id);
            let args_fit = match info.params.as_slice() {
                [] => true,
                [one] => *self.types.kind(one.ty) == TyKind::List(TyId::STRING),
                _ => false,
            };
            let result_fits = matches!(info.result, TyId::INT | TyId::UNIT | TyId::ERROR);
            let kind_fits = info.kind != ProcKind::Stream && info.generics.is_empty();
            if !(args_fit && result_fits && kind_fits) {
                self.diags.push(
                    Diagnostic::error(
                        "SEMA_E_BAD_MAIN",
                        "`main` has a form it cannot be started in",
                    )
                    .at(info.span, "this is where the program starts")
                    .note("it takes nothing or the list of arguments, and gives the exit code")
                    .help("write `proc main() -> int` or `proc main(args: [string]) -> int`"),
                );
            }
        }
        found
    }
}
