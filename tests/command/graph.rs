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

const SHAPES: &str = "space t/shapes
form Point { x: int, y: i8 }
form Tree { value: int, kids: [Tree] }
form Pair[A, B] { first: A, second: ?B }
pick Colour { Red, Green }
pick Shape { Dot, Circle(int), Named(string, Point), Many([int]) }
export proc moved(p: Point, by: int) -> Point { give Point { x: p.x + by, y: p.y } }
export proc grown(t: Tree) -> Tree { give Tree { value: t.value + 1, kids: t.kids + [t] } }
export proc swapped(p: Pair[int, string]) -> Pair[string, int] {
    give Pair { first: p.second ?? \"none\", second: p.first }
}
export proc other(c: Colour) -> Colour {
    pick c { Red { give Colour.Green } Green { give Colour.Red } }
}
export proc shapes(n: int) -> [Shape] {
    let named = Shape.Named(\"it\", Point { x: n, y: 1 })
    give [Shape.Dot, Shape.Circle(n), named, Shape.Many([n, n])]
}
export async proc area(all: [Shape]) -> int {
    let mut sum = 0
    for s in all {
        await sleep(1)
        pick s {
            Dot {}
            Circle(r) { set sum += r * r }
            Named(name, p) { set sum += len(name) * 100 + p.x }
            Many(list) { set sum += len(list) * 1000 }
        }
    }
    give sum
}
export proc judged(c: Colour) -> Result[int, Shape] {
    pick c { Red { give Err(Shape.Circle(7)) } Green { give Ok(1) } }
}
";

#[test]
fn forms_and_picks_cross_as_tables_and_names() {
    let text = "on_failure = 'skip_dependants'
[step.moved]
vitte = 'shapes.vit'
proc = 'moved'
args = [{ x = 1, y = -2 }, 3]
[step.again]
vitte = 'shapes.vit'
proc = 'moved'
args = [{ output = 'moved' }, 10]
[step.grown]
vitte = 'shapes.vit'
proc = 'grown'
args = [{ value = 1, kids = [{ value = 5, kids = [] }] }]
[step.swapped]
vitte = 'shapes.vit'
proc = 'swapped'
args = [{ first = 1 }]
[step.back]
vitte = 'shapes.vit'
proc = 'other'
args = [{ output = 'other' }]
[step.other]
vitte = 'shapes.vit'
proc = 'other'
args = ['Red']
[step.shapes]
vitte = 'shapes.vit'
proc = 'shapes'
args = [3]
[step.area]
vitte = 'shapes.vit'
proc = 'area'
args = [{ output = 'shapes' }]
[step.given]
vitte = 'shapes.vit'
proc = 'area'
args = [['Dot', { Circle = 2 }, { Named = ['n', { x = 5, y = 0 }] }, { Many = [1] }]]
[step.judged]
vitte = 'shapes.vit'
proc = 'judged'
args = ['Red']
";
    let folder = folder(&[("graph.toml", text), ("shapes.vit", SHAPES)]);
    let manifest = folder.path().join("graph.toml");
    for how in ["made", "remembered"] {
        let output = run(&["run", "--format", "json"], &manifest);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let wanted = serde_json::json!({
            "moved": { "x": 4, "y": -2 },
            "again": { "x": 14, "y": -2 },
            "grown": { "value": 2, "kids": [
                { "value": 5, "kids": [] },
                { "value": 1, "kids": [{ "value": 5, "kids": [] }] },
            ] },
            "swapped": { "first": "none", "second": 1 },
            "other": "Green",
            "back": "Red",
            "shapes": ["Dot", { "Circle": 3 }, { "Named": ["it", { "x": 3, "y": 1 }] }, { "Many": [3, 3] }],
            "area": 2212,
            "given": 1109,
        });
        assert_eq!(outputs(&output), wanted, "{how}");
        let failed = stdout(&output);
        assert!(failed.contains(r#""error":"{\"Circle\":7}""#), "{failed}");
    }
    for (name, args, wanted) in [
        ("moved", "[{ x = 1 }, 3]", "the field `y` of `Point` is missing"),
        ("moved", "[{ x = 1, y = 300 }, 3]", "field `y`: 300 does not fit into `i8`"),
        ("moved", "[{ x = 1, y = 1, z = 1 }, 3]", "`Point` has no field `z`"),
        ("moved", "[1, 3]", "a `Point` is wanted, this is a whole number"),
        ("other", "['Blue']", "one of `Red`, `Green` is wanted, this is `Blue`"),
        (
            "area",
            "[[{ Circle = 'a' }]]",
            "element 0: `Circle`: a whole number is wanted, this is a string",
        ),
        ("area", "[['Dot', { Named = ['a'] }]]", "element 1: `Named`: a payload of 2 is wanted"),
        ("area", "[[{ Dot = 1 }]]", "element 0: `Dot`: it has no payload: write its name alone"),
        ("area", "[['Circle']]", "element 0: `Circle`: a payload of 1 is wanted"),
        (
            "area",
            "[[{ Square = 1 }]]",
            "element 0: one of `Dot`, `Circle`, `Named`, `Many` is wanted",
        ),
    ] {
        let text = format!("[step.a]\nvitte = 'shapes.vit'\nproc = '{name}'\nargs = {args}\n");
        fs::write(&manifest, text).unwrap();
        let told = run(&["run"], &manifest);
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.contains("graph.toml:4:9: parameter `") && told.contains(wanted), "{told}");
    }
}

/// Whether a process runs.
#[cfg(target_os = "linux")]
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    // One that its new parent has not fetched yet is gone too.
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

#[cfg(target_os = "linux")]
#[test]
fn interrupts_kill_what_the_steps_started_and_the_next_run_goes_on() {
    for signal in ["-INT", "-TERM"] {
        let text = "[step.quick]\nrun = 'true'\n[step.slow]\nafter = ['quick']\n\
                    run = 'sleep 1000 & echo $! > p; mv p pid; wait'\n";
        let folder = folder(&[("graph.toml", text)]);
        let (manifest, pid) = (folder.path().join("graph.toml"), folder.path().join("pid"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitte"));
        command.args(["graph", "run"]).arg(&manifest);
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null());
        let child = command.spawn().unwrap();
        let wait_until = |what: &dyn Fn() -> bool| {
            let mut n_looks = 0;
            while !what() {
                n_looks += 1;
                assert!(n_looks < 6_000, "{signal}: it never happens");
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        };
        wait_until(&|| pid.exists());
        let sleeper = fs::read_to_string(&pid).unwrap();
        assert!(is_alive(&sleeper));
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}");
        assert!(ran(&output).contains(&("slow".into(), "cancelled".into())), "{}", stdout(&output));
        wait_until(&|| !is_alive(&sleeper));
        fs::write(&manifest, text.replace("sleep 1000 &", "true;")).unwrap();
        let output = run(&["run"], &manifest);
        assert_eq!(names(&output), ["slow"], "{signal}: `quick` is remembered");
        assert_eq!(output.status.code(), Some(0));
    }
}

/// However late an attempt begins, one of them is cancelled in its nap; what that one writes while it
/// cleans up ends the retries.
#[test]
fn procedure_is_cancelled_with_its_attempt_and_cleans_up() {
    let text = "
[step.naps]
vitte = 'jobs.vit'
proc = 'naps_once'
args = ['SIGN']
timeout = '50ms'
retries = 1000
";
    let jobs = "space t/jobs
use std/fs.{read_file, write_file}
export async proc naps_once(sign: string) -> string {
    pick await read_file(sign) { Ok(text) { give text } Err(e) {} }
    defer { pick await write_file(sign, \"cleaned up\") { Ok(v) {} Err(e) { panic e } } }
    await sleep(3600000)
    give \"woke up\"
}
";
    let folder = folder(&[("graph.toml", text), ("jobs.vit", jobs)]);
    let manifest = folder.path().join("graph.toml");
    let sign = folder.path().join("sign");
    fs::write(&manifest, text.replace("SIGN", sign.to_str().unwrap())).unwrap();
    let output = run(&["run", "--format", "json"], &manifest);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert_eq!(outputs(&output)["naps"], "cleaned up");
}

#[test]
fn output_of_a_procedure_is_told_when_its_time_is_over() {
    // A loaded machine may not come to the nap within the first of these.
    for timeout in ["50ms", "1s", "30s"] {
        let text = format!(
            "[step.naps]\nvitte = 'jobs.vit'\nproc = 'naps'\nargs = [3600000]\n\
             timeout = '{timeout}'\n"
        );
        let folder = folder(&[("graph.toml", &text), ("jobs.vit", JOBS), ("words.vit", WORDS)]);
        let output = run(&["run"], &folder.path().join("graph.toml"));
        assert_eq!(output.status.code(), Some(1));
        let told = stdout(&output);
        let failed = format!("step `naps` failed: the attempt took longer than {timeout}");
        assert!(told.contains(&failed), "{told}");
        if told.contains(&format!("{failed}, it printed:\nbefore the nap\nand this\n")) {
            return;
        }
    }
    panic!("what the step printed is never told");
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
        "error: graph.toml:30:8: `open` cannot be called: values of type `Channel[int]` cannot cross: \
         numbers, strings, lists, tuples, options, results, forms and picks of those can\n",
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
fn dry_run_leaves_out_what_is_up_to_date() {
    let text = "[step.a]\nrun = 'cat in'\ninputs = ['in']\n[step.b]\nrun = 'true'\nafter = ['a']\n\
                [step.c]\nrun = 'true'\n";
    let folder = folder(&[("graph.toml", text), ("in", "1")]);
    let manifest = folder.path().join("graph.toml");
    assert_eq!(run(&["run"], &manifest).status.code(), Some(0));
    let dry = run(&["run", "--dry-run"], &manifest);
    assert_eq!(stdout(&dry), "");
    assert_eq!(String::from_utf8_lossy(&dry.stderr), "0 of 3 steps would run\n");
    fs::write(folder.path().join("in"), "2").unwrap();
    assert_eq!(stdout(&run(&["run", "--dry-run"], &manifest)), "a\nb\n");
    assert_eq!(stdout(&run(&["run", "--dry-run", "--fresh"], &manifest)).lines().count(), 3);
    let json = stdout(&run(&["run", "--dry-run", "--format", "json"], &manifest));
    assert!(json.contains("{\"step\":\"c\",\"up_to_date\":true}"), "{json}");
    let output = run(&["run", "--show-output"], &manifest);
    assert!(stdout(&output).starts_with("step `a` printed:\n2\n\na  completed "), "{output:?}");
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
    assert!(
        text.contains("graph.toml:1:7: steps wait for each other in a circle: a → b → a"),
        "{text}"
    );
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
