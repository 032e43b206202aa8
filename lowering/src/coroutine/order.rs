//! Who awaits whom: the order of layout, and which children live inside their parent's frame.
//!
//! In: a module. Out: per coroutine its place in a callee-first order, its strongly connected
//! component, and the native depth that a direct start of it may need.
//!
//! A child whose frame may lie inside its parent's (**inline**) is a known callee in another
//! component. Callees in the same component are recursive: their frames come from the task's arena.
//!
//! Direct starts nest: a parent calls its child's resume function, which calls its child's, and so
//! on down the chain of inline callees, whose depth is known here. Where it would pass
//! [`MAX_DIRECT_STARTS`] the child is made the leaf instead, and the pop loop starts it.

use crate::ir::{Awaitee, EntityRef, EntityVec, Func, Held, InstKind, Module, Terminator, Ty};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Native calls that a direct start may nest.
pub const MAX_DIRECT_STARTS: u32 = 64;

/// The order and what follows from it.
#[derive(Debug)]
pub(crate) struct CallOrder {
    /// All coroutines, callees before callers where they are not in one component.
    pub(crate) callees_first: Vec<Func>,
    component: EntityVec<Func, u32>,
    depth: EntityVec<Func, u32>,
}

impl CallOrder {
    pub(crate) fn new(module: &Module) -> Self {
        let mut graph = DiGraph::<Func, ()>::new();
        for func in module.funcs.keys() {
            graph.add_node(func);
        }
        for func in module.funcs.keys() {
            for callee in inline_candidates(module, func) {
                graph.add_edge(NodeIndex::new(func.index()), NodeIndex::new(callee.index()), ());
            }
        }
        let mut order = Self {
            callees_first: Vec::new(),
            component: module.funcs.keys().map(|_| 0).collect(),
            depth: module.funcs.keys().map(|_| 0).collect(),
        };
        for (number, mut members) in (0u32..).zip(kosaraju_scc(&graph)) {
            members.sort();
            for node in members {
                let func = graph[node];
                order.component[func] = number;
                if module.funcs[func].kind.is_async() {
                    order.callees_first.push(func);
                }
            }
        }
        for i in 0..order.callees_first.len() {
            let func = order.callees_first[i];
            let below = inline_candidates(module, func)
                .into_iter()
                .filter(|&c| order.is_inline(func, c) && order.starts_directly(c))
                .map(|c| order.depth[c])
                .max();
            order.depth[func] = 1 + below.unwrap_or(0);
        }
        order
    }

    /// Whether the frame of `callee` lies inside that of `caller`.
    pub(crate) fn is_inline(&self, caller: Func, callee: Func) -> bool {
        self.component[caller] != self.component[callee]
    }

    /// Whether an inline child is started by a direct call.
    pub(crate) fn starts_directly(&self, callee: Func) -> bool {
        self.depth[callee] < MAX_DIRECT_STARTS
    }
}

/// Coroutines that `func` awaits by name or holds in a slot.
fn inline_candidates(module: &Module, func: Func) -> Vec<Func> {
    let mut out = Vec::new();
    let f = &module.funcs[func];
    let mut visit = |awaitee: &Awaitee| match awaitee {
        Awaitee::Call { func, .. } => out.push(*func),
        Awaitee::Future(Held::Slot(slot))
        | Awaitee::Next(Held::Slot(slot))
        | Awaitee::Drain(Held::Slot(slot)) => {
            if let Ty::Future(callee) = f.slots[*slot].ty {
                out.push(callee);
            }
        }
        _ => {}
    };
    for block in f.blocks.values() {
        match &block.term {
            Some(Terminator::Await { awaitee, .. }) => visit(awaitee),
            Some(Terminator::Join { branches, .. }) => {
                branches.iter().for_each(|b| visit(&b.awaitee));
            }
            Some(Terminator::Select { arms, .. }) => arms.iter().for_each(|a| visit(&a.awaitee)),
            _ => {}
        }
    }
    for inst in f.insts.values() {
        if let InstKind::Future { func, .. } = inst.kind {
            out.push(func);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}
