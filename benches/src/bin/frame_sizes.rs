//! Prints the size table: `name | floor | clique | ours | rustc`, bytes, and writes it as CSV.
//!
//! `cargo run --release -p vitte-benches --bin frame_sizes [-- OUT.csv]`; the default is
//! `target/frame_sizes.csv`.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use vitte_benches::corpus::measure;

fn main() -> ExitCode {
    let out = std::env::args().nth(1).unwrap_or_else(|| "target/frame_sizes.csv".to_owned());
    let rows = measure();
    let mut csv = String::from("name,floor,clique,ours,rustc\n");
    println!("{:<20} | {:>7} | {:>7} | {:>7} | {:>9}", "name", "floor", "clique", "ours", "rustc");
    for r in &rows {
        println!(
            "{:<20} | {:>7} | {:>7} | {:>7} | {:>9}",
            r.name, r.floor, r.clique, r.ours, r.rustc
        );
        let _ = writeln!(csv, "{},{},{},{},{}", r.name, r.floor, r.clique, r.ours, r.rustc);
    }
    let mut ratios: Vec<f64> = rows.iter().map(|r| r.ours as f64 / r.floor as f64).collect();
    ratios.sort_by(f64::total_cmp);
    let p95 = ratios[(ratios.len() * 95).div_ceil(100) - 1];
    let large: Vec<_> = rows.iter().filter(|r| r.rustc >= 64).collect();
    let smaller = large.iter().filter(|r| r.ours < r.rustc).count();
    let over = rows.iter().filter(|r| r.ours > r.rustc + 8 * r.chain).count();
    println!("ours / floor at p95: {p95:.3} (goal 1.10)");
    println!(
        "smaller than rustc's: {smaller} of {} futures of at least 64 bytes (goal 95 %)",
        large.len()
    );
    println!("larger than rustc's by more than 8 bytes a frame: {over} (goal 0)");
    let folder = Path::new(&out).parent().unwrap_or(Path::new(""));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&out, csv));
    if let Err(e) = written {
        eprintln!("{out} cannot be written: {e}; name another file as the first argument");
        return ExitCode::FAILURE;
    }
    println!("written to {out}");
    ExitCode::SUCCESS
}
