//! The verifier: what every later stage may rely on.
//!
//! In: any module, however malformed. Out: every violation found, with its code, function and
//! entity. A module that passes has these properties:
//!
//! * **I1** Every entity that is named exists; names are unique; sizes and offsets are below 2^31.
//! * **I2** Every block has a terminator, every instruction stands in one place, every value has one
//!   definition, which dominates its uses. Edges pass what their targets take.
//! * **I3** Operands, results, arguments and destinations have the types that the instruction, the
//!   signature or the operation asks for; slot accesses lie inside the slot.
//! * **I4** Suspending terminators stand in async functions and generators, and name each suspend
//!   point once; machine-only instructions stand in machines, and in any function of a lowered
//!   module.
//! * **I5** Every owned slot is dropped or moved exactly once on each path (`ownership`). In a lowered
//!   module, whose drops are calls already, this is not looked at.
//! * **I6** No slot moves after a suspend under an address that is still in use (`pinned`).
//!
//! Phases: `tables` (the module), `bounds` (I1), `body` (I2), `typing` (I3, I4), `ownership` (I5),
//! `pinned` (I6). A function goes on to a phase that relies on an earlier one only if it passed
//! that, so that one mistake is not reported as ten and nothing panics. Cost: near-linear.

mod body;
mod bounds;
mod operands;
mod ownership;
mod pieces;
mod pinned;
mod tables;
mod typing;

use super::cfg::Cfg;
use super::entity::{Block, Class, Data, Func, HostOp, Import, Inst, Slot, Struct, Suspend, Value};
use super::function::{FuncKind, Function};
use super::module::Module;
use crate::parallel::{self, Parallel, in_order};
use std::fmt;

/// What a violation is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "each variant is the entity of that name")]
pub enum Entity {
    Module,
    Class(Class),
    Struct(Struct),
    Data(Data),
    Import(Import),
    HostOp(HostOp),
    Func(Func),
    Block(Block),
    /// An instruction, with the block in which it stands.
    Inst(Block, Inst),
    Value(Value),
    Slot(Slot),
    Suspend(Suspend),
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entity::Module => f.write_str("module"),
            Entity::Class(e) => e.fmt(f),
            Entity::Struct(e) => e.fmt(f),
            Entity::Data(e) => e.fmt(f),
            Entity::Import(e) => e.fmt(f),
            Entity::HostOp(e) => e.fmt(f),
            Entity::Func(e) => e.fmt(f),
            Entity::Block(e) => e.fmt(f),
            Entity::Inst(block, e) => write!(f, "{block}/{e}"),
            Entity::Value(e) => e.fmt(f),
            Entity::Slot(e) => e.fmt(f),
            Entity::Suspend(e) => e.fmt(f),
        }
    }
}

/// A rule that a module breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Stable code; see [`super::codes`].
    pub code: &'static str,
    /// In which function, if in one.
    pub func: Option<Func>,
    /// What it is about.
    pub entity: Entity,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(func) = self.func {
            write!(f, "{func} ")?;
        }
        write!(f, "{}: {}", self.entity, self.message)
    }
}

impl std::error::Error for Violation {}

/// Checks a module.
///
/// # Errors
///
/// Every violation: those of the tables first, then function by function.
pub fn verify(module: &Module) -> Result<(), Vec<Violation>> {
    verify_with(module, &in_order)
}

/// [`verify`], with the functions looked at by `parallel`.
///
/// # Errors
///
/// As [`verify`], in the same order.
pub fn verify_with(module: &Module, parallel: &Parallel<'_>) -> Result<(), Vec<Violation>> {
    let mut found = Vec::new();
    tables::check(&mut Report { found: &mut found, func: None }, module);
    let lowered = is_lowered(module);
    found.extend(
        parallel::map(parallel, module.funcs.keys(), |id| {
            let mut found = Vec::new();
            check_function(&mut found, module, id, lowered);
            found
        })
        .into_iter()
        .flatten(),
    );
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Checks one function of a module; its tables are taken to be right.
///
/// # Errors
///
/// Every violation in the function.
pub fn verify_function(module: &Module, id: Func) -> Result<(), Vec<Violation>> {
    let mut found = Vec::new();
    check_function(&mut found, module, id, is_lowered(module));
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Whether the module came out of the transform: machines, and no coroutine that is none.
fn is_lowered(module: &Module) -> bool {
    let mut kinds = module.funcs.values().map(|f| f.kind);
    kinds.clone().any(|k| k == FuncKind::Machine) && !kinds.any(FuncKind::is_async)
}

fn check_function(found: &mut Vec<Violation>, module: &Module, id: Func, lowered: bool) {
    let Some(func) = module.funcs.get(id) else {
        let (func, entity) = (Some(id), Entity::Func(id));
        found.push(Violation { code: "IR0100", func, entity, message: "does not exist".into() });
        return;
    };
    let mut r = Report { found, func: Some(id) };
    tables::signature(&mut r, module, id, func);
    if !bounds::check(&mut r, module, func) {
        return;
    }
    let cfg = Cfg::new(func);
    let mut sound = body::check(&mut r, func, &cfg);
    sound &= typing::check(&mut r, module, func, lowered);
    if sound && func.kind != FuncKind::Machine && !lowered {
        ownership::check(&mut r, module, func, &cfg);
        pinned::check(&mut r, func, &cfg);
    }
}

/// Where violations are collected.
struct Report<'a> {
    found: &'a mut Vec<Violation>,
    func: Option<Func>,
}

impl Report<'_> {
    fn push(&mut self, code: &'static str, entity: Entity, message: impl Into<String>) {
        debug_assert!(super::codes::lookup(code).is_some(), "{code} is in the table");
        self.found.push(Violation { code, func: self.func, entity, message: message.into() });
    }

    /// Number of violations so far, to see later whether any were added.
    fn mark(&self) -> usize {
        self.found.len()
    }
}

/// A block of a function with its instructions, skipping none: for phases after `bounds`.
fn insts(func: &Function, block: Block) -> impl Iterator<Item = (Inst, &super::InstData)> {
    func.blocks[block].insts.iter().map(|&i| (i, &func.insts[i]))
}
