//! `lower`, `build`, `test`, `explain`.

use super::{Folder, vitte};

const STAGES: [&str; 9] = ["ast", "hir", "ir", "live", "frame", "machine", "clif", "asm", "dot"];

#[test]
fn every_stage_of_an_example_prints_something() {
    for stage in STAGES {
        let ran = vitte(&["lower", "examples/cancel.vit", "--emit", stage]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{stage}");
        assert!(ran.out.len() > 100, "{stage}: {}", ran.out);
        let json = vitte(&["lower", "examples/cancel.vit", "--emit", stage, "--format", "json"]);
        assert_eq!(json.code, 0, "{stage}");
        let _: serde_json::Value = serde_json::from_str(&json.out).expect(stage);
    }
}

#[test]
fn printed_ir_is_a_program_again() {
    let ir = vitte(&["lower", "examples/primes.vit", "--emit", "ir"]);
    let folder = Folder::new();
    let file = folder.file("primes.vir", &ir.out);
    let from_ir = vitte(&["run", &file]);
    let from_source = vitte(&["run", "examples/primes.vit"]);
    assert_eq!(from_ir, from_source);
    let again = vitte(&["lower", &file, "--emit", "ir"]);
    assert_eq!(again.out, ir.out);
}

#[test]
fn one_function_can_be_picked() {
    let all = vitte(&["lower", "examples/fanout.vit", "--emit", "frame", "--format", "json"]);
    let all: serde_json::Value = serde_json::from_str(&all.out).unwrap();
    let names: Vec<&str> =
        all.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let work = names.iter().find(|n| n.ends_with("work")).unwrap();
    for stage in STAGES.iter().filter(|s| **s != "ast" && **s != "hir") {
        let one = vitte(&["lower", "examples/fanout.vit", "--emit", stage, "--fn", work]);
        assert_eq!(one.code, 0, "{stage}: {}", one.err);
        assert!(one.out.contains(*work) || *stage == "clif", "{stage}: {}", one.out);
    }
    let none = vitte(&["lower", "examples/fanout.vit", "--fn", "nothing"]);
    assert_eq!(none.code, 1);
    assert!(none.err.contains("there is no procedure `nothing`"), "{}", none.err);
}

#[test]
fn build_writes_an_object_and_a_header() {
    let folder = Folder::new();
    let object = folder.0.join("primes.o");
    let ran = vitte(&["build", "examples/primes.vit", "-o", &object.display().to_string()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(std::fs::metadata(&object).unwrap().len() > 1000);
    let header = std::fs::read_to_string(object.with_extension("h")).unwrap();
    assert!(header.contains("main_machine"), "{header}");
    let ran = vitte(&["build", "examples/primes.vit", "-o", "/no/such/folder/x.o"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot write `/no/such/folder/x.o`"), "{}", ran.err);
}

#[test]
fn tests_are_run_filtered_and_counted() {
    let folder = Folder::new();
    let file = folder.file(
        "tests.vit",
        "proc add(a: int, b: int) -> int { give a + b }
test \"adds\" { assert add(1, 2) == 3, \"sum\" }
test \"waits\" { await sleep(10000); assert true, \"x\" }
test \"breaks\" { assert add(1, 1) == 3, \"one and one\" }
",
    );
    let ran = vitte(&["test", &file, "--seeds", "3"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.starts_with("test adds ... ok\ntest waits ... ok\ntest breaks ... FAILED\n"));
    assert!(ran.out.contains("one and one") && ran.out.contains("(seed 0)"), "{}", ran.out);
    assert!(ran.out.ends_with("2 passed, 1 failed, 0 filtered out\n"), "{}", ran.out);
    let ran = vitte(&["test", &file, "--filter", "adds"]);
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "test adds ... ok\n1 passed, 0 failed, 2 filtered out\n")
    );
}

#[test]
fn a_trace_lists_the_tasks() {
    let folder = Folder::new();
    let trace = folder.0.join("trace.json");
    let path = trace.display().to_string();
    let ran = vitte(&["run", "examples/pipeline.vit", "--seed", "1", "--trace", &path]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&trace).unwrap()).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let phase = |ph: &str| events.iter().filter(|e| e["ph"] == ph).count();
    assert!(phase("b") > 3, "every task was spawned");
    assert_eq!(phase("b"), phase("e"), "and ended");
    let of_main = |e: &&serde_json::Value| e["name"].as_str().is_some_and(|n| n.contains("main"));
    assert!(events.iter().filter(of_main).count() > 2);
    assert!(events.iter().any(|e| e["args"]["end"] == "suspend" && e["args"]["state"] != ""));
}

#[test]
fn states_know_the_line_of_their_await_and_what_is_dead() {
    // What the compiler awaits on its own: children at the end of a task or a scope, streams that are
    // left early, and the procedure that a task is made of.
    let implied = ["await task_scope", "await children", "drain"];
    let mut n_checked = 0;
    for example in ["cancel", "pipeline", "select", "fanout", "echo", "primes"] {
        let file = format!("examples/{example}.vit");
        let text = std::fs::read_to_string(&file).unwrap();
        let ran = vitte(&["lower", &file, "--emit", "frame", "--format", "json"]);
        let records: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        for record in records.as_array().unwrap() {
            let function = record["name"].as_str().unwrap();
            for state in record["states"].as_array().unwrap() {
                let name = state["name"].as_str().unwrap();
                let at = format!("{file}: `{name}` of `{function}`");
                let live: Vec<&str> = state["live"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| {
                        record["slots"][n.as_u64().unwrap() as usize]["name"].as_str().unwrap()
                    })
                    .collect();
                for dead in state["dead"].as_array().unwrap() {
                    assert!(!live.contains(&dead.as_str().unwrap()), "{at}: {dead} is both");
                }
                let line = state["span"]["line"].as_u64().unwrap() as usize;
                assert!(line > 0, "{at} has no line");
                let wrapper = !function.starts_with("examples/");
                if !wrapper && !implied.contains(&name) {
                    let line = text.lines().nth(line - 1).unwrap();
                    let awaits = ["await", "select", "emit", "with "];
                    assert!(awaits.iter().any(|word| line.contains(word)), "{at}: {line}");
                    n_checked += 1;
                }
            }
        }
    }
    assert!(n_checked > 30, "{n_checked} states");
}

#[test]
fn codes_are_explained() {
    let ran = vitte(&["explain", "hirasync0001"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("Wrong:") && ran.out.contains("Right:"));
    for code in ["IR0162", "IR0020", "LOWER0001", "CG0001", "HOST0001"] {
        let ran = vitte(&["explain", code]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{code}");
        let example = ran.out.split("Wrong:\n").nth(1).map_or("", str::trim);
        assert!(!example.is_empty(), "{code} has no example:\n{}", ran.out);
    }
    let ran = vitte(&["explain", "HIRASYNC"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("HIRASYNC0001"), "{}", ran.err);
}

/// What is waited for at the end of a scope has the place of that end, not of what ran before.
#[test]
fn the_wait_at_the_end_of_a_scope_stands_there() {
    let folder = Folder::new();
    let file = folder.file(
        "scope.vit",
        "async proc one() -> int { await sleep(1); give 1 }
async proc numbers() -> stream[int] { emit 1 }
async proc main() -> int {
    with task_scope() as s {
        s.spawn(one())
        println(\"last\")
    }
    for await n in numbers() {
        if n == 1 { break }
    }
    give 0
}
",
    );
    let ran = vitte(&["lower", &file, "--emit", "frame", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let states = json.as_array().unwrap().iter().flat_map(|m| m["states"].as_array().unwrap());
    let of = |name: &str| -> Vec<u64> {
        let named = states.clone().filter(|s| s["name"] == name);
        named.map(|s| s["span"]["line"].as_u64().unwrap()).collect()
    };
    let waits = of("await task_scope");
    assert!(!waits.is_empty() && waits.iter().all(|&line| line == 7), "{waits:?}");
    let drains = of("drain");
    assert!(!drains.is_empty() && drains.iter().all(|&line| line == 8), "{drains:?}");
}
