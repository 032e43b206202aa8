//! The builder of one function: blocks, slots, spans, the end.

use super::ssa::{Ssa, Variable};
use super::{BuildError, Misuse, ModuleBuilder, code};
use crate::ir::cfg::{Cfg, Edge};
use crate::ir::entity::{Block, Func, Inst, Slot, Suspend, Value};
use crate::ir::function::{Function, SlotData, SuspendData};
use crate::ir::inst::{InstKind, Terminator};
use crate::ir::module::{Module, Span};
use crate::ir::types::{Ty, Type};

/// Builds one function of a [`ModuleBuilder`].
#[derive(Debug)]
pub struct FunctionBuilder<'m> {
    module: &'m mut ModuleBuilder,
    id: Func,
    pub(super) func: Function,
    pub(super) ssa: Ssa,
    current: Option<Block>,
    span: Span,
    misuses: Vec<Misuse>,
}

impl<'m> FunctionBuilder<'m> {
    /// Starts with the declared function `id`: the entry block exists, is current, sealed, and has
    /// the value parameters.
    pub fn new(module: &'m mut ModuleBuilder, id: Func) -> Self {
        let mut misuses = Vec::new();
        let func = module.module.funcs.get(id).cloned().unwrap_or_else(|| {
            let message = format!("{id} has not been declared");
            misuses.push(Misuse { code: code::UNKNOWN, message });
            Function::new("", crate::ir::FuncKind::Sync, crate::ir::Signature::default())
        });
        let mut ssa = Ssa::default();
        ssa.add_block();
        ssa.set_sealed(func.entry);
        let current = Some(func.entry);
        Self { module, id, func, ssa, current, span: Span::NONE, misuses }
    }

    /// The module so far.
    pub fn module(&self) -> &Module {
        self.module.module()
    }

    /// The module's builder, to declare what comes up while the function is built.
    pub fn module_mut(&mut self) -> &mut ModuleBuilder {
        self.module
    }

    /// Which function is built.
    pub fn id(&self) -> Func {
        self.id
    }

    /// The function so far; edges lack the arguments that variables will need.
    pub fn func(&self) -> &Function {
        &self.func
    }

    /// Records a misuse, which `finish` will report.
    pub(super) fn misuse(&mut self, code: &'static str, message: String) {
        self.misuses.push(Misuse { code, message });
    }

    // ---- Places and names ----

    /// Position of what is added from here on.
    pub fn set_span(&mut self, span: Span) {
        self.span = span;
    }

    /// Position of what is added now.
    pub fn span(&self) -> Span {
        self.span
    }

    /// Where the function is declared.
    pub fn set_func_span(&mut self, span: Span) {
        self.func.span = span;
    }

    /// Lets other objects refer to the function.
    pub fn export(&mut self) {
        self.func.exported = true;
    }

    /// Names a value, for dumps and the layout record.
    pub fn name_value(&mut self, v: Value, name: impl Into<String>) {
        let span = self.span;
        match self.func.values.get_mut(v) {
            Some(data) => {
                data.name = name.into();
                data.span = span;
            }
            None => self.misuse(code::UNKNOWN, format!("{v} does not exist")),
        }
    }

    /// The value of parameter `index`, which must not travel by slot.
    pub fn param_value(&mut self, index: usize) -> Value {
        let params = &self.func.sig.params;
        let is_value = |p: &&crate::ir::Param| p.ty.as_value().is_some();
        if params.get(index).is_some_and(|p| is_value(&p)) {
            let before = params[..index].iter().filter(is_value).count();
            return self.func.blocks[self.func.entry].params[before];
        }
        self.misuse(code::UNKNOWN, format!("parameter {index} is no value"));
        self.placeholder(Type::I64)
    }

    /// The slot in which parameter `index` arrives, if it travels by slot.
    pub fn param_slot(&self, index: usize) -> Option<Slot> {
        let found = self.func.slots.iter().find(|(_, s)| s.param == Some(index as u32));
        found.map(|(slot, _)| slot)
    }

    /// Adds a slot; an empty name marks a temporary.
    pub fn slot(&mut self, name: impl Into<String>, ty: impl Into<Ty>) -> Slot {
        let span = self.span;
        self.func.slots.push(SlotData { name: name.into(), ty: ty.into(), param: None, span })
    }

    /// Adds a suspend point at the current position.
    pub fn suspend(&mut self, name: impl Into<String>) -> Suspend {
        let span = self.span;
        self.func.suspends.push(SuspendData { name: name.into(), span })
    }

    // ---- Blocks ----

    /// Adds an empty block.
    pub fn create_block(&mut self) -> Block {
        self.ssa.add_block();
        self.func.add_block()
    }

    /// Adds a parameter to a block; edges to it pass one argument more.
    pub fn append_block_param(&mut self, block: Block, ty: Type) -> Value {
        if self.func.blocks.get(block).is_none() {
            self.misuse(code::UNKNOWN, format!("{block} does not exist"));
            return self.placeholder(ty);
        }
        self.func.add_block_param(block, ty)
    }

    /// Goes on in this block, which must not be filled.
    pub fn switch_to_block(&mut self, block: Block) {
        match self.func.blocks.get(block) {
            None => self.misuse(code::UNKNOWN, format!("{block} does not exist")),
            Some(data) if data.term.is_some() => {
                self.misuse(code::FILLED, format!("{block} is filled already"));
            }
            Some(_) => self.current = Some(block),
        }
    }

    /// The block that is being filled; `None` after a terminator.
    pub fn current_block(&self) -> Option<Block> {
        self.current
    }

    /// Whether nothing can be added now: the current block has its terminator.
    pub fn is_filled(&self) -> bool {
        self.current.is_none()
    }

    /// Promises that no further edge will lead to this block.
    pub fn seal_block(&mut self, block: Block) {
        if self.func.blocks.get(block).is_none() {
            self.misuse(code::UNKNOWN, format!("{block} does not exist"));
            return;
        }
        self.seal(block);
    }

    /// Seals every block that is not sealed yet.
    pub fn seal_all_blocks(&mut self) {
        for block in self.func.blocks.keys() {
            self.seal(block);
        }
    }

    /// Adds an instruction with results of the given types to the current block.
    ///
    /// Without a current block the instruction goes nowhere; that is a misuse.
    pub fn inst(&mut self, kind: InstKind, types: &[Type]) -> Inst {
        let Some(block) = self.current else {
            let message = format!("no block is being filled at `{kind}`");
            self.misuse(code::NO_BLOCK, message);
            return self.func.make_inst(kind, types, self.span);
        };
        self.func.add_inst(block, kind, types, self.span)
    }

    /// Adds an instruction with one result.
    pub fn value_inst(&mut self, kind: InstKind, ty: Type) -> Value {
        let inst = self.inst(kind, &[ty]);
        self.func.result(inst)
    }

    /// Ends the current block. Edges to blocks that do not exist or are sealed are misuses.
    pub fn terminate(&mut self, term: Terminator) {
        let Some(from) = self.current.take() else {
            self.misuse(code::NO_BLOCK, format!("no block is being filled at `{term}`"));
            return;
        };
        let mut misuses = Vec::new();
        let mut index = 0;
        term.for_each_target(|to, _| {
            if let Err(misuse) = self.ssa.add_pred(to.block, Edge { from, index }) {
                misuses.push(misuse);
            }
            index += 1;
        });
        self.misuses.append(&mut misuses);
        self.func.set_term(from, term, self.span);
    }

    /// A value of this type for a call that went wrong.
    pub(super) fn placeholder(&mut self, ty: Type) -> Value {
        let inst = self.func.make_inst(InstKind::Const { ty, bits: 0 }, &[ty], Span::NONE);
        self.func.result(inst)
    }

    /// Type of a value.
    pub fn value_type(&mut self, v: Value) -> Type {
        if let Some(data) = self.func.values.get(v) {
            return data.ty;
        }
        self.misuse(code::UNKNOWN, format!("{v} does not exist"));
        Type::I64
    }

    // ---- Variables ----

    /// Adds a mutable variable.
    pub fn declare_var(&mut self, ty: Type) -> Variable {
        self.ssa.declare(ty)
    }

    /// Type of a variable.
    pub fn var_type(&self, var: Variable) -> Option<Type> {
        self.ssa.type_of(var)
    }

    /// Assigns to a variable in the current block.
    pub fn def_var(&mut self, var: Variable, value: Value) {
        let ty = self.value_type(value);
        match (self.ssa.type_of(var), self.current) {
            (None, _) => self.misuse(code::UNKNOWN, format!("{var} does not exist")),
            (Some(want), _) if want != ty => {
                let message = format!("{var} is of type {want}, {value} is of type {ty}");
                self.misuse(code::VAR_TYPE, message);
            }
            (_, None) => {
                self.misuse(code::NO_BLOCK, format!("no block is being filled at def of {var}"));
            }
            (_, Some(block)) => self.ssa.define(block, var, value),
        }
    }

    // ---- The end ----

    /// Puts the finished function into the module.
    ///
    /// Blocks that no path reaches and that have no terminator end in `unreachable`.
    ///
    /// # Errors
    ///
    /// All misuses, reachable blocks that are not filled, and variables that are used before they
    /// are defined.
    pub fn finish(mut self) -> Result<Func, BuildError> {
        self.seal_all_blocks();
        let cfg = Cfg::new(&self.func);
        for block in self.func.blocks.keys() {
            if self.func.blocks[block].term.is_none() {
                if cfg.is_reachable(block) {
                    self.misuse(code::UNFILLED, format!("{block} has no terminator"));
                } else {
                    self.func.set_term(block, Terminator::Unreachable, Span::NONE);
                }
            }
        }
        if !self.misuses.is_empty() {
            return Err(BuildError { name: self.func.name, misuses: self.misuses });
        }
        self.ssa.place_phis(&mut self.func);
        self.func.compact();
        self.module.define_func(self.id, self.func);
        Ok(self.id)
    }
}
