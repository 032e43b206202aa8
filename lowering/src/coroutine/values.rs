//! Liveness of SSA values.
//!
//! In: a function. Out: per block the values live into it, sorted. Each value's range is walked
//! from its uses up to its definition, so the cost is the size of the answer; no set per block and
//! value is ever allocated.
//!
//! Source: Boissinot, Brandner, Dinechin, "Computing Liveness Sets for SSA-Form Programs" (2011),
//! the variant that explores paths from uses.

use crate::ir::cfg::Preds;
use crate::ir::{Awaitee, Block, EntityVec, Function, Held, Terminator, Value};

/// Values live into each block.
#[derive(Debug)]
pub(crate) struct ValueLiveness {
    live_in: EntityVec<Block, Vec<Value>>,
}

impl ValueLiveness {
    pub(crate) fn new(f: &Function) -> Self {
        let homes = def_blocks(f);
        let uses = use_blocks(f, &homes);
        Self { live_in: live_blocks(f, &uses, |v, block| homes[v] == Some(block)) }
    }

    /// Values live into a block, ascending; its own parameters excluded.
    pub(crate) fn live_in(&self, block: Block) -> &[Value] {
        &self.live_in[block]
    }
}

/// Block of each value's definition; `None` if the defining instruction stands in no block.
pub(crate) fn def_blocks(f: &Function) -> EntityVec<Value, Option<Block>> {
    let mut homes: EntityVec<Value, Option<Block>> = f.values.keys().map(|_| None).collect();
    for (block, data) in f.blocks.iter() {
        for &p in &data.params {
            homes[p] = Some(block);
        }
        for &inst in &data.insts {
            for &v in &f.insts[inst].results {
                homes[v] = Some(block);
            }
        }
    }
    homes
}

/// Per value, the blocks in which it is used where it is not defined there; ascending, distinct.
fn use_blocks(
    f: &Function,
    homes: &EntityVec<Value, Option<Block>>,
) -> EntityVec<Value, Vec<Block>> {
    let mut uses: EntityVec<Value, Vec<Block>> = f.values.keys().map(|_| Vec::new()).collect();
    for (block, data) in f.blocks.iter() {
        let mut note = |block: Block, v: Value| {
            if homes[v] != Some(block) && uses[v].last() != Some(&block) {
                uses[v].push(block);
            }
        };
        for &inst in &data.insts {
            f.insts[inst].kind.for_each_use(|v| note(block, v));
        }
        let Some(term) = &data.term else { continue };
        term.for_each_use(|v| note(block, v));
        // A boxed frame is read and freed after its child has finished.
        for_each_boxed(term, |frame| {
            for edge in term.targets() {
                note(edge.block, frame);
            }
        });
    }
    uses
}

/// Calls `f` with each boxed frame that a terminator awaits.
pub(crate) fn for_each_boxed(term: &Terminator, mut f: impl FnMut(Value)) {
    let mut visit = |awaitee: &Awaitee| {
        if let Awaitee::Future(held) | Awaitee::Next(held) | Awaitee::Drain(held) = awaitee
            && let Held::Boxed { frame, .. } = held
        {
            f(*frame);
        }
    };
    match term {
        Terminator::Await { awaitee, .. } => visit(awaitee),
        Terminator::Join { branches, .. } => branches.iter().for_each(|b| visit(&b.awaitee)),
        Terminator::Select { arms, .. } => arms.iter().for_each(|a| visit(&a.awaitee)),
        _ => {}
    }
}

/// Blocks each value is live into, given where it is used and where it is defined.
fn live_blocks(
    f: &Function,
    uses: &EntityVec<Value, Vec<Block>>,
    defines: impl Fn(Value, Block) -> bool,
) -> EntityVec<Block, Vec<Value>> {
    let preds = Preds::new(f);
    let mut live_in: EntityVec<Block, Vec<Value>> = f.blocks.keys().map(|_| Vec::new()).collect();
    for (v, blocks) in uses.iter() {
        let mut work = blocks.clone();
        while let Some(block) = work.pop() {
            if live_in[block].last() == Some(&v) {
                continue;
            }
            live_in[block].push(v);
            work.extend(preds.of(block).filter(|&p| !defines(v, p)));
        }
    }
    live_in
}
