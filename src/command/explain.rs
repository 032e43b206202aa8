//! `vitte explain CODE`.

use super::exit;
use vitte_lowering::coroutine;
use vitte_lowering::diagnostics::codes;
use vitte_lowering::ir::codes::{CODES, IrCode};

/// Codes of the stages behind the frontend.
fn backend() -> impl Iterator<Item = &'static IrCode> {
    let stages = [CODES, coroutine::CODES, vitte_codegen::CODES, crate::execute::CODES];
    stages.into_iter().flatten()
}

/// Prints what a diagnostic means.
pub(super) fn run(code: &str) -> u8 {
    let key = code.trim().to_uppercase();
    if let Some(entry) = codes::lookup(&key) {
        print!("{entry}");
        return exit::FINE;
    }
    if let Some(entry) = backend().find(|entry| entry.code == key) {
        print!("{entry}");
        return exit::FINE;
    }
    eprintln!("error: no diagnostic has the key `{code}`");
    let all = codes::all().map(|c| c.key).chain(backend().map(|c| c.code));
    let near: Vec<&str> = all.filter(|k| !key.is_empty() && k.contains(&key)).collect();
    if near.is_empty() {
        eprintln!("help: the key stands in brackets after the word: `error[KEY]: …`");
    } else {
        eprintln!("help: there is {}", near.join(", "));
    }
    exit::ERROR
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// Keys and codes in string literals of the sources below `folder`.
    fn written(folder: &Path, found: &mut BTreeSet<String>) {
        let areas = ["IR", "LOWER", "CG", "HOST", "HIRASYNC"];
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                written(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for quoted in text.split('"') {
                    let digits = quoted.trim_start_matches(|c: char| c.is_ascii_uppercase());
                    let area = &quoted[..quoted.len() - digits.len()];
                    let is_code = areas.contains(&area) && digits.len() == 4;
                    if is_code && digits.chars().all(|c| c.is_ascii_digit()) {
                        found.insert(quoted.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_in_the_sources_is_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = BTreeSet::new();
        for folder in ["lowering/src", "codegen/src", "src"] {
            written(&root.join(folder), &mut found);
        }
        assert!(found.len() > 70, "{found:?}");
        let explained =
            |code: &str| codes::lookup(code).is_some() || backend().any(|entry| entry.code == code);
        // One that does not exist, in a test.
        found.remove("IR0999");
        let missing: Vec<_> = found.iter().filter(|code| !explained(code)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn every_code_has_one_entry_of_one_form() {
        let mut seen = BTreeSet::new();
        for entry in backend() {
            assert!(seen.insert(entry.code), "{} twice", entry.code);
            assert!(
                entry.meaning.ends_with('.') && !entry.meaning.contains('\n'),
                "{}",
                entry.code
            );
            let none = ["IR0009", "CG0008", "CG0009"].contains(&entry.code);
            assert_eq!(entry.example.is_empty(), none, "{}", entry.code);
            assert_eq!(run(&entry.code.to_lowercase()), exit::FINE);
        }
    }
}
