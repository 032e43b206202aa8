//! What a run would do, without doing it.
//!
//! In: a plan and what a journal remembers. Out: for each task, in an order in which it could run,
//! whether the journal has its end. A task is as it was if its fingerprint is, all that it makes is
//! there, and all that it waits for is as it was; a dependency that runs anew has a new stamp, so
//! whatever waits for it runs anew too.

use std::sync::Arc;

use crate::fingerprint;
use crate::graph::{Graph, Plan};
use crate::journal::{KeptEnd, Loaded};
use crate::node::Stamp;

/// What would become of a task.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Forecast {
    /// Its name.
    pub task: Arc<str>,
    /// Whether the journal remembers its end, so that it would not run.
    pub up_to_date: bool,
}

pub(crate) fn of(graph: &Graph, plan: &Plan, loaded: &Loaded) -> Vec<Forecast> {
    // Of tasks that are up to date, by index.
    let mut stamps: Vec<Option<Stamp>> = vec![None; graph.nodes.count()];
    let mut all = Vec::with_capacity(plan.n_nodes());
    for idx in plan.order() {
        let node = graph.node(idx);
        let before: Option<Vec<_>> = node
            .dependencies
            .iter()
            .filter_map(|&symbol| graph.node_of(symbol))
            .map(|dep| Some((graph.node(dep).name.to_string(), Some(stamps[dep as usize]?))))
            .collect();
        let known = loaded.tasks.get(&*node.name).filter(|_| node.is_kept());
        let stamp = before.zip(known).and_then(|(before, known)| {
            let Some(KeptEnd::Completed { stamp, .. }) = &known.end else { return None };
            let rules = node.rules.as_deref();
            let is_there = rules.is_none_or(|r| r.outputs.iter().all(|path| path.exists()));
            let print = fingerprint::of(&node.name, rules, &before);
            let is_same = is_there && known.fingerprint == *print.to_hex();
            Stamp::from_hex(stamp).ok().filter(|_| is_same)
        });
        stamps[idx as usize] = stamp;
        all.push(Forecast { task: Arc::clone(&node.name), up_to_date: stamp.is_some() });
    }
    all
}
