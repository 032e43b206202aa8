//! A function: blocks of instructions over values and slots.

use super::entity::{Block, EntityVec, Inst, Slot, Suspend, Value};
use super::inst::{InstKind, Terminator};
use super::module::Span;
use super::types::{Signature, Ty, Type};

/// What a function is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FuncKind {
    /// Runs to its end when called.
    Sync,
    /// A coroutine: calls make a cold future.
    Async,
    /// A coroutine that yields items; `sig.results` are the types of one item, and it returns
    /// nothing.
    Generator,
    /// Output of the transform: `(ctx: ptr, frame: ptr) -> i32`, without suspending terminators.
    Machine,
}

impl FuncKind {
    /// Whether it is a coroutine that has not been lowered.
    pub fn is_async(self) -> bool {
        matches!(self, FuncKind::Async | FuncKind::Generator)
    }
}

/// A function.
///
/// The entry block's parameters are the value parameters in order; a parameter that travels by slot
/// is the slot whose [`SlotData::param`] is its index.
#[derive(Clone, PartialEq, Debug)]
pub struct Function {
    /// Name; unique in the module.
    pub name: String,
    /// What it is.
    pub kind: FuncKind,
    /// Whether other objects may refer to it.
    pub exported: bool,
    /// Signature.
    pub sig: Signature,
    /// Where it is declared.
    pub span: Span,
    /// First block.
    pub entry: Block,
    /// Blocks.
    pub blocks: EntityVec<Block, BlockData>,
    /// Instructions; each stands in exactly one block.
    pub insts: EntityVec<Inst, InstData>,
    /// Values.
    pub values: EntityVec<Value, ValueData>,
    /// Slots.
    pub slots: EntityVec<Slot, SlotData>,
    /// Suspend points, each named by exactly one terminator.
    pub suspends: EntityVec<Suspend, SuspendData>,
}

/// A block: parameters, instructions, one terminator.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BlockData {
    /// Parameters.
    pub params: Vec<Value>,
    /// Instructions in order.
    pub insts: Vec<Inst>,
    /// Last; `None` only while the function is being built.
    pub term: Option<Terminator>,
    /// Where the terminator stands in the source.
    pub term_span: Span,
}

/// An instruction with its results.
#[derive(Clone, PartialEq, Debug)]
pub struct InstData {
    /// What it does.
    pub kind: InstKind,
    /// Results, in order.
    pub results: Vec<Value>,
    /// Where it stands in the source.
    pub span: Span,
}

/// Where a value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueDef {
    /// Result `n` of an instruction.
    Inst(Inst, u32),
    /// Parameter `n` of a block.
    Param(Block, u32),
}

/// A value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValueData {
    /// Type.
    pub ty: Type,
    /// Definition.
    pub def: ValueDef,
    /// Name in the source, or empty.
    pub name: String,
    /// Where that name is declared.
    pub span: Span,
}

/// A slot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotData {
    /// Name in the source, or empty.
    pub name: String,
    /// Type.
    pub ty: Ty,
    /// Index of the parameter that arrives in it.
    pub param: Option<u32>,
    /// Where it is declared.
    pub span: Span,
}

/// A suspend point.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SuspendData {
    /// Name of the state, e.g. `await sleep`.
    pub name: String,
    /// Where it stands in the source.
    pub span: Span,
}

impl Function {
    /// An empty function with an entry block that has the value parameters, and a slot for each
    /// parameter that travels by slot.
    pub fn new(name: impl Into<String>, kind: FuncKind, sig: Signature) -> Self {
        let mut f = Self {
            name: name.into(),
            kind,
            exported: false,
            sig: Signature::default(),
            span: Span::NONE,
            entry: Block::from_u32(0),
            blocks: EntityVec::new(),
            insts: EntityVec::new(),
            values: EntityVec::new(),
            slots: EntityVec::new(),
            suspends: EntityVec::new(),
        };
        let entry = f.add_block();
        for (i, p) in sig.params.iter().enumerate() {
            match p.ty {
                Ty::Value(t) => {
                    let v = f.add_block_param(entry, t);
                    f.values[v].name.clone_from(&p.name);
                }
                ty => {
                    f.slots.push(SlotData {
                        name: p.name.clone(),
                        ty,
                        param: Some(i as u32),
                        span: Span::NONE,
                    });
                }
            }
        }
        f.sig = sig;
        f
    }

    /// Adds an empty block.
    pub fn add_block(&mut self) -> Block {
        self.blocks.push(BlockData::default())
    }

    /// Adds a parameter to a block.
    pub fn add_block_param(&mut self, block: Block, ty: Type) -> Value {
        let def = ValueDef::Param(block, self.blocks[block].params.len() as u32);
        let v = self.add_value(ty, def);
        self.blocks[block].params.push(v);
        v
    }

    /// Appends an instruction to a block and makes its results.
    pub fn add_inst(&mut self, block: Block, kind: InstKind, types: &[Type], span: Span) -> Inst {
        let inst = self.make_inst(kind, types, span);
        self.blocks[block].insts.push(inst);
        inst
    }

    /// Makes an instruction that stands in no block yet.
    pub fn make_inst(&mut self, kind: InstKind, types: &[Type], span: Span) -> Inst {
        let inst = self.insts.push(InstData { kind, results: Vec::new(), span });
        let results = types
            .iter()
            .enumerate()
            .map(|(i, &t)| self.add_value(t, ValueDef::Inst(inst, i as u32)));
        let results = results.collect();
        self.insts[inst].results = results;
        inst
    }

    /// Sets the terminator of a block.
    pub fn set_term(&mut self, block: Block, term: Terminator, span: Span) {
        self.blocks[block].term = Some(term);
        self.blocks[block].term_span = span;
    }

    /// The terminator of a complete block.
    pub fn term(&self, block: Block) -> &Terminator {
        self.blocks[block].term.as_ref().expect("I: a complete block has a terminator")
    }

    /// Type of a value.
    pub fn value_type(&self, v: Value) -> Type {
        self.values[v].ty
    }

    /// First result of an instruction.
    pub fn result(&self, inst: Inst) -> Value {
        self.insts[inst].results[0]
    }

    fn add_value(&mut self, ty: Type, def: ValueDef) -> Value {
        self.values.push(ValueData { ty, def, name: String::new(), span: Span::NONE })
    }
}
