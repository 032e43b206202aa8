//! What is found before anything runs.

use vitte_graph::{GraphError, Task, TaskExecutor};

fn executor(tasks: &[(&str, &[&str])]) -> TaskExecutor {
    let mut exec = TaskExecutor::new(1);
    for (name, after) in tasks {
        exec.add(Task::depends_on(name, after, || ()));
    }
    exec
}

fn message(tasks: &[(&str, &[&str])]) -> String {
    executor(tasks).check().unwrap_err().to_string()
}

#[test]
fn cycle_carries_its_path() {
    for seed in [None, Some(1), Some(2)] {
        let mut exec = executor(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]);
        if let Some(seed) = seed {
            exec.seed(seed);
        }
        let error = exec.run_all().unwrap_err();
        let GraphError::Cycle { path } = &error else { panic!("{error}") };
        assert_eq!(path, &["a", "b", "c", "a"]);
        assert_eq!(
            error.to_string(),
            "tasks wait for each other in a circle: a → b → c → a; drop one of these dependencies"
        );
    }
}

#[test]
fn shortest_cycle_through_the_first_task_is_reported() {
    let tasks: &[(&str, &[&str])] =
        &[("x", &[]), ("a", &["b", "x"]), ("b", &["c", "a"]), ("c", &["a"])];
    let GraphError::Cycle { path } = executor(tasks).check().unwrap_err() else { panic!() };
    assert_eq!(path, ["a", "b", "a"]);
}

#[test]
fn task_that_waits_for_itself_is_a_cycle() {
    let GraphError::Cycle { path } = executor(&[("a", &["a"])]).check().unwrap_err() else {
        panic!()
    };
    assert_eq!(path, ["a", "a"]);
}

#[test]
fn unknown_dependency_names_what_is_similar() {
    assert_eq!(
        message(&[("compile", &[]), ("link", &["complie"])]),
        "task `link` depends on `complie`, and there is no such task: did you mean `compile`?"
    );
    assert_eq!(
        message(&[("link", &["something else"])]),
        "task `link` depends on `something else`, and there is no such task: add it, or drop the \
         dependency"
    );
}

#[test]
fn duplicate_name_is_found() {
    let error = executor(&[("a", &[]), ("b", &[]), ("a", &[])]).run_all().unwrap_err();
    assert!(matches!(&error, GraphError::DuplicateName { name } if name == "a"), "{error}");
}

#[test]
fn pool_must_exist_and_be_large_enough() {
    let mut exec = TaskExecutor::new(1);
    exec.add(Task::new("a", || ()).pool("net", 3));
    let error = exec.check().unwrap_err().to_string();
    assert!(error.contains("there is no such pool"), "{error}");
    exec.pool("net", 2);
    let error = exec.check().unwrap_err().to_string();
    assert!(error.contains("wants 3 places of pool `net`, which has 2 in all"), "{error}");
    exec.pool("net", 3);
    exec.run_all().unwrap();
}

#[test]
fn no_workers_is_an_error() {
    let mut exec = TaskExecutor::new(0);
    exec.add(Task::new("a", || ()));
    assert!(matches!(exec.run_all(), Err(GraphError::NoWorkers)));
}

#[test]
fn empty_graph_completes() {
    assert!(TaskExecutor::new(2).run_all().unwrap().is_success());
}
