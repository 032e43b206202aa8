//! Every example prints what its head says, whatever the scheduler does.

use super::vitte;
use std::path::PathBuf;

fn examples() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = files.filter(|p| p.extension().is_some_and(|e| e == "vit")).collect();
    files.sort();
    files
}

/// The text under `// Prints:` in the head of a program.
fn promised(text: &str) -> String {
    promised_with(text).0
}

/// As [`promised`], and the arguments with which it is printed: `// Prints (--seed 1):`.
fn promised_with(text: &str) -> (String, Vec<&str>) {
    let mut lines = text.lines().skip_while(|l| !l.starts_with("// Prints"));
    let head = lines.next().unwrap_or_default();
    let arguments = head.split_once('(').and_then(|(_, rest)| rest.strip_suffix("):"));
    let lines: Vec<&str> = lines.map_while(|l| l.strip_prefix("//   ")).collect();
    let text = if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" };
    (text, arguments.unwrap_or_default().split_whitespace().collect())
}

/// What a program prints and how it exits.
type Shown = (String, Option<i32>);

/// Runs a program. On real threads a busy machine may be late for what should happen in between, so
/// there it may try again; with a seed nothing is late.
fn in_time(want: &str, arguments: &[&str], mut run: impl FnMut() -> Shown) -> Shown {
    let n_tries = if arguments.contains(&"--seed") { 1 } else { 5 };
    let mut shown = run();
    for _ in 1..n_tries {
        if shown.0 == want {
            break;
        }
        shown = run();
    }
    shown
}

#[test]
fn every_example_prints_what_it_promises() {
    let examples = examples();
    assert!(examples.len() >= 6);
    for file in examples {
        let want = promised(&std::fs::read_to_string(&file).unwrap());
        assert!(!want.is_empty(), "{} does not say what it prints", file.display());
        let file = file.display().to_string();
        for how in [&[][..], &["--seed", "1"], &["--seed", "2"], &["--workers", "1"]] {
            let shown = in_time(&want, how, || {
                let ran = vitte(&[&["run", &file], how].concat());
                (ran.out + &ran.err, Some(ran.code))
            });
            assert_eq!(shown, (want.clone(), Some(0)), "{file} {how:?}");
        }
    }
}

/// The programs in Rust whose heads say what they print.
const RUST: [&str; 10] = [
    "scheduler",
    "graph",
    "flow",
    "flow_vitte",
    "mixed",
    "echo_server",
    "producer_consumer",
    "graceful_shutdown",
    "deterministic_test",
    "foreign_frontend",
];

/// Those that `cargo test` has built; a run of this test alone builds none.
#[test]
fn every_rust_example_prints_what_it_promises() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let built = PathBuf::from(env!("CARGO_BIN_EXE_vitte")).with_file_name("examples");
    for name in RUST {
        let (source, program) = (folder.join(name).with_extension("rs"), built.join(name));
        let changed = |path: &PathBuf| std::fs::metadata(path).and_then(|m| m.modified()).ok();
        if changed(&program) < changed(&source) {
            eprintln!("skipped: {} is not built", program.display());
            continue;
        }
        let source = std::fs::read_to_string(&source).unwrap();
        let (want, arguments) = promised_with(&source);
        assert!(!want.is_empty(), "{name} does not say what it prints");
        let shown = in_time(&want, &arguments, || {
            let output = std::process::Command::new(&program).args(&arguments).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let text: Vec<&str> = text.split("ThreadId(").collect();
            let rest = text[1..].iter().map(|t| t.trim_start_matches(|c: char| c.is_ascii_digit()));
            let shown = rest.fold(text[0].to_owned(), |all, t| all + "ThreadId(n" + t);
            (shown, output.status.code())
        });
        assert_eq!(shown, (want, Some(0)), "{name}");
    }
}

#[test]
fn same_seed_same_interleaving() {
    let text = "space t/seed
async proc worker(id: int) {
    for n in 0..5 {
        println((id as string) + \" \" + (n as string))
        await yield_now()
    }
}
async proc main() -> int {
    with task_scope() as s { for id in 0..4 { s.spawn(worker(id)) } }
    give 0
}
";
    let run = |seed: &str| super::run_text(text, &["--seed", seed]);
    let first = run("11");
    assert_eq!(first.code, 0, "{}", first.err);
    assert_eq!(first.out.lines().count(), 20);
    assert_eq!(run("11"), first);
    let others: Vec<String> = ["1", "2", "3", "4"].map(|s| run(s).out).into();
    assert!(others.iter().any(|o| *o != first.out), "the seed decides the interleaving");
}
