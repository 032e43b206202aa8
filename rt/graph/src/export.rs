//! The graph for other programs: Graphviz, Mermaid, JSON, and when everything ran.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::graph::Graph;
use crate::node::Node;
use crate::report::TaskReport;
use crate::state::State;

/// Calls `edge(from, to)` for every dependency, and for every child of a task.
fn edges(graph: &Graph, mut edge: impl FnMut(usize, usize, Edge)) {
    for (to, node) in graph.live() {
        let named = node.dependencies.iter().filter_map(|&symbol| graph.node_of(symbol));
        named.for_each(|from| edge(from as usize, to, Edge::After));
        if let Some(parent) = node.parent {
            edge(parent as usize, to, Edge::Child);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Edge {
    After,
    Child,
}

/// Colour of a task by its state.
fn colour(state: State) -> &'static str {
    match state {
        State::Pending | State::Ready => "white",
        State::Running | State::Waiting => "lightblue",
        State::Completed => "palegreen",
        State::Failed => "salmon",
        State::Cancelled | State::Skipped => "lightgrey",
    }
}

pub(crate) fn dot(graph: &Graph) -> String {
    let mut out =
        String::from("digraph tasks {\n  rankdir=LR;\n  node [shape=box, style=filled];\n");
    for (i, node) in graph.live() {
        let name = node.name.replace('\\', "\\\\").replace('"', "\\\"");
        let fill = colour(node.state.get());
        let _ = writeln!(out, "  n{i} [label=\"{name}\", fillcolor={fill}];");
    }
    edges(graph, |from, to, kind| {
        let style = if kind == Edge::Child { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "  n{from} -> n{to}{style};");
    });
    out.push_str("}\n");
    out
}

pub(crate) fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (i, node) in graph.live() {
        let name = node.name.replace('"', "#quot;");
        let _ = writeln!(out, "  n{i}[\"{name}\"]:::{}", node.state.get());
    }
    edges(graph, |from, to, kind| {
        let arrow = if kind == Edge::Child { "-.->" } else { "-->" };
        let _ = writeln!(out, "  n{from} {arrow} n{to}");
    });
    for state in State::ALL {
        let _ = writeln!(out, "  classDef {state} fill:{}", colour(state));
    }
    out
}

pub(crate) fn json(graph: &Graph) -> String {
    let name_of = |idx: u32| graph.node(idx).name.to_string();
    let task = |node: &Node| {
        let after: Vec<_> = node
            .dependencies
            .iter()
            .filter_map(|&symbol| graph.node_of(symbol).map(name_of))
            .collect();
        let mut value = serde_json::to_value(TaskReport::of(node)).expect("a report is JSON");
        value["after"] = after.into();
        value["parent"] = node.parent.map_or(Value::Null, |p| name_of(p).into());
        value
    };
    let tasks: Vec<_> = graph.live().map(|(_, node)| task(node)).collect();
    let mut text = serde_json::to_string_pretty(&json!({ "tasks": tasks })).expect("JSON");
    text.push('\n');
    text
}

/// Nanoseconds as the microseconds of the trace format.
fn micros(ns: u64) -> f64 {
    Duration::from_nanos(ns).as_secs_f64() * 1e6
}

pub(crate) fn chrome_trace(graph: &Graph) -> String {
    // One row per task that runs at the same time as others: the first that is free.
    let mut spans: Vec<_> = graph
        .live()
        .filter_map(|(_, node)| TaskReport::of(node).span_ns.map(|span| (span, node)))
        .collect();
    spans.sort_by_key(|(span, _)| *span);
    let mut rows: Vec<u64> = Vec::new();
    let mut events = Vec::new();
    for ((start, end), node) in spans {
        let free = rows.iter().position(|&busy_until| busy_until <= start);
        let row = free.unwrap_or_else(|| {
            rows.push(0);
            rows.len() - 1
        });
        rows[row] = end;
        events.push(json!({
            "name": &*node.name,
            "cat": node.state.get().name(),
            "ph": "X",
            "ts": micros(start),
            "dur": micros(end.saturating_sub(start)),
            "pid": 1,
            "tid": row,
        }));
    }
    let mut text = json!({ "traceEvents": events, "displayTimeUnit": "ms" }).to_string();
    text.push('\n');
    text
}
