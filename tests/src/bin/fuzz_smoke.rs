//! The fuzz bodies on a stable toolchain: `cargo run -p vitte-tests --bin fuzz_smoke -- --seconds 20`.
//!
//! ```text
//! seed programs (examples, tests, every diagnostic's example) ─mutate─► input ─► fuzz body
//! ```
//!
//! What cargo-fuzz does with coverage, this does blindly, but anywhere. Each case runs on a thread of
//! its own that bears its name, so that a stack overflow is reported with the case, too. A case fails
//! if it panics, runs longer than [`MAX_CASE`], or if the process holds more than [`MAX_BYTES`] of
//! memory while it runs.
//!
//! | option | meaning |
//! | --- | --- |
//! | `--seconds N` | how long, over all targets (20) |
//! | `--target NAME` | this one alone |
//! | `--first N` | number of the first case (0) |
//! | `--case N` | the case alone; its input goes to standard output |
//!
//! Exit 0 if every case was harmless, 1 with the name of the first one that was not, 2 on wrong usage.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use vitte_lowering::diagnostics::codes;
use vitte_lowering::fuzzing::mutate::{Random, mutate, mutate_lines};
use vitte_lowering::fuzzing::{differential, sema, syntax, text};

/// Most memory that the process may hold.
const MAX_BYTES: usize = 1 << 30;
/// Longest time for one case.
const MAX_CASE: Duration = Duration::from_secs(20);
/// Stack of a case: that of an ordinary main thread.
const STACK: usize = 8 << 20;

/// Counts what is held; past [`MAX_BYTES`] there is no more.
struct Capped;

static HELD: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it hands every call on to the system's allocator.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if HELD.fetch_add(layout.size(), Ordering::Relaxed) > MAX_BYTES {
            // A null leads to a message with the size, and to an abort that cannot be caught.
            return std::ptr::null_mut();
        }
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller's.
        unsafe { System.dealloc(at, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Capped = Capped;

/// A fuzz body with a way to make inputs for it.
struct Target {
    name: &'static str,
    check: fn(&[u8]),
    input: fn(u64, &Seeds) -> Vec<u8>,
}

const TARGETS: [Target; 4] = [
    Target { name: "syntax", check: syntax::check, input: source },
    Target { name: "sema", check: sema::check, input: source },
    Target { name: "ir", check: text::check, input: ir_text },
    Target { name: "differential", check: differential::check, input: |case, _| bytes(case, 400) },
];

/// Programs to start from.
struct Seeds {
    sources: Vec<String>,
    modules: Vec<String>,
}

impl Seeds {
    fn read() -> std::io::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut sources = files(&root.join("examples"), "vit")?;
        sources.extend(files(&root.join("tests/semantics"), "vit")?);
        sources.extend(codes::all().flat_map(|c| [c.bad, c.good]).map(str::to_owned));
        let mut modules = files(&root.join("tests/cases"), "vir")?;
        modules.extend(files(&root.join("lowering/tests"), "vir")?);
        Ok(Self { sources, modules })
    }
}

/// Texts of all files below a folder that end so, by path.
fn files(folder: &Path, ending: &str) -> std::io::Result<Vec<String>> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        if path.is_dir() {
            texts.extend(files(&path, ending)?);
        } else if path.extension().is_some_and(|e| e == ending) {
            texts.push(std::fs::read_to_string(&path)?);
        }
    }
    Ok(texts)
}

fn bytes(case: u64, most: usize) -> Vec<u8> {
    let mut random = Random::new(case);
    (0..random.below(most)).map(|_| random.below(256) as u8).collect()
}

/// A damaged program; one of sixteen is noise.
fn source(case: u64, seeds: &Seeds) -> Vec<u8> {
    if case % 16 == 15 {
        return bytes(case, 2_000);
    }
    mutate(case, &seeds.sources.iter().map(String::as_str).collect::<Vec<_>>())
}

fn ir_text(case: u64, seeds: &Seeds) -> Vec<u8> {
    if case % 16 == 15 {
        return bytes(case, 2_000);
    }
    mutate_lines(case, &seeds.modules.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The case that runs, and since when.
static RUNNING: Mutex<Option<(String, Instant)>> = Mutex::new(None);

fn running() -> MutexGuard<'static, Option<(String, Instant)>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs one case on a thread that bears its name; false if it panicked (which was printed).
fn run(target: &'static Target, case: u64, seeds: &Seeds) -> bool {
    let input = (target.input)(case, seeds);
    let name = format!("{} {case}", target.name);
    *running() = Some((name.clone(), Instant::now()));
    let named = thread::Builder::new().stack_size(STACK).name(name);
    let ran = named.spawn(move || (target.check)(&input)).map(thread::JoinHandle::join);
    *running() = None;
    matches!(ran, Ok(Ok(())))
}

/// Ends the process if one case takes too long.
fn watch() {
    loop {
        thread::sleep(Duration::from_millis(200));
        if let Some((name, since)) = &*running()
            && since.elapsed() > MAX_CASE
        {
            eprintln!("{name}: still runs after {MAX_CASE:?}");
            std::process::exit(1);
        }
    }
}

struct Options {
    seconds: u64,
    target: Option<String>,
    first: u64,
    case: Option<u64>,
}

fn options() -> Result<Options, String> {
    let mut found = Options { seconds: 20, target: None, first: 0, case: None };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("`{name}` needs a value"))?;
        let number = || value.parse::<u64>().map_err(|e| format!("{name} {value}: {e}"));
        match name.as_str() {
            "--seconds" => found.seconds = number()?,
            "--first" => found.first = number()?,
            "--case" => found.case = Some(number()?),
            "--target" if TARGETS.iter().any(|t| t.name == value) => found.target = Some(value),
            "--target" => return Err(format!("there is no target `{value}`")),
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok(found)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(why) => {
            eprintln!("error: {why}");
            return ExitCode::from(2);
        }
    };
    let seeds = match Seeds::read() {
        Ok(seeds) => seeds,
        Err(why) => {
            eprintln!("error: the seed programs cannot be read: {why}");
            return ExitCode::FAILURE;
        }
    };
    let chosen = |t: &&Target| options.target.as_ref().is_none_or(|name| name == t.name);
    let targets: Vec<&'static Target> = TARGETS.iter().filter(chosen).collect();
    thread::spawn(watch);
    let share = Duration::from_secs(options.seconds) / targets.len() as u32;
    for target in targets {
        if let Some(case) = options.case {
            let _ = std::io::stdout().write_all(&(target.input)(case, &seeds));
        }
        let start = Instant::now();
        let first = options.case.unwrap_or(options.first);
        let mut case = first;
        loop {
            if !run(target, case, &seeds) {
                let name = target.name;
                eprintln!("again: fuzz_smoke --target {name} --case {case}");
                return ExitCode::FAILURE;
            }
            case += 1;
            if options.case.is_some() || start.elapsed() >= share {
                break;
            }
        }
        println!("{}: {} cases, none does harm", target.name, case - first);
    }
    ExitCode::SUCCESS
}
