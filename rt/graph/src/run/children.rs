//! Tasks that a running task adds.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Run;
use crate::error::TaskError;
use crate::node::NodeIdx;
use crate::policy::Verdict;
use crate::state::State;
use crate::task::Task;

impl Run {
    /// Adds `child` to `parent`, which is running, and makes it ready if nothing holds it up.
    pub(crate) fn add_child(&self, parent: NodeIdx, mut child: Task) -> Result<(), TaskError> {
        let above = self.node(parent);
        let full = |name: &str| -> Arc<str> { format!("{}/{name}", above.name).into() };
        child.name = full(&child.name);
        if self.graph.find(&child.name).is_some() && self.attempt_of(parent) > 1 {
            return Ok(()); // An earlier attempt has added it.
        }
        let mut dependencies = Vec::with_capacity(child.dependencies.len());
        for name in &mut child.dependencies {
            let qualified = full(name);
            let Some(idx) = self.graph.find(&qualified) else {
                return Err(TaskError::permanent(format!(
                    "child `{}` depends on `{name}`, which is no child of `{}` so far: add it \
                     first",
                    child.name, above.name
                )));
            };
            *name = qualified;
            dependencies.push(idx);
        }
        if let Some((pool, wants)) = child.rules.as_ref().and_then(|r| r.pool.as_ref()) {
            self.pools
                .check(&child.name, pool, *wants)
                .map_err(|e| TaskError::permanent(e.to_string()))?;
        }
        // R3: counted before it can end.
        self.n_open.fetch_add(1, Ordering::AcqRel);
        above.links().rare().n_children += 1;
        let idx = self.graph.insert(child, Some(parent)).map_err(|name| {
            self.n_open.fetch_sub(1, Ordering::AcqRel);
            above.links().rare().n_children -= 1;
            TaskError::permanent(format!("there are two children named `{name}`"))
        })?;
        self.n_children.fetch_add(1, Ordering::Relaxed);
        self.link(idx, &dependencies);
        Ok(())
    }

    fn attempt_of(&self, idx: NodeIdx) -> u32 {
        self.node(idx).n_attempts.load(Ordering::Relaxed)
    }

    /// Lets `idx` wait for its siblings.
    fn link(&self, idx: NodeIdx, siblings: &[NodeIdx]) {
        let node = self.node(idx);
        // One more than it has, so that it stays pending until all are linked.
        node.set_open(siblings.len() as u32 + 1);
        let default = self.options.on_failure;
        let mut verdict = Verdict::Wait;
        let mut hear = |state, on_failure| match node.hear(state, on_failure) {
            Verdict::Wait => {}
            decided => verdict = decided,
        };
        for &sibling in siblings {
            let before = self.node(sibling);
            let mut links = before.links();
            let state = before.state.get();
            if state.is_final() {
                drop(links);
                hear(state, before.on_failure(default));
            } else {
                links.rare().dependants.push(idx);
            }
        }
        hear(State::Completed, default);
        match verdict {
            Verdict::Wait => {}
            Verdict::Run => self.make_ready(idx, node, None),
            Verdict::Skip => self.skip(idx),
        }
    }
}
