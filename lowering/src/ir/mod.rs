//! The intermediate representation: typed, in SSA form with block parameters, plus slots.
//!
//! A frontend fills a [`Module`] (directly, with the builder, or as text), [`crate::coroutine`]
//! turns its async functions into machines, and a backend compiles the result.

mod builder;
pub mod cfg;
pub mod codes;
mod compact;
mod entity;
mod function;
mod inst;
mod mnemonic;
mod module;
mod parse;
mod print;
mod types;
mod verify;
mod visit;

pub use builder::{BuildError, FunctionBuilder, Misuse, ModuleBuilder, OpenArm, Variable};
pub use entity::{
    Block, Class, Data, EntityRef, EntityVec, File, Func, HostOp, Import, Inst, Slot, Struct,
    Suspend, Value,
};
pub use function::{
    BlockData, FuncKind, Function, InstData, SlotData, SuspendData, ValueData, ValueDef,
};
pub use inst::{
    Arg, Awaitee, BinaryOp, BlockArg, BlockCall, BoxKind, Callee, CheckedOp, CompareOp, ConvertOp,
    CtxFn, Held, InstKind, JoinBranch, SelectArm, Terminator, UnaryOp,
};
pub use module::{DataObject, HostOpData, ImportData, MAX_BYTES, Module, Reloc, Span};
pub use parse::{ParseError, parse_module};
pub use types::{
    ClassData, DropAction, Field, Param, Sequence, Signature, StructData, Tag, Ty, Type,
};
pub use verify::{Entity, Violation, verify, verify_function, verify_with};
pub use visit::{EdgeKind, SlotAccess};
