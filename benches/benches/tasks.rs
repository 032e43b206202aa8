//! Cost of running `#[vitte::task]` functions to their end, beside rustc's machines and peers.
//!
//! `cargo bench -p vitte-benches --bench tasks`; `--no-default-features` leaves the JIT tasks out and builds
//! no code generator.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vitte_benches::tasks::{ALL, peers};

fn tasks(c: &mut Criterion) {
    for pair in ALL {
        let mut group = c.benchmark_group(pair.name);
        group.throughput(Throughput::Elements((pair.native.run)().1));
        group.bench_function("rustc", |b| b.iter(pair.native.run));
        group.bench_function("task", |b| b.iter(pair.task.run));
        for peer in peers(pair.name) {
            group.bench_function(peer.whose, |b| b.iter(peer.side.run));
        }
        group.finish();
    }
}

criterion_group!(benches, tasks);
criterion_main!(benches);
