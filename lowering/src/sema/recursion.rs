//! Async procedures that await themselves.
//!
//! In: all bodies. Out: a note (`HIRASYNC0007`) at each await that leads back to its procedure.
//! A known callee's frame lies inside its caller's, except on these awaits.
//!
//! Cost: linear in the calls (Tarjan's strongly connected components, without recursion).

use super::hir::{Awaitable, AwaitableKind, ExprKind, ProcId};
use super::items::Cx;
use crate::diagnostics::{Diagnostic, Span};

impl Cx<'_, '_> {
    /// Notes recursive awaits.
    pub(super) fn recursive_awaits(&mut self) {
        let mut edges: Vec<Vec<(ProcId, Span)>> = Vec::new();
        for info in &self.procs {
            let mut out = Vec::new();
            if let Some(body) = &info.body {
                super::visit::exprs(&body.value, &mut |expr| match &expr.kind {
                    ExprKind::Await(awaitable) => calls(awaitable, &mut out),
                    ExprKind::Select { arms, .. } => {
                        arms.iter().for_each(|arm| calls(&arm.awaitable, &mut out));
                    }
                    _ => {}
                });
            }
            edges.push(out);
        }
        let component = components(&edges);
        for (from, out) in edges.iter().enumerate() {
            for (to, at) in out {
                if component[from] == component[to.0 as usize] {
                    let name = self.procs[to.0 as usize].name.clone();
                    self.diags.push(
                        Diagnostic::remark("HIRASYNC0007", format!("`{name}` awaits itself"))
                            .at(*at, "each turn needs a frame of its own from the task's arena")
                            .help("a loop, or a list of what is left to do, needs one frame only"),
                    );
                }
            }
        }
    }
}

/// The known procedures that an awaitable runs.
fn calls(awaitable: &Awaitable, out: &mut Vec<(ProcId, Span)>) {
    match &awaitable.kind {
        AwaitableKind::Call(call) => out.push((call.callee.proc, awaitable.span)),
        AwaitableKind::Join(branches) => branches.iter().for_each(|branch| calls(branch, out)),
        AwaitableKind::Timeout { of, .. } => calls(of, out),
        _ => {}
    }
}

/// The number of each node's component; a node that does not reach itself gets one of its own, that
/// equals no other.
fn components(edges: &[Vec<(ProcId, Span)>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let n = edges.len();
    let (mut order, mut low) = (vec![NEW; n], vec![NEW; n]);
    let mut component = vec![NEW; n];
    let (mut stack, mut next, mut n_components) = (Vec::new(), 0, 0);
    for root in 0..n {
        if order[root] != NEW {
            continue;
        }
        let mut work = vec![(root, 0)];
        while let Some((node, at)) = work.pop() {
            if at == 0 {
                order[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node);
            }
            if let Some((to, _)) = edges[node].get(at) {
                let to = to.0 as usize;
                work.push((node, at + 1));
                if to < n && order[to] == NEW {
                    work.push((to, 0));
                } else if to < n && component[to] == NEW {
                    low[node] = low[node].min(order[to]);
                }
                continue;
            }
            if low[node] == order[node] {
                while let Some(member) = stack.pop() {
                    component[member] = n_components;
                    if member == node {
                        break;
                    }
                }
                n_components += 1;
            }
            if let Some((parent, _)) = work.last() {
                low[*parent] = low[*parent].min(low[node]);
            }
        }
    }
    component
}
