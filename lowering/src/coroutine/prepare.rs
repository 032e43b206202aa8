//! Makes every await one that the split knows how to do.
//!
//! In: a collapsed module and its call order. Out: the same module, in which
//!
//! * **P1** a callee whose frame cannot lie inside its caller's (recursion) is boxed before it is
//!   awaited, with a fault where memory is short,
//! * **P2** draining a future that is not a generator's is a drop: it is unstarted,
//! * **P3** suspend points are numbered densely in block order.

use super::normalise::awaitee_results;
use super::order::CallOrder;
use crate::ir::{
    Arg, Awaitee, Block, BlockCall, BoxKind, CompareOp, EntityVec, Func, FuncKind, Function, Held,
    InstKind, Module, Slot, Span, Suspend, Terminator, Ty, Type, Value,
};
use vitte_abi::fault_code;

/// Prepares one coroutine.
pub(crate) fn prepare(module: &Module, order: &CallOrder, func: Func, f: &mut Function) {
    for block in f.blocks.keys() {
        drain_plain_future(module, f, block);
        box_recursion(module, order, func, f, block);
    }
    renumber(f);
}

/// P2.
fn drain_plain_future(module: &Module, f: &mut Function, block: Block) {
    let Some(Terminator::Await { awaitee: Awaitee::Drain(Held::Slot(slot)), ok, .. }) =
        &f.blocks[block].term
    else {
        return;
    };
    let (slot, ok) = (*slot, ok.clone());
    let Ty::Future(callee) = f.slots[slot].ty else { return };
    if module.funcs[callee].kind != FuncKind::Generator {
        let span = f.blocks[block].term_span;
        f.add_inst(block, InstKind::DropSlot(slot), &[], span);
        f.blocks[block].term = Some(Terminator::Jump(ok));
    }
}

/// P1 for one terminator.
fn box_recursion(module: &Module, order: &CallOrder, func: Func, f: &mut Function, block: Block) {
    let Some(mut term) = f.blocks[block].term.take() else { return };
    let span = f.blocks[block].term_span;
    let Some(unwind) = term.unwind_target().cloned() else {
        f.blocks[block].term = Some(term);
        return;
    };
    let mut at = block;
    let n = match &term {
        Terminator::Await { .. } => 1,
        Terminator::Join { branches, .. } => branches.len(),
        Terminator::Select { arms, .. } => arms.len(),
        _ => 0,
    };
    for i in 0..n {
        let awaitee = nth(&mut term, i).clone();
        let results = awaitee_results(module, f, &awaitee);
        let kind = match awaitee {
            Awaitee::Call { func: callee, args } if !order.is_inline(func, callee) => {
                InstKind::Box { kind: BoxKind::Arena, func: callee, args }
            }
            Awaitee::Future(Held::Slot(slot)) if !slot_is_inline(order, func, f, slot) => {
                InstKind::BoxSlot { kind: BoxKind::Arena, slot }
            }
            _ => continue,
        };
        let inst = f.add_inst(at, kind, &[Type::Ptr], span);
        let frame = f.result(inst);
        let others: Vec<Awaitee> =
            (0..n).filter(|&j| j != i).map(|j| nth(&mut term, j).clone()).collect();
        at = unless_null(module, f, at, frame, &others, &unwind, span);
        *nth(&mut term, i) = Awaitee::Future(Held::Boxed { frame, results });
    }
    f.blocks[at].term = Some(term);
    f.blocks[at].term_span = span;
}

fn slot_is_inline(order: &CallOrder, func: Func, f: &Function, slot: Slot) -> bool {
    match f.slots[slot].ty {
        Ty::Future(callee) => order.is_inline(func, callee),
        _ => true,
    }
}

fn nth(term: &mut Terminator, i: usize) -> &mut Awaitee {
    match term {
        Terminator::Await { awaitee, .. } => awaitee,
        Terminator::Join { branches, .. } => &mut branches[i].awaitee,
        Terminator::Select { arms, .. } => &mut arms[i].awaitee,
        _ => unreachable!("only awaits, joins and selects have awaitees"),
    }
}

/// Ends `block` by a test for null; answers the block where it is not. The other branches of a join
/// are given up where it is.
fn unless_null(
    module: &Module,
    f: &mut Function,
    block: Block,
    frame: Value,
    others: &[Awaitee],
    unwind: &BlockCall,
    span: Span,
) -> Block {
    let null = f.add_inst(block, InstKind::Null { ty: Type::Ptr }, &[Type::Ptr], span);
    let args = [frame, f.result(null)];
    let test = InstKind::Compare { op: CompareOp::Eq, args };
    let test = f.add_inst(block, test, &[Type::Bool], span);
    let (failed, go) = (f.add_block(), f.add_block());
    let term = Terminator::Br {
        cond: f.result(test),
        then: BlockCall::new(failed, []),
        otherwise: BlockCall::new(go, []),
    };
    f.set_term(block, term, span);
    for awaitee in others.iter().rev() {
        give_up(module, f, failed, awaitee, span);
    }
    let unwind = Some(unwind.clone());
    f.set_term(failed, Terminator::Fault { code: fault_code::MEMORY, payload: None, unwind }, span);
    go
}

/// Drops what an awaitee that will not be awaited holds.
fn give_up(module: &Module, f: &mut Function, block: Block, awaitee: &Awaitee, span: Span) {
    let mut add = |kind| {
        f.add_inst(block, kind, &[], span);
    };
    match awaitee {
        Awaitee::Future(Held::Boxed { frame, .. }) => add(InstKind::DropBox(*frame)),
        Awaitee::Future(Held::Slot(slot)) => add(InstKind::DropSlot(*slot)),
        Awaitee::Call { args, .. } | Awaitee::Op { args, .. } => {
            for &arg in args.iter().rev() {
                match arg {
                    Arg::Value(v) if f.value_type(v).is_ref() => {
                        f.add_inst(block, InstKind::Drop(v), &[], span);
                    }
                    Arg::Move(slot) if module.needs_drop(f.slots[slot].ty) => {
                        f.add_inst(block, InstKind::DropSlot(slot), &[], span);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// P3.
pub(crate) fn renumber(f: &mut Function) {
    let old = std::mem::take(&mut f.suspends);
    let mut fresh = EntityVec::new();
    for block in f.blocks.values_mut() {
        let point: Option<&mut Suspend> = match &mut block.term {
            Some(
                Terminator::Await { point, .. }
                | Terminator::Yield { point, .. }
                | Terminator::Join { point, .. }
                | Terminator::Select { point, .. },
            ) => Some(point),
            _ => None,
        };
        if let Some(point) = point {
            *point = fresh.push(old[*point].clone());
        }
    }
    f.suspends = fresh;
}
