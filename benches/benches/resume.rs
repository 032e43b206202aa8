//! Cost of a resume: loops with 1 and 8 states, and chains 1, 10 and 100 deep.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{Criterion, criterion_group, criterion_main};
use vitte_benches::resume::{Contender, depth_contenders, loop_contenders};

fn run(c: &mut Criterion, group: &str, contenders: Vec<Contender>) {
    let mut group = c.benchmark_group(group);
    for mut contender in contenders {
        group.bench_function(&contender.name, |b| {
            b.iter_custom(|n| {
                let start = std::time::Instant::now();
                (contender.resume)(n);
                start.elapsed()
            });
        });
    }
    group.finish();
}

fn resume(c: &mut Criterion) {
    run(c, "one state", loop_contenders(1));
    run(c, "eight states", loop_contenders(8));
    for depth in [1, 10, 100] {
        run(c, &format!("depth {depth}"), depth_contenders(depth));
    }
}

criterion_group!(benches, resume);
criterion_main!(benches);
