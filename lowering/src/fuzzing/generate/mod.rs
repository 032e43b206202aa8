//! Random modules: well-typed, verified, and defined on every path.
//!
//! In: bytes, each of which decides something; behind their end everything decides for 0, which
//! stops. Out: a module over the vocabulary of [`crate::interp::Script`]'s host (`t_note`, `t_new`,
//! `op_wait`, …) whose last function, `root`, is `async (i64, i64) -> i64`.
//!
//! The functions call only functions before them, and themselves with a smaller number; loops count
//! down from a constant; the number of awaits of a run is bounded (`cost`). So every run ends.
//!
//! What a module contains: awaits of calls, operations, futures in slots and boxes; joins, selects
//! with and without `otherwise`, generators driven by `next` and drained early; branches, loops,
//! switches and early returns around all of them; owned and plain slots, tagged and over-aligned
//! structures, drop flags, moves, pinned slots; faults; shields; cleanup that drops, notes, awaits
//! and, rarely, faults.
//!
//! * **I1** At each point `scope` says what is owned, in the order in which it came to be. Leaving a
//!   region releases what it added; an unwind edge releases everything.
//! * **I2** What a branch or loop did not add, it does not take away, unless under a drop flag.

#![allow(clippy::wildcard_imports, reason = "a generator of IR names most of it")]

mod choices;
mod cleanup;
mod concurrent;
mod statements;
mod values;

pub use choices::Choices;

use crate::fuzzing::mutate::Random;
use crate::ir::*;
use cleanup::Own;

/// Most awaits that one call of a function may run into.
const MAX_COST: u64 = 150;

/// Makes a module from a number.
pub fn from_seed(seed: u64) -> Module {
    let mut random = Random::new(seed);
    let len = [60, 200, 600, 1500][random.below(4)];
    let bytes: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
    module(&bytes)
}

/// Makes a module from bytes.
///
/// # Panics
///
/// If the generator misuses the builder.
pub fn module(bytes: &[u8]) -> Module {
    let mut choices = Choices::new(bytes);
    let mut m = ModuleBuilder::new("generated");
    let mut env = Env::new(&mut m);
    let n = 1 + choices.below(6);
    for i in 0..=n {
        function(&mut m, &mut env, &mut choices, i == n);
    }
    m.finish().unwrap_or_else(|e| panic!("I: the generator uses the builder rightly: {e}"))
}

/// What parameters, results and owned things are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sort {
    Int,
    Obj,
    /// `{i64, ref}`, owned.
    Pair,
    /// `{i8 tag, i64 or ref}`, owned.
    Either,
    /// Over-aligned, plain.
    Big,
}

/// A function that has been made.
#[derive(Clone, Debug)]
struct Made {
    id: Func,
    kind: FuncKind,
    params: Vec<Sort>,
    results: Vec<Sort>,
    cost: u64,
}

/// What all functions of the module share.
#[derive(Clone, Debug)]
struct Env {
    note: Import,
    new: Import,
    id: Import,
    class: Class,
    wait: HostOp,
    obj: HostOp,
    eat: HostOp,
    pair: Struct,
    either: Struct,
    big: Struct,
    calc: Func,
    check: Func,
    made: Vec<Made>,
}

impl Env {
    fn new(m: &mut ModuleBuilder) -> Self {
        let int = Ty::Value(Type::I64);
        let class = Class::from_u32(0);
        let obj = Ty::Value(Type::Ref(class));
        let retain = m.import("t_retain", Signature::of([obj], []));
        let release = m.import("t_release", Signature::of([obj], []));
        m.class("obj", retain, release);
        let note = m.import("t_note", Signature::of([int], []));
        let new = m.import("t_new", Signature::of([int], [obj]));
        let id = m.import("t_id", Signature::of([obj], [int]));
        let mut op = |name: &str, param: Ty, results: Vec<Ty>| {
            m.op(HostOpData {
                name: name.into(),
                symbol: name.into(),
                params: vec![Param { name: String::new(), ty: param }],
                results,
                size: 16,
                align: 8,
                result_offset: 8,
            })
        };
        let wait = op("op_wait", int, vec![int]);
        let make = op("op_obj", int, vec![obj]);
        let eat = op("op_eat", obj, vec![]);
        let field = |name: &str, offset, ty| Field { name: name.into(), offset, ty };
        let pair = m.structure(StructData {
            name: "pair".into(),
            size: 16,
            align: 8,
            fields: vec![field("n", 0, int), field("o", 8, obj)],
            tag: None,
            drop: DropAction::Fields,
        });
        let tag = Ty::Value(Type::I8);
        let either = m.structure(StructData {
            name: "either".into(),
            size: 16,
            align: 8,
            fields: vec![field("tag", 0, tag), field("n", 8, int), field("o", 8, obj)],
            tag: Some(Tag { field: 0, variants: vec![(0, vec![1]), (1, vec![2])] }),
            drop: DropAction::Fields,
        });
        let big = m.structure(StructData {
            name: "big".into(),
            size: 128,
            align: 64,
            fields: vec![field("a", 0, int), field("z", 120, int)],
            tag: None,
            drop: DropAction::None,
        });
        let calc = sync_calc(m);
        let check = sync_check(m, class, id);
        let obj = make;
        Self { note, new, id, class, wait, obj, eat, pair, either, big, calc, check, made: vec![] }
    }

    fn ty(&self, sort: Sort) -> Ty {
        match sort {
            Sort::Int => Type::I64.into(),
            Sort::Obj => Type::Ref(self.class).into(),
            Sort::Pair => Ty::Struct(self.pair),
            Sort::Either => Ty::Struct(self.either),
            Sort::Big => Ty::Struct(self.big),
        }
    }

    fn sig(&self, params: &[Sort], results: &[Sort]) -> Signature {
        let params = params.iter().map(|&s| self.ty(s));
        Signature::of(params, results.iter().map(|&s| self.ty(s)))
    }
}

/// `calc(a, b) = 3a ^ b`, which cannot fault.
fn sync_calc(m: &mut ModuleBuilder) -> Func {
    let int = Ty::Value(Type::I64);
    let id = m.declare_func("calc", FuncKind::Sync, Signature::of([int, int], [int]));
    let mut b = FunctionBuilder::new(m, id);
    let (x, y, three) = (b.param_value(0), b.param_value(1), b.iconst(Type::I64, 3));
    let x = b.binary(BinaryOp::Mul, x, three);
    let x = b.binary(BinaryOp::Xor, x, y);
    b.ret([x]);
    b.finish().expect("I: built rightly")
}

/// `check(obj, n)`: faults where `n & 7` is 0; owns the object; answers its id plus `n`.
fn sync_check(m: &mut ModuleBuilder, class: Class, t_id: Import) -> Func {
    let int = Ty::Value(Type::I64);
    let sig = Signature::of([Type::Ref(class).into(), int], [int]).faulting();
    let id = m.declare_func("check", FuncKind::Sync, sig);
    let mut b = FunctionBuilder::new(m, id);
    let (o, n, seven) = (b.param_value(0), b.param_value(1), b.iconst(Type::I64, 7));
    let slot = b.slot("o", Type::Ref(class));
    b.slot_store(slot, 0, o);
    let low = b.binary(BinaryOp::And, n, seven);
    let zero = b.iconst(Type::I64, 0);
    let bad = b.compare(CompareOp::Eq, low, zero);
    let cleanup = b.create_block();
    let cause = b.append_block_param(cleanup, Type::I32);
    let unwind = b.unwind_edge(cleanup, &[]);
    b.fault_if(bad, 4, Some(n), Some(unwind));
    let name = b.call(Callee::Import(t_id), [Arg::Value(o)], &[]);
    let sum = b.binary(BinaryOp::Add, name[0], n);
    b.drop_slot(slot);
    b.ret([sum]);
    b.switch_to_block(cleanup);
    b.drop_slot(slot);
    b.unwind(cause);
    b.finish().expect("I: built rightly")
}

fn function(m: &mut ModuleBuilder, env: &mut Env, choices: &mut Choices<'_>, is_root: bool) {
    use Sort::{Big, Either, Int, Obj, Pair};
    let index = env.made.len();
    let kind = if !is_root && choices.one_in(4) { FuncKind::Generator } else { FuncKind::Async };
    let params: Vec<Sort> = if is_root {
        vec![Int, Int]
    } else {
        let n = choices.below(4);
        (0..n).map(|_| [Int, Obj, Pair, Int, Either, Big][choices.below(6)]).collect()
    };
    let results: Vec<Sort> = match kind {
        _ if is_root => vec![Int],
        FuncKind::Generator => vec![[Int, Obj, Pair][choices.below(3)]],
        _ => [
            vec![Int],
            vec![],
            vec![Obj],
            vec![Pair],
            vec![Int, Obj],
            vec![Big, Int],
            vec![Int, Pair, Either],
        ][choices.below(7)]
        .clone(),
    };
    let name = if is_root { "root".into() } else { format!("f{index}") };
    let id = m.declare_func(name, kind, env.sig(&params, &results));
    let mut g = Gen {
        b: FunctionBuilder::new(m, id),
        env,
        c: choices,
        kind,
        params: params.clone(),
        results: results.clone(),
        scope: Vec::new(),
        base: 0,
        ints: Vec::new(),
        bigs: Vec::new(),
        cost: 0,
        times: 1,
        recursed: is_root,
        last_cleanup: None,
    };
    g.take_params();
    g.maybe_recursion();
    let depth = 1 + g.c.below(3);
    g.region(depth);
    if !g.b.is_filled() {
        g.finish_with_results();
    }
    let cost = g.cost + 1;
    let Gen { b, .. } = g;
    b.finish().unwrap_or_else(|e| panic!("I: the generator uses the builder rightly: {e}"));
    env.made.push(Made { id, kind, params, results, cost });
}

/// One function while it is made.
struct Gen<'m, 'e, 'c, 'b> {
    b: FunctionBuilder<'m>,
    env: &'e Env,
    c: &'c mut Choices<'b>,
    kind: FuncKind,
    params: Vec<Sort>,
    results: Vec<Sort>,
    /// Everything that an exit must release, oldest first.
    scope: Vec<Own>,
    /// Entries of `scope` below this belong to an outer region.
    base: usize,
    /// Variables of type `i64` that are defined.
    ints: Vec<Variable>,
    /// Plain slots whose fields have been written.
    bigs: Vec<Slot>,
    cost: u64,
    /// Product of the counts of the loops around.
    times: u64,
    /// Whether there is a call of itself already (or must be none).
    recursed: bool,
    /// The last cleanup made: what was owned and defined then, and where it is.
    last_cleanup: Option<(Vec<Own>, Vec<Variable>, Block)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interp::{Input, Script, run_source};

    #[test]
    fn modules_are_valid_and_print_as_they_parse() {
        for seed in 0..1_000 {
            let m = from_seed(seed);
            if let Err(violations) = verify(&m) {
                panic!("seed {seed}: {}\n{m}", violations[0]);
            }
            if seed % 10 == 0 {
                assert_eq!(parse_module(&m.to_string()).as_ref(), Ok(&m), "seed {seed}");
            }
        }
    }

    #[test]
    fn runs_are_defined_and_end() {
        let mut suspended = 0;
        for seed in 0..1_000 {
            let m = from_seed(seed);
            let root = m.func_by_name("root").expect("I: there is a root");
            let args = [Input::from(seed as i64 % 5), Input::from(3)];
            let mut script = Script::seeded(seed);
            script.cancel_at = (seed % 3 == 0).then_some(seed as u32 % 7);
            let outcome = run_source(&m, root, &args, &script);
            if let Some(v) = outcome.violations.first() {
                panic!("seed {seed}: {v}\n{m}");
            }
            assert_ne!(outcome.status, vitte_abi::VT_YIELDED, "seed {seed} ends\n{m}");
            suspended += u32::from(outcome.ticks > 0);
        }
        assert!(suspended > 300, "only {suspended} runs suspend");
    }

    #[test]
    fn everything_occurs() {
        let all: String = (0..400).map(|seed| from_seed(seed).to_string()).collect();
        for word in [
            "join sp",
            "select sp",
            "otherwise",
            " next slot",
            " next boxed",
            " drain slot",
            " drain boxed",
            "give_way",
            "future slot",
            "box arena",
            "drop_box",
            "yield sp",
            "move slot",
            "slot_forget",
            "slot_init",
            "slot_live",
            "slot_dead",
            "slot_addr",
            "switch ",
            "shield 1",
            "budget",
            "fault ",
            "checked.",
            "generator fn",
            "retain",
        ] {
            assert!(all.contains(word), "`{word}` never occurs");
        }
    }
}
