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
//! Nothing here recurses: a function may have 100,000 blocks in a row. Dominators by Cooper, Harvey
//! and Kennedy, "A Simple, Fast Dominance Algorithm" (2001): quadratic at worst, linear in practice.

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
        self.idom[entry] = Some(entry);
        let mut changed = true;
        while changed {
            changed = false;
            for i in (0..self.postorder.len()).rev() {
                let block = self.postorder[i];
                if block == entry {
                    continue;
                }
                let mut best = None;
                for edge in &self.preds[block] {
                    if self.idom[edge.from].is_some() {
                        best = Some(best.map_or(edge.from, |b| self.meet(b, edge.from)));
                    }
                }
                if self.idom[block] != best {
                    self.idom[block] = best;
                    changed = true;
                }
            }
        }
    }

    /// Nearest common dominator of two blocks whose dominators are known.
    fn meet(&self, mut a: Block, mut b: Block) -> Block {
        let up = |x: Block| self.idom[x].expect("I2: processed blocks have a dominator");
        while a != b {
            while self.number[a] < self.number[b] {
                a = up(a);
            }
            while self.number[b] < self.number[a] {
                b = up(b);
            }
        }
        a
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
        let edges: &[&[u32]] = &[&[1, 4], &[2], &[3, 5], &[2], &[3], &[]];
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
                assert_eq!(cfg.dominates(a, b), !seen[b.index()], "{a} dominates {b}");
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
