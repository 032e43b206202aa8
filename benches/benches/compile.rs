//! Time to lower and to compile functions with many suspends.

#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use vitte_benches::chain::awaits_in_a_row;
use vitte_codegen::{Options, compile_object};
use vitte_lowering::coroutine::lower;

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("lower");
    group.sample_size(10);
    for n in [10, 1_000, 10_000] {
        let module = awaits_in_a_row(n);
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter_batched(
                || module.clone(),
                |m| lower(&m).expect("it can be lowered"),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
    let mut group = c.benchmark_group("compile");
    group.sample_size(10);
    for n in [10, 1_000] {
        let lowered = lower(&awaits_in_a_row(n)).expect("it can be lowered");
        group.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| compile_object(&lowered.module, &lowered.machines, &Options::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, compile);
criterion_main!(benches);
