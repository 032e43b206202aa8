//! How compile time grows with the number of suspend points.
//!
//! `cargo run --release -p vitte-codegen --example compile_time [none|speed]` prints, per size, the
//! milliseconds of the lowering and of the code generator (processor time where the system tells it),
//! bytes of code and frame.

use std::time::{Duration, Instant};
use vitte_codegen::{ImportTable, Jit, OptLevel, Options};
use vitte_lowering::coroutine::lower;
use vitte_lowering::ir::{
    Arg, Awaitee, BinaryOp, FuncKind, FunctionBuilder, HostOpData, Module, ModuleBuilder, Param,
    Signature, Ty, Type,
};

extern "C" fn never() {
    unreachable!("nothing is run here")
}

/// A coroutine that awaits an operation `n` times and keeps a few values over each.
fn program(n: usize) -> Module {
    let mut module = ModuleBuilder::new("many");
    let i64_ = Ty::Value(Type::I64);
    let param = || vec![Param { name: "n".into(), ty: i64_ }];
    let wait = module.op(HostOpData {
        name: "wait".into(),
        symbol: "wait".into(),
        params: param(),
        results: vec![i64_],
        size: 32,
        align: 8,
        result_offset: 8,
    });
    let sig = Signature { params: param(), results: vec![i64_], faults: true };
    let func = module.declare_func("many", FuncKind::Async, sig);
    let mut b = FunctionBuilder::new(&mut module, func);
    let (sum, last) = (b.declare_var(Type::I64), b.declare_var(Type::I64));
    let start = b.param_value(0);
    b.def_var(sum, start);
    b.def_var(last, start);
    let cleanup = b.cleanup_block();
    for i in 0..n {
        let arg = b.use_var(last);
        let awaitee = Awaitee::Op { op: wait, args: vec![Arg::Value(arg)] };
        let got = b.await_(&format!("wait {i}"), awaitee, &[], cleanup.clone())[0];
        let old = b.use_var(sum);
        let new = b.binary(BinaryOp::Add, old, got);
        let mixed = b.binary(BinaryOp::Xor, new, arg);
        b.def_var(sum, new);
        b.def_var(last, mixed);
    }
    let result = b.use_var(sum);
    b.ret([result]);
    b.seal_all_blocks();
    b.finish().expect("a correct function");
    module.finish().expect("a correct module")
}

/// Processor time of this thread so far, or the time since `start`.
fn now(start: Instant) -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

fn main() {
    let start = Instant::now();
    let opt = match std::env::args().nth(1).as_deref() {
        Some("none") => OptLevel::None,
        _ => OptLevel::Speed,
    };
    let options = Options { opt, ..Options::default() };
    let mut imports = ImportTable::new();
    for name in ["wait_start", "wait_poll"] {
        // SAFETY: nothing is called.
        unsafe { imports.register(name, never as *const u8) };
    }
    println!(
        "{:>8} {:>10} {:>10} {:>10} {:>8}",
        "suspends", "lower ms", "codegen ms", "code", "frame"
    );
    for n in [10, 100, 1_000, 10_000] {
        let module = program(n);
        let before = now(start);
        let lowered = lower(&module).expect("it fits");
        let between = now(start);
        let code = Jit::compile(&lowered.module, &lowered.machines, &imports, &options)
            .expect("it compiles");
        let (lowering, codegen) =
            (between.saturating_sub(before), now(start).saturating_sub(between));
        let func = code.func_by_name("many").expect("it is there");
        println!(
            "{n:>8} {:>10.2} {:>10.2} {:>10} {:>8}",
            lowering.as_secs_f64() * 1e3,
            codegen.as_secs_f64() * 1e3,
            code.code_bytes(func).unwrap_or(0),
            code.machine(func).map_or(0, |m| m.size)
        );
    }
}
