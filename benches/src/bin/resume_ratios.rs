//! Prints what a resume costs, ours beside peers, as the median of interleaved rounds, and how ours
//! stands to the goals.
//!
//! `cargo run --release -p vitte-benches --bin resume_ratios`

use std::time::Instant;
use vitte_benches::resume::{Contender, depth_contenders, loop_contenders};

const ROUNDS: usize = 21;
const RESUMES: u64 = 200_000;

/// Nanoseconds per resume of each contender, by round.
fn measure(contenders: &mut [Contender]) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::new(); contenders.len()];
    for c in &mut *contenders {
        (c.resume)(RESUMES); // warm up
    }
    for round in 0..ROUNDS {
        // Forwards and backwards in turn, so that drift hits all alike.
        let n = contenders.len();
        for k in 0..n {
            let i = if round % 2 == 0 { k } else { n - 1 - k };
            let start = Instant::now();
            (contenders[i].resume)(RESUMES);
            times[i].push(start.elapsed().as_nanos() as f64 / RESUMES as f64);
        }
    }
    times
}

fn median(mut xs: Vec<f64>) -> f64 {
    xs.sort_by(f64::total_cmp);
    xs[xs.len() / 2]
}

/// Prints a group; answers our median and the ratios to each peer by name.
fn group(mut contenders: Vec<Contender>) -> (f64, Vec<(String, f64)>) {
    let times = measure(&mut contenders);
    let mut ratios = Vec::new();
    for (i, c) in contenders.iter().enumerate() {
        let per_round = times[0].iter().zip(&times[i]).map(|(ours, peer)| ours / peer);
        let ratio = median(per_round.collect());
        println!(
            "{:<26} | {:>8.2} ns | ours / this {:.2}",
            c.name,
            median(times[i].clone()),
            ratio
        );
        ratios.push((c.name.clone(), ratio));
    }
    (median(times[0].clone()), ratios)
}

fn main() {
    let (_, one) = group(loop_contenders(1));
    let (_, eight) = group(loop_contenders(8));
    let depths: Vec<f64> = [1, 10, 100].into_iter().map(|d| group(depth_contenders(d)).0).collect();
    let ratio = |all: &[(String, f64)], peer: &str| {
        all.iter().find(|(name, _)| name.starts_with(peer)).map(|(_, r)| *r)
    };
    for peer in ["g++", "hand-written"] {
        match (ratio(&one, peer), ratio(&eight, peer)) {
            (Some(a), Some(b)) => {
                println!(
                    "ours / {peer}: 1 state {a:.2}, 8 states {b:.2}, geometric mean {:.2}",
                    (a * b).sqrt()
                );
            }
            _ => println!("{peer} is missing on this machine: no figure"),
        }
    }
    println!("goals: g++ 1.25 in the mean and 1.50 each; hand-written 1.30");
    println!("depth 100 / depth 1: {:.2} (goal 1.10)", depths[2] / depths[0]);
}
