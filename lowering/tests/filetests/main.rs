//! Golden tests of passes: text in, dump out.
//!
//! Each `.vir` file below this directory starts with `; test PASS` and ends with what the pass
//! prints, as comments after the line [`MARK`]. `UPDATE_EXPECT=1 cargo test --test filetests` writes
//! the expectations anew; read the diff. For every pass but `verify` the module must be valid.
//!
//! A pass is one of the transform's (`coroutine::Pass`: `collapse`, `live`, `split`, …) or has an
//! entry in [`PASSES`].

use std::fs;
use std::path::{Path, PathBuf};
use vitte_lowering::coroutine;
use vitte_lowering::ir::{Module, codes, parse_module, verify};

/// Prints what a pass makes of a module.
type Run = fn(&Module) -> String;

/// Passes besides those of the transform, which [`coroutine::Pass`] names.
const PASSES: &[(&str, Run)] = &[("print", ToString::to_string), ("verify", print_violations)];

/// Between the text and the expectation.
const MARK: &str = "; ---- expected ----";

fn print_violations(module: &Module) -> String {
    match verify(module) {
        Ok(()) => "valid".into(),
        Err(all) => all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else if path.extension().is_some_and(|e| e == "vir") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn all_files() -> Vec<PathBuf> {
    files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filetests"))
}

/// Runs the pass that the text asks for; answers what it prints, as comments.
fn run(text: &str) -> Result<String, String> {
    let first = text.lines().next().unwrap_or_default();
    let pass = first.strip_prefix("; test ").ok_or("the first line must be `; test PASS`")?;
    let module = parse_module(text)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
    if pass != "verify" && pass != "print" {
        verify(&module).map_err(|_| print_violations(&module))?;
    }
    let dump = match PASSES.iter().find(|(name, _)| *name == pass) {
        Some((_, run)) => run(&module),
        None => coroutine::dump(&module, pass.parse()?)
            .unwrap_or_else(|e| e.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    Ok(dump.lines().map(|line| format!("; {line}").trim_end().to_string() + "\n").collect())
}

#[test]
fn passes_print_what_the_files_say() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|v| v != "0");
    let mut failures = Vec::new();
    let files = all_files();
    assert!(!files.is_empty(), "there are filetests");
    for path in files {
        let whole = fs::read_to_string(&path).unwrap();
        let text = whole.split(MARK).next().unwrap().trim_end();
        match run(text) {
            Err(message) => failures.push(format!("{}:\n{message}", path.display())),
            Ok(found) => {
                let fresh = format!("{text}\n\n{MARK}\n{found}");
                if fresh == whole {
                    continue;
                }
                if update {
                    fs::write(&path, fresh).unwrap();
                } else {
                    failures.push(format!("{}: the pass prints\n{found}", path.display()));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}\n(UPDATE_EXPECT=1 blesses)", failures.join("\n"));
}

#[test]
fn every_violation_has_a_file() {
    // Not expressible as text; see `tests/ir_verify.rs`.
    let elsewhere = ["IR0121", "IR0122"];
    let texts: Vec<String> =
        all_files().iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let missing: Vec<_> = codes::CODES
        .iter()
        .map(|c| c.code)
        .filter(|c| c.starts_with("IR01") && !elsewhere.contains(c))
        .filter(|c| !texts.iter().any(|t| t.contains(&format!("\n; {c}: "))))
        .collect();
    assert!(missing.is_empty(), "no filetest for {missing:?}");
}
