//! The documents and the workspace agree: paths exist, and crates know only whom they may know.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Whatever stands between backticks and looks like a path of this repository.
fn paths_in(text: &str) -> BTreeSet<&str> {
    let tops = ["rt/", "lowering/", "codegen/", "src/", "tests/", "benches/", "examples/", "fuzz/"];
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|p| tops.iter().any(|t| p.starts_with(t)))
        .filter(|p| p.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)))
        .collect()
}

#[test]
fn every_path_in_the_architecture_exists() {
    for file in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let text = read(file);
        let paths = paths_in(&text);
        for path in &paths {
            assert!(root().join(path).exists(), "{file} names `{path}`, which does not exist");
        }
        assert!(file != "ARCHITECTURE.md" || paths.len() > 20, "the paths are not recognised");
    }
}

#[test]
fn the_architecture_stays_short() {
    assert!(read("ARCHITECTURE.md").lines().count() <= 300);
}

/// Names under `[dependencies]` of a manifest.
fn dependencies(manifest: &str) -> Vec<String> {
    read(manifest)
        .lines()
        .skip_while(|l| l.trim() != "[dependencies]")
        .skip(1)
        .take_while(|l| !l.starts_with('['))
        .filter(|l| !l.trim_start().starts_with('#'))
        .filter_map(|l| l.split(['=', '.']).next())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn crates_know_only_whom_they_may_know() {
    let allowed: [(&str, &[&str]); 8] = [
        ("macros/Cargo.toml", &["vitte-lowering"]),
        ("rt/abi/Cargo.toml", &[]),
        ("lowering/Cargo.toml", &["vitte-abi"]),
        ("codegen/Cargo.toml", &["vitte-abi", "vitte-lowering"]),
        ("rt/Cargo.toml", &["vitte-abi"]),
        ("rt/c/Cargo.toml", &["vitte-rt"]),
        ("rt/graph/Cargo.toml", &["vitte-rt"]),
        ("rt/flow/Cargo.toml", &["vitte-rt"]),
    ];
    for (manifest, may_know) in allowed {
        for name in dependencies(manifest) {
            let ours = name.starts_with("vitte");
            assert!(!ours || may_know.contains(&name.as_str()), "{manifest} must not know {name}");
            let cranelift = name.starts_with("cranelift");
            assert!(!cranelift || manifest.starts_with("codegen"), "{manifest} knows {name}");
        }
    }
    assert_eq!(dependencies("rt/abi/Cargo.toml"), Vec::<String>::new());
    assert!(dependencies("codegen/Cargo.toml").iter().any(|d| d.starts_with("cranelift")));
}

#[test]
fn crates_that_need_no_unsafe_code_forbid_it() {
    for root in
        ["lowering/src/lib.rs", "macros/src/lib.rs", "rt/graph/src/lib.rs", "rt/flow/src/lib.rs"]
    {
        assert!(read(root).contains("#![forbid(unsafe_code)]"), "{root}");
    }
}
