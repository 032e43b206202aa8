//! Which locals of a loop stay in their state.
//!
//! In: a graph and what its states keep. Out: per innermost loop with one await, the locals that are
//! used where they lie in the frame, behind a reference, and moved only when the loop is left. What
//! an iteration makes anew, and what its code may move, goes in and out as ever.
//!
//! ```text
//! while i < n { pause().await; list.push(i); i += 1; }
//!
//! Await0 { future, list, i, n }     in place: list, i, n; future: new in each round
//! ```
//!
//! * S1 a loop is a header that dominates its blocks: the only way into it leads through the header.
//! * S2 a local stays if each use of it in the loop looks at it, changes it, lends it or copies it,
//!   and it is kept at the header and at the await.
//! * S3 no local that has a drop and is not in place is older than one that is: a way out by `?` or
//!   a panic drops first what the step holds, then what the state holds.
//!
//! Loops with few locals that are all scalars are left as they are: registers are as good a place.

use super::cfg::{Cfg, End, Op};
use super::states::Plan;
use super::uses::{Kind, Use};
use petgraph::algo::dominators;
use petgraph::graph::{Graph, NodeIndex};
use proc_macro2::TokenStream;
use std::collections::{BTreeMap, BTreeSet};

/// So many scalars are as well in registers.
const MAX_IN_REGISTERS: usize = 3;

/// A loop whose state is used in place.
#[derive(Clone, Debug)]
pub(super) struct Stay {
    pub(super) point: usize,
    pub(super) blocks: BTreeSet<usize>,
    /// In place, oldest first.
    pub(super) vars: Vec<usize>,
}

/// The loops whose states are used in place, by suspend point. `live_in` is what a block reads
/// later.
pub(super) fn find(
    cfg: &Cfg,
    plan: &Plan,
    no_drop: &[bool],
    live_in: impl Fn(usize) -> BTreeSet<usize>,
) -> BTreeMap<usize, Stay> {
    let mut stays: BTreeMap<usize, Stay> = BTreeMap::new();
    let mut loops = loops(cfg, plan);
    loops.sort_by_key(|(_, blocks)| blocks.len());
    let mut taken = BTreeSet::new();
    for (header, blocks) in loops {
        // Inner loops come first: what holds one is not innermost.
        if blocks.iter().any(|b| taken.contains(b)) {
            continue;
        }
        taken.extend(blocks.iter().copied());
        let mut points = blocks.iter().filter_map(|b| match cfg.blocks[*b].end {
            End::Await { point, .. } => Some(point),
            _ => None,
        });
        let (Some(point), None) = (points.next(), points.next()) else { continue };
        let vars = in_place(cfg, plan, no_drop, &live_in(header), header, point, &blocks);
        if vars.len() > MAX_IN_REGISTERS || vars.iter().any(|v| !is_word(cfg, *v)) {
            stays.insert(point, Stay { point, blocks, vars });
        }
    }
    stays
}

/// Natural loops that await: header and blocks.
fn loops(cfg: &Cfg, plan: &Plan) -> Vec<(usize, BTreeSet<usize>)> {
    // Only a loop has an edge that goes back in reverse postorder.
    let mut seen = BTreeSet::new();
    let goes_back = |b: &usize| {
        seen.insert(*b);
        cfg.blocks[*b].successors().iter().any(|next| seen.contains(next))
    };
    if !plan.order.iter().any(goes_back) {
        return vec![];
    }
    let mut graph: Graph<(), ()> = Graph::new();
    let nodes: Vec<NodeIndex> = cfg.blocks.iter().map(|_| graph.add_node(())).collect();
    let mut before: Vec<Vec<usize>> = vec![vec![]; cfg.blocks.len()];
    for &b in &plan.order {
        for next in cfg.blocks[b].successors() {
            graph.add_edge(nodes[b], nodes[next], ());
            before[next].push(b);
        }
    }
    let dominators = dominators::simple_fast(&graph, nodes[0]);
    let dominates = |a: usize, b: usize| {
        dominators.dominators(nodes[b]).is_some_and(|mut all| all.any(|d| d == nodes[a]))
    };
    let mut loops = vec![];
    for &header in plan.joins.keys() {
        let mut work: Vec<usize> =
            before[header].iter().copied().filter(|&b| dominates(header, b)).collect();
        if work.is_empty() {
            continue;
        }
        let mut blocks = BTreeSet::from([header]);
        while let Some(b) = work.pop() {
            if blocks.insert(b) {
                work.extend(&before[b]);
            }
        }
        if blocks.iter().any(|b| matches!(cfg.blocks[*b].end, End::Await { .. })) {
            loops.push((header, blocks));
        }
    }
    loops
}

fn in_place(
    cfg: &Cfg,
    plan: &Plan,
    no_drop: &[bool],
    live: &BTreeSet<usize>,
    header: usize,
    point: usize,
    blocks: &BTreeSet<usize>,
) -> Vec<usize> {
    let mut moved: BTreeSet<usize> = BTreeSet::new();
    let (mut assigned, mut received) = (BTreeSet::new(), BTreeSet::new());
    let mut look = |uses: &[Use], returns: bool| {
        for u in uses {
            let var = &cfg.vars.list[u.var];
            let copied = var.is_copied();
            let moves = match u.kind {
                Kind::Look | Kind::Update | Kind::Borrow | Kind::Call => false,
                Kind::Assign => {
                    assigned.insert(u.var);
                    false
                }
                // A method may move it: not if it is read in the next round. Unless it is given a
                // new value before, or the function returns.
                Kind::Receive => {
                    received.insert(u.var);
                    !copied && (!live.contains(&u.var) || (u.conditional && returns))
                }
                Kind::Move | Kind::MaybeMove => !copied,
                Kind::Part | Kind::Apart | Kind::Capture | Kind::Opaque => true,
            };
            if moves {
                moved.insert(u.var);
            }
        }
    };
    let mut bound: BTreeSet<usize> = BTreeSet::new();
    for &b in blocks {
        let block = &cfg.blocks[b];
        for op in &block.ops {
            match op {
                Op::Code { tokens, uses, binds } => {
                    look(uses, has_return(tokens));
                    bound.extend(binds);
                }
                Op::Declare(v) => drop(bound.insert(*v)),
                Op::Leave(vars) => bound.extend(vars),
            }
        }
        match &block.end {
            End::Branch { uses, .. } => look(uses, false),
            End::Match { uses, arms, .. } => {
                look(uses, false);
                arms.iter().for_each(|a| look(&a.uses, false));
                bound.extend(arms.iter().flat_map(|a| &a.binds));
            }
            End::Await { uses, into, island, .. } => {
                look(uses, false);
                bound.extend(into);
                bound.extend(island.iter().flat_map(|island| &island.owned));
            }
            End::Return { uses, .. } => look(uses, true),
            End::Never | End::Goto(_) => {}
        }
    }
    moved.extend(bound);
    moved.extend(assigned.intersection(&received).filter(|v| !cfg.vars.list[**v].scalar));
    let kept = &plan.awaits[point];
    let mut older_moves = false;
    let mut vars = vec![];
    for v in &plan.joins[&header] {
        let stays = kept.contains(v) && !moved.contains(v) && (no_drop[*v] || !older_moves);
        if stays {
            vars.push(*v);
        }
        older_moves |= !stays && !no_drop[*v];
    }
    vars
}

/// Whether a statement may return.
fn has_return(tokens: &TokenStream) -> bool {
    tokens.clone().into_iter().any(|tree| match tree {
        proc_macro2::TokenTree::Ident(ident) => ident == "return",
        proc_macro2::TokenTree::Group(group) => has_return(&group.stream()),
        _ => false,
    })
}

/// Whether a local is a number or a reference: as good in a register.
fn is_word(cfg: &Cfg, v: usize) -> bool {
    let var = &cfg.vars.list[v];
    (var.scalar && !var.array) || var.reference.is_some()
}
