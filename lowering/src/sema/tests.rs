//! Whole programs through the parser and the checker.

use super::{check, hir};
use crate::diagnostics::{Color, Diagnostics, SourceMap, render_all};
use crate::syntax;

mod goldens;
mod good;
mod robust;
mod rules;

/// Checks one file; gives the program and all diagnostics as text.
fn check_text(text: &str) -> (Option<hir::Program>, Diagnostics, String) {
    let mut sources = SourceMap::new();
    let id = sources.add("t.vit", text);
    let mut diags = Diagnostics::new();
    let file = syntax::parse(id, text, &mut diags);
    let program = check(&[(id, file)], &sources, &mut diags);
    let shown = render_all(&diags, &sources, Color::Plain);
    (program, diags, shown)
}

/// Checks a file that must be right, without any remark.
#[track_caller]
fn good(text: &str) -> hir::Program {
    let (program, diags, shown) = check_text(text);
    assert!(diags.is_empty(), "{shown}");
    program.expect("no diagnostics, yet no program")
}

/// Checks a file and gives the keys of its diagnostics.
fn keys(text: &str) -> Vec<&'static str> {
    let (_, diags, _) = check_text(text);
    diags.iter().map(|diag| diag.key).collect()
}

#[test]
fn every_wrong_example_has_its_key_alone_and_every_right_one_none() {
    let mut wrong = Vec::new();
    for code in crate::diagnostics::codes::all() {
        let ours = ["SEMA_E_", "TYPECK_E_", "BORROWCK_E_", "HIRASYNC"];
        if !ours.iter().any(|area| code.key.starts_with(area)) {
            continue;
        }
        let (bad, (_, _, shown)) = (keys(code.bad), check_text(code.good));
        if bad.is_empty() || bad.iter().any(|key| *key != code.key) {
            wrong.push(format!("{}: the wrong example gives {bad:?}", code.key));
        }
        if !keys(code.good).is_empty() {
            wrong.push(format!("{}: the right example gives\n{shown}", code.key));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_example_of_the_project_is_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "vit")) {
        let text = std::fs::read_to_string(path).unwrap();
        let (program, _, shown) = check_text(&text);
        assert!(program.is_some(), "{}\n{shown}", path.display());
    }
}
