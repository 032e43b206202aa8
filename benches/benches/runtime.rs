//! The rows of the ratio harness, one by one: the time per operation of ours and of each peer.
//!
//! `cargo bench -p vitte-benches --no-default-features --bench runtime -- spawn_join` builds no code
//! generator. Ratios of what is measured one after the other mean little: `--bin ratios` interleaves.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use vitte_benches::ratios::rows;

fn runtime(c: &mut Criterion) {
    for (name, build) in rows::rows() {
        let row = build();
        let peers = row.peers.into_iter().map(|peer| (peer.name, peer.sample));
        let mut group = c.benchmark_group(name);
        group.sample_size(10).warm_up_time(Duration::from_millis(300));
        group.measurement_time(Duration::from_secs(1));
        for (who, mut sample) in std::iter::once(("vitte", row.ours)).chain(peers) {
            group.bench_function(who, |b| {
                b.iter_custom(|n| Duration::from_nanos((sample() * n as f64) as u64));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, runtime);
criterion_main!(benches);
