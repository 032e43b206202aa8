//! The module being built: tables that functions share, and the list of what is still to be built.
//!
//! In: a program. Out: entities for procedures with their type arguments, imports, operations,
//! made on first use, so that a module holds what is reachable from `main`, the tests and what a
//! library exports, and nothing else.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::host_table::{HostTy, OpSizes, find_import, find_op};
use super::layout::Part;
use super::walk::Calls;
use crate::diagnostics::{self, Diagnostic, Diagnostics, SourceMap};
use crate::ir::{
    Class, Data, Func, FuncKind, Function, HostOp, HostOpData, Import, ImportData, Module, Param,
    Signature, Span, Struct, StructData, Ty, Type,
};
use crate::sema::hir::{Callee, ProcId, ProcKind, Program, StaticId, VariantIdx};
use crate::sema::types::{TyId, Types};

/// A procedure with its type arguments.
pub(super) type Instance = (ProcId, Vec<TyId>);

/// What all functions share.
pub(super) struct Cx<'p> {
    pub(super) program: &'p Program,
    pub(super) sources: &'p SourceMap,
    pub(super) sizes: &'p OpSizes,
    pub(super) types: Types,
    pub(super) m: Module,
    pub(super) calls: Calls,
    pub(super) diags: Diagnostics,
    pub(super) parts: BTreeMap<TyId, Rc<[Part]>>,
    pub(super) classes: BTreeMap<TyId, Class>,
    pub(super) offset_tables: BTreeMap<Vec<u32>, Data>,
    pub(super) value_descs: BTreeMap<Vec<TyId>, Data>,
    pub(super) type_descs: BTreeMap<TyId, Data>,
    pub(super) strings: BTreeMap<String, Data>,
    pub(super) arms: BTreeMap<(TyId, VariantIdx), Data>,
    pub(super) statics: BTreeMap<StaticId, Data>,
    pub(super) structs: BTreeMap<Vec<TyId>, Struct>,
    pub(super) arg_structs: BTreeMap<String, (Struct, Data)>,
    /// Procedures used as values, by type: index is the value at run time.
    pub(super) values: BTreeMap<TyId, Vec<Instance>>,
    /// Functions that build makes up, by name.
    pub(super) made: BTreeMap<String, Func>,
    instances: BTreeMap<Instance, Func>,
    imports: BTreeMap<&'static str, Import>,
    ops: BTreeMap<(&'static str, Option<TyId>), HostOp>,
    work: Vec<Instance>,
}

impl<'p> Cx<'p> {
    pub(super) fn new(program: &'p Program, sources: &'p SourceMap, sizes: &'p OpSizes) -> Self {
        let mut m = Module::new("vitte");
        for (_, file) in sources.iter() {
            m.files.push(file.path().to_owned());
        }
        Self {
            program,
            sources,
            sizes,
            types: program.types.clone(),
            m,
            calls: Calls::new(program),
            diags: Diagnostics::new(),
            parts: BTreeMap::new(),
            classes: BTreeMap::new(),
            offset_tables: BTreeMap::new(),
            value_descs: BTreeMap::new(),
            type_descs: BTreeMap::new(),
            strings: BTreeMap::new(),
            arms: BTreeMap::new(),
            statics: BTreeMap::new(),
            structs: BTreeMap::new(),
            arg_structs: BTreeMap::new(),
            values: BTreeMap::new(),
            made: BTreeMap::new(),
            instances: BTreeMap::new(),
            imports: BTreeMap::new(),
            ops: BTreeMap::new(),
            work: Vec::new(),
        }
    }

    /// Line and column of a place.
    pub(super) fn span(&self, span: diagnostics::Span) -> Span {
        let Some(file) = self.sources.get(span.file) else { return Span::NONE };
        let at = file.position(span.lo);
        Span { file: crate::ir::File::from_u32(span.file.0), line: at.line, column: at.column }
    }

    /// Reports what is understood but not compiled yet.
    pub(super) fn unsupported(&mut self, span: diagnostics::Span, what: &str, instead: &str) {
        let title = format!("{what} cannot be compiled yet");
        let d = Diagnostic::error("SEMA_E_UNSUPPORTED", title).at(span, "used here").help(instead);
        self.diags.push(d);
    }

    /// The function of a procedure with these type arguments.
    pub(super) fn instance(&mut self, proc: ProcId, type_args: Vec<TyId>) -> Func {
        let key = (proc, type_args);
        if let Some(&f) = self.instances.get(&key) {
            return f;
        }
        let program = self.program;
        let p = &program.procs[proc.0 as usize];
        let mut name =
            if p.space.is_empty() { p.name.clone() } else { format!("{}/{}", p.space, p.name) };
        if name == "main" {
            name = "main.body".to_owned();
        }
        if !key.1.is_empty() {
            let args: Vec<String> = key.1.iter().map(|&t| self.types.name(t)).collect();
            name = format!("{name}[{}]", args.join(", "));
        }
        if self.made.contains_key(&name) {
            name = format!("{name}.{}", self.m.funcs.len());
        }
        let kind = match p.kind {
            ProcKind::Sync => FuncKind::Sync,
            ProcKind::Async => FuncKind::Async,
            ProcKind::Stream => FuncKind::Generator,
        };
        let locals = &p.body.locals[..p.body.n_params as usize];
        let params: Vec<(String, TyId)> =
            locals.iter().map(|l| (l.name.clone(), self.types.subst(l.ty, &key.1))).collect();
        let result = self.types.subst(p.result, &key.1);
        let sig = self.signature(&params, result);
        let f = self.declare(name, kind, sig, self.span(p.span));
        self.instances.insert(key.clone(), f);
        self.work.push(key);
        f
    }

    /// The function of a callee, whose type arguments are in terms of `type_args`.
    pub(super) fn callee(&mut self, callee: &Callee, type_args: &[TyId]) -> Func {
        let args = callee.type_args.iter().map(|&t| self.types.subst(t, type_args)).collect();
        self.instance(callee.proc, args)
    }

    /// Asks for every procedure without generic parameters, for a library.
    pub(super) fn export_all(&mut self) {
        for (i, p) in (0u32..).zip(&self.program.procs) {
            if p.generics.is_empty() {
                let f = self.instance(ProcId(i), Vec::new());
                self.m.funcs[f].exported = true;
            }
        }
    }

    /// Takes the next procedure to be built.
    pub(super) fn next_work(&mut self) -> Option<(Func, Instance)> {
        let key = self.work.pop()?;
        Some((self.instances[&key], key))
    }

    /// Puts a function without body into the module.
    pub(super) fn declare(
        &mut self,
        name: String,
        kind: FuncKind,
        sig: Signature,
        span: Span,
    ) -> Func {
        let mut f = Function::new(name.clone(), kind, sig);
        f.span = span;
        let id = self.m.funcs.push(f);
        self.made.insert(name, id);
        id
    }

    /// Signature of parameters and a result of Vitte types, flattened.
    pub(super) fn signature(&mut self, params: &[(String, TyId)], result: TyId) -> Signature {
        let mut all = Vec::new();
        for (name, ty) in params {
            let types = self.part_types(*ty);
            for (i, &t) in types.iter().enumerate() {
                let name = if types.len() == 1 { name.clone() } else { format!("{name}.{i}") };
                all.push(Param { name, ty: Ty::Value(t) });
            }
        }
        let results = self.part_types(result).into_iter().map(Ty::Value).collect();
        Signature { params: all, results, faults: true }
    }

    fn host_ty(&mut self, ty: HostTy) -> Type {
        match ty {
            HostTy::Bool => Type::Bool,
            HostTy::I8 => Type::I8,
            HostTy::I32 => Type::I32,
            HostTy::I64 => Type::I64,
            HostTy::F32 => Type::F32,
            HostTy::F64 => Type::F64,
            HostTy::Ptr | HostTy::T => Type::Ptr,
            HostTy::Str => Type::Ref(self.class(TyId::STRING)),
        }
    }

    /// An import of the host table.
    pub(super) fn import(&mut self, symbol: &'static str) -> Import {
        if let Some(&i) = self.imports.get(symbol) {
            return i;
        }
        let spec = find_import(symbol).expect("every import named here is in the host table");
        let params: Vec<Param> = spec
            .params
            .iter()
            .map(|&(name, t)| Param { name: name.to_owned(), ty: Ty::Value(self.host_ty(t)) })
            .collect();
        let results = spec.result.iter().map(|&t| Ty::Value(self.host_ty(t))).collect();
        let sig = Signature { params, results, faults: false };
        let i = self.m.imports.push(ImportData { name: symbol.to_owned(), sig });
        self.imports.insert(symbol, i);
        i
    }

    /// An operation of the host table, for one element type where it has one.
    pub(super) fn op(&mut self, symbol: &'static str, elem: Option<TyId>) -> HostOp {
        if let Some(&o) = self.ops.get(&(symbol, elem)) {
            return o;
        }
        let spec = find_op(symbol).expect("every operation named here is in the host table");
        let mut params = Vec::new();
        let mut area = 0;
        for &(name, t) in spec.params {
            let ty = match (t, elem) {
                (HostTy::T, Some(elem)) => {
                    let s = self.value_struct(&[elem]);
                    area = self.m.structs[s].size;
                    Ty::Struct(s)
                }
                _ => Ty::Value(self.host_ty(t)),
            };
            params.push(Param { name: name.to_owned(), ty });
        }
        let mut results = Vec::new();
        for &t in spec.results {
            match (t, elem) {
                (HostTy::T, Some(elem)) => {
                    results.extend(self.part_types(elem).into_iter().map(Ty::Value));
                }
                _ => results.push(Ty::Value(self.host_ty(t))),
            }
        }
        let result_bytes = self.m.sequence(results.iter().copied()).map_or(0, |s| s.size);
        let result_offset = self.sizes.result_offset(symbol);
        let align = self.sizes.get(symbol).1.max(8);
        let size = (result_offset + result_bytes.max(area)).next_multiple_of(align);
        let name = match elem {
            Some(t) => format!("{}[{}]", spec.name, self.types.name(t)),
            None => spec.name.to_owned(),
        };
        let symbol_text = symbol.to_owned();
        let data =
            HostOpData { name, symbol: symbol_text, params, results, size, align, result_offset };
        let o = self.m.ops.push(data);
        self.ops.insert((symbol, elem), o);
        o
    }

    /// A structure with the parts of some values in sequence, which drops its references.
    pub(super) fn value_struct(&mut self, tys: &[TyId]) -> Struct {
        if let Some(&s) = self.structs.get(tys) {
            return s;
        }
        let spread = self.spread(0, tys);
        let mut fields = Vec::new();
        let mut drop = crate::ir::DropAction::None;
        for (i, (&ty, offsets)) in tys.iter().zip(&spread.offsets).enumerate() {
            for (k, (part, &offset)) in self.parts(ty).iter().zip(offsets).enumerate() {
                let name = format!("f{i}.{k}");
                if matches!(part, Part::Counted(_)) {
                    drop = crate::ir::DropAction::Fields;
                }
                fields.push(crate::ir::Field { name, offset, ty: Ty::Value(part.ty()) });
            }
        }
        let names: Vec<String> = tys.iter().map(|&t| self.types.name(t)).collect();
        let data = StructData {
            name: format!("({})", names.join(", ")),
            size: spread.size,
            align: spread.align,
            fields,
            tag: None,
            drop,
        };
        let s = self.m.structs.push(data);
        self.structs.insert(tys.to_vec(), s);
        s
    }
}
