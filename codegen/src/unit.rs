//! One compilation: which symbols exist, and in which order everything is defined.
//!
//! Functions and data of the module are declared first, in entity order. Imports, host operations,
//! sites and spans are declared when a function first uses them; pools of sites and spans are
//! defined when the functions that use them are.

use crate::data::{FileNames, Pool};
use crate::error::CodegenError;
use crate::options::Options;
use crate::signature::{CAbi, CSignature};
use crate::translate;
use cranelift_codegen::Context;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{DataId, FuncId, Linkage, Module as Output};
use std::collections::BTreeMap;
use std::rc::Rc;
use vitte_abi::LayoutRecord;
use vitte_lowering::ir::{Data, EntityRef, Func, FuncKind, Function, HostOp, Import, Module, Span};

/// The two symbols of a host operation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum OpFn {
    Start,
    Poll,
}

/// A site: awaiting machine, offset of the child, state.
pub(crate) type Site = (Func, u32, u32);

/// Name and code size of a defined function.
pub(crate) struct Defined {
    pub(crate) func: Func,
    pub(crate) id: FuncId,
    pub(crate) bytes: u32,
}

/// The state of one compilation into `out`.
pub(crate) struct Unit<'a, M> {
    pub(crate) module: &'a Module,
    pub(crate) machines: &'a BTreeMap<Func, LayoutRecord>,
    pub(crate) options: &'a Options,
    pub(crate) out: M,
    pub(crate) abi: CAbi,
    pub(crate) sites: Pool<Site>,
    pub(crate) spans: Pool<Span>,
    pub(crate) files: FileNames,
    funcs: Vec<(FuncId, Option<Rc<CSignature>>)>,
    machine_data: BTreeMap<Func, DataId>,
    data: Vec<DataId>,
    imports: BTreeMap<Import, (FuncId, Rc<CSignature>)>,
    ops: BTreeMap<(HostOp, OpFn), FuncId>,
    /// Symbols that must come from outside, in order of first use.
    external: Vec<String>,
}

impl<'a, M: Output> Unit<'a, M> {
    /// Declares everything that the module defines.
    pub(crate) fn new(
        module: &'a Module,
        machines: &'a BTreeMap<Func, LayoutRecord>,
        options: &'a Options,
        out: M,
    ) -> Result<Self, CodegenError> {
        let abi = CAbi::new(out.isa().triple(), out.isa().default_call_conv());
        let mut unit = Self {
            module,
            machines,
            options,
            out,
            abi,
            sites: Pool::new("vitte.sites"),
            spans: Pool::new("vitte.spans"),
            files: FileNames::default(),
            funcs: Vec::new(),
            machine_data: BTreeMap::new(),
            data: Vec::new(),
            imports: BTreeMap::new(),
            ops: BTreeMap::new(),
            external: Vec::new(),
        };
        for (id, func) in module.funcs.iter() {
            unit.declare_function(id, func)?;
        }
        for (id, object) in module.data.iter() {
            let name = local_symbol(&id.to_string(), &object.name);
            let id = unit.declare_data(&name, Linkage::Local, object.writable)?;
            unit.data.push(id);
        }
        Ok(unit)
    }

    fn declare_function(&mut self, id: Func, func: &Function) -> Result<(), CodegenError> {
        let (symbol, sig) = match func.kind {
            FuncKind::Sync => {
                let sig = self.abi.sync(self.module, &func.sig).ok_or_else(|| {
                    CodegenError::malformed(&func.name, "its results are too large")
                })?;
                (exported_symbol(id, func, ""), Some(sig))
            }
            FuncKind::Machine => (exported_symbol(id, func, "_resume"), None),
            FuncKind::Async | FuncKind::Generator => {
                return Err(CodegenError::NotLowered {
                    func: func.name.clone(),
                    what: "suspend points (it is async)".into(),
                });
            }
        };
        if func.exported {
            check_symbol(&symbol)?;
        }
        let linkage = if func.exported { Linkage::Export } else { Linkage::Local };
        let clif = sig.as_ref().map_or_else(|| self.abi.resume(), |s| s.clif.clone());
        let declared = self
            .out
            .declare_function(&symbol, linkage, &clif)
            .map_err(|e| CodegenError::from_module(&func.name, e))?;
        self.funcs.push((declared, sig.map(Rc::new)));
        if func.kind == FuncKind::Machine {
            let name = exported_symbol(id, func, "_machine");
            let data = self.declare_data(&name, linkage, false)?;
            self.machine_data.insert(id, data);
        }
        Ok(())
    }

    pub(crate) fn declare_data(
        &mut self,
        name: &str,
        linkage: Linkage,
        writable: bool,
    ) -> Result<DataId, CodegenError> {
        self.out
            .declare_data(name, linkage, writable, false)
            .map_err(|e| CodegenError::from_module(name, e))
    }

    /// Defines every function, then all data.
    pub(crate) fn define(&mut self) -> Result<Vec<Defined>, CodegenError> {
        let mut context = self.out.make_context();
        let mut reused = FunctionBuilderContext::new();
        let mut defined = Vec::new();
        for (func, body) in self.module.funcs.iter() {
            defined.push(self.define_function(func, body, &mut context, &mut reused)?);
        }
        self.define_objects()?;
        self.define_pools()?;
        Ok(defined)
    }

    /// Defines one function of the module by its body, which a coroutine that is split on demand does
    /// not have there.
    pub(crate) fn define_function(
        &mut self,
        func: Func,
        body: &Function,
        context: &mut Context,
        reused: &mut FunctionBuilderContext,
    ) -> Result<Defined, CodegenError> {
        translate::function(self, func, body, context, reused)?;
        let id = self.funcs[func.index()].0;
        let name = &self.module.funcs[func].name;
        self.out
            .define_function(id, context)
            .map_err(|e| with_details(CodegenError::from_module(name, e), context))?;
        let bytes = context.compiled_code().map_or(0, |c| c.code_buffer().len() as u32);
        self.out.clear_context(context);
        Ok(Defined { func, id, bytes })
    }

    /// The symbol under which a function of the module was declared.
    pub(crate) fn symbol(&self, func: Func) -> String {
        let decl = self.out.declarations().get_function_decl(self.funcs[func.index()].0);
        decl.linkage_name(self.funcs[func.index()].0).into_owned()
    }

    /// A function of the module; `None` if there is none.
    pub(crate) fn func(&self, id: Func) -> Option<(FuncId, Option<Rc<CSignature>>)> {
        self.funcs.get(id.index()).cloned()
    }

    /// The `vt_machine` of a coroutine.
    pub(crate) fn machine_data(&self, id: Func) -> Option<DataId> {
        self.machine_data.get(&id).copied()
    }

    pub(crate) fn machine_ids(&self) -> impl Iterator<Item = (Func, DataId)> + '_ {
        self.machine_data.iter().map(|(&f, &d)| (f, d))
    }

    pub(crate) fn data_id(&self, id: Data) -> Option<DataId> {
        self.data.get(id.index()).copied()
    }

    /// An import, declared on first use; `None` if there is none or its results are too large.
    pub(crate) fn import(
        &mut self,
        id: Import,
    ) -> Result<Option<(FuncId, Rc<CSignature>)>, CodegenError> {
        if let Some(known) = self.imports.get(&id) {
            return Ok(Some(known.clone()));
        }
        let Some(import) = self.module.imports.get(id) else { return Ok(None) };
        let Some(sig) = self.abi.sync(self.module, &import.sig) else { return Ok(None) };
        let func = self.declare_external(&import.name, &sig.clif)?;
        let entry = (func, Rc::new(sig));
        self.imports.insert(id, entry.clone());
        Ok(Some(entry))
    }

    /// A symbol of a host operation, declared on first use; `None` if there is no such operation.
    pub(crate) fn op(&mut self, id: HostOp, which: OpFn) -> Result<Option<FuncId>, CodegenError> {
        if let Some(&known) = self.ops.get(&(id, which)) {
            return Ok(Some(known));
        }
        let Some(op) = self.module.ops.get(id) else { return Ok(None) };
        let (suffix, sig) = match which {
            OpFn::Poll => ("_poll", self.abi.resume()),
            OpFn::Start => {
                use cranelift_codegen::ir::types::I64;
                let args = op.params.iter().map(|p| crate::signature::arg_type(p.ty));
                ("_start", self.abi.signature([I64, I64].into_iter().chain(args), None))
            }
        };
        let func = self.declare_external(&format!("{}{suffix}", op.symbol), &sig)?;
        self.ops.insert((id, which), func);
        Ok(Some(func))
    }

    fn declare_external(
        &mut self,
        name: &str,
        sig: &cranelift_codegen::ir::Signature,
    ) -> Result<FuncId, CodegenError> {
        check_symbol(name)?;
        let id = self
            .out
            .declare_function(name, Linkage::Import, sig)
            .map_err(|e| CodegenError::from_module(name, e))?;
        if self.out.declarations().get_function_decl(id).linkage == Linkage::Import {
            self.external.push(name.to_owned());
        }
        Ok(id)
    }

    /// Symbols that must come from outside, in order of first use.
    pub(crate) fn external(&self) -> &[String] {
        &self.external
    }
}

/// Symbol of a thing that belongs to a function of the module.
pub(crate) fn exported_symbol(id: Func, func: &Function, suffix: &str) -> String {
    if func.exported {
        format!("{}{suffix}", func.name)
    } else {
        local_symbol(&id.to_string(), &format!("{}{suffix}", func.name))
    }
}

/// Symbol that no other object sees: numbered, so that equal names do not meet.
fn local_symbol(number: &str, name: &str) -> String {
    format!("{number}.{}", name.replace('\0', "?"))
}

fn check_symbol(name: &str) -> Result<(), CodegenError> {
    if name.is_empty() || name.contains('\0') {
        let reason = "it is empty or contains a NUL".to_owned();
        return Err(CodegenError::Symbol { name: name.replace('\0', "?"), reason });
    }
    Ok(())
}

/// Adds the refused CLIF to an internal error, so that the report is complete.
fn with_details(error: CodegenError, context: &Context) -> CodegenError {
    match error {
        CodegenError::Internal { item, reason } => {
            let verifier = cranelift_codegen::verify_function(
                &context.func,
                &cranelift_codegen::settings::Flags::new(cranelift_codegen::settings::builder()),
            );
            let details = verifier.err().map_or(String::new(), |e| {
                cranelift_codegen::print_errors::pretty_verifier_error(&context.func, None, e)
            });
            CodegenError::Internal { item, reason: format!("{reason}\n{details}") }
        }
        e => e,
    }
}
