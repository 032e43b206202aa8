//! Prints frames and resumes of `#[vitte::task]` functions beside rustc's machines and peers, as
//! medians of interleaved rounds, and how they stand to the goals.
//!
//! `cargo run --release -p vitte-benches --no-default-features --bin task_ratios [NAME]`

use std::time::Instant;
use vitte_benches::tasks::{ALL, PEERS, Side};

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

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let (mut frames, mut resumes) = (vec![], vec![]);
    println!(
        "{:<20} {:>6} {:>6} {:>6} | {:>8} {:>8} {:>6}",
        "function", "rustc", "task", "ratio", "rustc", "task", "ratio"
    );
    for pair in ALL.iter().filter(|p| p.name.contains(&filter)) {
        let peers: Vec<_> = PEERS.iter().filter(|p| p.name == pair.name).collect();
        let mut sides = vec![pair.native, pair.task];
        sides.extend(peers.iter().map(|p| p.side));
        let times = measure(&sides);
        let (theirs, ours) = ((pair.native.size)(), (pair.task.size)());
        frames.push(ours as f64 / theirs as f64);
        resumes.push(times[1].1);
        println!(
            "{:<20} {theirs:>6} {ours:>6} {:>6.2} | {:>5.2} ns {:>5.2} ns {:>6.2}",
            pair.name,
            ours as f64 / theirs as f64,
            times[0].0,
            times[1].0,
            times[1].1
        );
        for (peer, (time, ratio)) in peers.iter().zip(&times[2..]) {
            let size = (peer.side.size)();
            println!(
                "    {:<16} {:>6} {size:>6} {:>6.2} | {:>8} {time:>5.2} ns {ratio:>6.2}",
                peer.whose,
                "",
                size as f64 / theirs as f64,
                ""
            );
        }
    }
    let worst = resumes.iter().copied().fold(0.0, f64::max);
    println!("frames: median {:.2} of rustc's (goal 0.75)", median(frames));
    println!("resumes: median {:.2} (goal 1.2), worst {worst:.2} (goal 1.5)", median(resumes));
}
