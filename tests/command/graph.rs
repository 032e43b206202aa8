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
    let output = run(&["run", "--keep-going"], &manifest);
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

/// A folder with these files; the manifest among them is `graph.toml`.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// The values that a run ended with.
fn outputs(output: &Output) -> serde_json::Value {
    let text = stdout(output);
    let last = text.lines().last().unwrap_or_default();
    let end: serde_json::Value = serde_json::from_str(last).unwrap();
    assert_eq!(end["event"], "end", "{text}");
    end["outputs"].clone()
}

#[test]
fn example_of_steps_runs_procedures_again_when_their_file_changes() {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/steps");
    for name in ["graph.toml", "names.txt", "steps.vit"] {
        fs::copy(example.join(name), folder.path().join(name)).unwrap();
    }
    let manifest = folder.path().join("graph.toml");
    let output = run(&["run"], &manifest);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert_eq!(names(&output), ["names", "count", "longest", "report"]);
    let report = "= \"4 names, the longest is Margaret with 8 letters\"";
    assert!(text.lines().any(|l| l.starts_with("report ") && l.ends_with(report)), "{text}");
    let again = run(&["run", "--format", "json"], &manifest);
    let wanted = serde_json::json!({
        "count": 4,
        "longest": ["Margaret", 8],
        "report": "4 names, the longest is Margaret with 8 letters",
    });
    assert_eq!(outputs(&again), wanted, "remembered");
    let source = folder.path().join("steps.vit");
    let text = fs::read_to_string(&source).unwrap();
    fs::write(&source, text.replace("len(lines(names))", "len(lines(names)) * 10")).unwrap();
    let output = run(&["run"], &manifest);
    assert_eq!(names(&output), ["count", "longest", "report"]);
    assert!(stdout(&output).contains("40 names"), "{}", stdout(&output));
}

const JOBS: &str = "space t/jobs
use t/words.{twice}
export proc values(flag: bool, letter: char, small: u8, real: f64, word: string, list: [(int, string)],
    missing: ?int, there: ?int, pair: [int; 2]) -> string {
    let (n, text) = list[1]
    give (flag as string) + \" \" + (letter as string) + \" \" + (small as string) + \" \"
        + (real as string) + \" \" + word + \" \" + (n as string) + text + \" \"
        + ((missing ?? -1) as string) + \" \" + ((there ?? -1) as string) + \" \"
        + (pair[1] as string) + twice(\"!\")
}
export async proc naps(ms: int) -> [int] {
    println(\"before the nap\")
    eprintln(\"and this\")
    defer { println(\"cleaned up\") }
    await sleep(ms)
    give [ms, ms + 1]
}
export proc refuses(why: string) -> Result[int, string] {
    println(\"thinking\")
    if len(why) > 0 { give Err(why) }
    give Ok(7)
}
export proc breaks(xs: [int]) -> int { give xs[3] }
export proc nothing() { println(\"printed by nothing\") }
";

const WORDS: &str = "space t/words\nexport proc twice(s: string) -> string { give s + s }\n";

#[test]
fn procedures_take_and_give_every_type_that_crosses() {
    let text = "on_failure = 'skip_dependants'
[step.values]
vitte = 'jobs.vit'
proc = 'values'
args = [true, 'é', 255, 1.5, 'w', [[1, 'a'], [2, 'b']], { output = 'agrees' }, 5, [8, 9]]
[step.nothing]
vitte = 'jobs.vit'
proc = 'nothing'
[step.naps]
vitte = 'jobs.vit'
proc = 'naps'
args = [1]
[step.agrees]
vitte = 'jobs.vit'
proc = 'refuses'
args = ['']
[step.broken]
vitte = 'jobs.vit'
proc = 'breaks'
args = [{ output = 'naps' }]
[step.refused]
vitte = 'jobs.vit'
proc = 'refuses'
args = [{ output = 'words' }]
[step.words]
run = 'printf \"two\\nwords\\n\\n\"'
";
    let folder = folder(&[("graph.toml", text), ("jobs.vit", JOBS), ("words.vit", WORDS)]);
    let manifest = folder.path().join("graph.toml");
    let wrong = run(&["run"], &manifest);
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    let place = "graph.toml:5:57: parameter `missing` of `values` is a `?int`: the output of \
                 `agrees` is a `int`";
    assert!(told.contains(place), "{told}");
    fs::write(&manifest, text.replace("{ output = 'agrees' }, 5", "4, 5")).unwrap();
    let output = run(&["run", "--format", "json"], &manifest);
    assert_eq!(output.status.code(), Some(1));
    let given = outputs(&output);
    assert_eq!(given["values"], "true é 255 1.5 w 2b 4 5 9!!");
    assert_eq!(given["nothing"], serde_json::Value::Null);
    assert_eq!(given["naps"], serde_json::json!([1, 2]));
    assert_eq!(given["agrees"], 7);
    assert!(!stdout(&output).contains("printed by nothing\n"), "output belongs to its step");
    let errors: Vec<String> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|e| e["event"] == "ended")
        .filter_map(|e| e["step"]["error"].as_str().map(str::to_owned))
        .collect();
    assert!(errors.iter().any(|e| e == "two\nwords, it printed:\nthinking"), "{errors:?}");
    let broken = errors.iter().find(|e| e.contains("out of range")).unwrap();
    assert!(broken.starts_with("panicked: index 3 is out of range\n  --> "), "{broken}");
    assert!(broken.contains("jobs.vit:23:"), "{broken}");
}

#[test]
fn procedure_is_cancelled_with_its_step_and_cleans_up() {
    let text = "
[step.naps]
vitte = 'jobs.vit'
proc = 'naps'
args = [60000]
timeout = '50ms'
";
    let folder = folder(&[("graph.toml", text), ("jobs.vit", JOBS), ("words.vit", WORDS)]);
    let started = std::time::Instant::now();
    let output = run(&["run"], &folder.path().join("graph.toml"));
    assert!(started.elapsed().as_secs() < 50, "nobody waits for the nap");
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let why = "step `naps` failed: the attempt took longer than 50ms, it printed:\nbefore the nap\n\
               and this\n";
    assert!(text.contains(why), "{text}");
}

#[test]
fn mistakes_in_calls_have_their_places() {
    let text = "
[step.unknown]
vitte = 'jobs.vit'
proc = 'nap'

[step.few]
vitte = 'jobs.vit'
proc = 'naps'

[step.many]
vitte = 'jobs.vit'
proc = 'naps'
args = [1, 2]

[step.kinds]
vitte = 'jobs.vit'
proc = 'breaks'
args = [[1, 'two']]

[step.stream]
vitte = 'jobs.vit'
proc = 'numbers'

[step.generic]
vitte = 'jobs.vit'
proc = 'same'

[step.handle]
vitte = 'jobs.vit'
proc = 'open'

[step.missing]
vitte = 'missing.vit'
proc = 'x'

[step.broken]
vitte = 'broken.vit'
proc = 'x'

[step.output]
vitte = 'jobs.vit'
proc = 'naps'
args = [{ output = 'words' }]

[step.words]
run = 'true'
";
    let more = "export async proc numbers() -> stream[int] { emit 1 }
export proc same[T](x: T) -> T { give x }
export proc open() -> Channel[int] { give channel[int](1) }
";
    let jobs = JOBS.to_owned() + more;
    let broken = "space t/broken\nproc x() -> int { give \"no\" }\n";
    let files =
        [("graph.toml", text), ("jobs.vit", &jobs), ("words.vit", WORDS), ("broken.vit", broken)];
    let folder = folder(&files);
    let output = run(&["run"], &folder.path().join("graph.toml"));
    assert_eq!(output.status.code(), Some(1));
    let here = folder.path().display().to_string() + "/";
    let told = String::from_utf8_lossy(&output.stderr).replace(&here, "");
    for wanted in [
        "error: graph.toml:4:8: `jobs.vit` has no procedure `nap`: there is `values`, `naps`, \
         `refuses`, `breaks`, `nothing`, `numbers`, `same`, `open`\n",
        "error: graph.toml:8:8: `naps` takes (ms: int): `args` has 0\n",
        "error: graph.toml:13:12: `naps` takes (ms: int): `args` has 2\n",
        "error: graph.toml:18:9: parameter `xs` of `breaks` is a `[int]`: element 1: a whole number \
         is wanted, this is a string\n",
        "error: graph.toml:22:8: `numbers` cannot be called: it is a stream\n",
        "error: graph.toml:26:8: `same` cannot be called: it is generic\n",
        "error: graph.toml:30:8: `open` cannot be called: values of type `Channel[int]` cannot cross\n",
        "error: graph.toml:33:9: cannot read `missing.vit`: No such file or directory\n",
        "error: graph.toml:37:9: `broken.vit` has errors\nerror[TYPECK_E",
        "error: graph.toml:43:9: parameter `ms` of `naps` is a `int`: the output of `words` is a \
         `string`\n",
    ] {
        assert!(told.contains(wanted), "{wanted}\nin\n{told}");
    }
    assert!(!folder.path().join("graph.journal").exists(), "nothing has run");
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
