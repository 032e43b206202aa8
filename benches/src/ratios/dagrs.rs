//! The peer dagrs: each node is a task of tokio's, with a channel per edge.
//!
//! Behind the feature `dagrs`: it brings some thirty crates, and tokio with all of its features.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use dagrs::{
    Action, Content, DefaultNode, EnvVar, Graph, InChannels, Node, NodeTable, OutChannels, Output,
};

use super::Sampler;
use super::graphs::Shape;

/// Waits for a message of each that it depends on, counts itself, tells its dependants.
struct Count(Arc<AtomicUsize>);

#[async_trait]
impl Action for Count {
    async fn run(
        &self,
        awaited: &mut InChannels,
        dependants: &mut OutChannels,
        _env: Arc<EnvVar>,
    ) -> Output {
        awaited.map(|message| message.expect("a message of each")).await;
        self.0.fetch_add(1, Ordering::Relaxed);
        dependants.broadcast(Content::new(())).await;
        Output::empty()
    }
}

/// The graph as dagrs runs it, on one worker. It is built anew for each run, which is not measured.
pub(super) fn dagrs(shape: Shape) -> Sampler {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_time().build().expect("a thread");
    Box::new(move || {
        let count = Arc::new(AtomicUsize::new(0));
        let mut graph = build(&shape, &count);
        let run = async move {
            let started = Instant::now();
            graph.async_start().await.expect("no node fails");
            started.elapsed()
        };
        let elapsed = runtime.block_on(runtime.spawn(run)).expect("no node fails");
        assert_eq!(count.load(Ordering::Relaxed), shape.n());
        elapsed.as_nanos() as f64 / shape.n() as f64
    })
}

fn build(shape: &Shape, count: &Arc<AtomicUsize>) -> Graph {
    let (mut table, mut graph) = (NodeTable::default(), Graph::new());
    let add = |k: usize| {
        let node = DefaultNode::with_action(k.to_string(), Count(count.clone()), &mut table);
        let id = node.id();
        graph.add_node(node).expect("names are unique");
        id
    };
    let ids: Vec<_> = (0..shape.n()).map(add).collect();
    for (from, to) in shape.dependants().enumerate() {
        let to: Vec<_> = to.iter().map(|&to| ids[to as usize]).collect();
        graph.add_edge(ids[from], to).expect("both ends are nodes");
    }
    graph.set_env(EnvVar::new(table));
    graph
}
