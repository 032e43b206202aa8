//! The `vitte` command as its user sees it: exit codes, output, messages.

mod allocations;
mod bad_ends;
mod examples;
mod failures;
#[cfg(unix)]
mod graph;
mod modules;
mod semantics;
mod stages;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own for one test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("vitte-test-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and gives its path.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a run of the command left.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitte"));
    command.env("RUST_BACKTRACE", "0").current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs the command.
fn vitte(args: &[&str]) -> Ran {
    Ran::of(&command().args(args).output().unwrap())
}

/// Runs a program given as text.
fn run_text(text: &str, more: &[&str]) -> Ran {
    let folder = Folder::new();
    let file = folder.file("program.vit", text);
    let mut ran = vitte(&[&["run", &file], more].concat());
    ran.err = ran.err.replace(&format!("{}/", folder.0.display()), "");
    ran.out = ran.out.replace(&format!("{}/", folder.0.display()), "");
    ran
}
