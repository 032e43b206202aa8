//! Types as they are written, to types.
//!
//! In: [`ast::TypeExpr`]s and what names mean there. Out: [`TyId`]s. Each place that takes a type
//! says what it can hold: references are for parameters and locals, futures are not stored.

use super::items::{Cx, Def, TypeScope};
use super::std::{SEND_ERROR, TASK_ERROR, TASK_STATE, TIMEOUT};
use super::types::{IntTy, TyId, TyKind};
use crate::diagnostics::{Diagnostic, Span};
use crate::syntax::ast;

impl<'a> Cx<'a, '_> {
    /// The type of something that is kept: a field, payload, element or result.
    pub(super) fn stored_type(&mut self, ty: &'a ast::TypeExpr, scope: TypeScope<'_>) -> TyId {
        let id = self.type_of(ty, scope);
        self.check_stored(id, ty.span)
    }

    /// The type of a result, which may be a future or stream itself.
    pub(super) fn stored_or_stream(&mut self, ty: &'a ast::TypeExpr, scope: TypeScope<'_>) -> TyId {
        let id = self.type_of(ty, scope);
        match *self.types.kind(id) {
            TyKind::Stream(inner) | TyKind::Future(inner) => {
                if self.check_stored(inner, ty.span) == TyId::ERROR { TyId::ERROR } else { id }
            }
            _ => self.check_stored(id, ty.span),
        }
    }

    /// The type of a parameter or local, which may be a reference, future or stream.
    pub(super) fn param_type(&mut self, ty: &'a ast::TypeExpr, scope: TypeScope<'_>) -> TyId {
        let id = self.type_of(ty, scope);
        match *self.types.kind(id) {
            TyKind::Ref { target: inner, .. } | TyKind::Stream(inner) | TyKind::Future(inner) => {
                if self.check_stored(inner, ty.span) == TyId::ERROR {
                    TyId::ERROR
                } else {
                    id
                }
            }
            TyKind::TaskScope => id,
            _ => self.check_stored(id, ty.span),
        }
    }

    /// Reports a type that cannot be kept in another.
    pub(super) fn check_stored(&mut self, ty: TyId, span: Span) -> TyId {
        if let Some((key, what, help)) = self.not_storable(ty) {
            self.diags.push(
                Diagnostic::error(key, format!("{what} cannot be stored"))
                    .at(span, format!("`{}` cannot stand here", self.types.name(ty)))
                    .note("it belongs to one place, which must be able to end it")
                    .help(help),
            );
            return TyId::ERROR;
        }
        ty
    }

    /// Says what in a type cannot be stored, if anything.
    pub(super) fn not_storable(
        &self,
        ty: TyId,
    ) -> Option<(&'static str, &'static str, &'static str)> {
        if let TyKind::Proc { params, result, .. } = self.types.kind(ty) {
            // References are fine as parameters of a procedure value.
            let plain = params.iter().all(|&param| match self.types.kind(param) {
                TyKind::Ref { target, .. } => self.not_storable(*target).is_none(),
                _ => self.not_storable(param).is_none(),
            });
            if plain {
                return self.not_storable(*result);
            }
        }
        match self.types.kind(ty) {
            TyKind::Ref { .. } => Some((
                "TYPECK_E_REF_ESCAPES",
                "a reference",
                "use the type itself; lists and forms are shared, not copied",
            )),
            TyKind::Future(_) | TyKind::Stream(_) => Some((
                "TYPECK_E_FUTURE_STORED",
                "a future or stream",
                "`spawn` it: a `Task[T]` can be kept anywhere",
            )),
            TyKind::TaskScope => Some((
                "TYPECK_E_FUTURE_STORED",
                "a task scope",
                "pass it to procedures instead; it ends with its block",
            )),
            _ => self.types.parts(ty).into_iter().find_map(|part| self.not_storable(part)),
        }
    }

    /// Resolves a type, whatever it can hold.
    pub(super) fn type_of(&mut self, ty: &'a ast::TypeExpr, scope: TypeScope<'_>) -> TyId {
        match &ty.kind {
            ast::TypeKind::Named { path, args } => self.named_type(path, args, scope),
            ast::TypeKind::Optional(inner) => {
                let inner = self.type_of(inner, scope);
                if inner == TyId::ERROR { inner } else { self.types.option(inner) }
            }
            ast::TypeKind::Array { element, len } => {
                let element = self.type_of(element, scope);
                match self.array_len(len, scope.module) {
                    Some(n) if element != TyId::ERROR => {
                        self.types.intern(TyKind::Array(element, n))
                    }
                    _ => TyId::ERROR,
                }
            }
            ast::TypeKind::List(elem) => {
                let elem = self.type_of(elem, scope);
                if elem == TyId::ERROR { elem } else { self.types.list(elem) }
            }
            ast::TypeKind::Tuple(elems) => {
                let elems: Vec<TyId> = elems.iter().map(|elem| self.type_of(elem, scope)).collect();
                if elems.contains(&TyId::ERROR) { TyId::ERROR } else { self.types.tuple(elems) }
            }
            ast::TypeKind::Proc { is_async, params, result } => {
                let params: Vec<TyId> =
                    params.iter().map(|param| self.type_of(&param.ty, scope)).collect();
                let result = match result {
                    Some(result) => self.type_of(result, scope),
                    None => TyId::UNIT,
                };
                if result == TyId::ERROR || params.contains(&TyId::ERROR) {
                    return TyId::ERROR;
                }
                self.types.intern(TyKind::Proc { is_async: *is_async, params, result })
            }
            ast::TypeKind::Ref { mutable, target, .. } => {
                let target = self.type_of(target, scope);
                if target == TyId::ERROR {
                    return target;
                }
                self.types.intern(TyKind::Ref { mutable: *mutable, target })
            }
            ast::TypeKind::Qualified { qualifier, target } if qualifier.name == "owned" => {
                self.type_of(target, scope)
            }
            ast::TypeKind::Pointer { .. } => self.no_type("a raw pointer", ty.span),
            ast::TypeKind::Qualified { qualifier, .. } => {
                let what = format!("a type with `{}`", qualifier.name);
                self.no_type(&what, ty.span)
            }
            ast::TypeKind::Bounds { .. } => self.no_type("a `dyn` or `impl` type", ty.span),
            ast::TypeKind::Union(_) => self.no_type("a union of types", ty.span),
            ast::TypeKind::Const(_) => self.no_type("a number as a type argument", ty.span),
            ast::TypeKind::Infer => {
                self.diags.push(
                    Diagnostic::error("TYPECK_E_ANNOTATION", "`_` says too little here")
                        .at(ty.span, "the type must be written")
                        .help("write the type, or leave the whole annotation out"),
                );
                TyId::ERROR
            }
            ast::TypeKind::Error => TyId::ERROR,
        }
    }

    /// The length of an array: a constant that is not negative.
    pub(super) fn array_len(&mut self, len: &'a ast::Expr, module: u32) -> Option<u64> {
        let n = self.const_int(module, len, "length")?;
        let fits = u64::try_from(n).ok();
        if fits.is_none() {
            self.diags.push(
                Diagnostic::error("TYPECK_E_ARRAY_LEN", "the length of an array is negative")
                    .at(len.span, format!("this is {n}"))
                    .help("write how many elements it has: `[int; 4]`"),
            );
        }
        fits
    }

    fn no_type(&mut self, what: &str, span: Span) -> TyId {
        self.unsupported(what, span);
        TyId::ERROR
    }

    fn named_type(
        &mut self,
        path: &'a ast::Path,
        args: &'a [ast::TypeExpr],
        scope: TypeScope<'_>,
    ) -> TyId {
        let [segments @ .., last] = path.segments.as_slice() else { return TyId::ERROR };
        let name = last.name.as_str();
        if name.is_empty() {
            return TyId::ERROR;
        }
        let def = if segments.is_empty() {
            if let Some(index) = scope.generics.iter().position(|known| known == name) {
                let kind = TyKind::Param { index: index as u32, name: name.to_owned() };
                return self.types.intern(kind);
            }
            if let ("Self", Some(ty)) = (name, scope.self_ty) {
                return ty;
            }
            self.modules[scope.module as usize].names.get(name).copied()
        } else {
            let parent = self.path_def(segments, scope.module);
            let found = parent.and_then(|parent| self.module_member(parent, name));
            if found.is_none() {
                self.unknown_type(&path.text(), path.span);
                return TyId::ERROR;
            }
            found
        };
        match def {
            Some(Def::Adt(adt)) => {
                let n_generics = self.adts[adt.0 as usize].generics.len();
                let args = self.type_args(path, args, n_generics, scope);
                args.map_or(TyId::ERROR, |args| self.types.intern(TyKind::Adt(adt, args)))
            }
            Some(Def::Alias(alias)) => self.alias(alias, path, args, scope),
            Some(Def::StdType(name)) => self.std_type(name, path, args, scope),
            Some(Def::Error) => TyId::ERROR,
            Some(Def::Trait) => self.no_type("a trait as a type", path.span),
            // A procedure may have the name of a type.
            Some(_) if segments.is_empty() && STD_TYPES.contains(&name) => {
                self.std_type(name, path, args, scope)
            }
            Some(_) => {
                self.diags.push(
                    Diagnostic::error("SEMA_E_NOT_A_TYPE", format!("`{name}` is not a type"))
                        .at(path.span, "a type is needed here")
                        .help("name a form, a pick or a type of the language"),
                );
                TyId::ERROR
            }
            None => self.std_type(name, path, args, scope),
        }
    }

    /// Finds what the names before the last one of a path stand for.
    pub(super) fn path_def(&self, segments: &[ast::Ident], module: u32) -> Option<Def> {
        let (first, rest) = segments.split_first()?;
        let mut def = self.modules[module as usize].names.get(&first.name).copied()?;
        for segment in rest {
            def = self.module_member(def, &segment.name)?;
        }
        Some(def)
    }

    fn alias(
        &mut self,
        alias: u32,
        path: &'a ast::Path,
        args: &'a [ast::TypeExpr],
        scope: TypeScope<'_>,
    ) -> TyId {
        let info = &mut self.aliases[alias as usize];
        let (item, module) = (info.item, info.module);
        if info.busy {
            self.diags.push(
                Diagnostic::error(
                    "SEMA_E_RECURSIVE_TYPE",
                    format!("the type `{}` stands for itself", item.name.name),
                )
                .at(path.span, "which needs the type that is being defined")
                .help("make it a form or pick: those may contain themselves"),
            );
            return TyId::ERROR;
        }
        let Some(ty) = &item.ty else { return TyId::ERROR };
        let generics: Vec<String> = item.generics.iter().map(|g| g.name.name.clone()).collect();
        let Some(args) = self.type_args(path, args, generics.len(), scope) else {
            return TyId::ERROR;
        };
        self.aliases[alias as usize].busy = true;
        let inner = self.type_of(ty, TypeScope { module, generics: &generics, self_ty: None });
        self.aliases[alias as usize].busy = false;
        self.types.subst(inner, &args)
    }

    fn type_args(
        &mut self,
        path: &'a ast::Path,
        args: &'a [ast::TypeExpr],
        wanted: usize,
        scope: TypeScope<'_>,
    ) -> Option<Vec<TyId>> {
        let types: Vec<TyId> = args.iter().map(|arg| self.type_of(arg, scope)).collect();
        if types.len() == wanted {
            let bad = types.contains(&TyId::ERROR);
            return (!bad).then_some(types);
        }
        self.wrong_type_args(&path.text(), wanted, types.len(), path.span);
        None
    }

    /// Reports a wrong number of type arguments.
    pub(super) fn wrong_type_args(&mut self, name: &str, wanted: usize, given: usize, span: Span) {
        self.diags.push(
            Diagnostic::error(
                "TYPECK_E_TYPE_ARGS",
                format!("`{name}` takes {wanted} type argument(s), not {given}"),
            )
            .at(span, "their number is wrong")
            .help("write one type for each generic parameter, in brackets: `Name[int]`"),
        );
    }

    fn std_type(
        &mut self,
        name: &str,
        path: &'a ast::Path,
        args: &'a [ast::TypeExpr],
        scope: TypeScope<'_>,
    ) -> TyId {
        let fixed = match name {
            "int" | "i64" => Some(TyId::INT),
            "i8" => Some(self.types.intern(TyKind::Int(IntTy::I8))),
            "i16" => Some(self.types.intern(TyKind::Int(IntTy::I16))),
            "i32" => Some(self.types.intern(TyKind::Int(IntTy::I32))),
            "u8" => Some(TyId::U8),
            "u16" => Some(self.types.intern(TyKind::Int(IntTy::U16))),
            "u32" => Some(self.types.intern(TyKind::Int(IntTy::U32))),
            "u64" => Some(self.types.intern(TyKind::Int(IntTy::U64))),
            "usize" => Some(self.types.intern(TyKind::Int(IntTy::Usize))),
            "f32" => Some(self.types.intern(TyKind::F32)),
            "f64" | "float" => Some(TyId::F64),
            "bool" => Some(TyId::BOOL),
            "char" => Some(TyId::CHAR),
            "string" => Some(TyId::STRING),
            "bytes" => Some(TyId::BYTES),
            "unit" => Some(TyId::UNIT),
            "never" => Some(TyId::NEVER),
            "TaskError" => Some(self.types.intern(TyKind::Adt(TASK_ERROR, Vec::new()))),
            "Timeout" => Some(self.types.intern(TyKind::Adt(TIMEOUT, Vec::new()))),
            "SendError" => Some(self.types.intern(TyKind::Adt(SEND_ERROR, Vec::new()))),
            "TaskState" => Some(self.types.intern(TyKind::Adt(TASK_STATE, Vec::new()))),
            "TcpListener" => Some(self.types.intern(TyKind::TcpListener)),
            "TcpStream" => Some(self.types.intern(TyKind::TcpStream)),
            "TaskScope" => Some(self.types.intern(TyKind::TaskScope)),
            _ => None,
        };
        let wanted = match name {
            _ if fixed.is_some() => 0,
            "Option" | "Future" | "stream" | "Task" | "Channel" | "list" => 1,
            "Result" => 2,
            "i128" | "u128" | "isize" | "map" | "set" => {
                let what = format!("the type `{name}`");
                return self.no_type(&what, path.span);
            }
            _ => {
                self.unknown_type(&path.text(), path.span);
                return TyId::ERROR;
            }
        };
        let Some(args) = self.type_args(path, args, wanted, scope) else { return TyId::ERROR };
        if let Some(ty) = fixed {
            return ty;
        }
        let kind = match name {
            "Option" => TyKind::Option(args[0]),
            "Future" => TyKind::Future(args[0]),
            "stream" => TyKind::Stream(args[0]),
            "Task" => TyKind::Task(args[0]),
            "Channel" => TyKind::Channel(args[0]),
            "list" => TyKind::List(args[0]),
            _ => TyKind::Result(args[0], args[1]),
        };
        self.types.intern(kind)
    }

    fn unknown_type(&mut self, name: &str, span: Span) {
        let mut diag =
            Diagnostic::error("SEMA_E_UNRESOLVED_TYPE", format!("there is no type `{name}`"))
                .at(span, "nothing here is named so");
        diag = match name {
            "str" | "String" | "text" => diag.help("text is `string`"),
            "i" | "integer" | "Int" => diag.help("whole numbers are `int`"),
            "boolean" | "Bool" => diag.help("truth values are `bool`"),
            "void" => diag.help("leave the result out, or write `unit`"),
            "double" | "Float" => diag.help("floating-point numbers are `f64`"),
            _ => diag.help("declare it as `form` or `pick`, or `use` the module that has it"),
        };
        self.diags.push(diag);
    }
}

/// Types of the language that have plain names, which procedures like to have, too.
const STD_TYPES: [&str; 5] = ["stream", "list", "bytes", "string", "unit"];

/// The integer type of a name.
pub(super) fn int_name(name: &str) -> Option<IntTy> {
    Some(match name {
        "int" | "i64" => IntTy::I64,
        "i8" => IntTy::I8,
        "i16" => IntTy::I16,
        "i32" => IntTy::I32,
        "u8" => IntTy::U8,
        "u16" => IntTy::U16,
        "u32" => IntTy::U32,
        "u64" => IntTy::U64,
        "usize" => IntTy::Usize,
        _ => return None,
    })
}
