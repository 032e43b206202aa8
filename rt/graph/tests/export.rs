//! What other programs read of a graph.

use expect_test::expect;
use vitte_graph::{Task, TaskError, TaskExecutor};

fn executor() -> TaskExecutor {
    let mut exec = TaskExecutor::new(1);
    exec.seed(1).timing(true);
    exec.add(Task::new("say \"hi\"", || ()));
    exec.add(Task::depends_on("b", &["say \"hi\""], || Err::<(), _>(TaskError::new("no"))));
    exec.add(Task::depends_on("c", &["b"], || ()));
    assert!(exec.run_all().is_err());
    exec
}

#[test]
fn dot_shows_states_as_colours() {
    expect![[r#"
        digraph tasks {
          rankdir=LR;
          node [shape=box, style=filled];
          n0 [label="say \"hi\"", fillcolor=palegreen];
          n1 [label="b", fillcolor=salmon];
          n2 [label="c", fillcolor=lightgrey];
          n0 -> n1;
          n1 -> n2;
        }
    "#]]
    .assert_eq(&executor().to_dot());
}

#[test]
fn mermaid_shows_states_as_classes() {
    expect![[r#"
        flowchart LR
          n0["say #quot;hi#quot;"]:::completed
          n1["b"]:::failed
          n2["c"]:::skipped
          n0 --> n1
          n1 --> n2
          classDef pending fill:white
          classDef ready fill:white
          classDef running fill:lightblue
          classDef waiting fill:lightblue
          classDef completed fill:palegreen
          classDef failed fill:salmon
          classDef cancelled fill:lightgrey
          classDef skipped fill:lightgrey
    "#]]
    .assert_eq(&executor().to_mermaid());
}

#[test]
fn json_names_each_task_with_its_dependencies_and_its_end() {
    let value: serde_json::Value = serde_json::from_str(&executor().to_json()).unwrap();
    let b = &value["tasks"][1];
    assert_eq!(b["name"], "b");
    assert_eq!(b["after"], serde_json::json!(["say \"hi\""]));
    assert_eq!(b["state"], "failed");
    assert_eq!(b["error"], "no");
}

#[test]
fn chrome_trace_has_one_event_per_task_that_ran() {
    let value: serde_json::Value = serde_json::from_str(&executor().to_chrome_trace()).unwrap();
    let events = value["traceEvents"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|e| e["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["say \"hi\"", "b"]);
    assert!(events.iter().all(|e| e["ph"] == "X"));
}
