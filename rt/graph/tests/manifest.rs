//! Graphs of commands: what is read, what is refused, what runs again.
#![cfg(all(feature = "manifest", unix))]

use std::fs;
use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use vitte_graph::manifest::Captured;
use vitte_graph::{GraphError, Manifest, State, TaskExecutor};

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse(text, Path::new("/nowhere")).map_err(|mistakes| mistakes.to_string())
}

#[test]
fn every_mistake_is_found_at_its_place() {
    let text = r#"
workers = 0
on_failure = "panic"

[step.a]
after = ["b", "missing"]
timeout = "soon"
pool = "net"

[step.b]
run = "true"
vitte = "b.vit"

[step.c]
run = []
outputs = ["x"]

[step.d]
run = "true"
outputs = ["x"]

[step.e]
vitte = "e.vit"
args = [7]

[step.f]
run = "true"
proc = "f"
args = ["x"]

[step.g]
vitte = "g.vit"
proc = "g"
args = [{ output = "nobody" }, 1979-05-27, inf]
dir = "sub"
env = { A = "b" }

[pools]
none = 0
"#;
    expect![[r#"
        2:11: a graph needs at least one worker
        3:14: `panic` is no way to go on: write "fail_fast", "skip_dependants" or "continue"
        5:7: step `a` does nothing: give it `run` or `vitte`
        6:15: there is no step `missing` to come after
        7:11: `soon` is no time: write a number and ms, s, m or h
        8:8: there is no pool `net`: add `pools = { net = 1 }`
        12:9: a step runs a command or a Vitte file, not both: drop `run` or `vitte`
        15:7: a command needs at least its program
        20:12: step `c` makes this file too: let one of them do it
        24:9: arguments of a program are strings: add quotes, or name a `proc`
        28:8: a procedure needs its file: add `vitte = "…"`, drop `run`
        29:9: arguments of a command belong to `run`: `args` is for `vitte`
        34:9: there is no step `nobody` whose output it could be
        34:32: a time is no argument of a procedure
        34:44: a number that is not finite is no argument of a procedure
        35:7: a procedure runs in this process: `dir` and `env` are for commands, hand it arguments
        36:9: a procedure runs in this process: `dir` and `env` are for commands, hand it arguments
        39:8: nothing could ever run in pool `none`: give it 1 or more"#]]
    .assert_eq(&parse(text).unwrap_err());
}

#[test]
fn what_is_no_manifest_is_refused_with_its_place() {
    let unknown = parse("[step.a]\nrun = 'x'\nafterwards = []\n").unwrap_err();
    assert!(unknown.starts_with("3:1: unknown field `afterwards`"), "{unknown}");
    let broken = parse("[step.a\n").unwrap_err();
    assert!(broken.starts_with("1:"), "{broken}");
    let twice = parse("[step.a]\nrun = 'x'\n[step.a]\nrun = 'y'\n").unwrap_err();
    assert!(twice.starts_with("3:"), "{twice}");
    let kind = parse("[step.a]\nrun = 7\n").unwrap_err();
    assert!(kind.starts_with("2:7: `run` is a command"), "{kind}");
    let list = parse("workers = 2\n[[step]]\nname = 'a'\nrun = 'x'\n").unwrap_err();
    assert!(list.starts_with("2:") && list.contains("`[step.NAME]`"), "{list}");
}

#[test]
fn missing_inputs_and_outputs_fail_their_steps() {
    let folder = tempfile::tempdir().unwrap();
    let text = "on_failure = 'continue'\n[step.reads]\nrun = 'true'\ninputs = ['tpyo.c']\n\
                [step.makes]\nrun = 'echo said; touch other'\noutputs = ['other', 'this']\n";
    let (exec, result) = run(folder.path(), text);
    assert!(result.is_err());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let errors: Vec<_> = exec.tasks().map(|task| task.error.unwrap_or_default()).collect();
    let (input, output) = (at("tpyo.c"), at("this"));
    assert_eq!(errors[0], format!("its input `{input}` is not there"));
    let wanted =
        format!("it ended well, but has not made its output `{output}`, it printed:\nsaid");
    assert_eq!(errors[1], wanted);
}

#[test]
fn circle_of_steps_has_a_place() {
    let text = "[step.x]\nrun = 'true'\n[step.a]\nrun = 'cc'\ninputs = ['p']\nafter = ['x']\n\
                [step.b]\nrun = 'ld'\noutputs = ['p']\nafter = ['a']\n";
    let circle = parse(text).unwrap_err();
    let wanted = "3:7: steps wait for each other in a circle: a → b → a; drop one of these `after`, \
                  `inputs` or `output`s";
    assert_eq!(circle, wanted);
    let many = parse("workers = 1025\n").unwrap_err();
    assert_eq!(many, "1:11: a graph has at most 1024 workers");
}

/// Runs a manifest in a folder, with a journal; answers the steps that really ran.
fn run(folder: &Path, text: &str) -> (TaskExecutor, Result<Vec<String>, GraphError>) {
    let manifest = Manifest::parse(text, folder).unwrap();
    let mut exec = TaskExecutor::new(2);
    exec.journal(folder.join("journal"));
    manifest.add_to(&mut exec, Path::new("/no/vitte")).unwrap();
    let result = exec
        .run_all()
        .map(|_| exec.tasks().filter(|t| !t.remembered).map(|t| t.name.to_string()).collect());
    (exec, result)
}

const COPY: &str = r#"
[step.upper]
run = "tr a-z A-Z < in.txt > mid.txt"
inputs = ["in.txt"]
outputs = ["mid.txt"]

[step.double]
run = "cat mid.txt mid.txt > out.txt; echo doubled"
inputs = ["mid.txt"]
outputs = ["out.txt"]

[step.other]
run = ["sh", "-c", "echo $WHO; pwd"]
env = { WHO = "me" }
dir = "sub"
"#;

#[test]
fn steps_run_after_those_that_make_their_inputs_and_only_when_needed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("sub")).unwrap();
    fs::write(at("in.txt"), "abc\n").unwrap();
    let (exec, ran) = run(folder.path(), COPY);
    assert_eq!(ran.unwrap(), ["upper", "double", "other"]);
    assert_eq!(fs::read_to_string(at("out.txt")).unwrap(), "ABC\nABC\n");
    assert_eq!(exec.output::<Captured>("double").unwrap().text, "doubled\n");
    let other = exec.output::<Captured>("other").unwrap();
    assert!(other.text.starts_with("me\n") && other.text.ends_with("/sub\n"), "{other:?}");
    drop(exec);
    assert_eq!(run(folder.path(), COPY).1.unwrap(), [] as [&str; 0]);
    fs::write(at("in.txt"), "xyz\n").unwrap();
    assert_eq!(run(folder.path(), COPY).1.unwrap(), ["upper", "double"]);
    assert_eq!(fs::read_to_string(at("out.txt")).unwrap(), "XYZ\nXYZ\n");
    fs::remove_file(at("out.txt")).unwrap();
    assert_eq!(run(folder.path(), COPY).1.unwrap(), ["double"]);
    let changed = COPY.replace("doubled", "twice");
    assert_eq!(run(folder.path(), &changed).1.unwrap(), ["double"]);
}

#[test]
fn failing_step_shows_what_it_printed_and_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let text = "on_failure = 'skip_dependants'\n\
                [step.a]\nrun = 'echo out; echo err >&2; exit 3'\n[step.b]\nrun = 'true'\n\
                [step.c]\nrun = 'true'\nafter = ['a']\n";
    let (exec, result) = run(folder.path(), text);
    let Err(GraphError::Failed(report)) = result else { panic!() };
    assert_eq!(report.count(State::Skipped), 1);
    let error = exec.tasks().next().unwrap().error.unwrap();
    assert_eq!(error, "exit status: 3, it printed:\nout\nerr");
    drop(exec);
    let mended = text.replace("exit 3", "exit 0");
    assert_eq!(run(folder.path(), &mended).1.unwrap(), ["a", "c"]);
}

#[test]
fn depfile_adds_the_inputs_that_the_command_found() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("hidden.h"), "1").unwrap();
    let text = "[step.a]\nrun = 'echo \"a: hidden.h\" > a.d'\ndepfile = 'a.d'\n";
    assert_eq!(run(folder.path(), text).1.unwrap(), ["a"]);
    assert_eq!(run(folder.path(), text).1.unwrap(), [] as [&str; 0]);
    fs::write(at("hidden.h"), "2").unwrap();
    assert_eq!(run(folder.path(), text).1.unwrap(), ["a"]);
    assert_eq!(run(folder.path(), text).1.unwrap(), [] as [&str; 0]);
}

/// Runs `command` as a step until one attempt came so far within its time that `has_begun`: a loaded
/// machine may take longer than the first. The error that tells of that attempt, without its first words
/// (`the attempt took longer than …`).
fn error_of_slow_step(folder: &Path, command: &str, has_begun: impl Fn(&str) -> bool) -> String {
    for timeout in ["200ms", "2s", "1m"] {
        let text = format!("[step.a]\nrun = '{command}'\ntimeout = '{timeout}'\n");
        let (exec, result) = run(folder, &text);
        assert!(result.is_err());
        let error = exec.tasks().next().unwrap().error.unwrap();
        let first = format!("the attempt took longer than {timeout}");
        let rest = error.strip_prefix(&first).unwrap_or_else(|| panic!("{error}"));
        if has_begun(rest) {
            return rest.to_owned();
        }
    }
    panic!("`{command}` never gets to where it waits");
}

#[test]
fn timeout_kills_the_whole_process_group() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let command = "sleep 1000 & echo $! > p; mv p pid; wait";
    let rest = error_of_slow_step(folder.path(), command, |_| pid.exists());
    assert_eq!(rest, "", "it printed nothing");
    let pid = fs::read_to_string(pid).unwrap();
    // The grandchild is gone, or a zombie that its new parent has not fetched yet.
    let status = format!("/proc/{}/stat", pid.trim());
    for _ in 0..1000 {
        match fs::read_to_string(&status) {
            Ok(stat) if !stat.contains(") Z ") => std::thread::sleep(Duration::from_millis(5)),
            _ => return,
        }
    }
    panic!("process {pid} lives on");
}

#[test]
fn failure_stops_what_has_not_begun_unless_the_manifest_says_otherwise() {
    let steps = "[step.a]\nrun = 'exit 3'\n[step.b]\nrun = 'touch b'\npriority = -1\n";
    for (head, ran) in [("", false), ("on_failure = 'skip_dependants'\n", true)] {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::parse(&format!("{head}{steps}"), folder.path()).unwrap();
        let mut exec = TaskExecutor::new(1);
        manifest.add_to(&mut exec, Path::new("/no/vitte")).unwrap();
        assert!(exec.run_all().is_err());
        // `b` waits for the one job.
        assert_eq!(folder.path().join("b").exists(), ran, "{head}");
    }
}

#[test]
fn steps_wait_for_a_job_by_priority() {
    let folder = tempfile::tempdir().unwrap();
    let step = |name: &str, priority: i32| {
        format!(
            "[step.{name}]\nrun = 'echo {name} >> order'\nafter = ['first']\npriority = {priority}\n"
        )
    };
    let steps: String = (0..20).map(|i| step(&format!("s{i:02}"), i)).collect();
    let manifest = format!("[step.first]\nrun = 'true'\n{steps}");
    let manifest = Manifest::parse(&manifest, folder.path()).unwrap();
    let mut exec = TaskExecutor::new(1);
    manifest.add_to(&mut exec, Path::new("/no/vitte")).unwrap();
    exec.run_all().unwrap();
    let order = fs::read_to_string(folder.path().join("order")).unwrap();
    let order: Vec<_> = order.lines().collect();
    // All get ready at once; whoever came first has the job already.
    let mut wanted: Vec<_> = (0..20).rev().map(|i| format!("s{i:02}")).collect();
    let at = wanted.iter().position(|name| name == order[0]).unwrap();
    let first = wanted.remove(at);
    wanted.insert(0, first);
    assert_eq!(order, wanted);
}

#[test]
fn time_that_is_over_shows_what_was_printed() {
    let folder = tempfile::tempdir().unwrap();
    let rest =
        error_of_slow_step(folder.path(), "echo so far; sleep 1000", |rest| !rest.is_empty());
    assert_eq!(rest, ", it printed:\nso far");
}

#[test]
fn procedure_that_nobody_linked_fails_its_step() {
    let folder = tempfile::tempdir().unwrap();
    let (exec, result) = run(folder.path(), "[step.a]\nvitte = 'a.vit'\nproc = 'f'\n");
    assert!(result.is_err());
    let error = exec.tasks().next().unwrap().error.unwrap();
    assert_eq!(error, "nobody has linked the procedure `f`");
}

#[test]
fn program_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (exec, result) = run(folder.path(), "[step.a]\nrun = ['/no/such/program']\nretries = 3\n");
    assert!(result.is_err());
    let task = exec.tasks().next().unwrap();
    assert!(task.error.unwrap().starts_with("cannot start `/no/such/program` in "));
    assert_eq!(task.n_attempts, 1, "nothing to wait for");
}

#[test]
fn inherited_variables_are_inputs_if_they_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| format!("[step.a]\nrun = 'true'\nenv_inputs = ['{name}']\n");
    assert_eq!(run(folder.path(), &text("PATH")).1.unwrap(), ["a"]);
    assert_eq!(run(folder.path(), &text("PATH")).1.unwrap(), [] as [&str; 0]);
    let other = text("VITTE_GRAPH_TEST_NOT_SET");
    assert_eq!(run(folder.path(), &other).1.unwrap(), ["a"]);
    assert_eq!(run(folder.path(), &other).1.unwrap(), [] as [&str; 0]);
}

/// Most lines `begin` without their `end` at a time.
fn most_at_a_time(log: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for line in log.lines() {
        now = if line == "begin" { now + 1 } else { now - 1 };
        most = most.max(now);
    }
    most
}

#[test]
fn nested_makes_run_no_more_jobs_than_there_are_workers() {
    if std::process::Command::new("make").arg("--version").output().is_err() {
        eprintln!("skipped: make is missing");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let rule = "t%:\n\t@echo begin >> log; sleep 0.02; echo end >> log\n";
    let makefile = format!("a: ta1 ta2 ta3 ta4\nb: tb1 tb2 tb3 tb4\n.PHONY: a b\n{rule}");
    fs::write(folder.path().join("Makefile"), makefile).unwrap();
    let text = "[step.a]\nrun = 'make -s a'\n[step.b]\nrun = 'make -s b'\n\
                [step.c]\nrun = 'echo begin >> log; sleep 0.02; echo end >> log'\n";
    let manifest = Manifest::parse(text, folder.path()).unwrap();
    let mut exec = TaskExecutor::new(3);
    manifest.add_to(&mut exec, Path::new("/no/vitte")).unwrap();
    exec.run_all().unwrap();
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.lines().count(), 18);
    assert!(most_at_a_time(&log) <= 3, "{log}");
    for step in ["a", "b"] {
        // Not "jobserver unavailable".
        assert_eq!(exec.output::<Captured>(step).unwrap().text, "", "{step}");
    }
}

#[test]
fn nested_make_shares_the_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[step.a]\nrun = 'echo \"$MAKEFLAGS\"'\n";
    let (exec, result) = run(folder.path(), text);
    result.unwrap();
    let flags = &exec.output::<Captured>("a").unwrap().text;
    assert!(flags.contains("--jobserver"), "{flags}");
}
