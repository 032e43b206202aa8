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

use super::entity::{Block, EntityRef, EntityVec};
use super::function::Function;

/// An edge of the graph: the `index`-th target of the terminator of `from`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Edge {
    /// Where it leaves.
    pub from: Block,
    /// Index in [`super::Terminator::targets`].
    pub index: u32,
}

/// All edges of a function with the block they lead to, by block and index.
fn edges(func: &Function) -> Vec<(Block, Edge)> {
    let n = func.blocks.len();
    let mut edges: Vec<(Block, Edge)> = Vec::with_capacity(2 * n);
    for (from, data) in func.blocks.iter() {
        let Some(term) = &data.term else { continue };
        let mut index = 0;
        term.for_each_target(|to, _| {
            if to.block.index() < n {
                edges.push((to.block, Edge { from, index }));
            }
            index += 1;
        });
    }
    edges
}

/// The predecessors of each block alone, for who needs neither orders nor dominators.
#[derive(Debug)]
pub(crate) struct Preds(Rows<Edge>);

impl Preds {
    pub(crate) fn new(func: &Function) -> Self {
        let first = Edge { from: func.entry, index: 0 };
        Self(Rows::of(func.blocks.len(), &edges(func), first))
    }

    /// Predecessors, one per edge.
    pub(crate) fn of(&self, block: Block) -> impl ExactSizeIterator<Item = Block> + '_ {
        self.0.row(block).iter().map(|e| e.from)
    }
}

/// Control-flow graph of a function, with postorder and dominator tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cfg {
    entry: Option<Block>,
    succs: Rows<Block>,
    preds: Rows<Edge>,
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
        let edges = edges(func);
        let mut succs = Rows { starts: vec![0], items: edges.iter().map(|e| e.0).collect() };
        let mut end = 0;
        for from in func.blocks.keys() {
            end += edges[end..].iter().take_while(|(_, edge)| edge.from == from).count();
            succs.starts.push(end as u32);
        }
        let preds = Rows::of(n, &edges, Edge { from: func.entry, index: 0 });
        let mut cfg = Self {
            entry: func.blocks.get(func.entry).map(|_| func.entry),
            succs,
            preds,
            postorder: Vec::with_capacity(n),
            number: (0..n).map(|_| u32::MAX).collect(),
            idom: (0..n).map(|_| None).collect(),
            interval: (0..n).map(|_| (0, 0)).collect(),
        };
        let tree = cfg.walk();
        cfg.find_dominators(&tree);
        cfg.number_tree();
        cfg
    }

    /// Successors, in the order of the terminator's targets.
    pub fn succs(&self, block: Block) -> &[Block] {
        self.succs.row(block)
    }
    /// Incoming edges, ordered by block and target index. Edges from unreachable blocks count.
    pub fn pred_edges(&self, block: Block) -> &[Edge] {
        self.preds.row(block)
    }
    /// Predecessors, one per edge.
    pub fn preds(&self, block: Block) -> impl ExactSizeIterator<Item = Block> + '_ {
        self.preds.row(block).iter().map(|e| e.from)
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
        let to = self.succs.row(edge.from).get(edge.index as usize);
        to.is_some_and(|&to| self.dominates(to, edge.from))
    }
    /// Edges from a block with several successors to one with several predecessors, in order.
    pub fn critical_edges(&self) -> Vec<Edge> {
        let mut found = Vec::new();
        let blocks = (0..self.succs.len()).map(Block::new);
        for (from, succs) in blocks.map(|b| (b, self.succs(b))).filter(|(_, s)| s.len() > 1) {
            for (index, &to) in (0u32..).zip(succs) {
                if self.pred_edges(to).len() > 1 {
                    found.push(Edge { from, index });
                }
            }
        }
        found
    }

    /// Walks the graph depth-first: finds the postorder, answers the tree.
    fn walk(&mut self) -> Tree {
        let Some(entry) = self.entry else { return Tree::default() };
        let n = self.succs.len();
        let order = (0..n).map(|_| u32::MAX).collect();
        let (vertex, parent) = (Vec::with_capacity(n), Vec::with_capacity(n));
        let mut tree = Tree { order, vertex, parent };
        tree.order[entry] = 0;
        tree.vertex.push(entry);
        tree.parent.push(0);
        let mut stack = Vec::with_capacity(n);
        stack.push((entry, 0));
        while let Some((block, next)) = stack.last_mut() {
            let block = *block;
            let Some(&to) = self.succs.row(block).get(*next) else {
                self.number[block] = self.postorder.len() as u32;
                self.postorder.push(block);
                stack.pop();
                continue;
            };
            *next += 1;
            if tree.order[to] == u32::MAX {
                tree.order[to] = tree.vertex.len() as u32;
                tree.vertex.push(to);
                tree.parent.push(tree.order[block]);
                stack.push((to, 0));
            }
        }
        tree
    }

    fn find_dominators(&mut self, tree: &Tree) {
        let Some(entry) = self.entry else { return };
        let Tree { order, vertex, parent } = tree;
        let n = vertex.len();
        let best = (0..n as u32).collect();
        let mut forest = Forest { ancestor: vec![NO_ANCESTOR; n], best, path: Vec::new() };
        let mut semi: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            for edge in self.preds.row(vertex[i]) {
                if order[edge.from] != u32::MAX {
                    let best = forest.eval(order[edge.from], &semi) as usize;
                    semi[i] = semi[i].min(semi[best]);
                }
            }
            forest.ancestor[i] = parent[i];
        }
        let mut idom = vec![0u32; n];
        self.idom[entry] = Some(entry);
        for i in 1..n {
            let mut up = parent[i];
            while up > semi[i] {
                up = idom[up as usize];
            }
            idom[i] = up;
            self.idom[vertex[i]] = Some(vertex[up as usize]);
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

/// A list per block, one behind the other.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Rows<T> {
    /// Where the row of a block starts; one more than there are blocks.
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Rows<T> {
    /// Sorts items into the rows of `n` blocks, in their order.
    fn of(n: usize, items: &[(Block, T)], any: T) -> Self {
        let mut starts = vec![0; n + 1];
        for (block, _) in items {
            starts[block.index() + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut sorted = vec![any; items.len()];
        for &(block, item) in items {
            let next = &mut next[block.index()];
            sorted[*next as usize] = item;
            *next += 1;
        }
        Self { starts, items: sorted }
    }

    /// Number of rows.
    fn len(&self) -> usize {
        self.starts.len() - 1
    }

    fn row(&self, block: Block) -> &[T] {
        let i = block.index();
        &self.items[self.starts[i] as usize..self.starts[i + 1] as usize]
    }
}

/// A depth-first tree in preorder.
#[derive(Default)]
struct Tree {
    /// Preorder number; `u32::MAX` if unreachable.
    order: EntityVec<Block, u32>,
    /// Block of each number.
    vertex: Vec<Block>,
    /// Number of the parent of each number.
    parent: Vec<u32>,
}

const NO_ANCESTOR: u32 = u32::MAX;

/// The part of the depth-first tree that has been linked, with paths compressed.
struct Forest {
    ancestor: Vec<u32>,
    /// The vertex with the least semidominator on the compressed path.
    best: Vec<u32>,
    /// Kept for its memory.
    path: Vec<(u32, u32)>,
}

impl Forest {
    /// The vertex with the least semidominator between `v` and the root of its tree, root excluded;
    /// `v` itself if it is a root.
    fn eval(&mut self, v: u32, semi: &[u32]) -> u32 {
        let mut at = v;
        while self.ancestor[at as usize] != NO_ANCESTOR {
            let up = self.ancestor[at as usize];
            self.path.push((at, up));
            at = up;
        }
        let root = at;
        // From the root's child downwards: each takes over what is best above it.
        let _ = self.path.pop();
        while let Some((at, up)) = self.path.pop() {
            let (at, up) = (at as usize, up as usize);
            if semi[self.best[up] as usize] < semi[self.best[at] as usize] {
                self.best[at] = self.best[up];
            }
            self.ancestor[at] = root;
        }
        self.best[v as usize]
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
    use crate::ir::{BlockCall, FuncKind, InstKind, Signature, Span, Terminator, Type};

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
