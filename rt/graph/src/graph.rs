//! Who waits for whom: names become numbers as tasks are added, and before a run the whole is
//! checked.
//!
//! In: tasks in the order of their addition. Out: a [`Plan`], the tasks as a directed graph without
//! cycles; or an error that carries the full path of what is wrong.
//!
//! Cost: one hash look-up per name mentioned, when it is mentioned; a second run of an unchanged
//! graph checks nothing again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::RwLock;
use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

use crate::error::{GraphError, TaskError};
use crate::node::{Node, NodeIdx, Symbol};
use crate::output::{Output, Stored};
use crate::state::State;
use crate::task::Task;

/// The tasks of an executor, those that running tasks added included.
#[derive(Default)]
pub(crate) struct Graph {
    pub(crate) nodes: boxcar::Vec<Node>,
    names: RwLock<Names>,
}

#[derive(Default)]
struct Names {
    symbols: FxHashMap<Arc<str>, Symbol>,
    texts: Vec<Arc<str>>,
    /// The node of a symbol, where a task of that name was added.
    nodes: Vec<Option<NodeIdx>>,
    /// Whether running tasks added some.
    has_children: bool,
}

impl Names {
    fn symbol(&mut self, text: &Arc<str>) -> Symbol {
        if let Some(&known) = self.symbols.get(text) {
            return known;
        }
        let symbol = self.texts.len() as Symbol;
        self.symbols.insert(Arc::clone(text), symbol);
        self.texts.push(Arc::clone(text));
        self.nodes.push(None);
        symbol
    }
}

impl Graph {
    /// Adds a task, unless its name is taken: then the name is the error.
    pub(crate) fn insert(&self, task: Task, parent: Option<NodeIdx>) -> Result<NodeIdx, Arc<str>> {
        let mut names = self.names.write();
        let symbol = names.symbol(&task.name);
        if names.nodes[symbol as usize].is_some() {
            return Err(task.name);
        }
        let dependencies = task.dependencies.iter().map(|d| names.symbol(d)).collect();
        let idx = self.nodes.push(Node::new(task, dependencies, parent)) as NodeIdx;
        names.nodes[symbol as usize] = Some(idx);
        names.has_children |= parent.is_some();
        Ok(idx)
    }

    /// Forgets the tasks that running ones added in the last run.
    pub(crate) fn forget_children(&self) {
        let mut names = self.names.write();
        if !std::mem::take(&mut names.has_children) {
            return;
        }
        for (_, node) in self.live().filter(|(_, n)| n.parent.is_some()) {
            let symbol = names.symbol(&node.name);
            names.nodes[symbol as usize] = None;
            node.is_gone.store(true, Ordering::Relaxed);
        }
    }

    /// The tasks that were added before any run.
    fn added(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().filter(|(_, n)| n.parent.is_none())
    }

    /// The tasks that were added, and those that belong to the last run.
    pub(crate) fn live(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().filter(|(_, n)| !n.is_gone.load(Ordering::Relaxed))
    }

    pub(crate) fn node(&self, idx: NodeIdx) -> &Node {
        &self.nodes[idx as usize]
    }

    pub(crate) fn node_of(&self, symbol: Symbol) -> Option<NodeIdx> {
        self.names.read().nodes[symbol as usize]
    }

    pub(crate) fn find(&self, name: &str) -> Option<NodeIdx> {
        let names = self.names.read();
        names.nodes[*names.symbols.get(name)? as usize]
    }

    /// The output of a task that completed.
    pub(crate) fn output<T: Output>(&self, idx: NodeIdx) -> Result<Arc<T>, TaskError> {
        let node = self.node(idx);
        let stored = match &node.links().result {
            Some(Ok(stored)) => stored.clone(),
            None if node.state.get() == State::Completed => Stored::Unit, // N3
            _ => {
                let state = node.state.get();
                let text = format!("`{}` has no output: it is {state}", node.name);
                return Err(TaskError::permanent(text));
            }
        };
        stored.read(&node.name)
    }

    /// Checks the tasks as they are now.
    pub(crate) fn plan(&self) -> Result<Plan, GraphError> {
        let names = self.names.read();
        let mut edges = Vec::new();
        for (idx, node) in self.added() {
            for &symbol in &node.dependencies {
                let found = names.nodes[symbol as usize];
                let Some(dependency) = found.filter(|&d| self.node(d).parent.is_none()) else {
                    return Err(names.unknown(&node.name, &names.texts[symbol as usize]));
                };
                edges.push((dependency, idx as NodeIdx));
            }
        }
        let plan = Plan::new(self.nodes.count(), self.added().map(|(i, _)| i as NodeIdx), &edges);
        plan.ok_or_else(|| GraphError::Cycle {
            path: self.shortest_cycle(&Edges::from_edges(&edges)),
        })
    }

    /// A shortest circle through the first task (in order of addition) that is part of one, in the
    /// direction "waits for".
    fn shortest_cycle(&self, edges: &Edges) -> Vec<String> {
        let start = tarjan_scc(edges)
            .into_iter()
            .filter(|part| part.len() > 1 || edges.contains_edge(part[0], part[0]))
            .filter_map(|part| part.into_iter().min())
            .min()
            .expect("whatever cannot be ordered has a cycle");
        // Breadth first along "waits for", until `start` is met again.
        let mut reached_from: FxHashMap<NodeIndex<NodeIdx>, NodeIndex<NodeIdx>> =
            FxHashMap::default();
        let mut queue = VecDeque::from([start]);
        while let Some(at) = queue.pop_front() {
            for next in edges.neighbors_directed(at, Direction::Incoming) {
                if next != start {
                    reached_from.entry(next).or_insert_with(|| {
                        queue.push_back(next);
                        at
                    });
                    continue;
                }
                let mut path = vec![start];
                let mut back = at;
                while back != start {
                    path.push(back);
                    back = reached_from[&back];
                }
                path.push(start);
                path.reverse();
                return path.iter().map(|i| self.nodes[i.index()].name.to_string()).collect();
            }
        }
        unreachable!("a node of a strongly connected part reaches itself")
    }
}

impl Names {
    fn unknown(&self, task: &str, dependency: &str) -> GraphError {
        let known = self.nodes.iter().zip(&self.texts).filter(|(node, _)| node.is_some());
        let similar = known
            .map(|(_, text)| (distance(dependency, text), text))
            .filter(|(distance, _)| *distance <= dependency.chars().count() / 3 + 1)
            .min()
            .map(|(_, text)| text.to_string());
        GraphError::UnknownDependency {
            task: task.to_owned(),
            dependency: dependency.to_owned(),
            similar,
        }
    }
}

/// How many characters must be changed, added or taken away to make `a` into `b` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let kept = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = kept.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Node `i` of the graph is task `i`; an edge goes from a task to one that waits for it.
type Edges = DiGraph<(), (), NodeIdx>;

/// A graph that was checked: who waits for whom in one array, as compressed rows, because a run
/// looks at it once per task.
pub(crate) struct Plan {
    /// `waiting[first[i]..first[i + 1]]` wait for task `i`.
    first: Vec<u32>,
    waiting: Vec<NodeIdx>,
    order: Vec<NodeIdx>,
}

impl Plan {
    /// `n` indices of which `tasks` are in use; `None` if the edges have a cycle.
    fn new(
        n: usize,
        tasks: impl Iterator<Item = NodeIdx>,
        edges: &[(NodeIdx, NodeIdx)],
    ) -> Option<Self> {
        let mut first = vec![0; n + 2];
        let mut n_open = vec![0_u32; n];
        for &(from, to) in edges {
            first[from as usize + 2] += 1;
            n_open[to as usize] += 1;
        }
        for i in 2..first.len() {
            first[i] += first[i - 1];
        }
        let mut waiting = vec![0; edges.len()];
        for &(from, to) in edges {
            let at = &mut first[from as usize + 1];
            waiting[*at as usize] = to;
            *at += 1;
        }
        first.pop();
        let mut plan = Self { first, waiting, order: Vec::with_capacity(n) };
        let mut n_tasks = 0;
        for idx in tasks {
            n_tasks += 1;
            if n_open[idx as usize] == 0 {
                plan.order.push(idx);
            }
        }
        // Kahn 1962: whatever has nothing open left comes next.
        let mut at = 0;
        while at < plan.order.len() {
            for i in plan.row(plan.order[at]) {
                let dependant = plan.waiting[i];
                n_open[dependant as usize] -= 1;
                if n_open[dependant as usize] == 0 {
                    plan.order.push(dependant);
                }
            }
            at += 1;
        }
        (plan.order.len() == n_tasks).then_some(plan)
    }

    fn row(&self, idx: NodeIdx) -> Range<usize> {
        let idx = idx as usize;
        match self.first.get(idx..idx + 2) {
            Some(&[start, end]) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    /// How many tasks it covers.
    pub(crate) fn n_nodes(&self) -> usize {
        self.order.len()
    }

    /// Who waits for a task, in the order of addition; nobody for tasks added later.
    pub(crate) fn dependants(&self, idx: NodeIdx) -> &[NodeIdx] {
        &self.waiting[self.row(idx)]
    }

    /// The tasks, each after all that it waits for.
    pub(crate) fn order(&self) -> impl Iterator<Item = NodeIdx> {
        self.order.iter().copied()
    }
}
