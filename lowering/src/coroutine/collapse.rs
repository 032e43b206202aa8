//! Takes away coroutines that are none.
//!
//! In: a verified module. Out: the same module, in which
//!
//! * awaiting a coroutine that never suspends is an ordinary call of its **synchronous twin**: there
//!   is no child frame, no state and no machine for it (unless it is also spawned or held), and
//! * awaiting a **pass-through** coroutine (one that only awaits another with its own parameters and
//!   returns what that returns) awaits the other one: a chain of wrappers costs nothing.
//!
//! Awaits that become calls can make their caller free of suspends in turn, so functions are visited
//! callees first.

use super::order::CallOrder;
use crate::ir::{
    Arg, Awaitee, Block, BlockArg, Callee, Func, FuncKind, Function, InstKind, Module, Slot,
    Terminator, Ty, Type, Value,
};
use std::collections::BTreeMap;

/// Collapses what can be.
pub(crate) fn collapse(module: &mut Module) {
    let order = CallOrder::new(module);
    let mut twins: BTreeMap<Func, Func> = BTreeMap::new();
    let mut wrappers: BTreeMap<Func, PassThrough> = BTreeMap::new();
    for &func in &order.callees_first {
        if awaits_needlessly(module, func, &wrappers) {
            let mut f = module.funcs[func].clone();
            for block in f.blocks.keys() {
                redirect(module, &mut f, block, &wrappers);
                call_twin(module, &mut f, block, &mut twins);
            }
            module.funcs[func] = f;
        }
        if let Some(w) = pass_through(module, func) {
            wrappers.insert(func, w);
        }
    }
}

/// Whether a function awaits a pass-through coroutine, or one that never suspends.
fn awaits_needlessly(module: &Module, func: Func, wrappers: &BTreeMap<Func, PassThrough>) -> bool {
    let is_needless = |awaitee: &Awaitee| {
        matches!(awaitee, Awaitee::Call { func, .. }
            if wrappers.contains_key(func) || never_suspends(&module.funcs[*func]))
    };
    module.funcs[func].blocks.values().any(|block| match &block.term {
        Some(Terminator::Await { awaitee, .. }) => is_needless(awaitee),
        Some(Terminator::Join { branches, .. }) => branches.iter().any(|b| is_needless(&b.awaitee)),
        Some(Terminator::Select { arms, .. }) => arms.iter().any(|a| is_needless(&a.awaitee)),
        _ => false,
    })
}

/// What a pass-through coroutine awaits, in terms of its own parameters.
struct PassThrough {
    callee: Func,
    /// Per argument of the callee: a parameter of the wrapper, or a constant.
    args: Vec<Source>,
}

#[derive(Clone)]
enum Source {
    Param(usize),
    Const(InstKind, Type),
}

/// Recognises a pass-through coroutine.
fn pass_through(module: &Module, func: Func) -> Option<PassThrough> {
    let f = &module.funcs[func];
    if f.kind != FuncKind::Async {
        return None;
    }
    let entry = &f.blocks[f.entry];
    let Some(Terminator::Await { awaitee, dests, ok, unwind, .. }) = &entry.term else {
        return None;
    };
    let Awaitee::Call { func: callee, args } = awaitee else { return None };
    if *callee == func || module.funcs[*callee].sig.results != f.sig.results {
        return None;
    }
    let mut constants = BTreeMap::new();
    for &inst in &entry.insts {
        match &f.insts[inst].kind {
            k @ (InstKind::Const { ty, .. } | InstKind::Null { ty }) => {
                constants.insert(f.result(inst), (k.clone(), *ty));
            }
            InstKind::SlotLive(_) => {}
            _ => return None,
        }
    }
    // Returns exactly what it got.
    let ok_block = &f.blocks[ok.block];
    let returns_results = matches!(&ok_block.term, Some(Terminator::Return(returned))
        if returns_in_order(f, ok.block, &ok.args, dests, returned));
    let unwind_block = &f.blocks[unwind.block];
    let unwinds = matches!(&unwind_block.term, Some(Terminator::Unwind(cause))
        if unwind.args == [BlockArg::Cause] && unwind_block.params == [*cause]);
    let plain = |b: Block| {
        f.blocks[b].insts.iter().all(|&i| {
            matches!(
                f.insts[i].kind,
                InstKind::SlotDead(_) | InstKind::SlotLive(_) | InstKind::SlotForget(_)
            )
        })
    };
    if !returns_results || !unwinds || !plain(ok.block) || !plain(unwind.block) {
        return None;
    }
    let mut value_params = entry.params.iter();
    let params: Vec<Option<Value>> = f
        .sig
        .params
        .iter()
        .map(|p| p.ty.as_value().and_then(|_| value_params.next().copied()))
        .collect();
    let mut used = vec![false; params.len()];
    let args = args
        .iter()
        .map(|arg| {
            let param = match *arg {
                Arg::Value(v) => {
                    if let Some((kind, ty)) = constants.get(&v) {
                        return Some(Source::Const(kind.clone(), *ty));
                    }
                    params.iter().position(|&p| p == Some(v))?
                }
                Arg::Move(slot) => f.slots[slot].param? as usize,
            };
            // A parameter passed on twice would be used twice.
            (!std::mem::replace(&mut used[param], true)).then_some(Source::Param(param))
        })
        .collect::<Option<Vec<_>>>()?;
    let dropped_here = f.sig.params.iter().zip(&used).any(|(p, u)| !u && module.needs_drop(p.ty));
    (!dropped_here).then_some(PassThrough { callee: *callee, args })
}

fn returns_in_order(
    f: &Function,
    block: Block,
    edge: &[BlockArg],
    dests: &[Slot],
    returned: &[Arg],
) -> bool {
    let params = &f.blocks[block].params;
    let in_order = edge.iter().zip(0..).all(|(a, i)| *a == BlockArg::Result(i));
    let mut values = params.iter();
    let mut slots = dests.iter();
    in_order
        && returned.iter().all(|arg| match arg {
            Arg::Value(v) => values.next() == Some(v),
            Arg::Move(s) => slots.next() == Some(s),
        })
        && values.next().is_none()
        && slots.next().is_none()
}

/// Replaces pass-through callees of a suspending terminator by what they pass through to.
fn redirect(
    module: &Module,
    f: &mut Function,
    block: Block,
    wrappers: &BTreeMap<Func, PassThrough>,
) {
    let Some(mut term) = f.blocks[block].term.take() else { return };
    let span = f.blocks[block].term_span;
    let mut visit = |awaitee: &mut Awaitee| {
        while let Awaitee::Call { func, args } = awaitee
            && let Some(w) = wrappers.get(func)
        {
            debug_assert_eq!(module.funcs[*func].sig.params.len(), args.len());
            let given = std::mem::take(args);
            *func = w.callee;
            *args = w
                .args
                .iter()
                .map(|source| match source {
                    Source::Param(i) => given[*i],
                    Source::Const(kind, ty) => {
                        let inst = f.add_inst(block, kind.clone(), &[*ty], span);
                        Arg::Value(f.result(inst))
                    }
                })
                .collect();
        }
    };
    match &mut term {
        Terminator::Await { awaitee, .. } => visit(awaitee),
        Terminator::Join { branches, .. } => {
            branches.iter_mut().for_each(|b| visit(&mut b.awaitee));
        }
        Terminator::Select { arms, .. } => arms.iter_mut().for_each(|a| visit(&mut a.awaitee)),
        _ => {}
    }
    f.blocks[block].term = Some(term);
}

/// Replaces an await of a coroutine that never suspends by a call of its twin.
fn call_twin(
    module: &mut Module,
    f: &mut Function,
    block: Block,
    twins: &mut BTreeMap<Func, Func>,
) {
    let Some(Terminator::Await { awaitee: Awaitee::Call { func, .. }, .. }) = &f.blocks[block].term
    else {
        return;
    };
    let func = *func;
    if !never_suspends(&module.funcs[func]) {
        return;
    }
    let twin = *twins.entry(func).or_insert_with(|| {
        let mut twin = module.funcs[func].clone();
        twin.name = format!("{}.sync", twin.name);
        twin.kind = FuncKind::Sync;
        twin.exported = false;
        twin.sig.faults = true;
        module.funcs.push(twin)
    });
    let Some(Terminator::Await { awaitee: Awaitee::Call { args, .. }, dests, ok, unwind, .. }) =
        f.blocks[block].term.take()
    else {
        unreachable!("looked at above")
    };
    let callee = Callee::Func(twin);
    f.blocks[block].term = Some(Terminator::Call { callee, args, dests, ok, unwind });
}

fn never_suspends(f: &Function) -> bool {
    f.kind == FuncKind::Async
        && f.blocks.values().all(|b| b.term.as_ref().is_none_or(|t| t.suspend_point().is_none()))
        // A parameter that is a generator's frame would need its home in a frame.
        && f.sig.params.iter().all(|p| !matches!(p.ty, Ty::Future(_)))
}
