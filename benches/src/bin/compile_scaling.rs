//! Prints how the time to lower and to compile grows from 1,000 to 10,000 suspends.
//!
//! `cargo run --release -p vitte-benches --bin compile_scaling`

use std::time::Instant;
use vitte_benches::chain::awaits_in_a_row;
use vitte_codegen::{Options, compile_object};
use vitte_lowering::coroutine::lower;

/// Best of a few runs, in milliseconds: lowering, code generation.
fn measure(n: usize, runs: usize) -> (f64, f64) {
    let module = awaits_in_a_row(n);
    let (mut lowering, mut codegen) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..runs {
        let start = Instant::now();
        let lowered = lower(&module).expect("it can be lowered");
        lowering = lowering.min(start.elapsed().as_secs_f64() * 1e3);
        let start = Instant::now();
        compile_object(&lowered.module, &lowered.machines, &Options::default())
            .expect("it can be compiled");
        codegen = codegen.min(start.elapsed().as_secs_f64() * 1e3);
    }
    (lowering, codegen)
}

fn main() {
    let lowering_only = std::env::args().any(|a| a == "--lowering");
    if lowering_only {
        let module = awaits_in_a_row(10_000);
        let start = Instant::now();
        lower(&module).expect("it can be lowered");
        println!("10,000 suspends: lowering {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        return;
    }
    let small = measure(1_000, 5);
    let large = measure(10_000, 2);
    println!("suspends |  lowering |   codegen");
    println!("   1,000 | {:>6.1} ms | {:>6.1} ms", small.0, small.1);
    println!("  10,000 | {:>6.1} ms | {:>6.1} ms", large.0, large.1);
    let total = (large.0 + large.1) / (small.0 + small.1);
    println!(
        "10,000 / 1,000: lowering {:.1}, codegen {:.1}, both {total:.1} (goal 12)",
        large.0 / small.0,
        large.1 / small.1
    );
    println!("lowering / codegen at 1,000: {:.2} (goal 1)", small.0 / small.1);
}
