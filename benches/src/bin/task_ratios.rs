//! Prints frames and resumes of `#[vitte::task]` functions beside rustc's machines and peers, as
//! medians of interleaved rounds, and how they stand to the goals.
//!
//! `cargo run --release -p vitte-benches --bin task_ratios [NAME]`; with `--no-default-features` it is quicker
//! to build, and without the JIT tasks. `--table` prints the rows of the guide instead.

use std::time::Instant;
use vitte_benches::tasks::{ALL, Peer, Side, peers};

const ROUNDS: usize = 31;
/// Polls per round and contender, roughly.
const POLLS: u64 = 40_000;

/// Nanoseconds per poll of each, as medians, and the median of the ratios to the first.
fn measure(sides: &[Side]) -> Vec<(f64, f64)> {
    let times: Vec<u64> = sides.iter().map(|s| POLLS / (s.run)().1 + 1).collect();
    let mut rounds: Vec<Vec<f64>> = vec![vec![]; sides.len()];
    for round in 0..ROUNDS {
        for k in 0..sides.len() {
            // Forwards and backwards in turn, so that drift hits all alike.
            let i = if round % 2 == 0 { k } else { sides.len() - 1 - k };
            let start = Instant::now();
            let n_polls: u64 = (0..times[i]).map(|_| (sides[i].run)().1).sum();
            rounds[i].push(start.elapsed().as_nanos() as f64 / n_polls as f64);
        }
    }
    let ratios = rounds.iter().map(|r| r.iter().zip(&rounds[0]).map(|(a, b)| a / b).collect());
    rounds.iter().cloned().map(median).zip(ratios.map(median)).collect()
}

fn median(mut xs: Vec<f64>) -> f64 {
    xs.sort_by(f64::total_cmp);
    xs[xs.len() / 2]
}

/// One function: bytes and nanoseconds per poll of each contender, rustc's and the task first.
struct Row {
    name: &'static str,
    peers: Vec<&'static Peer>,
    sizes: Vec<usize>,
    /// Nanoseconds, and the ratio to rustc's.
    times: Vec<(f64, f64)>,
}

impl Row {
    fn size_ratio(&self, i: usize) -> f64 {
        self.sizes[i] as f64 / self.sizes[0] as f64
    }

    fn print(&self) {
        let (sizes, times) = (&self.sizes, &self.times);
        println!(
            "{:<20} {:>6} {:>6} {:>6.2} | {:>5.2} ns {:>5.2} ns {:>6.2}",
            self.name,
            sizes[0],
            sizes[1],
            self.size_ratio(1),
            times[0].0,
            times[1].0,
            times[1].1
        );
        for (i, peer) in (2..).zip(&self.peers) {
            println!(
                "    {:<16} {:>6} {:>6} {:>6.2} | {:>8} {:>5.2} ns {:>6.2}",
                peer.whose,
                "",
                sizes[i],
                self.size_ratio(i),
                "",
                times[i].0,
                times[i].1
            );
        }
    }

    /// A line of the guide, for functions that there is a JIT task of.
    fn print_line(&self) {
        let Some(jit) = self.peers.iter().position(|p| p.whose == "task(jit)") else { return };
        let (sizes, times) = (&self.sizes, &self.times);
        println!(
            "//! | `{}` | {} | {} | {} | {:.1} | {:.2} | {:.2} |",
            self.name,
            sizes[0],
            sizes[1],
            sizes[2 + jit],
            times[0].0,
            times[1].1,
            times[2 + jit].1
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let table = args.iter().any(|a| a == "--table");
    let filter = args.iter().find(|a| !a.starts_with("--")).cloned().unwrap_or_default();
    let mut rows = vec![];
    if !table {
        println!(
            "{:<20} {:>6} {:>6} {:>6} | {:>8} {:>8} {:>6}",
            "function", "rustc", "task", "ratio", "rustc", "task", "ratio"
        );
    }
    for pair in ALL.iter().filter(|p| p.name.contains(&filter)) {
        let peers: Vec<_> = peers(pair.name).collect();
        for peer in &peers {
            if (peer.side.run)().0 != (pair.native.run)().0 {
                println!("{} by {} gives something else", pair.name, peer.whose);
            }
        }
        let mut sides = vec![pair.native, pair.task];
        sides.extend(peers.iter().map(|p| p.side));
        let sizes = sides.iter().map(|side| (side.size)()).collect();
        let row = Row { name: pair.name, peers, sizes, times: measure(&sides) };
        if table {
            row.print_line()
        } else {
            row.print()
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return println!("no function has `{filter}` in its name");
    }
    let resumes: Vec<f64> = rows.iter().map(|r| r.times[1].1).collect();
    let worst = resumes.iter().copied().fold(0.0, f64::max);
    let frames = median(rows.iter().map(|r| r.size_ratio(1)).collect());
    println!("frames: median {frames:.2} of rustc's (goal 0.75)");
    println!("resumes: median {:.2} (goal 1.2), worst {worst:.2} (goal 1.5)", median(resumes));
    let jit = |r: &Row| r.peers.iter().position(|p| p.whose == "task(jit)").map(|i| 2 + i);
    let of_jit: Vec<(f64, f64)> =
        rows.iter().filter_map(|r| jit(r).map(|i| (r.size_ratio(i), r.times[i].1))).collect();
    if !of_jit.is_empty() {
        let (frames, resumes): (Vec<f64>, Vec<f64>) = of_jit.into_iter().unzip();
        let n = frames.len();
        println!(
            "jit, {n} functions: frames median {:.2}, resumes median {:.2}",
            median(frames),
            median(resumes)
        );
    }
}
