//! Builders: how a frontend makes a module.
//!
//! [`ModuleBuilder`] declares what functions refer to; [`FunctionBuilder`] fills one function, block
//! by block, hands out entities and turns mutable variables into SSA form:
//!
//! ```text
//! declare_var ─► def_var / use_var in any block ─► seal_block once all edges into it exist
//! ```
//!
//! Misuse does not panic and does not interrupt: it is recorded, a placeholder is handed out, and
//! `finish` answers with everything that went wrong. Types and ownership are not checked here;
//! [`super::verify`] does that for modules from any source.
//!
//! * **I1** A block is *filled* once it has its terminator; nothing is added to it afterwards but
//!   parameters and edge arguments for variables.
//! * **I2** A sealed block gets no further predecessors.
//!
//! Cost: near-linear in instructions plus (variables × joins where they differ). SSA construction
//! after Braun et al., "Simple and Efficient Construction of Static Single Assignment Form" (2013),
//! with explicit worklists in place of recursion.
//!
//! # Examples
//!
//! An async function that sleeps twice and answers how long:
//!
//! ```
//! use vitte_lowering::ir::*;
//!
//! let mut module = ModuleBuilder::new("demo");
//! let i64_ = Ty::Value(Type::I64);
//! let sleep = module.op(HostOpData {
//!     name: "sleep".into(),
//!     symbol: "demo_sleep".into(),
//!     params: vec![Param { name: "ns".into(), ty: i64_ }],
//!     results: vec![],
//!     size: 32,
//!     align: 8,
//!     result_offset: 0,
//! });
//! let sig = Signature {
//!     params: vec![Param { name: "ns".into(), ty: i64_ }],
//!     results: vec![i64_],
//!     faults: true,
//! };
//! let nap = module.declare_func("nap", FuncKind::Async, sig);
//!
//! let mut b = FunctionBuilder::new(&mut module, nap);
//! let total = b.declare_var(Type::I64);
//! let ns = b.param_value(0);
//! b.def_var(total, ns);
//! let cleanup = b.cleanup_block();            // a block that unwinds with its cause
//! for name in ["first nap", "second nap"] {
//!     let now = b.use_var(total);
//!     let awaitee = Awaitee::Op { op: sleep, args: vec![Arg::Value(now)] };
//!     b.await_(name, awaitee, &[], cleanup.clone());   // goes on in the `ok` block
//!     let now = b.use_var(total);
//!     let twice = b.binary(BinaryOp::Add, now, now);
//!     b.def_var(total, twice);
//! }
//! let result = b.use_var(total);
//! b.ret([result]);
//! b.seal_all_blocks();
//! b.finish()?;
//!
//! let module = module.finish()?;
//! verify(&module).unwrap();
//! assert_eq!(module.funcs[nap].suspends.len(), 2);
//! # Ok::<(), BuildError>(())
//! ```

mod function;
mod insts;
mod ssa;
mod terms;

pub use function::FunctionBuilder;
pub use ssa::Variable;
pub use terms::OpenArm;

use super::entity::{Class, Data, EntityRef, File, Func, HostOp, Import, Struct};
use super::function::{FuncKind, Function};
use super::module::{DataObject, HostOpData, ImportData, Module};
use super::types::{ClassData, DropAction, Field, Param, Signature, StructData, Tag, Ty};
use std::fmt;

/// What a builder was asked to do wrongly: every misuse, in the order in which it happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuildError {
    /// Name of the function, or of the module.
    pub name: String,
    /// What is wrong, at least one entry.
    pub misuses: Vec<Misuse>,
}

/// One wrong call of a builder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Misuse {
    /// Stable code, `IR0020` and so on; see [`super::codes`].
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "building `{}`:", self.name)?;
        for misuse in &self.misuses {
            write!(f, "\n  error[{}]: {}", misuse.code, misuse.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildError {}

/// Codes of misuse.
pub(crate) mod code {
    pub(crate) const NO_BLOCK: &str = "IR0020";
    pub(crate) const FILLED: &str = "IR0021";
    pub(crate) const SEALED: &str = "IR0022";
    pub(crate) const UNDEFINED: &str = "IR0023";
    pub(crate) const UNFILLED: &str = "IR0024";
    pub(crate) const UNKNOWN: &str = "IR0025";
    pub(crate) const VAR_TYPE: &str = "IR0026";
    pub(crate) const FUNCTION: &str = "IR0027";
}

/// Builds a module.
#[derive(Clone, Debug)]
pub struct ModuleBuilder {
    module: Module,
    defined: Vec<bool>,
    misuses: Vec<Misuse>,
}

impl ModuleBuilder {
    /// An empty module.
    pub fn new(name: impl Into<String>) -> Self {
        Self { module: Module::new(name), defined: Vec::new(), misuses: Vec::new() }
    }

    /// The module so far. Functions that are declared but not defined have an empty entry block.
    pub fn module(&self) -> &Module {
        &self.module
    }

    /// The file of this path, added if it is new.
    pub fn file(&mut self, path: &str) -> File {
        let known = self.module.files.iter().find(|(_, p)| *p == path).map(|(file, _)| file);
        known.unwrap_or_else(|| self.module.files.push(path.into()))
    }

    /// Adds a class of counted references.
    pub fn class(&mut self, name: impl Into<String>, retain: Import, release: Import) -> Class {
        self.module.classes.push(ClassData { name: name.into(), retain, release })
    }

    /// Adds a structure.
    pub fn structure(&mut self, data: StructData) -> Struct {
        self.module.structs.push(data)
    }

    /// Adds a structure whose fields stand one after the other, as in C; dropped field by field if
    /// one of them needs it. `None` if it is larger than [`super::MAX_BYTES`].
    pub fn structure_of(
        &mut self,
        name: impl Into<String>,
        fields: impl IntoIterator<Item = (String, Ty)>,
    ) -> Option<Struct> {
        let fields: Vec<_> = fields.into_iter().collect();
        let sequence = self.module.sequence(fields.iter().map(|(_, ty)| *ty))?;
        let needs_drop = fields.iter().any(|(_, ty)| self.module.needs_drop(*ty));
        let fields = fields
            .into_iter()
            .zip(&sequence.offsets)
            .map(|((name, ty), &offset)| Field { name, offset, ty })
            .collect();
        Some(self.structure(StructData {
            name: name.into(),
            size: sequence.size,
            align: sequence.align,
            fields,
            tag: None::<Tag>,
            drop: if needs_drop { DropAction::Fields } else { DropAction::None },
        }))
    }

    /// Adds static data.
    pub fn data(&mut self, data: DataObject) -> Data {
        self.module.data.push(data)
    }

    /// The import of this name, added if it is new. (Asking again with another signature is a
    /// misuse.)
    pub fn import(&mut self, name: &str, sig: Signature) -> Import {
        let known = self.module.imports.iter().find(|(_, data)| data.name == name);
        let known = known.map(|(import, data)| (import, data.sig == sig));
        if let Some((import, same)) = known {
            if !same {
                let message = format!("import `{name}` is declared with two signatures");
                self.misuse(code::FUNCTION, message);
            }
            return import;
        }
        self.module.imports.push(ImportData { name: name.into(), sig })
    }

    /// Adds a host operation.
    pub fn op(&mut self, data: HostOpData) -> HostOp {
        self.module.ops.push(data)
    }

    /// Declares a function, to be defined by a [`FunctionBuilder`] before the module is finished.
    pub fn declare_func(
        &mut self,
        name: impl Into<String>,
        kind: FuncKind,
        sig: Signature,
    ) -> Func {
        self.defined.push(false);
        self.module.funcs.push(Function::new(name, kind, sig))
    }

    /// Gives a declared function its body. A function has one body.
    pub fn define_func(&mut self, func: Func, body: Function) {
        match self.defined.get_mut(func.index()) {
            Some(defined) if !*defined => {
                *defined = true;
                self.module.funcs[func] = body;
            }
            Some(_) => {
                self.misuse(code::FUNCTION, format!("{func} `{}` is defined twice", body.name));
            }
            None => self.misuse(code::UNKNOWN, format!("{func} has not been declared")),
        }
    }

    /// The finished module.
    ///
    /// # Errors
    ///
    /// Functions declared but not defined, and all misuses.
    pub fn finish(mut self) -> Result<Module, BuildError> {
        for i in (0..self.defined.len()).filter(|&i| !self.defined[i]) {
            let func = Func::new(i);
            let message = format!("{func} `{}` has no body", self.module.funcs[func].name);
            self.misuses.push(Misuse { code: code::FUNCTION, message });
        }
        if self.misuses.is_empty() {
            return Ok(self.module);
        }
        Err(BuildError { name: self.module.name, misuses: self.misuses })
    }

    fn misuse(&mut self, code: &'static str, message: String) {
        self.misuses.push(Misuse { code, message });
    }
}

impl Signature {
    /// A signature with nameless parameters that cannot fault.
    pub fn of(
        params: impl IntoIterator<Item = Ty>,
        results: impl IntoIterator<Item = Ty>,
    ) -> Signature {
        let params = params.into_iter().map(|ty| Param { name: String::new(), ty }).collect();
        Signature { params, results: results.into_iter().collect(), faults: false }
    }

    /// The same, but a call can fault.
    #[must_use]
    pub fn faulting(mut self) -> Signature {
        self.faults = true;
        self
    }
}
