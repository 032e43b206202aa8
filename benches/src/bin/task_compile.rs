//! Prints what `#[vitte::task]` costs the compiler: the time of an expansion, and `cargo check` of 500
//! explicit tasks beside that of the same functions as rustc's own.
//!
//! `cargo run -p vitte-benches --no-default-features --bin task_compile [OPT_LEVEL]`, in the dev profile. Makes
//! two crates in a folder of its own beside the program, and removes them. A macro is compiled without
//! optimisation unless the user's manifest says otherwise (`[profile.dev.build-override]`): `OPT_LEVEL` says
//! so. The expansion is timed in this process, compiled as this workspace compiles its dependencies.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const FUNCTIONS: usize = 500;
const ROUNDS: usize = 7;

/// Bodies with one, several and nested awaits; `N` is a number of its own for each function.
const BODIES: [&str; 10] = [
    "async fn fN(n: u64) -> u64 { turn().await; n + N }",
    "async fn fN(n: u64) -> u64 { let mut i: u64 = 0; let mut sum: u64 = N; while i < n { turn().await; sum += i; i += 1; } sum }",
    "async fn fN(n: u64) -> u64 { let a = give(n).await; let b = give(a + N).await; let c = give(b * 2).await; c }",
    "async fn fN(n: u64) -> Option<u64> { let a: u64 = give(Some(n)).await?; let b: u64 = give(Some(N)).await?; Some(a + b) }",
    "async fn fN(n: u64) -> u64 { match give(n).await { 0 => give(1).await, N => { turn().await; 7 } x => x } }",
    "async fn fN(n: u64) -> u64 { let mut sum: u64 = N; for i in 0..n { for j in 0..i { turn().await; sum += j; } } sum }",
    "async fn fN(list: Vec<u64>) -> u64 { let mut sum: u64 = N; for x in list { sum += give(x).await; } sum }",
    "async fn fN(text: String, n: u64) -> String { let text = give(text).await; turn().await; format!(\"{text} {n} {}\", give(N).await) }",
    "async fn fN(n: u64) -> u64 { let Some(x) = give(Some(n)).await else { return N; }; if x > 3 { turn().await; x } else { give(x).await + 1 } }",
    "async fn fN(n: u64) -> u64 { let mut list: Vec<u64> = Vec::new(); for i in 0..n { let x: u64 = give(i).await; list.push(x); } let len: usize = list.len(); len as u64 }",
];

fn functions(attribute: &str) -> String {
    let mut out =
        String::from("pub async fn turn() {}\npub async fn give<T>(value: T) -> T { value }\n");
    for i in 0..FUNCTIONS {
        let body = BODIES[i % BODIES.len()].replace("fN", &format!("f{i}"));
        let body = body.replace('N', &i.to_string());
        writeln!(out, "{attribute} pub {body}").expect("a string takes everything");
    }
    out
}

/// Median time of an expansion, and of the slowest body.
fn expansion() -> Result<(Duration, Duration), Box<dyn Error>> {
    let krate = quote::quote!(::vitte);
    let mut medians = vec![];
    for body in BODIES {
        let text = body.replace('N', "7");
        let mut times = vec![];
        for _ in 0..51 {
            let start = Instant::now();
            let f: syn::ItemFn = syn::parse_str(&text)?;
            let machine = vitte_lowering::rust::explicit(&krate, &f.sig, &f.block, true);
            machine.map_err(|refusals| format!("{text}: {}", refusals[0].text()))?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        medians.push(times[times.len() / 2]);
    }
    medians.sort_unstable();
    Ok((medians[medians.len() / 2], medians[medians.len() - 1]))
}

fn krate(
    folder: &Path,
    name: &str,
    source: &str,
    opt_level: Option<&str>,
) -> Result<PathBuf, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let dir = folder.join(name);
    fs::create_dir_all(dir.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nvitte = {{ path = {root:?}, default-features = false, features = [\"rt\", \"macros\"] }}\n"
    );
    let profile = opt_level
        .map_or_else(String::new, |n| format!("\n[profile.dev.build-override]\nopt-level = {n}\n"));
    let manifest = manifest + &profile;
    fs::write(dir.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), dir.join("Cargo.lock"))?;
    fs::write(dir.join("src/lib.rs"), source)?;
    Ok(dir)
}

/// Seconds of `cargo check` when only the crate itself has changed.
fn check(dir: &Path, source: &str, round: usize) -> Result<f64, Box<dyn Error>> {
    fs::write(dir.join("src/lib.rs"), format!("{source}// round {round}\n"))?;
    let start = Instant::now();
    let status = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .current_dir(dir)
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_TARGET_DIR", dir.join("../target"))
        .stdout(Stdio::null())
        .status()?;
    if !status.success() {
        return Err(format!("{} does not compile", dir.display()).into());
    }
    Ok(start.elapsed().as_secs_f64())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (median, slowest) = expansion()?;
    println!("expansion: {median:.1?}, slowest body {slowest:.1?} (goal 1 ms in the dev profile)");
    let opt_level = std::env::args().nth(1);
    let program = std::env::current_exe()?;
    let beside = program.parent().ok_or("the program lies in no folder")?;
    let folder = beside.join(format!("task-compile-{}", std::process::id()));
    let result = compare(&folder, opt_level.as_deref());
    fs::remove_dir_all(&folder)?;
    result
}

/// Checks both crates in turn.
fn compare(folder: &Path, opt_level: Option<&str>) -> Result<(), Box<dyn Error>> {
    let (native, tasks) = (functions(""), functions("#[vitte::task(explicit)]"));
    let dirs =
        [krate(folder, "native", &native, opt_level)?, krate(folder, "tasks", &tasks, opt_level)?];
    let mut ratios = vec![];
    for round in 0..=ROUNDS {
        let (theirs, ours) = (check(&dirs[0], &native, round)?, check(&dirs[1], &tasks, round)?);
        if round > 0 {
            // The first builds what they depend on.
            println!("check of {FUNCTIONS}: rustc's {theirs:.2} s, tasks {ours:.2} s");
            ratios.push(ours / theirs);
        }
    }
    ratios.sort_by(f64::total_cmp);
    println!("check: {:.2} times rustc's own (goal 3)", ratios[ratios.len() / 2]);
    Ok(())
}
