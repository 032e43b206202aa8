//! `vitte graph` as a build author uses it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn run(args: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitte")).arg("graph").args(args).arg(file).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The steps that ran, in the order of the manifest, with how they ended.
fn ran(output: &Output) -> Vec<(String, String)> {
    let text = stdout(output);
    let table = text.lines().take_while(|l| !l.is_empty() && !l.contains(" in "));
    let words = table.map(|line| line.split_whitespace().map(str::to_owned));
    words.map(|mut w| (w.next().unwrap(), w.next().unwrap())).collect()
}

fn names(output: &Output) -> Vec<String> {
    ran(output).into_iter().map(|(name, _)| name).collect()
}

/// A copy of the example in a folder of its own.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/c_project");
    for entry in fs::read_dir(example).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

#[test]
fn c_project_is_built_repaired_and_resumed() {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln!("skipped: a C compiler is missing");
        return;
    }
    let folder = project();
    let manifest = folder.path().join("graph.toml");
    // One step fails; what does not need it is done.
    let good = fs::read_to_string(folder.path().join("greet.c")).unwrap();
    fs::write(folder.path().join("greet.c"), good.replace("printf(", "print(")).unwrap();
    let output = run(&["run"], &manifest);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    assert!(text.contains("step `greet` failed: exit status: 1, it printed:"), "{text}");
    assert!(text.contains("print("), "the compiler's words: {text}");
    let ends = ran(&output);
    assert!(ends.contains(&("main".into(), "completed".into())), "{ends:?}");
    assert!(ends.contains(&("link".into(), "skipped".into())), "{ends:?}");
    // Mended, it goes on where it failed.
    fs::write(folder.path().join("greet.c"), &good).unwrap();
    let output = run(&["run"], &manifest);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(names(&output), ["greet", "link", "check"]);
    // Nothing to do.
    let output = run(&["run"], &manifest);
    assert_eq!(names(&output), [] as [&str; 0]);
    assert!(stdout(&output).starts_with("5 completed (5 remembered)"), "{}", stdout(&output));
    // A header that only the compiler knew of.
    let header = folder.path().join("greet.h");
    fs::write(&header, fs::read_to_string(&header).unwrap() + "/* changed */\n").unwrap();
    let output = run(&["run"], &manifest);
    assert_eq!(names(&output), ["greet", "main", "link", "check"]);
    let output = run(&["run", "--fresh"], &manifest);
    assert_eq!(names(&output).len(), 5);
}

#[test]
fn dry_run_prints_an_order_and_runs_nothing() {
    let folder = project();
    let manifest = folder.path().join("graph.toml");
    let output = run(&["run", "--dry-run"], &manifest);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    let order: Vec<_> = text.lines().collect();
    let at = |name: &str| order.iter().position(|n| *n == name).unwrap();
    assert!(at("folder") < at("greet") && at("greet") < at("link") && at("link") < at("check"));
    assert!(!folder.path().join("build").exists());
    assert!(!folder.path().join("graph.journal").exists());
}

#[test]
fn graph_is_shown_in_three_languages() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/c_project/graph.toml");
    for (format, begin) in [("dot", "digraph"), ("mermaid", "flowchart"), ("json", "{")] {
        let output = run(&["show", "--format", format], &manifest);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).starts_with(begin), "{format}");
    }
}

#[test]
fn mistakes_have_a_place_and_exit_1() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("graph.toml");
    let missing = run(&["run"], &manifest);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("cannot read"));
    fs::write(&manifest, "[step.a]\nrun = 'true'\nafter = ['b']\n").unwrap();
    let wrong = run(&["run"], &manifest);
    assert_eq!(wrong.status.code(), Some(1));
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(text.contains("graph.toml:3:10: there is no step `b` to come after"), "{text}");
    fs::write(
        &manifest,
        "[step.a]\nrun = 'x'\nafter = ['b']\n[step.b]\nrun = 'x'\nafter = ['a']\n",
    )
    .unwrap();
    let text = String::from_utf8_lossy(&run(&["run"], &manifest).stderr).into_owned();
    assert!(text.contains("a → b → a"), "{text}");
    assert_eq!(run(&["run", "--workers", "0"], &manifest).status.code(), Some(2));
}

#[test]
fn json_tells_each_event_and_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("graph.toml");
    fs::write(&manifest, "[step.a]\nrun = 'true'\n").unwrap();
    let output = run(&["run", "--format", "json"], &manifest);
    let text = stdout(&output);
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["event"], "end");
    assert!(events.iter().any(|e| e["event"] == "ended" && e["step"]["state"] == "completed"));
}
