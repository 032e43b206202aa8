//! A compiler of another language, in one file: it builds an async function by hand, lowers it,
//! compiles it and runs it.
//!
//! The function, in the made-up language:
//!
//! ```text
//! async fn countdown(n) {
//!     total = 0
//!     while n > 0 { sleep(n); total = total + n; n = n - 1 }
//!     return total
//! }
//! ```
//!
//! `cargo run --example foreign_frontend`

// Prints:
//   frame countdown: 88 bytes, align 8 (floor 88, clique 88, 0 copies per resume)
//     offset   size align  role     name                 type
//         80      1     1  tag      state                tag
//          0      8     8  param    n                    i64
//          0      8     8  result   result               i64
//         64      8     8  saved    v3                   i64
//         72      8     8  saved    v4                   i64
//          0     64     8  op       sp0.0                sleep
//     state 3 sleep: awaiting sleep; live: v3 v4 sp0.0; dead: n
//   4 + 3 + 2 + 1 = 10

use std::error::Error;
use std::time::Duration;
use vitte::codegen::{ImportTable, Jit, Options};
use vitte::lowering::coroutine::lower;
use vitte::lowering::ir::{
    Arg, Awaitee, BinaryOp, CompareOp, Func, FuncKind, FunctionBuilder, HostOpData, Module,
    ModuleBuilder, Param, Signature, Ty, Type, verify,
};
use vitte::rt::coroutine::{HostOp, OpCx, SpawnOptions};
use vitte::rt::runtime::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    // 1. A host operation: any Rust future. Its storage lies inside the frames that await it.
    let sleep = HostOp::new1(|_: OpCx<'_>, ms: i64| async move {
        vitte::rt::time::sleep(Duration::from_millis(ms.unsigned_abs())).await;
    });

    // 2. The frontend: IR, checked. A compiler in another language would print `module` instead and
    //    hand the text to `vitte run`.
    let (module, countdown) = build(&sleep)?;
    verify(&module).map_err(|violations| violations[0].to_string())?;

    // 3. The lowering: an explicit machine, and a record of what lies where in its frame.
    let lowered = lower(&module).map_err(|errors| errors[0].to_string())?;
    let record = &lowered.machines[&countdown];
    print!("{record}");

    // 4. Machine code.
    let mut imports = ImportTable::new();
    // SAFETY: `start` has the C signature of the operation that `build` declares.
    unsafe { imports.register("demo_sleep_start", sleep.start) };
    // SAFETY: `poll` is the resume function of the same operation.
    unsafe { imports.register("demo_sleep_poll", sleep.poll as *const u8) };
    let code = Jit::compile(&lowered.module, &lowered.machines, &imports, &Options::default())?;

    // 5. A task: one allocation for cell and frame; the argument goes to its place in it.
    let runtime = Builder::current_thread().build()?;
    let machine = code.machine(countdown).ok_or("the machine is compiled")?;
    let argument = record.slots.iter().find(|s| s.name == "n").ok_or("`n` has a place")?;
    // SAFETY: `code` outlives the task, which is joined below.
    let frame = unsafe { runtime.handle().alloc_frame(machine) }.ok_or("out of memory")?;
    // SAFETY: the record says where `n` lies in the frame.
    let place = unsafe { frame.add(argument.offset as usize) };
    // SAFETY: the place holds an `i64`, and nobody runs the frame yet.
    unsafe { place.cast::<i64>().write(4) };
    // SAFETY: the frame is complete: its only argument is written.
    let task = unsafe { runtime.handle().spawn_frame(frame, SpawnOptions::default()) };

    runtime.run(task.join())?;
    let result = task.result().ok_or("the task is done")?;
    // SAFETY: the function's only result is an `i64`, and the handle keeps it alive.
    let total = unsafe { result.cast::<i64>().read() };
    println!("4 + 3 + 2 + 1 = {total}");
    assert_eq!(total, 10);
    Ok(())
}

/// What the frontend of the made-up language does with `countdown`.
fn build(sleep: &HostOp) -> Result<(Module, Func), Box<dyn Error>> {
    let i64_ = Ty::Value(Type::I64);
    let n_param = || vec![Param { name: "n".into(), ty: i64_ }];
    let mut module = ModuleBuilder::new("demo");
    let sleep = module.op(HostOpData {
        name: "sleep".into(),
        symbol: "demo_sleep".into(),
        params: vec![Param { name: "ms".into(), ty: i64_ }],
        results: vec![],
        size: sleep.size,
        align: sleep.align,
        result_offset: 0,
    });
    let sig = Signature { params: n_param(), results: vec![i64_], faults: true };
    let countdown = module.declare_func("countdown", FuncKind::Async, sig);

    let mut b = FunctionBuilder::new(&mut module, countdown);
    let (n, total) = (b.declare_var(Type::I64), b.declare_var(Type::I64));
    let start = b.param_value(0);
    b.def_var(n, start);
    let zero = b.iconst(Type::I64, 0);
    b.def_var(total, zero);
    let cleanup = b.cleanup_block();
    let (head, body, end) = (b.create_block(), b.create_block(), b.create_block());
    b.jump(head, &[]);

    b.switch_to_block(head);
    let (now, zero) = (b.use_var(n), b.iconst(Type::I64, 0));
    let more = b.compare(CompareOp::Sgt, now, zero);
    b.br(more, (body, &[]), (end, &[]));

    b.switch_to_block(body);
    let now = b.use_var(n);
    let nap = Awaitee::Op { op: sleep, args: vec![Arg::Value(now)] };
    b.await_("sleep", nap, &[], cleanup);
    let (sum, now) = (b.use_var(total), b.use_var(n));
    let sum = b.binary(BinaryOp::Add, sum, now);
    b.def_var(total, sum);
    let one = b.iconst(Type::I64, 1);
    let less = b.binary(BinaryOp::Sub, now, one);
    b.def_var(n, less);
    b.budget();
    b.jump(head, &[]);

    b.switch_to_block(end);
    let total = b.use_var(total);
    b.ret([total]);
    b.seal_all_blocks();
    b.finish()?;
    Ok((module.finish()?, countdown))
}
