//! What a task is, in 32 bytes: if it is the same in two runs, the second need not repeat it.
//!
//! Covered: the name; the version, parameters and values of the environment variables that the task
//! declares; path and content of its declared inputs, those that its depfile lists included (a missing
//! file is a value of its own; a folder is all that lies in it, symbolic links not followed); and the
//! stamp of each dependency's execution, so that a task whose dependency ran anew runs anew. Not
//! covered: the code of a closure, which cannot be seen (that is what
//! [`Task::version`](crate::Task::version) is for).
//!
//! A file is read whole each time: a few gigabytes a second, and never fooled by a clock.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::depfile;
use crate::node::Stamp;
use crate::task::Rules;

/// What a task is.
pub(crate) type Fingerprint = blake3::Hash;

/// The fingerprint of a task with these rules after these dependencies (in the order in which it
/// names them). Blocks while it reads the inputs.
pub(crate) fn of(
    name: &str,
    rules: Option<&Rules>,
    dependencies: &[(String, Option<Stamp>)],
) -> Fingerprint {
    let mut all = Parts(blake3::Hasher::new());
    all.part("name", name.as_bytes());
    for (dependency, stamp) in dependencies {
        all.part("after", dependency.as_bytes());
        all.part("stamp", stamp.as_ref().map_or(&[], |stamp| stamp.as_bytes()));
    }
    if let Some(rules) = rules {
        all.part("version", rules.version.as_bytes());
        for (key, value) in &rules.params {
            all.part("param", key.as_bytes());
            all.part("value", value.to_string().as_bytes());
        }
        for name in &rules.env {
            all.part("env", name.as_bytes());
            if let Some(value) = std::env::var_os(name) {
                all.part("value", value.as_encoded_bytes());
            }
        }
        for path in &rules.inputs {
            all.file(path);
        }
        if let Some(depfile) = &rules.depfile {
            all.part("depfile", depfile.path.as_os_str().as_encoded_bytes());
            // None before the first run.
            let text = std::fs::read_to_string(&depfile.path).unwrap_or_default();
            for path in depfile::prerequisites(&text) {
                all.file(&depfile.dir.join(path));
            }
        }
    }
    all.0.finalize()
}

/// A hash that knows where each part begins and ends.
struct Parts(blake3::Hasher);

impl Parts {
    fn file(&mut self, path: &Path) {
        self.part("input", path.as_os_str().as_encoded_bytes());
        self.part("content", content(path).as_bytes());
    }

    fn part(&mut self, kind: &str, bytes: &[u8]) {
        for piece in [kind.as_bytes(), bytes] {
            self.0.update(&(piece.len() as u64).to_le_bytes());
            self.0.update(piece);
        }
    }
}

/// Hash of a file's content, or of why there is none.
fn content(path: &Path) -> blake3::Hash {
    let read = || -> io::Result<blake3::Hash> {
        if path.is_dir() {
            return folder(path);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"file");
        hasher.update_reader(File::open(path)?)?;
        Ok(hasher.finalize())
    };
    read().unwrap_or_else(|e| blake3::hash(format!("none: {:?}", e.kind()).as_bytes()))
}

/// Hash of the names and contents of all that lies in a folder. A link counts as where it leads to, so
/// that the walk ends; of pipes and devices only the name.
fn folder(path: &Path) -> io::Result<blake3::Hash> {
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut all = Parts(blake3::Hasher::new());
    for entry in entries {
        all.part("entry", entry.file_name().as_encoded_bytes());
        let kind = entry.file_type()?;
        if kind.is_symlink() {
            let target = fs::read_link(entry.path())?;
            all.part("link", target.as_os_str().as_encoded_bytes());
        } else if kind.is_file() || kind.is_dir() {
            all.part("content", content(&entry.path()).as_bytes());
        }
    }
    Ok(all.0.finalize())
}
