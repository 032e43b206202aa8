//! Variables to SSA values.
//!
//! While the function is built, a variable read in a block without a definition becomes a *phi*: a
//! value that belongs to the block, with one operand per incoming edge once the block is sealed.
//! Only at the end is a phi made a block parameter, unless all its operands are one value: then
//! that value takes its place.

use super::{FunctionBuilder, Misuse, code};
use crate::ir::cfg::Edge;
use crate::ir::entity::{Block, EntityVec, Value};
use crate::ir::function::{Function, ValueDef};
use crate::ir::inst::{BlockArg, InstKind};
use crate::ir::module::Span;
use crate::ir::types::Type;
use std::collections::BTreeMap;
use std::fmt;

/// A mutable variable of a function that is being built.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Variable(u32);

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "var{}", self.0)
    }
}

/// A read that must be merged at a block.
#[derive(Clone, Debug)]
struct Phi {
    block: Block,
    value: Value,
    operands: Vec<(Edge, Value)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Ssa {
    types: Vec<Type>,
    defs: BTreeMap<(Block, Variable), Value>,
    preds: EntityVec<Block, Vec<Edge>>,
    sealed: EntityVec<Block, bool>,
    /// Of blocks that are not sealed: phis without operands.
    open: BTreeMap<Block, Vec<(Variable, usize)>>,
    phis: Vec<Phi>,
}

impl Ssa {
    pub(super) fn add_block(&mut self) {
        self.preds.push(Vec::new());
        self.sealed.push(false);
    }

    pub(super) fn set_sealed(&mut self, block: Block) {
        self.sealed[block] = true;
    }

    pub(super) fn declare(&mut self, ty: Type) -> Variable {
        self.types.push(ty);
        Variable((self.types.len() - 1) as u32)
    }

    pub(super) fn type_of(&self, var: Variable) -> Option<Type> {
        self.types.get(var.0 as usize).copied()
    }

    pub(super) fn define(&mut self, block: Block, var: Variable, value: Value) {
        self.defs.insert((block, var), value);
    }

    pub(super) fn add_pred(&mut self, block: Block, edge: Edge) -> Result<(), Misuse> {
        let misuse = |code, message| Err(Misuse { code, message });
        match self.sealed.get(block) {
            None => misuse(code::UNKNOWN, format!("{block} does not exist")),
            Some(true) => misuse(code::SEALED, format!("{block} is sealed: no edge may be added")),
            Some(false) => {
                self.preds[block].push(edge);
                Ok(())
            }
        }
    }

    fn add_phi(&mut self, func: &mut Function, block: Block, var: Variable) -> (usize, Value) {
        let ty = self.types[var.0 as usize];
        let def = ValueDef::Param(block, u32::MAX);
        let value = func.values.push(crate::ir::ValueData {
            ty,
            def,
            name: String::new(),
            span: Span::NONE,
        });
        self.phis.push(Phi { block, value, operands: Vec::new() });
        self.define(block, var, value);
        (self.phis.len() - 1, value)
    }

    /// Makes the remaining phis block parameters and puts arguments on the edges.
    pub(super) fn place_phis(&mut self, func: &mut Function) {
        let alias = self.trivial_phis(func.values.len());
        for phi in &self.phis {
            if alias[phi.value].is_some() {
                continue;
            }
            let index = func.blocks[phi.block].params.len() as u32;
            func.blocks[phi.block].params.push(phi.value);
            func.values[phi.value].def = ValueDef::Param(phi.block, index);
            for &(edge, operand) in &phi.operands {
                let term = func.blocks[edge.from].term.as_mut();
                let term = term.expect("I1: an edge leaves a filled block");
                term.targets_mut()[edge.index as usize].args.push(BlockArg::Value(operand));
            }
        }
        // Chains of aliases are short after path compression in `trivial_phis`.
        let resolve = |v: Value| alias.get(v).copied().flatten().unwrap_or(v);
        for data in func.insts.values_mut() {
            data.kind.map_uses(resolve);
        }
        for block in func.blocks.values_mut() {
            if let Some(term) = &mut block.term {
                term.map_uses(resolve);
            }
        }
    }

    /// For each phi whose operands are itself and one other value: that value.
    fn trivial_phis(&self, n_values: usize) -> EntityVec<Value, Option<Value>> {
        let mut alias: EntityVec<Value, Option<Value>> = (0..n_values).map(|_| None).collect();
        let mut users: BTreeMap<Value, Vec<usize>> = BTreeMap::new();
        for (i, phi) in self.phis.iter().enumerate() {
            for &(_, operand) in &phi.operands {
                users.entry(operand).or_default().push(i);
            }
        }
        let mut work: Vec<usize> = (0..self.phis.len()).rev().collect();
        while let Some(i) = work.pop() {
            let phi = &self.phis[i];
            if alias[phi.value].is_some() {
                continue;
            }
            let mut only = None;
            let mut trivial = true;
            for &(_, operand) in &phi.operands {
                let operand = root(&mut alias, operand);
                if operand != phi.value && *only.get_or_insert(operand) != operand {
                    trivial = false;
                    break;
                }
            }
            let Some(only) = only.filter(|_| trivial) else { continue };
            alias[phi.value] = Some(only);
            // Whoever used this phi now uses `only`, and must look again when `only` changes.
            let mut moved = users.remove(&phi.value).unwrap_or_default();
            moved.retain(|&user| alias[self.phis[user].value].is_none());
            work.extend(moved.iter().copied());
            users.entry(only).or_default().append(&mut moved);
        }
        for v in alias.keys() {
            if alias[v].is_some() {
                let r = root(&mut alias, v);
                alias[v] = Some(r);
            }
        }
        alias
    }
}

/// Follows aliases to their end and shortens the way.
fn root(alias: &mut EntityVec<Value, Option<Value>>, v: Value) -> Value {
    let mut end = v;
    while let Some(Some(next)) = alias.get(end) {
        end = *next;
    }
    let mut at = v;
    while at != end {
        let Some(next) = alias[at].replace(end) else { break };
        at = next;
    }
    end
}

impl FunctionBuilder<'_> {
    /// The value of a variable at this point of the current block.
    ///
    /// A variable that is not defined on some path is a misuse, reported when it is found.
    pub fn use_var(&mut self, var: Variable) -> Value {
        let Some(ty) = self.ssa.type_of(var) else {
            self.misuse(code::UNKNOWN, format!("{var} does not exist"));
            return self.placeholder(Type::I64);
        };
        let Some(block) = self.current_block() else {
            self.misuse(code::NO_BLOCK, format!("no block is being filled at use of {var}"));
            return self.placeholder(ty);
        };
        let mut work = Vec::new();
        let value = self.read(var, block, &mut work);
        self.fill_phis(work);
        value
    }

    pub(super) fn seal(&mut self, block: Block) {
        if self.ssa.sealed[block] {
            return;
        }
        self.ssa.set_sealed(block);
        let work = self.ssa.open.remove(&block).unwrap_or_default();
        self.fill_phis(work);
    }

    /// Gives each phi of the list its operands, and so on for the phis that this makes.
    fn fill_phis(&mut self, mut work: Vec<(Variable, usize)>) {
        while let Some((var, phi)) = work.pop() {
            let preds = self.ssa.preds[self.ssa.phis[phi].block].clone();
            if preds.is_empty() {
                // Sealed without an edge: unreachable; any value will do.
                let (block, value) = (self.ssa.phis[phi].block, self.ssa.phis[phi].value);
                let zero = self.zero(var, block);
                let edge = Edge { from: block, index: u32::MAX };
                debug_assert!(zero != value);
                self.ssa.phis[phi].operands.push((edge, zero));
            }
            for edge in preds {
                let operand = self.read(var, edge.from, &mut work);
                self.ssa.phis[phi].operands.push((edge, operand));
            }
        }
    }

    /// The variable's value at the end of a block; new phis of sealed blocks go to `work`.
    fn read(&mut self, var: Variable, block: Block, work: &mut Vec<(Variable, usize)>) -> Value {
        let (mut at, mut path) = (block, Vec::new());
        let value = loop {
            if let Some(&value) = self.ssa.defs.get(&(at, var)) {
                break value;
            }
            if !self.ssa.sealed[at] {
                let (phi, value) = self.ssa.add_phi(&mut self.func, at, var);
                self.ssa.open.entry(at).or_default().push((var, phi));
                break value;
            }
            let preds = &self.ssa.preds[at];
            // A ring of blocks with one predecessor each is unreachable.
            if preds.is_empty() || path.len() > self.ssa.preds.len() {
                if at == self.func.entry {
                    let message = format!("{var} is used in {block} but not defined on every path");
                    self.misuse(code::UNDEFINED, message);
                }
                let value = self.zero(var, at);
                self.ssa.define(at, var, value);
                break value;
            }
            if preds.len() > 1 || at == self.func.entry {
                let (phi, value) = self.ssa.add_phi(&mut self.func, at, var);
                work.push((var, phi));
                break value;
            }
            path.push(at);
            at = preds[0].from;
        };
        for at in path {
            self.ssa.define(at, var, value);
        }
        value
    }

    /// A zero at the start of a block, for a variable that has no value there.
    fn zero(&mut self, var: Variable, block: Block) -> Value {
        let ty = self.ssa.types[var.0 as usize];
        let kind = match ty {
            Type::Ptr | Type::Ref(_) => InstKind::Null { ty },
            _ => InstKind::Const { ty, bits: 0 },
        };
        let inst = self.func.make_inst(kind, &[ty], Span::NONE);
        self.func.blocks[block].insts.insert(0, inst);
        self.func.result(inst)
    }
}
