//! Emission of one function: a cursor, blocks, and source variables turned into SSA values.
//!
//! In: instructions in program order, with variables defined and used by name. Out: a
//! [`Function`] without unreachable blocks and without needless block parameters, everything
//! numbered in block order.
//!
//! SSA construction as in Braun et al., "Simple and Efficient Construction of Static Single
//! Assignment Form" (2013), with two differences: nothing recurses (a function may have 100,000
//! blocks in a row), and needless parameters are removed at the end, all at once.
//!
//! * **E1** A block is sealed when no edge to it will be added any more.
//! * **E2** After a terminator the cursor stands in a fresh block that nothing leads to: what is
//!   emitted there vanishes in [`Emit::finish`].
//! * **E3** A variable that no path has defined reads as zero; this happens only in code that
//!   cannot run.

use std::collections::BTreeMap;

use crate::ir::{
    BinaryOp, Block, BlockArg, BlockCall, CheckedOp, CompareOp, ConvertOp, EntityRef, EntityVec,
    FuncKind, Function, Inst, InstKind, Signature, Slot, SlotData, Span, Suspend, SuspendData,
    Terminator, Ty, Type, UnaryOp, Value,
};

/// A source variable of scalar type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Var(u32);

struct VarData {
    ty: Type,
    name: String,
    span: Span,
}

#[derive(Default)]
struct BlockState {
    sealed: bool,
    preds: Vec<Block>,
    defs: BTreeMap<Var, Value>,
    incomplete: Vec<(Var, Value)>,
}

/// The function being emitted.
pub(super) struct Emit {
    /// The function so far.
    pub(super) func: Function,
    /// Position given to what is emitted next.
    pub(super) span: Span,
    cur: Block,
    vars: Vec<VarData>,
    states: EntityVec<Block, BlockState>,
    zeros: BTreeMap<Type, Value>,
    truths: [Option<Value>; 2],
}

impl Emit {
    /// Starts a function; the cursor stands in its entry block.
    pub(super) fn new(name: String, kind: FuncKind, sig: Signature, span: Span) -> Self {
        let mut func = Function::new(name, kind, sig);
        func.span = span;
        let cur = func.entry;
        let mut states: EntityVec<Block, BlockState> = EntityVec::new();
        states.push(BlockState { sealed: true, ..BlockState::default() });
        Self {
            func,
            span,
            cur,
            vars: Vec::new(),
            states,
            zeros: BTreeMap::new(),
            truths: [None; 2],
        }
    }

    // ---- blocks ----

    /// A new, unsealed block.
    pub(super) fn block(&mut self) -> Block {
        self.states.push(BlockState::default());
        self.func.add_block()
    }

    /// A new block with parameters.
    pub(super) fn block_with(&mut self, types: &[Type]) -> (Block, Vec<Value>) {
        let b = self.block();
        let params = types.iter().map(|&t| self.func.add_block_param(b, t)).collect();
        (b, params)
    }

    /// Block of the cursor.
    pub(super) fn cur(&self) -> Block {
        self.cur
    }

    /// Moves the cursor.
    pub(super) fn switch_to(&mut self, block: Block) {
        self.cur = block;
    }

    /// Whether nothing leads to the cursor's block.
    pub(super) fn is_dead(&self) -> bool {
        let s = &self.states[self.cur];
        s.sealed && s.preds.is_empty() && self.cur != self.func.entry
    }

    /// Declares that all edges to a block are there (E1).
    pub(super) fn seal(&mut self, block: Block) {
        if self.states[block].sealed {
            return;
        }
        self.states[block].sealed = true;
        let work = std::mem::take(&mut self.states[block].incomplete);
        self.fill(work.into_iter().map(|(var, param)| (block, var, param)).collect());
    }

    /// Seals a block and moves the cursor there.
    pub(super) fn seal_and_switch(&mut self, block: Block) {
        self.seal(block);
        self.cur = block;
    }

    /// Ends the block of the cursor (E2).
    pub(super) fn term(&mut self, term: Terminator) {
        let from = self.cur;
        let mut targets: Vec<Block> = term.targets().iter().map(|t| t.block).collect();
        targets.sort_unstable();
        targets.dedup();
        if !self.is_dead() {
            for &t in &targets {
                self.states[t].preds.push(from);
                debug_assert!(!self.states[t].sealed, "E1: an edge to sealed {t}");
            }
        }
        self.func.set_term(from, term, self.span);
        let dead = self.block();
        self.states[dead].sealed = true;
        self.cur = dead;
    }

    /// Jumps with plain values.
    pub(super) fn jump(&mut self, to: Block, args: &[Value]) {
        self.term(Terminator::Jump(BlockCall::new(to, args.iter().copied())));
    }

    /// Branches without arguments.
    pub(super) fn br(&mut self, cond: Value, then: Block, otherwise: Block) {
        let to = |b| BlockCall::new(b, []);
        self.term(Terminator::Br { cond, then: to(then), otherwise: to(otherwise) });
    }

    // ---- variables ----

    /// Declares a variable.
    pub(super) fn var(&mut self, ty: Type, name: &str, span: Span) -> Var {
        self.vars.push(VarData { ty, name: name.to_owned(), span });
        Var(self.vars.len() as u32 - 1)
    }

    /// Assigns a variable.
    pub(super) fn def(&mut self, var: Var, value: Value) {
        let data = &self.vars[var.0 as usize];
        let v = &mut self.func.values[value];
        if v.name.is_empty() && !data.name.is_empty() {
            v.name.clone_from(&data.name);
            v.span = data.span;
        }
        self.states[self.cur].defs.insert(var, value);
    }

    /// Reads a variable.
    pub(super) fn read(&mut self, var: Var) -> Value {
        let mut work = Vec::new();
        let v = self.lookup(self.cur, var, &mut work);
        self.fill(work);
        v
    }

    /// Value of `var` at the end of `block`; new parameters whose arguments are still missing go
    /// to `work`.
    fn lookup(&mut self, block: Block, var: Var, work: &mut Vec<(Block, Var, Value)>) -> Value {
        let (mut at, mut passed) = (block, Vec::new());
        let value = loop {
            let state = &self.states[at];
            if let Some(&v) = state.defs.get(&var) {
                break v;
            }
            passed.push(at);
            if !state.sealed {
                let v = self.param_for(at, var);
                self.states[at].incomplete.push((var, v));
                break v;
            }
            match state.preds.len() {
                0 => break self.zero(self.vars[var.0 as usize].ty),
                1 => at = state.preds[0],
                _ => {
                    let v = self.param_for(at, var);
                    work.push((at, var, v));
                    break v;
                }
            }
        };
        // Every 16th block remembers, so that neither walks nor tables grow with both numbers.
        for b in passed.into_iter().step_by(16) {
            self.states[b].defs.insert(var, value);
        }
        value
    }

    fn param_for(&mut self, block: Block, var: Var) -> Value {
        let v = self.func.add_block_param(block, self.vars[var.0 as usize].ty);
        let data = &self.vars[var.0 as usize];
        self.func.values[v].name.clone_from(&data.name);
        self.func.values[v].span = data.span;
        v
    }

    /// Gives every edge to these blocks the argument for the new parameter.
    fn fill(&mut self, mut work: Vec<(Block, Var, Value)>) {
        while let Some((block, var, param)) = work.pop() {
            let params = &self.func.blocks[block].params;
            let at = params.iter().position(|&p| p == param).expect("a parameter of its block");
            for pred in self.states[block].preds.clone() {
                let v = self.lookup(pred, var, &mut work);
                let term = self.func.blocks[pred].term.as_mut();
                let term = term.expect("E1: a predecessor has a terminator");
                for target in term.targets_mut() {
                    if target.block == block {
                        // Later parameters may be filled in first.
                        while target.args.len() <= at {
                            target.args.push(BlockArg::Cause);
                        }
                        target.args[at] = BlockArg::Value(v);
                    }
                }
            }
        }
    }

    /// Zero at the start of the entry block (E3).
    fn zero(&mut self, ty: Type) -> Value {
        if let Some(&v) = self.zeros.get(&ty) {
            return v;
        }
        let kind = zero_of(ty);
        let inst = self.func.make_inst(kind, &[ty], Span::NONE);
        let entry = self.func.entry;
        self.func.blocks[entry].insts.insert(0, inst);
        let v = self.func.result(inst);
        self.zeros.insert(ty, v);
        v
    }

    // ---- instructions ----

    /// Appends an instruction without result.
    pub(super) fn effect(&mut self, kind: InstKind) {
        self.func.add_inst(self.cur, kind, &[], self.span);
    }

    /// Appends an instruction with one result.
    pub(super) fn value(&mut self, kind: InstKind, ty: Type) -> Value {
        let inst = self.func.add_inst(self.cur, kind, &[ty], self.span);
        self.func.result(inst)
    }

    /// Appends an instruction with any number of results.
    pub(super) fn values(&mut self, kind: InstKind, types: &[Type]) -> Vec<Value> {
        let inst: Inst = self.func.add_inst(self.cur, kind, types, self.span);
        self.func.insts[inst].results.clone()
    }

    /// A constant; `bits` are cut to the type's width.
    pub(super) fn iconst(&mut self, ty: Type, bits: i128) -> Value {
        let mask = if ty.bytes() == 16 { u128::MAX } else { (1u128 << (8 * ty.bytes())) - 1 };
        let mask = if ty == Type::Bool { 1 } else { mask };
        self.value(InstKind::Const { ty, bits: bits as u128 & mask }, ty)
    }

    /// A truth value.
    pub(super) fn bool(&mut self, b: bool) -> Value {
        self.iconst(Type::Bool, i128::from(b))
    }

    /// The one constant of this truth value, which stands in the entry: a flag that is known where
    /// it is tested costs nothing, because [`Emit::finish`] folds the branch.
    pub(super) fn truth(&mut self, b: bool) -> Value {
        if let Some(v) = self.truths[usize::from(b)] {
            return v;
        }
        let kind = InstKind::Const { ty: Type::Bool, bits: u128::from(b) };
        let inst = self.func.make_inst(kind, &[Type::Bool], Span::NONE);
        let entry = self.func.entry;
        self.func.blocks[entry].insts.insert(0, inst);
        let v = self.func.result(inst);
        self.truths[usize::from(b)] = Some(v);
        v
    }

    /// Zero, null or false.
    pub(super) fn zero_value(&mut self, ty: Type) -> Value {
        self.value(zero_of(ty), ty)
    }

    /// Type of a variable.
    pub(super) fn var_type(&self, var: Var) -> Type {
        self.vars[var.0 as usize].ty
    }

    /// Type of a value.
    pub(super) fn ty(&self, v: Value) -> Type {
        self.func.value_type(v)
    }

    /// An operator on one value.
    pub(super) fn unary(&mut self, op: UnaryOp, arg: Value) -> Value {
        let ty = self.ty(arg);
        self.value(InstKind::Unary { op, arg }, ty)
    }

    /// A wrapping operator.
    pub(super) fn binary(&mut self, op: BinaryOp, a: Value, b: Value) -> Value {
        let ty = self.ty(a);
        self.value(InstKind::Binary { op, args: [a, b] }, ty)
    }

    /// A checked operator: value and flag.
    pub(super) fn checked(&mut self, op: CheckedOp, a: Value, b: Value) -> (Value, Value) {
        let ty = self.ty(a);
        let r = self.values(InstKind::Checked { op, args: [a, b] }, &[ty, Type::Bool]);
        (r[0], r[1])
    }

    /// A comparison.
    pub(super) fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        self.value(InstKind::Compare { op, args: [a, b] }, Type::Bool)
    }

    /// A conversion.
    pub(super) fn convert(&mut self, op: ConvertOp, arg: Value, ty: Type) -> Value {
        self.value(InstKind::Convert { op, arg, ty }, ty)
    }

    /// A read from memory.
    pub(super) fn load(&mut self, ty: Type, addr: Value, offset: u32) -> Value {
        self.value(InstKind::Load { ty, addr, offset: offset as i32 }, ty)
    }

    /// A write to memory.
    pub(super) fn store(&mut self, addr: Value, offset: u32, value: Value) {
        self.effect(InstKind::Store { addr, offset: offset as i32, value });
    }

    /// The address in a reference; itself if it is an address.
    pub(super) fn addr_of(&mut self, v: Value) -> Value {
        if self.ty(v) == Type::Ptr { v } else { self.convert(ConvertOp::Bitcast, v, Type::Ptr) }
    }

    /// A new slot.
    pub(super) fn slot(&mut self, ty: Ty, name: &str, span: Span) -> Slot {
        self.func.slots.push(SlotData { name: name.to_owned(), ty, param: None, span })
    }

    /// A whole read from a slot of one value.
    pub(super) fn slot_load(&mut self, slot: Slot, ty: Type) -> Value {
        self.value(InstKind::SlotLoad { slot, offset: 0, ty }, ty)
    }

    /// A new suspend point, named for dumps.
    pub(super) fn point(&mut self, name: impl Into<String>) -> Suspend {
        self.func.suspends.push(SuspendData { name: name.into(), span: self.span })
    }

    // ---- the end ----

    /// Seals everything, removes what is unreachable or needless, and renumbers.
    pub(super) fn finish(mut self) -> Function {
        for b in self.func.blocks.keys() {
            if self.func.blocks[b].term.is_none() {
                self.func.set_term(b, Terminator::Unreachable, Span::NONE);
            }
        }
        for b in self.func.blocks.keys() {
            self.seal(b);
        }
        loop {
            let live = reachable(&self.func);
            drop_needless_params(&mut self.func, &live);
            if !self.fold_branches(&live) {
                return compact(&self.func, &live);
            }
        }
    }
}

impl Emit {
    /// Turns branches on known flags into jumps; answers whether there were any.
    fn fold_branches(&mut self, live: &[bool]) -> bool {
        let mut any = false;
        for b in self.func.blocks.keys().filter(|b| live[b.index()]) {
            let Some(Terminator::Br { cond, then, otherwise }) = &self.func.blocks[b].term else {
                continue;
            };
            let to = if Some(*cond) == self.truths[1] {
                then.clone()
            } else if Some(*cond) == self.truths[0] {
                otherwise.clone()
            } else {
                continue;
            };
            self.func.blocks[b].term = Some(Terminator::Jump(to));
            any = true;
        }
        any
    }
}

fn zero_of(ty: Type) -> InstKind {
    match ty {
        Type::Ptr | Type::Ref(_) => InstKind::Null { ty },
        _ => InstKind::Const { ty, bits: 0 },
    }
}

/// Which blocks the entry leads to.
fn reachable(f: &Function) -> Vec<bool> {
    let mut seen = vec![false; f.blocks.len()];
    let mut work = vec![f.entry];
    seen[f.entry.index()] = true;
    while let Some(b) = work.pop() {
        f.term(b).for_each_target(|t, _| {
            if !std::mem::replace(&mut seen[t.block.index()], true) {
                work.push(t.block);
            }
        });
    }
    seen
}

/// Removes every block parameter that stands for one other value on all its edges.
fn drop_needless_params(f: &mut Function, live: &[bool]) {
    let mut same: Vec<Value> = f.values.keys().collect();
    fn find(same: &mut [Value], mut v: Value) -> Value {
        while same[v.index()] != v {
            let up = same[same[v.index()].index()];
            same[v.index()] = up;
            v = up;
        }
        v
    }
    let n = f.blocks.len();
    // Per block: its edges as (predecessor, index among the targets).
    let mut edges: Vec<Vec<(Block, usize)>> = vec![Vec::new(); n];
    for b in f.blocks.keys().filter(|b| live[b.index()]) {
        let mut i = 0;
        f.term(b).for_each_target(|t, _| {
            edges[t.block.index()].push((b, i));
            i += 1;
        });
    }
    let mut changed = true;
    while changed {
        changed = false;
        for b in f.blocks.keys().filter(|b| live[b.index()] && *b != f.entry) {
            for (i, &p) in f.blocks[b].params.iter().enumerate() {
                if find(&mut same, p) != p {
                    continue;
                }
                let mut only = None;
                let needless = edges[b.index()].iter().all(|&(from, edge)| {
                    let target = f.term(from).target(edge).expect("an edge that was counted");
                    let BlockArg::Value(v) = target.args[i] else { return false };
                    let v = find(&mut same, v);
                    v == p || *only.get_or_insert(v) == v
                });
                if let (true, Some(v)) = (needless, only) {
                    same[p.index()] = v;
                    changed = true;
                }
            }
        }
    }
    for b in f.blocks.keys().filter(|b| live[b.index()]) {
        let keep: Vec<bool> = f.blocks[b].params.iter().map(|&p| find(&mut same, p) == p).collect();
        if !keep.contains(&false) {
            continue;
        }
        for &(from, edge) in &edges[b.index()] {
            let term = f.blocks[from].term.as_mut().expect("a complete block has a terminator");
            let mut i = 0;
            let args = &mut term.targets_mut().swap_remove(edge).args;
            args.retain(|_| {
                i += 1;
                keep[i - 1]
            });
        }
        let mut i = 0;
        f.blocks[b].params.retain(|_| {
            i += 1;
            keep[i - 1]
        });
    }
    for b in f.blocks.keys().filter(|b| live[b.index()]) {
        for &i in &f.blocks[b].insts {
            f.insts[i].kind.map_uses(|v| find(&mut same, v));
        }
        if let Some(term) = &mut f.blocks[b].term {
            term.map_uses(|v| find(&mut same, v));
        }
    }
}

/// Copies the reachable part, numbered in block order.
fn compact(old: &Function, live: &[bool]) -> Function {
    let mut f = Function {
        blocks: EntityVec::new(),
        insts: EntityVec::new(),
        values: EntityVec::new(),
        slots: EntityVec::new(),
        suspends: EntityVec::new(),
        name: old.name.clone(),
        sig: old.sig.clone(),
        ..*old
    };
    let mut blocks: Vec<Option<Block>> = vec![None; old.blocks.len()];
    let mut values: Vec<Option<Value>> = vec![None; old.values.len()];
    let order: Vec<Block> = old.blocks.keys().filter(|b| live[b.index()]).collect();
    let mut used_slots: Vec<bool> = old.slots.values().map(|s| s.param.is_some()).collect();
    for &b in &order {
        let new = f.add_block();
        blocks[b.index()] = Some(new);
        for &p in &old.blocks[b].params {
            let v = f.add_block_param(new, old.value_type(p));
            f.values[v].name.clone_from(&old.values[p].name);
            f.values[v].span = old.values[p].span;
            values[p.index()] = Some(v);
        }
        for &i in &old.blocks[b].insts {
            let data = &old.insts[i];
            let types: Vec<Type> = data.results.iter().map(|&r| old.value_type(r)).collect();
            let inst = f.add_inst(new, data.kind.clone(), &types, data.span);
            for (&from, &to) in data.results.iter().zip(&f.insts[inst].results.clone()) {
                f.values[to].name.clone_from(&old.values[from].name);
                f.values[to].span = old.values[from].span;
                values[from.index()] = Some(to);
            }
            data.kind.for_each_slot_use(|s, _| used_slots[s.index()] = true);
        }
        old.term(b).for_each_slot_use(|s, _| used_slots[s.index()] = true);
    }
    let mut slots: Vec<Option<Slot>> = vec![None; old.slots.len()];
    for (s, data) in old.slots.iter().filter(|(s, _)| used_slots[s.index()]) {
        slots[s.index()] = Some(f.slots.push(data.clone()));
    }
    let block_of = |b: Block| blocks[b.index()].expect("edges lead to reachable blocks");
    let slot_of = |s: Slot| slots[s.index()].expect("a slot that is used was counted");
    f.entry = block_of(old.entry);
    let map = |v: Value| values[v.index()].expect("a used value is defined in a reachable block");
    for i in f.insts.keys() {
        f.insts[i].kind.map_uses(map);
        f.insts[i].kind.map_slots(slot_of);
    }
    for &b in &order {
        let mut term = old.term(b).clone();
        term.map_uses(map);
        term.map_slots(slot_of);
        for t in term.targets_mut() {
            t.block = block_of(t.block);
        }
        if let Some(point) = point_mut(&mut term) {
            *point = f.suspends.push(old.suspends[*point].clone());
        }
        f.set_term(block_of(b), term, old.blocks[b].term_span);
    }
    f
}

fn point_mut(term: &mut Terminator) -> Option<&mut Suspend> {
    match term {
        Terminator::Await { point, .. }
        | Terminator::Yield { point, .. }
        | Terminator::Join { point, .. }
        | Terminator::Select { point, .. } => Some(point),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Emit {
        Emit::new("f".into(), FuncKind::Sync, Signature::default(), Span::NONE)
    }

    #[test]
    fn a_loop_keeps_parameters_for_changed_variables_only() {
        let mut e = start();
        let (i, k) = (e.var(Type::I64, "i", Span::NONE), e.var(Type::I64, "k", Span::NONE));
        let zero = e.iconst(Type::I64, 0);
        e.def(i, zero);
        let seven = e.iconst(Type::I64, 7);
        e.def(k, seven);
        let (head, body, end) = (e.block(), e.block(), e.block());
        e.jump(head, &[]);
        e.switch_to(head);
        let args = [e.read(i), e.read(k)];
        let more = e.compare(CompareOp::Slt, args[0], args[1]);
        e.br(more, body, end);
        e.seal_and_switch(body);
        let args = [e.read(i), e.read(k)];
        let next = e.binary(BinaryOp::Add, args[0], args[1]);
        e.def(i, next);
        e.jump(head, &[]);
        e.seal(head);
        e.seal_and_switch(end);
        e.term(Terminator::Return(vec![]));
        let f = e.finish();
        let params: usize = f.blocks.values().map(|b| b.params.len()).sum();
        assert_eq!(params, 1);
        assert_eq!(f.blocks.len(), 4);
    }

    #[test]
    fn a_hundred_thousand_blocks_in_a_row_do_not_overflow_the_stack() {
        let mut e = start();
        let x = e.var(Type::I64, "x", Span::NONE);
        let one = e.iconst(Type::I64, 1);
        e.def(x, one);
        for _ in 0..100_000 {
            let next = e.block();
            e.jump(next, &[]);
            e.seal_and_switch(next);
        }
        let v = e.read(x);
        let _ = e.unary(UnaryOp::Neg, v);
        e.term(Terminator::Return(vec![]));
        assert_eq!(e.finish().blocks.len(), 100_001);
    }

    #[test]
    fn code_after_a_terminator_vanishes() {
        let mut e = start();
        e.term(Terminator::Return(vec![]));
        assert!(e.is_dead());
        let v = e.iconst(Type::I64, 1);
        let _ = e.unary(UnaryOp::Neg, v);
        let f = e.finish();
        assert_eq!((f.blocks.len(), f.insts.len()), (1, 0));
    }
}
