//! Modules and items: who is who.
//!
//! In: the files. Out: [`Cx`], the tables that bodies are checked against: names of every module,
//! fields, arms and methods of types, signatures of procedures.
//!
//! Order: std's picks, then the names of all modules, then uses, then types and signatures, as
//! each may refer to anything before.

use super::hir::{self, ProcId, ProcKind, StaticId};
use super::std::{self as library, STD_PICKS, StdProc};
use super::types::{AdtId, TyId, TyKind, Types};
use crate::diagnostics::{Diagnostic, Diagnostics, SourceId, SourceMap, Span};
use crate::syntax::ast;
use std::collections::{BTreeMap, VecDeque};

/// What a name stands for, locals apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Def {
    /// A procedure.
    Proc(ProcId),
    /// A form or pick.
    Adt(AdtId),
    /// A constant, in [`Cx::consts`].
    Const(u32),
    /// A static.
    Static(StaticId),
    /// A type alias, in [`Cx::aliases`].
    Alias(u32),
    /// A trait, in which nothing is looked up.
    Trait,
    /// A module, in [`Cx::modules`].
    Module(u32),
    /// A module of std.
    StdModule(&'static str),
    /// A procedure of std.
    Std(StdProc),
    /// A type of std, by its name.
    StdType(&'static str),
    /// Something reported when declared.
    Error,
}

/// A module: the names one file declares and uses.
#[derive(Debug, Default)]
pub(super) struct Module<'a> {
    pub(super) space: String,
    pub(super) names: BTreeMap<String, Def>,
    spans: BTreeMap<String, Span>,
    uses: Vec<&'a ast::Use>,
}

/// A form or pick.
#[derive(Debug)]
pub(super) struct AdtInfo<'a> {
    pub(super) name: String,
    pub(super) generics: Vec<String>,
    pub(super) source: AdtSource<'a>,
    pub(super) module: u32,
    pub(super) span: Span,
    pub(super) kind: hir::AdtKind,
    pub(super) methods: BTreeMap<String, Member>,
}

/// Where a form or pick comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum AdtSource<'a> {
    /// Declared in std.
    Std,
    /// A form.
    Form(&'a ast::FormItem),
    /// A pick.
    Pick(&'a ast::PickItem),
}

/// A member of a form or pick.
#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    /// A procedure.
    Proc(ProcId),
    /// A constant.
    Const(u32),
}

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct ParamInfo<'a> {
    pub(super) name: String,
    pub(super) ty: TyId,
    pub(super) owned: bool,
    pub(super) default: Option<&'a ast::Expr>,
    pub(super) pattern: Option<&'a ast::Pattern>,
    pub(super) span: Span,
}

/// A procedure.
#[derive(Debug)]
pub(super) struct ProcInfo<'a> {
    pub(super) name: String,
    pub(super) module: u32,
    pub(super) generics: Vec<String>,
    pub(super) params: Vec<ParamInfo<'a>>,
    pub(super) result: TyId,
    pub(super) kind: ProcKind,
    pub(super) self_ty: Option<TyId>,
    pub(super) has_self: bool,
    pub(super) source: Option<&'a ast::Block>,
    pub(super) body: Option<hir::Body>,
    pub(super) span: Span,
}

/// A constant.
#[derive(Debug)]
pub(super) struct ConstInfo<'a> {
    pub(super) item: &'a ast::ConstItem,
    pub(super) module: u32,
    pub(super) self_ty: Option<TyId>,
    pub(super) state: ConstState,
}

/// How far a constant is.
#[derive(Clone, Debug)]
pub(super) enum ConstState {
    /// Not looked at.
    Fresh,
    /// Being evaluated: whoever asks now asks in a circle.
    Busy,
    /// Evaluated; the expression is made of values only.
    Done(hir::Expr),
}

/// A type alias.
#[derive(Debug)]
pub(super) struct AliasInfo<'a> {
    pub(super) item: &'a ast::TypeItem,
    pub(super) module: u32,
    pub(super) busy: bool,
}

/// A static.
#[derive(Debug)]
pub(super) struct StaticInfo<'a> {
    pub(super) item: &'a ast::ConstItem,
    pub(super) module: u32,
    pub(super) ty: TyId,
    pub(super) init: hir::Const,
}

/// Everything about the program except the body being checked.
pub(super) struct Cx<'a, 'd> {
    pub(super) types: Types,
    pub(super) diags: &'d mut Diagnostics,
    pub(super) modules: Vec<Module<'a>>,
    spaces: BTreeMap<String, u32>,
    pub(super) adts: Vec<AdtInfo<'a>>,
    pub(super) procs: Vec<ProcInfo<'a>>,
    pub(super) consts: Vec<ConstInfo<'a>>,
    pub(super) statics: Vec<StaticInfo<'a>>,
    pub(super) aliases: Vec<AliasInfo<'a>>,
    tests: Vec<hir::Test>,
    asserts: Vec<(u32, &'a ast::Expr)>,
    pub(super) queue: VecDeque<ProcId>,
}

impl<'a, 'd> Cx<'a, 'd> {
    /// Makes tables with std in them.
    pub(super) fn new(_sources: &SourceMap, diags: &'d mut Diagnostics) -> Self {
        let mut types = Types::new();
        let mut adts = Vec::new();
        for (name, arms) in &STD_PICKS {
            types.name_adt(name);
            let variants = arms
                .iter()
                .enumerate()
                .map(|(at, (name, payload))| hir::Variant {
                    name: (*name).to_owned(),
                    payload: payload
                        .iter()
                        .map(|field| hir::Field { name: (*field).to_owned(), ty: TyId::STRING })
                        .collect(),
                    number: at as i64,
                })
                .collect();
            adts.push(AdtInfo {
                name: (*name).to_owned(),
                generics: Vec::new(),
                source: AdtSource::Std,
                module: 0,
                span: Span::default(),
                kind: hir::AdtKind::Pick(variants),
                methods: BTreeMap::new(),
            });
        }
        Self {
            types,
            diags,
            modules: Vec::new(),
            spaces: BTreeMap::new(),
            adts,
            procs: Vec::new(),
            consts: Vec::new(),
            statics: Vec::new(),
            aliases: Vec::new(),
            tests: Vec::new(),
            asserts: Vec::new(),
            queue: VecDeque::new(),
        }
    }

    /// Fills the tables from the files.
    pub(super) fn collect(&mut self, files: &'a [(SourceId, ast::File)]) {
        for (_, file) in files {
            let mut module = Module::default();
            for item in &file.items {
                if let ast::ItemKind::Space(path) = &item.kind {
                    module.space = path.text();
                }
            }
            let id = self.modules.len() as u32;
            if !module.space.is_empty() {
                self.spaces.entry(module.space.clone()).or_insert(id);
            }
            self.modules.push(module);
        }
        let mut later = Vec::new();
        for (at, (_, file)) in files.iter().enumerate() {
            for item in &file.items {
                self.declare(at as u32, item, &mut later);
            }
        }
        for module in 0..self.modules.len() {
            for at in 0..self.modules[module].uses.len() {
                let item = self.modules[module].uses[at];
                self.resolve_use(module as u32, item);
            }
        }
        self.adt_bodies(STD_PICKS.len());
        for work in later {
            self.declare_later(work);
        }
        for at in 0..self.consts.len() {
            self.const_value(at as u32);
        }
        self.static_values();
        for (module, cond) in std::mem::take(&mut self.asserts) {
            self.static_assert(module, cond);
        }
    }

    /// Checks bodies until none is left; checking one may declare others.
    pub(super) fn check_bodies(&mut self) {
        while let Some(proc) = self.queue.pop_front() {
            self.check_body(proc);
        }
    }

    /// Puts a name into a module.
    fn bind(&mut self, module: u32, name: &ast::Ident, def: Def) {
        if name.name.is_empty() {
            return;
        }
        let table = &mut self.modules[module as usize];
        if let Some(&first) = table.spans.get(&name.name) {
            let title = format!("`{}` is declared twice", name.name);
            self.diags.push(
                Diagnostic::error("SEMA_E_DUPLICATE", title)
                    .at(name.span, "declared again here")
                    .also(first, "first declared here")
                    .help("give one of them another name"),
            );
            return;
        }
        table.spans.insert(name.name.clone(), name.span);
        table.names.insert(name.name.clone(), def);
    }

    /// Declares an item of a module; what needs types is put off.
    fn declare(&mut self, module: u32, item: &'a ast::Item, later: &mut Vec<Later<'a>>) {
        match &item.kind {
            ast::ItemKind::Space(_)
            | ast::ItemKind::Export(_)
            | ast::ItemKind::Share(_)
            | ast::ItemKind::Error => {}
            ast::ItemKind::Use(item) => self.modules[module as usize].uses.push(item),
            ast::ItemKind::Const(item) => {
                let id = self.add_const(module, item, None);
                self.bind(module, &item.name, Def::Const(id));
            }
            ast::ItemKind::Static(item) => {
                let id = StaticId(self.statics.len() as u32);
                let init = hir::Const::Unit;
                self.statics.push(StaticInfo { item, module, ty: TyId::ERROR, init });
                self.bind(module, &item.name, Def::Static(id));
            }
            ast::ItemKind::Proc(proc) => {
                let id = self.add_proc(module, proc, &proc.name.name);
                self.bind(module, &proc.name, Def::Proc(id));
                later.push(Later::Signature { id, proc, generics: Vec::new(), self_ty: None });
            }
            ast::ItemKind::Form(form) => {
                let names = generic_names(&form.generics);
                let id = self.add_adt(module, &form.name, names, AdtSource::Form(form));
                later.push(Later::Members { adt: id, members: &form.members });
                if form.kind == ast::FormKind::Union {
                    self.unsupported("a `union`", form.name.span);
                }
            }
            ast::ItemKind::Pick(pick) => {
                let names = generic_names(&pick.generics);
                let id = self.add_adt(module, &pick.name, names, AdtSource::Pick(pick));
                later.push(Later::Members { adt: id, members: &pick.members });
            }
            ast::ItemKind::Type(item) => {
                let id = self.aliases.len() as u32;
                self.aliases.push(AliasInfo { item, module, busy: false });
                self.bind(module, &item.name, Def::Alias(id));
                if item.kind != ast::TypeItemKind::Alias {
                    self.unsupported("an opaque or foreign type", item.name.span);
                }
            }
            ast::ItemKind::Trait(item) => self.bind(module, &item.name, Def::Trait),
            ast::ItemKind::Impl(item) => later.push(Later::Impl { module, item }),
            ast::ItemKind::Extern(_) => self.unsupported("an `extern` block", item.span.start()),
            ast::ItemKind::Test(test) => {
                if test.kind == ast::TestKind::Bench {
                    self.unsupported("a `bench` block", test.name_span);
                    return;
                }
                let id = ProcId(self.procs.len() as u32);
                self.procs.push(ProcInfo {
                    name: format!("test {:?}", test.name),
                    module,
                    generics: Vec::new(),
                    params: Vec::new(),
                    result: TyId::UNIT,
                    kind: ProcKind::Async,
                    self_ty: None,
                    has_self: false,
                    source: Some(&test.body),
                    body: None,
                    span: test.name_span,
                });
                self.queue.push_back(id);
                self.tests.push(hir::Test { name: test.name.clone(), proc: id });
            }
            ast::ItemKind::StaticAssert { cond, .. } => self.asserts.push((module, cond)),
            ast::ItemKind::Meta(meta) => {
                let what = format!("`{}`", meta.word.name);
                self.unsupported(&what, meta.word.span);
            }
        }
    }

    /// Declares what is inside a body; the caller puts the name into its scope.
    pub(super) fn declare_inner(
        &mut self,
        module: u32,
        outer: &str,
        item: &'a ast::Item,
    ) -> Option<(&'a ast::Ident, Def)> {
        match &item.kind {
            ast::ItemKind::Proc(proc) => {
                let id = self.add_proc(module, proc, &format!("{outer}.{}", proc.name.name));
                let generics = Vec::new();
                self.declare_later(Later::Signature { id, proc, generics, self_ty: None });
                Some((&proc.name, Def::Proc(id)))
            }
            ast::ItemKind::Const(item) => {
                let id = self.add_const(module, item, None);
                Some((&item.name, Def::Const(id)))
            }
            ast::ItemKind::Type(item) if item.kind == ast::TypeItemKind::Alias => {
                let id = self.aliases.len() as u32;
                self.aliases.push(AliasInfo { item, module, busy: false });
                Some((&item.name, Def::Alias(id)))
            }
            ast::ItemKind::Error => None,
            ast::ItemKind::Use(_) => {
                self.unsupported("a `use` inside a body", item.span);
                None
            }
            ast::ItemKind::Form(form) => {
                self.unsupported("a `form` inside a body", form.name.span);
                Some((&form.name, Def::Error))
            }
            ast::ItemKind::Pick(pick) => {
                self.unsupported("a `pick` declared inside a body", pick.name.span);
                Some((&pick.name, Def::Error))
            }
            ast::ItemKind::Static(item) => {
                self.unsupported("a `static` inside a body", item.name.span);
                Some((&item.name, Def::Error))
            }
            _ => {
                self.unsupported("this item inside a body", item.span);
                None
            }
        }
    }

    fn add_const(&mut self, module: u32, item: &'a ast::ConstItem, self_ty: Option<TyId>) -> u32 {
        self.consts.push(ConstInfo { item, module, self_ty, state: ConstState::Fresh });
        self.consts.len() as u32 - 1
    }

    fn add_adt(
        &mut self,
        module: u32,
        name: &ast::Ident,
        generics: Vec<String>,
        source: AdtSource<'a>,
    ) -> AdtId {
        let id = self.types.name_adt(&name.name);
        let kind = match source {
            AdtSource::Form(_) => hir::AdtKind::Form(Vec::new()),
            _ => hir::AdtKind::Pick(Vec::new()),
        };
        self.adts.push(AdtInfo {
            name: name.name.clone(),
            generics,
            source,
            module,
            span: name.span,
            kind,
            methods: BTreeMap::new(),
        });
        self.bind(module, name, Def::Adt(id));
        id
    }

    fn add_proc(&mut self, module: u32, proc: &'a ast::Proc, name: &str) -> ProcId {
        let id = ProcId(self.procs.len() as u32);
        self.procs.push(ProcInfo {
            name: name.to_owned(),
            module,
            generics: Vec::new(),
            params: Vec::new(),
            result: TyId::ERROR,
            kind: if proc.is_async() { ProcKind::Async } else { ProcKind::Sync },
            self_ty: None,
            has_self: false,
            source: proc.body.as_ref(),
            body: None,
            span: if proc.name.name.is_empty() { proc.head } else { proc.name.span },
        });
        id
    }

    fn declare_later(&mut self, work: Later<'a>) {
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
    fn adt_bodies(&mut self, first: usize) {
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
                            number = self.const_int(module, tag).unwrap_or(number);
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

    /// Reports a construct that parses but is not compiled.
    pub(super) fn unsupported(&mut self, what: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("SEMA_E_UNSUPPORTED", format!("{what} is not compiled yet"))
                .at(span, "this part of the language is known, but there is no code for it")
                .help("express it with procedures, forms and picks for now"),
        );
    }

    /// Finds what a path of a use or type names: module, then item in it.
    fn find_module(&self, from: u32, segments: &[ast::Ident]) -> Option<Def> {
        let text = segments.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join("/");
        if let Some(name) = text.strip_prefix("std/").or_else(|| text.strip_prefix("vitte/std/")) {
            return library::module(name).map(Def::StdModule);
        }
        if let Some(&id) = self.spaces.get(&text) {
            return Some(Def::Module(id));
        }
        // A name in the folder of this space.
        let (folder, _) = self.modules[from as usize].space.rsplit_once('/')?;
        self.spaces.get(&format!("{folder}/{text}")).map(|&id| Def::Module(id))
    }

    /// Finds a member of a module.
    pub(super) fn module_member(&self, module: Def, name: &str) -> Option<Def> {
        match module {
            Def::Module(id) => self.modules[id as usize].names.get(name).copied(),
            Def::StdModule(std) => library::member(std, name).map(Def::Std).or_else(|| {
                library::TYPE_NAMES.iter().find(|ty| **ty == name).map(|ty| Def::StdType(ty))
            }),
            _ => None,
        }
    }

    fn resolve_use(&mut self, module: u32, item: &'a ast::Use) {
        let path = &item.path;
        let Some(last) = path.segments.last() else { return };
        let whole = self.find_module(module, &path.segments);
        let (def, bound) = match (&item.tree, whole) {
            (ast::UseTree::Whole { alias }, Some(def)) => (def, alias.as_ref().unwrap_or(last)),
            (ast::UseTree::Whole { alias }, None) => {
                let parent = &path.segments[..path.segments.len() - 1];
                let found = self
                    .find_module(module, parent)
                    .and_then(|parent| self.module_member(parent, &last.name));
                match found {
                    Some(def) => (def, alias.as_ref().unwrap_or(last)),
                    None => {
                        self.unresolved_use(&path.text(), path.span);
                        (Def::Error, alias.as_ref().unwrap_or(last))
                    }
                }
            }
            (ast::UseTree::All, Some(Def::Module(from))) => {
                let names: Vec<(String, Def)> = self.modules[from as usize]
                    .names
                    .iter()
                    .map(|(name, def)| (name.clone(), *def))
                    .collect();
                for (name, def) in names {
                    self.modules[module as usize].names.entry(name).or_insert(def);
                }
                return;
            }
            (ast::UseTree::All, Some(Def::StdModule(std))) => {
                for (name, what) in library::members(std) {
                    let names = &mut self.modules[module as usize].names;
                    names.entry((*name).to_owned()).or_insert(Def::Std(*what));
                }
                return;
            }
            (ast::UseTree::Names { names, all, .. }, Some(parent)) => {
                for name in names {
                    let bound = name.alias.as_ref().unwrap_or(&name.name);
                    let def = match self.module_member(parent, &name.name.name) {
                        Some(def) => def,
                        None => {
                            let text = format!("{}.{}", path.text(), name.name.name);
                            self.unresolved_use(&text, name.name.span);
                            Def::Error
                        }
                    };
                    self.bind(module, bound, def);
                }
                if *all {
                    self.unsupported("`*` among the names of a use", path.span);
                }
                return;
            }
            (tree, _) => {
                self.unresolved_use(&path.text(), path.span);
                if let ast::UseTree::Names { names, .. } = tree {
                    for name in names {
                        self.bind(module, name.alias.as_ref().unwrap_or(&name.name), Def::Error);
                    }
                }
                return;
            }
        };
        self.bind(module, bound, def);
    }

    fn unresolved_use(&mut self, text: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("SEMA_E_UNRESOLVED_USE", format!("there is no `{text}` to use"))
                .at(span, "no module of the program or of std has this name")
                .note("modules of std: net, io, time, fs, task, string, list, math")
                .help("check the spelling, and that the file with that `space` is given, too"),
        );
    }

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

/// Declarations that need all names.
enum Later<'a> {
    Signature { id: ProcId, proc: &'a ast::Proc, generics: Vec<String>, self_ty: Option<TyId> },
    Members { adt: AdtId, members: &'a [ast::Item] },
    Impl { module: u32, item: &'a ast::Impl },
}

/// What type names refer to at some place.
#[derive(Clone, Copy)]
pub(super) struct TypeScope<'s> {
    pub(super) module: u32,
    pub(super) generics: &'s [String],
    pub(super) self_ty: Option<TyId>,
}

fn generic_names(params: &[ast::GenericParam]) -> Vec<String> {
    params
        .iter()
        .filter(|param| !matches!(param.kind, ast::GenericParamKind::Lifetime))
        .map(|param| param.name.name.clone())
        .collect()
}
