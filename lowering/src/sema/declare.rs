//! Fields, arms, members and signatures: what of items needs types.

use super::hir::{self, ProcId, ProcKind};
use super::items::{AdtSource, Cx, Later, Member, ParamInfo, TypeScope, generic_names};
use super::types::{AdtId, TyId, TyKind};
use crate::diagnostics::Diagnostic;
use crate::syntax::ast;

impl<'a> Cx<'a, '_> {
    /// Declares what had to wait for all names.
    pub(super) fn declare_later(&mut self, work: Later<'a>) {
        match work {
            Later::Signature { id, proc, generics, self_ty } => {
                self.signature(id, proc, generics, self_ty);
            }
            Later::Members { adt, members } => {
                let generics = self.adts[adt.0 as usize].generics.clone();
                let self_ty = self.adt_self(adt, &generics);
                self.members(adt, members, &generics, self_ty);
            }
            Later::Impl { module, item } => {
                let generics = generic_names(&item.generics);
                let scope = TypeScope { module, generics: &generics, self_ty: None };
                let ty = self.type_of(&item.ty, scope);
                match *self.types.kind(ty) {
                    TyKind::Adt(adt, _) => self.members(adt, &item.members, &generics, ty),
                    TyKind::Error => {}
                    _ => self
                        .unsupported("an `impl` for a type that is no form or pick", item.ty.span),
                }
            }
        }
    }

    /// The type of `self` inside a form or pick.
    fn adt_self(&mut self, adt: AdtId, generics: &[String]) -> TyId {
        let args = generics
            .iter()
            .enumerate()
            .map(|(index, name)| {
                self.types.intern(TyKind::Param { index: index as u32, name: name.clone() })
            })
            .collect();
        self.types.intern(TyKind::Adt(adt, args))
    }

    fn members(
        &mut self,
        adt: AdtId,
        members: &'a [ast::Item],
        generics: &[String],
        self_ty: TyId,
    ) {
        let (module, owner) = {
            let info = &self.adts[adt.0 as usize];
            (info.module, info.name.clone())
        };
        for item in members {
            let (name, member) = match &item.kind {
                ast::ItemKind::Proc(proc) => {
                    let id = self.add_proc(module, proc, &format!("{owner}.{}", proc.name.name));
                    self.signature(id, proc, generics.to_vec(), Some(self_ty));
                    (&proc.name, Member::Proc(id))
                }
                ast::ItemKind::Const(item) => {
                    let id = self.add_const(module, item, Some(self_ty));
                    (&item.name, Member::Const(id))
                }
                ast::ItemKind::Error => continue,
                _ => {
                    self.unsupported("this item as a member", item.span);
                    continue;
                }
            };
            let methods = &mut self.adts[adt.0 as usize].methods;
            if methods.contains_key(&name.name) {
                let title = format!("`{owner}` has two members named `{}`", name.name);
                self.diags.push(
                    Diagnostic::error("SEMA_E_DUPLICATE", title)
                        .at(name.span, "declared again here")
                        .help("give one of them another name"),
                );
            } else {
                methods.insert(name.name.clone(), member);
            }
        }
    }

    /// Resolves the types of fields and payloads.
    pub(super) fn adt_bodies(&mut self, first: usize) {
        for at in first..self.adts.len() {
            let info = &self.adts[at];
            let (source, module, generics) = (info.source, info.module, info.generics.clone());
            let scope = TypeScope { module, generics: &generics, self_ty: None };
            let kind = match source {
                AdtSource::Std => continue,
                AdtSource::Form(form) => {
                    let mut fields: Vec<hir::Field> = Vec::new();
                    for field in &form.fields {
                        let ty = self.stored_type(&field.ty, scope);
                        if fields.iter().any(|known| known.name == field.name.name) {
                            self.twice(&field.name, "field");
                        }
                        fields.push(hir::Field { name: field.name.name.clone(), ty });
                    }
                    hir::AdtKind::Form(fields)
                }
                AdtSource::Pick(pick) => {
                    let mut variants: Vec<hir::Variant> = Vec::new();
                    let mut number = 0_i64;
                    for arm in &pick.arms {
                        let payload = arm
                            .payload
                            .iter()
                            .enumerate()
                            .map(|(at, part)| hir::Field {
                                name: part
                                    .name
                                    .as_ref()
                                    .map_or_else(|| at.to_string(), |name| name.name.clone()),
                                ty: self.stored_type(&part.ty, scope),
                            })
                            .collect();
                        if variants.iter().any(|known| known.name == arm.name.name) {
                            self.twice(&arm.name, "arm");
                        }
                        if let Some(tag) = &arm.tag {
                            number = self.const_int(module, tag, "tag").unwrap_or(number);
                        }
                        let name = arm.name.name.clone();
                        variants.push(hir::Variant { name, payload, number });
                        number = number.wrapping_add(1);
                    }
                    hir::AdtKind::Pick(variants)
                }
            };
            self.adts[at].kind = kind;
        }
    }

    fn twice(&mut self, name: &ast::Ident, what: &str) {
        self.diags.push(
            Diagnostic::error("SEMA_E_DUPLICATE", format!("two {what}s are named `{}`", name.name))
                .at(name.span, "declared again here")
                .help("give one of them another name"),
        );
    }

    /// Resolves the types of a procedure, and queues its body.
    fn signature(
        &mut self,
        id: ProcId,
        proc: &'a ast::Proc,
        mut generics: Vec<String>,
        self_ty: Option<TyId>,
    ) {
        generics.extend(generic_names(&proc.generics));
        for param in &proc.generics {
            if matches!(param.kind, ast::GenericParamKind::Const { .. }) {
                self.unsupported("a constant generic parameter", param.span);
            }
        }
        let module = self.procs[id.0 as usize].module;
        let scope = TypeScope { module, generics: &generics, self_ty };
        let mut params = Vec::new();
        if let (Some(receiver), Some(ty)) = (&proc.receiver, self_ty) {
            params.push(ParamInfo {
                name: "self".to_owned(),
                ty,
                owned: false,
                default: None,
                pattern: None,
                span: receiver.span,
            });
        } else if let Some(receiver) = &proc.receiver {
            self.diags.push(
                Diagnostic::error("SEMA_E_SELF", "`self` outside a form, pick or impl")
                    .at(receiver.span, "there is no type this could be")
                    .help("name the parameter and write its type"),
            );
        }
        for param in &proc.params {
            if param.variadic {
                self.unsupported("a variadic parameter", param.span);
            }
            let mut ty = match &param.ty {
                Some(ty) => self.param_type(ty, scope),
                None => {
                    self.diags.push(
                        Diagnostic::error("TYPECK_E_ANNOTATION", "a parameter needs a type")
                            .at(param.span, "its type is missing")
                            .help("write `name: T`"),
                    );
                    TyId::ERROR
                }
            };
            if matches!(param.mode, ast::ParamMode::Ref | ast::ParamMode::Borrow)
                && !matches!(self.types.kind(ty), TyKind::Ref { .. } | TyKind::Error)
            {
                ty = self.types.intern(TyKind::Ref { mutable: false, target: ty });
            }
            if proc.is_async() && matches!(self.types.kind(ty), TyKind::Ref { .. }) {
                self.diags.push(
                    Diagnostic::error("HIRASYNC0005", "an async procedure cannot take a reference")
                        .at(param.span, "this would have to live across its awaits")
                        .note("a future can outlive the local that is referred to")
                        .help("take the value itself; lists and forms are shared, not copied"),
                );
            }
            let name = match &param.pattern.kind {
                ast::PatternKind::Bind { name, .. } => name.name.clone(),
                _ => "<pattern>".to_owned(),
            };
            params.push(ParamInfo {
                name,
                ty,
                owned: matches!(param.mode, ast::ParamMode::Owned | ast::ParamMode::Move),
                default: param.default.as_ref(),
                pattern: Some(&param.pattern),
                span: param.span,
            });
        }
        let mut result = match &proc.result {
            Some(ty) => self.stored_or_stream(ty, scope),
            None => TyId::UNIT,
        };
        let mut kind = if proc.is_async() { ProcKind::Async } else { ProcKind::Sync };
        if let (ProcKind::Async, TyKind::Stream(item)) = (kind, self.types.kind(result)) {
            (result, kind) = (*item, ProcKind::Stream);
        }
        if proc.modifiers.abi.is_some() {
            self.unsupported("a procedure with a foreign calling convention", proc.head);
        }
        let info = &mut self.procs[id.0 as usize];
        info.has_self = proc.receiver.is_some() && self_ty.is_some();
        info.generics = generics;
        info.params = params;
        info.result = result;
        info.kind = kind;
        info.self_ty = self_ty;
        if proc.body.is_some() {
            self.queue.push_back(id);
        } else {
            self.unsupported("a procedure without a body", proc.head);
        }
    }
}
