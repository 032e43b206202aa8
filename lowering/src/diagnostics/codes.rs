//! The registry of diagnostic keys, which `vitte explain` reads.
//!
//! One table per area, in the files beside this one. An entry has a title, an explanation of
//! what is wrong and why, a program that triggers the key and one that is right. A test proves
//! that keys are unique and sorted into the right file, that no part is empty, and (for the
//! areas of the parser) that the wrong program triggers exactly its key and the right one none.

use std::fmt;

mod borrowck;
mod hirasync;
mod lex;
mod parse;
mod sema;
mod typeck;

/// What there is to say about one diagnostic key.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The key, such as `PARSE_E_EXPECTED_NAME` or `HIRASYNC0001`.
    pub key: &'static str,
    /// What is wrong, in general, in one line.
    pub title: &'static str,
    /// Why it is wrong and what to do, one or more paragraphs.
    pub explanation: &'static str,
    /// A program that triggers this key.
    pub bad: &'static str,
    /// A program near it that is right.
    pub good: &'static str,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n\n{}", self.key, self.title, self.explanation)?;
        for (word, program) in [("Wrong", self.bad), ("Right", self.good)] {
            writeln!(f, "\n{word}:\n")?;
            for line in program.lines() {
                writeln!(f, "{}", format!("    {line}").trim_end())?;
            }
        }
        Ok(())
    }
}

/// All tables with the prefix that their keys share.
static TABLES: [(&str, &[Code]); 6] = [
    ("LEX_E_", lex::CODES),
    ("PARSE_E_", parse::CODES),
    ("SEMA_E_", sema::CODES),
    ("TYPECK_E_", typeck::CODES),
    ("BORROWCK_E_", borrowck::CODES),
    ("HIRASYNC", hirasync::CODES),
];

/// Finds the entry of a key.
///
/// # Examples
///
/// ```
/// let code = vitte_lowering::diagnostics::codes::lookup("PARSE_E_DOUBLE_SEMICOLON").unwrap();
/// assert!(code.to_string().contains("Right:"));
/// ```
pub fn lookup(key: &str) -> Option<&'static Code> {
    all().find(|code| code.key == key)
}

/// All entries, area by area.
pub fn all() -> impl Iterator<Item = &'static Code> {
    TABLES.iter().flat_map(|(_, codes)| codes.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_key_is_explained_once_and_in_its_area() {
        let mut seen = BTreeSet::new();
        for (prefix, codes) in TABLES {
            for code in codes {
                assert!(code.key.starts_with(prefix), "{} is not of area {prefix}", code.key);
                assert!(seen.insert(code.key), "{} twice", code.key);
                for (part, text) in [
                    ("title", code.title),
                    ("explanation", code.explanation),
                    ("bad", code.bad),
                    ("good", code.good),
                ] {
                    assert!(!text.trim().is_empty(), "{} has no {part}", code.key);
                }
                assert!(!code.title.ends_with('.'), "{}: title ends in a stop", code.key);
                let text = format!("{} {}", code.title, code.explanation).to_lowercase();
                for word in ["function", "enum "] {
                    assert!(
                        !text.contains(word) || code.key == "PARSE_E_OLD_WORD",
                        "{} says `{word}`",
                        code.key
                    );
                }
            }
        }
    }

    #[test]
    fn every_key_pushed_in_the_sources_is_explained() {
        let mut missing = BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                for quoted in text.split('"').skip(1) {
                    let is_key = TABLES.iter().any(|(prefix, _)| {
                        quoted.strip_prefix(prefix).is_some_and(|rest| {
                            rest.len() > 1
                                && rest.chars().all(|c| {
                                    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
                                })
                        })
                    });
                    if is_key && lookup(quoted).is_none() {
                        missing.insert(quoted.to_owned());
                    }
                }
            }
        }
        assert!(missing.is_empty(), "keys without an entry: {missing:?}");
    }

    #[test]
    fn an_unknown_key_has_no_entry() {
        assert!(lookup("NO_SUCH_THING").is_none());
        assert!(lookup("").is_none());
    }
}
