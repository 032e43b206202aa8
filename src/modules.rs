//! The files of a program: which file each `use` means.
//!
//! In: the first file, parsed. Out: it and all files that it uses, and they, with [`Links`] from paths
//! to files. `use a/b` in a file of folder `f` means the first there is of
//!
//! ```text
//! f/a/b.vit          below the folder
//! f/b.vit            beside the file, if its own space is in `a`, too, or it has none
//! f/../…/a/b.vit     from the nearest folder named `a` around the file
//! ```
//!
//! also with `.vitl`. As `use a/b` may mean the member `b` of `a`, the same is tried for `a`. What is
//! not found is left to the checker, which knows spaces and std; [`Program::explain`] then adds which
//! files were looked for. A file is read once, however it is reached.

use crate::driver::reason;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vitte_lowering::diagnostics::{Diagnostic, Diagnostics, SourceId, SourceMap, Span};
use vitte_lowering::sema::Links;
use vitte_lowering::syntax::{self, ast};

const UNRESOLVED: &str = "SEMA_E_UNRESOLVED_USE";

/// All files of a program.
#[derive(Debug)]
pub(crate) struct Program {
    /// The files; the first one is the program's own.
    pub(crate) files: Vec<(SourceId, ast::File)>,
    /// For each file, what its uses mean.
    pub(crate) links: Vec<Links>,
    missing: Vec<(Span, Vec<PathBuf>)>,
}

impl Program {
    /// Reads what `file` at `path` uses.
    pub(crate) fn load(
        path: &Path,
        file: (SourceId, ast::File),
        sources: &mut SourceMap,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut program = Self { files: vec![file], links: Vec::new(), missing: Vec::new() };
        let mut paths = vec![path.to_owned()];
        let mut known = BTreeMap::from([(canonical(path), 0)]);
        while let Some((_, file)) = program.files.get(program.links.len()) {
            let here = &paths[program.links.len()];
            let (space, wanted) = (space_of(file), used(file));
            let folder = here.parent().unwrap_or(Path::new("")).to_owned();
            let mut links = Links::new();
            for (names, may_be_member, span) in wanted {
                let mut tried = Vec::new();
                for n in [names.len(), names.len() - usize::from(may_be_member)] {
                    let names = &names[..n];
                    let text = names.join("/");
                    if names.is_empty() || links.contains_key(&text) {
                        tried.clear();
                        break;
                    }
                    let places = places(&folder, &space, names);
                    let Some(found) = places.iter().find(|place| place.is_file()) else {
                        tried.extend(places);
                        continue;
                    };
                    tried.clear();
                    let next = program.files.len();
                    let at = *known.entry(canonical(found)).or_insert(next);
                    if at == next {
                        let file = read(found, span, sources, diagnostics);
                        program.files.push(file);
                        paths.push(found.clone());
                    }
                    links.insert(text, at);
                    break;
                }
                if !tried.is_empty() {
                    program.missing.push((span, tried));
                }
            }
            program.links.push(links);
        }
        program
    }

    /// Adds to what the checker says about unknown modules which files were looked for.
    pub(crate) fn explain(&self, diagnostics: &mut Diagnostics) {
        for (span, tried) in &self.missing {
            let tried: Vec<String> =
                tried.iter().map(|place| format!("`{}`", place.display())).collect();
            diagnostics.note_at(UNRESOLVED, *span, &format!("looked for {}", tried.join(", ")));
        }
    }
}

/// Reads and parses a file; one that cannot be read is an empty one, and told.
fn read(
    path: &Path,
    used: Span,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> (SourceId, ast::File) {
    let text = std::fs::read(path).map_err(|e| reason(&e)).and_then(|bytes| {
        String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())
    });
    let text = text.unwrap_or_else(|why| {
        let title = format!("cannot read `{}`: {why}", path.display());
        diagnostics.push(
            Diagnostic::error(UNRESOLVED, title)
                .at(used, "needed here")
                .help("make the file readable, or use another module"),
        );
        String::new()
    });
    let id = sources.add(path.display().to_string(), text);
    let text = sources.get(id).map_or("", |file| file.text());
    (id, syntax::parse(id, text, diagnostics))
}

/// The space that a file declares.
fn space_of(file: &ast::File) -> Vec<String> {
    let space = file.items.iter().find_map(|item| match &item.kind {
        ast::ItemKind::Space(path) => Some(names_of(path)),
        _ => None,
    });
    space.unwrap_or_default()
}

/// The modules that a file uses, those of std apart: names, whether the last may be a member, place.
fn used(file: &ast::File) -> Vec<(Vec<String>, bool, Span)> {
    let uses = file.items.iter().filter_map(|item| match &item.kind {
        ast::ItemKind::Use(one) => Some(one),
        _ => None,
    });
    uses.map(|one| {
        let whole = matches!(one.tree, ast::UseTree::Whole { .. });
        (names_of(&one.path), whole, one.path.span)
    })
    .filter(|(names, ..)| {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        !matches!(names.as_slice(), [] | ["std", ..] | ["vitte", "std", ..])
    })
    .collect()
}

fn names_of(path: &ast::Path) -> Vec<String> {
    path.segments.iter().map(|name| name.name.clone()).collect()
}

/// Where the file of a module may be.
fn places(folder: &Path, space: &[String], names: &[String]) -> Vec<PathBuf> {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return Vec::new() };
    let below: PathBuf = names.iter().collect();
    let mut stems = vec![folder.join(&below)];
    let own = space.len().checked_sub(1).map(|n| &space[..n]);
    if own.is_none_or(|own| own == &names[..names.len() - 1]) {
        stems.push(folder.join(last));
    }
    let is_named = |f: &&Path| f.file_name().is_some_and(|name| name == first.as_str());
    let root = |folder: &Path| folder.ancestors().find(is_named)?.parent().map(Path::to_owned);
    if let Some(root) = root(folder).or_else(|| root(&canonical(folder))) {
        stems.push(root.join(&below));
    }
    let mut places = Vec::new();
    for stem in stems {
        for ending in ["vit", "vitl"] {
            let place = PathBuf::from(format!("{}.{ending}", stem.display()));
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// One name for a file, however it is reached.
fn canonical(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
