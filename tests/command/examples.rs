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
    let lines = text.lines().skip_while(|l| l.trim() != "// Prints:").skip(1);
    let lines: Vec<&str> = lines.map_while(|l| l.strip_prefix("//   ")).collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
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
            let ran = vitte(&[&["run", &file], how].concat());
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{file} {how:?}");
            assert_eq!(ran.out, want, "{file} {how:?}");
        }
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
