//! Prints how much later a large program starts to run than an empty one.
//!
//! `cargo run --release -p vitte-benches --bin startup [-- PATH_OF_VITTE]`; the default is the
//! command beside this one, from `cargo build --release`.
//!
//! Each program is run in a process of its own, in turns; measured is the time from the start of the
//! process until its first line of output, which is the first thing that `main` does.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Runs of each program.
const ROUNDS: usize = 21;

/// Groups of procedures in the large program: 31 lines and 3 coroutines each.
const GROUPS: usize = 33;

const EMPTY: &str =
    "space bench/empty\n\nproc main() -> int {\n    println(\"started\")\n    give 0\n}\n";

/// A program whose `main` says that it has started, then runs all groups.
fn large() -> String {
    let mut text = String::from("space bench/large\n");
    for i in 0..GROUPS {
        let _ = write!(
            text,
            r#"
form Job{i} {{
    id: int
    name: string
}}

async proc fetch{i}(id: int) -> string {{
    let text = "item " + (id as string)
    await sleep(0)
    give text
}}

async proc work{i}(job: Job{i}, results: Channel[int]) -> int {{
    let mut sum = 0
    for k in 0..3 {{
        let name = await fetch{i}(job.id + k)
        if len(name) > 100 {{
            give -1
        }}
        defer {{ set sum += 1 }}
        set sum += len(name)
    }}
    await results.send(sum)
    give sum
}}

async proc group{i}(results: Channel[int]) -> int {{
    let job = Job{i} {{ id: {i}, name: "job {i}" }}
    let other = spawn work{i}(Job{i} {{ id: {i}, name: "next" }}, results)
    let mine = await work{i}(job, results)
    give mine + ((await other) ?? 0)
}}
"#
        );
    }
    text += "\nasync proc main() -> int {\n    println(\"started\")\n    let results = channel[int](0)\n    let mut sum = 0\n";
    for i in 0..GROUPS {
        let _ = writeln!(text, "    set sum += await group{i}(results)");
    }
    text += "    println(sum)\n    give 0\n}\n";
    text
}

/// Milliseconds until the first line of output.
fn run(vitte: &Path, file: &Path) -> Result<f64, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", vitte.display());
    let start = Instant::now();
    let mut child =
        Command::new(vitte).arg("run").arg(file).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut out = BufReader::new(child.stdout.take().expect("I: it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).map_err(failed)?;
    let took = start.elapsed().as_secs_f64() * 1e3;
    out.read_to_string(&mut String::new()).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if line != "started\n" || !status.success() {
        return Err(format!("{} did not run: {line:?}, {status}", file.display()));
    }
    Ok(took)
}

fn measure() -> Result<(), String> {
    let beside = std::env::current_exe().map(|me| me.with_file_name("vitte"));
    let vitte = match std::env::args().nth(1) {
        Some(path) => PathBuf::from(path),
        None => beside.map_err(|e| e.to_string())?,
    };
    let folder = std::env::temp_dir().join(format!("vitte-startup-{}", std::process::id()));
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let (empty, large_path) = (folder.join("empty.vit"), folder.join("large.vit"));
    std::fs::write(&empty, EMPTY).map_err(failed)?;
    std::fs::write(&large_path, large()).map_err(failed)?;
    let mut times = [Vec::new(), Vec::new()];
    let mut all = || {
        for _ in 0..ROUNDS {
            times[0].push(run(&vitte, &empty)?);
            times[1].push(run(&vitte, &large_path)?);
        }
        Ok(())
    };
    let ran: Result<(), String> = all();
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    ran?;
    let n_lines = large().lines().count();
    let [mut empty, mut large] = times;
    empty.sort_by(f64::total_cmp);
    large.sort_by(f64::total_cmp);
    let (low, middle) = ((empty[0], large[0]), (empty[ROUNDS / 2], large[ROUNDS / 2]));
    println!("first line after         |  least | median");
    println!("an empty program         | {:>6.1} | {:>6.1} ms", low.0, middle.0);
    println!("a program of {n_lines:>5} lines | {:>6.1} | {:>6.1} ms", low.1, middle.1);
    let (low, middle) = (low.1 - low.0, middle.1 - middle.0);
    println!("difference               | {low:>6.1} | {middle:>6.1} ms (goal 50)");
    Ok(())
}

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("{what}; build the command first: cargo build --release");
            ExitCode::FAILURE
        }
    }
}
