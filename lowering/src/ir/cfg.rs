//! The control-flow graph of a function: neighbours, orders, dominators.
//!
//! In: a function. Out: a [`Cfg`], a snapshot that does not change when the function does. Unwind
//! edges count like any other. Edges to blocks that do not exist are left out, so that a malformed
//! function can be analysed before it is reported.
//!
//! * **I1** The successors of a block stand in the order of [`super::Terminator::targets`], with
//!   repetitions; so do predecessors, ordered by block.
//! * **I2** Orders and dominators cover the blocks reachable from the entry only.
//!
//! Nothing here recurses: a function may have 100,000 blocks in a row. Dominators by Semi-NCA (L.
//! Georgiadis, "Linear-Time Algorithms for Dominators and Related Problems", 2005), which stays
//! near-linear where 10,000 awaits share one cleanup block; the simpler iteration of Cooper, Harvey
//! and Kennedy is quadratic there.

use super::entity::{Block, EntityVec};
use super::function::Function;

/// An edge of the graph: the `index`-th target of the terminator of `from`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Edge {
    /// Where it leaves.
    pub from: Block,
    /// Index in [`super::Terminator::targets`].
    pub index: u32,
}

/// Control-flow graph of a function, with postorder and dominator tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cfg {
    entry: Option<Block>,
    succs: EntityVec<Block, Vec<Block>>,
    preds: EntityVec<Block, Vec<Edge>>,
    postorder: Vec<Block>,
    /// Postorder number; `u32::MAX` if unreachable.
    number: EntityVec<Block, u32>,
    /// Immediate dominator; the entry's is itself.
    idom: EntityVec<Block, Option<Block>>,
    /// Interval of the block in a preorder of the dominator tree, for queries in constant time.
    interval: EntityVec<Block, (u32, u32)>,
}

impl Cfg {
    /// Analyses a function. Blocks without a terminator have no successors.
    pub fn new(func: &Function) -> Self {
        let n = func.blocks.len();
        let mut succs: EntityVec<Block, Vec<Block>> = (0..n).map(|_| Vec::new()).collect();
        let mut preds: EntityVec<Block, Vec<Edge>> = (0..n).map(|_| Vec::new()).collect();
        for (from, data) in func.blocks.iter() {
            let Some(term) = &data.term else { continue };
            let mut index = 0;
            term.for_each_target(|to, _| {
                if let Some(p) = preds.get_mut(to.block) {
                    p.push(Edge { from, index });
                    succs[from].push(to.block);
                }
                index += 1;
            });
        }
        let mut cfg = Self {
            entry: func.blocks.get(func.entry).map(|_| func.entry),
            succs,
            preds,
            postorder: Vec::new(),
            number: (0..n).map(|_| u32::MAX).collect(),
            idom: (0..n).map(|_| None).collect(),
            interval: (0..n).map(|_| (0, 0)).collect(),
        };
        cfg.find_postorder();
        cfg.find_dominators();
        cfg.number_tree();
        cfg
    }

    /// Successors, in the order of the terminator's targets.
    pub fn succs(&self, block: Block) -> &[Block] {
        &self.succs[block]
    }
    /// Incoming edges, ordered by block and target index. Edges from unreachable blocks count.
    pub fn pred_edges(&self, block: Block) -> &[Edge] {
        &self.preds[block]
    }
    /// Predecessors, one per edge.
    pub fn preds(&self, block: Block) -> impl ExactSizeIterator<Item = Block> + '_ {
        self.preds[block].iter().map(|e| e.from)
    }
    /// Reachable blocks, successors before predecessors (but for back-edges).
    pub fn postorder(&self) -> &[Block] {
        &self.postorder
    }
    /// Reachable blocks, predecessors before successors (but for back-edges); starts at the entry.
    pub fn rpo(&self) -> impl DoubleEndedIterator<Item = Block> + ExactSizeIterator + '_ {
        self.postorder.iter().rev().copied()
    }
    /// Whether some path leads from the entry to the block.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.number.get(block).is_some_and(|&n| n != u32::MAX)
    }
    /// Immediate dominator; `None` for the entry and for unreachable blocks.
    pub fn idom(&self, block: Block) -> Option<Block> {
        self.idom[block].filter(|_| Some(block) != self.entry)
    }
    /// Whether every path from the entry to `b` leads through `a`. Only blocks that are reachable
    /// dominate or are dominated.
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        if !self.is_reachable(a) || !self.is_reachable(b) {
            return false;
        }
        let ((first, last), (inner, _)) = (self.interval[a], self.interval[b]);
        first <= inner && inner <= last
    }
    /// Whether the edge leads back to a block that dominates its start: it closes a natural loop.
    pub fn is_back_edge(&self, edge: Edge) -> bool {
        let to = self.succs[edge.from].get(edge.index as usize);
        to.is_some_and(|&to| self.dominates(to, edge.from))
    }
    /// Edges from a block with several successors to one with several predecessors, in order.
    pub fn critical_edges(&self) -> Vec<Edge> {
        let mut found = Vec::new();
        for (from, succs) in self.succs.iter().filter(|(_, s)| s.len() > 1) {
            for (index, &to) in (0u32..).zip(succs) {
                if self.preds[to].len() > 1 {
                    found.push(Edge { from, index });
                }
            }
        }
        found
    }

    fn find_postorder(&mut self) {
        let Some(entry) = self.entry else { return };
        const OPEN: u32 = u32::MAX - 1;
        let mut stack = vec![(entry, 0)];
        self.number[entry] = OPEN;
        while let Some((block, next)) = stack.last_mut() {
            if let Some(&to) = self.succs[*block].get(*next) {
                *next += 1;
                if self.number[to] == u32::MAX {
                    self.number[to] = OPEN;
                    stack.push((to, 0));
                }
            } else {
                self.number[*block] = self.postorder.len() as u32;
                self.postorder.push(*block);
                stack.pop();
            }
        }
    }

    fn find_dominators(&mut self) {
        let Some(entry) = self.entry else { return };
        // Depth-first preorder: number of each block, block and parent of each number.
        let mut order: EntityVec<Block, usize> =
            (0..self.succs.len()).map(|_| usize::MAX).collect();
        let (mut vertex, mut parent) = (vec![entry], vec![0]);
        order[entry] = 0;
        let mut stack = vec![(entry, 0)];
        while let Some((block, next)) = stack.last_mut() {
            let Some(&to) = self.succs[*block].get(*next) else {
                stack.pop();
                continue;
            };
            *next += 1;
            if order[to] == usize::MAX {
                order[to] = vertex.len();
                vertex.push(to);
                parent.push(order[*block]);
                stack.push((to, 0));
            }
        }
        let n = vertex.len();
        let mut forest = Forest { ancestor: vec![None; n], best: (0..n).collect() };
        let mut semi: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            for edge in &self.preds[vertex[i]] {
                if order[edge.from] != usize::MAX {
                    semi[i] = semi[i].min(semi[forest.eval(order[edge.from], &semi)]);
                }
            }
            forest.ancestor[i] = Some(parent[i]);
        }
        let mut idom = vec![0; n];
        self.idom[entry] = Some(entry);
        for i in 1..n {
            let mut up = parent[i];
            while up > semi[i] {
                up = idom[up];
            }
            idom[i] = up;
            self.idom[vertex[i]] = Some(vertex[up]);
        }
    }

    /// Gives each block the interval of the dominator tree's preorder that its subtree fills.
    fn number_tree(&mut self) {
        // In reverse postorder a dominator precedes what it dominates, so subtree sizes add up
        // from the back and starts are handed out from the front.
        let mut size: EntityVec<Block, u32> = (0..self.succs.len()).map(|_| 1).collect();
        for &block in &self.postorder {
            if let Some(up) = self.idom(block) {
                size[up] += size[block];
            }
        }
        let mut next: EntityVec<Block, u32> = (0..self.succs.len()).map(|_| 0).collect();
        for i in (0..self.postorder.len()).rev() {
            let block = self.postorder[i];
            let start = match self.idom(block) {
                Some(up) => {
                    let start = next[up];
                    next[up] += size[block];
                    start
                }
                None => 0,
            };
            self.interval[block] = (start, start + size[block] - 1);
            next[block] = start + 1;
        }
    }
}

/// The part of the depth-first tree that has been linked, with paths compressed.
struct Forest {
    ancestor: Vec<Option<usize>>,
    /// The vertex with the least semidominator on the compressed path.
    best: Vec<usize>,
}

impl Forest {
    /// The vertex with the least semidominator between `v` and the root of its tree, root excluded;
    /// `v` itself if it is a root.
    fn eval(&mut self, v: usize, semi: &[usize]) -> usize {
        let (mut path, mut at) = (Vec::new(), v);
        while let Some(up) = self.ancestor[at] {
            path.push((at, up));
            at = up;
        }
        let root = at;
        // From the root's child downwards: each takes over what is best above it.
        let _ = path.pop();
        for (at, up) in path.into_iter().rev() {
            if semi[self.best[up]] < semi[self.best[at]] {
                self.best[at] = self.best[up];
            }
            self.ancestor[at] = Some(root);
        }
        self.best[v]
    }
}

/// Dominators of a [`Cfg`] as an indented tree, for dumps.
pub fn dominator_tree(cfg: &Cfg) -> String {
    use std::fmt::Write;
    let mut children: EntityVec<Block, Vec<Block>> =
        (0..cfg.succs.len()).map(|_| Vec::new()).collect();
    for block in children.keys() {
        if let Some(up) = cfg.idom(block) {
            children[up].push(block);
        }
    }
    let mut out = String::new();
    let mut stack: Vec<_> = cfg.entry.map(|b| (b, 0)).into_iter().collect();
    while let Some((block, depth)) = stack.pop() {
        let _ = writeln!(out, "{:1$}{block}", "", 2 * depth);
        stack.extend(children[block].iter().rev().map(|&c| (c, depth + 1)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{BlockCall, EntityRef, FuncKind, InstKind, Signature, Span, Terminator, Type};

    /// A function whose block `i` goes to the blocks of `edges[i]`: none, one or two.
    fn graph(edges: &[&[u32]]) -> Function {
        let mut f = Function::new("g", FuncKind::Sync, Signature::default());
        let cond = f.add_inst(f.entry, InstKind::StackOk, &[Type::Bool], Span::NONE);
        let cond = f.result(cond);
        for _ in 1..edges.len() {
            f.add_block();
        }
        let to = |n: u32| BlockCall::new(Block::from_u32(n), []);
        for (i, targets) in edges.iter().enumerate() {
            let term = match **targets {
                [a] => Terminator::Jump(to(a)),
                [a, b] => Terminator::Br { cond, then: to(a), otherwise: to(b) },
                _ => Terminator::Return(Vec::new()),
            };
            f.set_term(Block::new(i), term, Span::NONE);
        }
        f
    }

    fn blocks(ns: &[u32]) -> Vec<Block> {
        ns.iter().map(|&n| Block::from_u32(n)).collect()
    }

    #[test]
    fn loop_with_exit() {
        // 0 → 1 → {2, 3}; 2 → 1; 4 unreachable → 3
        let cfg = Cfg::new(&graph(&[&[1], &[2, 3], &[1], &[], &[3]]));
        assert_eq!(cfg.rpo().collect::<Vec<_>>(), blocks(&[0, 1, 3, 2]));
        let b = Block::from_u32;
        assert_eq!(cfg.idom(b(3)), Some(b(1)));
        assert_eq!(cfg.idom(b(0)), None);
        assert!(!cfg.is_reachable(b(4)));
        assert!(cfg.dominates(b(1), b(2)) && cfg.dominates(b(1), b(1)));
        assert!(!cfg.dominates(b(2), b(3)) && !cfg.dominates(b(4), b(4)));
        assert!(cfg.is_back_edge(Edge { from: b(2), index: 0 }));
        assert!(!cfg.is_back_edge(Edge { from: b(1), index: 0 }));
        assert_eq!(cfg.critical_edges(), [Edge { from: b(1), index: 1 }]);
        assert_eq!(dominator_tree(&cfg), "block0\n  block1\n    block2\n    block3\n");
    }

    #[test]
    fn irreducible_graph_agrees_with_definition() {
        // Two entries into the cycle 2 ⇄ 3.
        agrees_with_definition(&[&[1, 4], &[2], &[3, 5], &[2], &[3], &[]]);
    }

    #[test]
    fn random_graphs_agree_with_definition() {
        let mut state = 1u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % n) as u32
        };
        for _ in 0..300 {
            let n = 2 + random(12);
            let edges: Vec<Vec<u32>> = (0..n)
                .map(|_| (0..random(3)).map(|_| 1 + random(u64::from(n) - 1)).collect())
                .collect();
            let edges: Vec<&[u32]> = edges.iter().map(Vec::as_slice).collect();
            agrees_with_definition(&edges);
        }
    }

    fn agrees_with_definition(edges: &[&[u32]]) {
        let f = graph(edges);
        let cfg = Cfg::new(&f);
        for a in f.blocks.keys() {
            for b in f.blocks.keys() {
                // By definition: b is not reachable once a is taken away.
                let mut seen = vec![false; edges.len()];
                let mut work = vec![0usize];
                while let Some(x) = work.pop() {
                    if x != a.index() && !std::mem::replace(&mut seen[x], true) {
                        work.extend(edges[x].iter().map(|&y| y as usize));
                    }
                }
                let both = cfg.is_reachable(a) && cfg.is_reachable(b);
                assert_eq!(cfg.dominates(a, b), both && !seen[b.index()], "{a} dominates {b}");
            }
        }
    }

    #[test]
    fn long_chain_does_not_recurse() {
        let n = 100_000u32;
        let edges: Vec<Vec<u32>> = (1..=n).map(|i| if i == n { vec![] } else { vec![i] }).collect();
        let edges: Vec<&[u32]> = edges.iter().map(Vec::as_slice).collect();
        let cfg = Cfg::new(&graph(&edges));
        assert_eq!(cfg.postorder().len(), n as usize);
        assert!(cfg.dominates(Block::from_u32(0), Block::from_u32(n - 1)));
    }
}
