//! The builders: SSA construction, and misuse as an answer.

use vitte_lowering::ir::*;

const I64: Type = Type::I64;

fn sync_func(module: &mut ModuleBuilder) -> Func {
    let sig = Signature::of([Ty::Value(I64)], [Ty::Value(I64)]);
    module.declare_func("f", FuncKind::Sync, sig)
}

/// Builds one function with `fill` and prints it.
fn built(fill: impl FnOnce(&mut FunctionBuilder<'_>)) -> String {
    let mut module = ModuleBuilder::new("m");
    let id = sync_func(&mut module);
    let mut b = FunctionBuilder::new(&mut module, id);
    fill(&mut b);
    b.finish().unwrap_or_else(|e| panic!("{e}"));
    let module = module.finish().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(parse_module(&module.to_string()).as_ref(), Ok(&module));
    module.funcs[id].to_string()
}

fn misuses(fill: impl FnOnce(&mut FunctionBuilder<'_>)) -> Vec<&'static str> {
    let mut module = ModuleBuilder::new("m");
    let id = sync_func(&mut module);
    let mut b = FunctionBuilder::new(&mut module, id);
    fill(&mut b);
    let error = b.finish().expect_err("misuse is reported");
    assert!(error.to_string().contains("building `f`"));
    error.misuses.iter().map(|m| m.code).collect()
}

#[test]
fn loop_variable_becomes_a_parameter_and_constant_does_not() {
    let text = built(|b| {
        let (i, same) = (b.declare_var(I64), b.declare_var(I64));
        let n = b.param_value(0);
        b.def_var(i, n);
        b.def_var(same, n);
        let (head, body, exit) = (b.create_block(), b.create_block(), b.create_block());
        b.jump(head, &[]);
        b.switch_to_block(head);
        let now = b.use_var(i);
        let zero = b.iconst(I64, 0);
        let go = b.compare(CompareOp::Sgt, now, zero);
        b.br(go, (body, &[]), (exit, &[]));
        b.seal_block(body);
        b.seal_block(exit);
        b.switch_to_block(body);
        let (now, one) = (b.use_var(i), b.iconst(I64, 1));
        let next = b.binary(BinaryOp::Sub, now, one);
        b.def_var(i, next);
        let keep = b.use_var(same);
        b.def_var(same, keep);
        b.budget();
        b.jump(head, &[]);
        b.seal_block(head);
        b.switch_to_block(exit);
        let (x, y) = (b.use_var(i), b.use_var(same));
        let sum = b.binary(BinaryOp::Add, x, y);
        b.ret([sum]);
    });
    assert_eq!(
        text,
        "sync fn \"f\"(i64) -> i64 {
block0(v0: i64):
  jump block1(v0)
block1(v1: i64):
  v2: i64 = const 0
  v3: bool = cmp.sgt v1, v2
  br v3, block2, block3
block2:
  v4: i64 = const 1
  v5: i64 = sub v1, v4
  budget
  jump block1(v5)
block3:
  v6: i64 = add v1, v0
  return v6
}
"
    );
}

#[test]
fn variable_merges_over_unwind_edges() {
    let mut module = ModuleBuilder::new("m");
    let nap = module.op(HostOpData {
        name: "nap".into(),
        symbol: "nap".into(),
        params: vec![],
        results: vec![Ty::Value(I64)],
        size: 8,
        align: 8,
        result_offset: 0,
    });
    let sig = Signature::of([Ty::Value(I64)], [Ty::Value(I64)]).faulting();
    let id = module.declare_func("f", FuncKind::Async, sig);
    let mut b = FunctionBuilder::new(&mut module, id);
    let x = b.declare_var(I64);
    let n = b.param_value(0);
    b.def_var(x, n);
    let cleanup = b.create_block();
    let cause = b.append_block_param(cleanup, Type::I32);
    for _ in 0..2 {
        let unwind = b.unwind_edge(cleanup, &[]);
        let got = b.await_("nap", Awaitee::Op { op: nap, args: vec![] }, &[], unwind);
        b.def_var(x, got[0]);
    }
    let last = b.use_var(x);
    b.ret([last]);
    b.seal_block(cleanup);
    b.switch_to_block(cleanup);
    let last = b.use_var(x);
    b.name_value(last, "last");
    let slot = b.slot("s", I64);
    b.slot_store(slot, 0, last);
    b.unwind(cause);
    b.finish().unwrap_or_else(|e| panic!("{e}"));
    let module = module.finish().unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        module.funcs[id].to_string(),
        "async fn \"f\"(i64) -> i64 faults {
  slot0 \"s\": i64
  sp0 \"nap\"
  sp1 \"nap\"
block0(v0: i64):
  await sp0 op0() -> ok block2(r0), unwind block1(cause, v0)
block1(v1: i32, v2 \"last\": i64):
  slot_store slot0, v2
  unwind v1
block2(v3: i64):
  await sp1 op0() -> ok block3(r0), unwind block1(cause, v3)
block3(v4: i64):
  return v4
}
"
    );
}

#[test]
fn unreachable_block_gets_a_zero() {
    let text = built(|b| {
        let x = b.declare_var(I64);
        let n = b.param_value(0);
        b.def_var(x, n);
        b.ret([n]);
        let (dead, never) = (b.create_block(), b.create_block());
        b.seal_block(dead);
        b.switch_to_block(dead);
        let got = b.use_var(x);
        b.ret([got]);
        let _ = never;
    });
    assert!(text.contains("block1:\n  v1: i64 = const 0\n  return v1\n"), "{text}");
    assert!(text.contains("block2:\n  unreachable\n"), "{text}");
}

#[test]
fn deep_chain_of_blocks_does_not_recurse() {
    built(|b| {
        let x = b.declare_var(I64);
        let n = b.param_value(0);
        b.def_var(x, n);
        for _ in 0..50_000 {
            let next = b.create_block();
            b.jump(next, &[]);
            b.seal_block(next);
            b.switch_to_block(next);
        }
        let got = b.use_var(x);
        b.ret([got]);
    });
}

#[test]
fn deep_nest_of_diamonds_does_not_recurse() {
    let text = built(|b| {
        let x = b.declare_var(I64);
        let n = b.param_value(0);
        b.def_var(x, n);
        for _ in 0..10_000 {
            let (left, right, join) = (b.create_block(), b.create_block(), b.create_block());
            let cond = b.stack_ok();
            b.br(cond, (left, &[]), (right, &[]));
            for side in [left, right] {
                b.switch_to_block(side);
                b.seal_block(side);
                b.jump(join, &[]);
            }
            b.seal_block(join);
            b.switch_to_block(join);
        }
        let got = b.use_var(x);
        b.ret([got]);
    });
    assert!(text.ends_with("  return v0\n}\n"));
}

#[test]
fn misuse_is_collected() {
    let found = misuses(|b| {
        let flag = b.declare_var(Type::Bool);
        let n = b.param_value(0);
        b.param_value(9);
        b.def_var(flag, n);
        b.use_var(flag);
        let open = b.create_block();
        b.jump(open, &[]);
        b.iconst(I64, 1);
        b.ret([n]);
        b.switch_to_block(Block::from_u32(0));
        b.switch_to_block(Block::from_u32(77));
        b.seal_block(open);
        let late = b.create_block();
        b.switch_to_block(late);
        b.jump(open, &[]);
    });
    let expected =
        ["IR0025", "IR0026", "IR0023", "IR0020", "IR0020", "IR0021", "IR0025", "IR0022", "IR0024"];
    assert_eq!(found, expected);
}

#[test]
fn variable_undefined_on_one_path_is_misuse() {
    let found = misuses(|b| {
        let x = b.declare_var(I64);
        let n = b.param_value(0);
        let (left, join) = (b.create_block(), b.create_block());
        let cond = b.stack_ok();
        b.br(cond, (left, &[]), (join, &[]));
        b.switch_to_block(left);
        b.def_var(x, n);
        b.jump(join, &[]);
        b.seal_all_blocks();
        b.switch_to_block(join);
        let got = b.use_var(x);
        b.ret([got]);
    });
    assert_eq!(found, ["IR0023"]);
}

#[test]
fn functions_are_defined_once() {
    let mut module = ModuleBuilder::new("m");
    let f = sync_func(&mut module);
    for _ in 0..2 {
        let mut b = FunctionBuilder::new(&mut module, f);
        let n = b.param_value(0);
        b.ret([n]);
        b.finish().unwrap();
    }
    sync_func(&mut module);
    let error = module.finish().unwrap_err();
    let messages: Vec<_> = error.misuses.iter().map(|m| m.message.as_str()).collect();
    assert_eq!(messages, ["fn0 `f` is defined twice", "fn1 `f` has no body"]);
}
