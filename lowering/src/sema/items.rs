//! Modules and items: who is who.
//!
//! In: the files. Out: [`Cx`], the tables that bodies are checked against: names of every module,
//! fields, arms and methods of types, signatures of procedures.
//!
//! Order: std's picks, then the names of all modules, then uses, then types and signatures, as
//! each may refer to anything before.

use super::Links;
use super::hir::{self, ProcId, ProcKind, StaticId};
use super::std::{STD_PICKS, StdProc};
use super::types::{AdtId, TyId, Types};
use super::uses::item_name;
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
    pub(super) uses: Vec<&'a ast::Use>,
    /// The modules that paths of uses mean.
    pub(super) links: BTreeMap<String, u32>,
    /// What others see: the name for them, and the name here.
    pub(super) exports: BTreeMap<String, String>,
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
    /// The items of the body around it, which it may name.
    pub(super) around: Vec<(String, Def)>,
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
    pub(super) spaces: BTreeMap<String, u32>,
    pub(super) adts: Vec<AdtInfo<'a>>,
    pub(super) procs: Vec<ProcInfo<'a>>,
    pub(super) consts: Vec<ConstInfo<'a>>,
    pub(super) statics: Vec<StaticInfo<'a>>,
    pub(super) aliases: Vec<AliasInfo<'a>>,
    pub(super) tests: Vec<hir::Test>,
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
    pub(super) fn collect(&mut self, files: &'a [(SourceId, ast::File)], links: &[Links]) {
        for (at, (_, file)) in files.iter().enumerate() {
            let mut module = Module::default();
            if let Some(links) = links.get(at) {
                let link = |(path, &file): (&String, &usize)| (path.clone(), file as u32);
                module.links = links.iter().map(link).collect();
            }
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
            self.exports(at as u32, &file.items);
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
    pub(super) fn bind(&mut self, module: u32, name: &ast::Ident, def: Def) {
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
            ast::ItemKind::Extern(block) => {
                self.unsupported("an `extern` block", item.span.start());
                for member in &block.members {
                    if let Some(name) = item_name(&member.kind) {
                        self.bind(module, name, Def::Error);
                    }
                }
            }
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

    pub(super) fn add_const(
        &mut self,
        module: u32,
        item: &'a ast::ConstItem,
        self_ty: Option<TyId>,
    ) -> u32 {
        self.consts.push(ConstInfo {
            item,
            module,
            self_ty,
            around: Vec::new(),
            state: ConstState::Fresh,
        });
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

    pub(super) fn add_proc(&mut self, module: u32, proc: &'a ast::Proc, name: &str) -> ProcId {
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

    /// Reports a construct that parses but is not compiled.
    pub(super) fn unsupported(&mut self, what: &str, span: Span) {
        self.diags.push(
            Diagnostic::error("SEMA_E_UNSUPPORTED", format!("{what} is not compiled yet"))
                .at(span, "this part of the language is known, but there is no code for it")
                .help("express it with procedures, forms and picks for now"),
        );
    }
}

/// Declarations that need all names.
pub(super) enum Later<'a> {
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

pub(super) fn generic_names(params: &[ast::GenericParam]) -> Vec<String> {
    params
        .iter()
        .filter(|param| !matches!(param.kind, ast::GenericParamKind::Lifetime))
        .map(|param| param.name.name.clone())
        .collect()
}
