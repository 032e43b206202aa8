//! C and C++ programs against the library, as a C user builds them: `cc -Wall -Wextra -Werror`
//! and the static library. Each program checks itself and answers 0.
//!
//! The library is the artefact that cargo built for this very test; the shared one is used for one
//! program, to see that it is complete.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Longest run of a program; a hang is a failure.
const DEADLINE: Duration = Duration::from_mins(2);

/// Where cargo put the libraries: beside the test executable.
fn libraries() -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    assert!(folder.join("libvitte_c.a").exists(), "no static library in {}", folder.display());
    folder
}

fn compiler(name: &str) -> Option<Command> {
    let found = Command::new(name).arg("--version").stdout(Stdio::null()).status();
    if found.is_err() {
        eprintln!("skipped: no {name}");
        return None;
    }
    Some(Command::new(name))
}

/// Compiles a program; `None` if the compiler is missing.
fn build(source: &str, shared: bool) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cpp = Path::new(source).extension().is_some_and(|e| e == "cpp");
    let (name, standard) = if cpp { ("c++", "-std=c++17") } else { ("cc", "-std=c11") };
    let mut command = compiler(name)?;
    let libraries = libraries();
    let kind = if shared { "shared" } else { "static" };
    let name = format!("{}.{kind}", source.replace('/', "_"));
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    command
        .args([standard, "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(here.join("../include"))
        .arg(here.join("tests/c").join(source))
        .arg("-o")
        .arg(&program);
    if shared {
        command.arg("-L").arg(&libraries).arg("-lvitte_c").arg("-Wl,-rpath").arg(&libraries);
    } else {
        command.arg(libraries.join("libvitte_c.a"));
    }
    command.args(["-lpthread", "-ldl", "-lm"]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} does not build it:\n{said}");
    Some(program)
}

/// Runs a program to its end, or kills it.
fn run(program: &Path) -> Output {
    let child =
        Command::new(program).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match receive.recv_timeout(DEADLINE) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
            panic!("{} hangs", program.display());
        }
    }
}

/// Builds and runs a program and answers what it printed; `None` if the compiler is missing.
fn program(source: &str, shared: bool) -> Option<String> {
    let output = run(&build(source, shared)?);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{source}: {}\n{said}", output.status);
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn timers_are_never_early() {
    program("timers.c", false);
}

#[test]
fn descriptors_are_awaited_twice_and_errors_wake() {
    program("descriptors.c", false);
}

#[test]
fn several_awaits_mean_any_of_them() {
    program("any_of.c", false);
}

#[test]
fn two_hundred_thousand_spawns_and_several_runs() {
    program("many.c", false);
}

#[test]
fn cancels_and_handles_wake_their_task() {
    program("cancel.c", false);
}

#[test]
fn the_event_stream_is_written_once() {
    program("trace.c", false);
}

#[test]
fn two_runtimes_in_one_process() {
    program("two.c", false);
    program("two.c", true);
}

#[test]
fn misuse_is_answered_and_not_executed() {
    program("misuse.c", false);
}

#[test]
fn coroutines_written_in_c_run_and_resume_after_done_faults() {
    program("abi.c", false);
}

#[test]
fn the_example_prints_what_it_promises() {
    let Some(printed) = program("../../../../examples/c/echo.c", false) else { return };
    assert_eq!(printed, "echoed: hello from C\n3 tasks, 0 left\n");
}

#[test]
fn both_headers_are_cpp() {
    program("plus_plus.cpp", false);
}
