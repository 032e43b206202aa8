//! Every operator at every width, against a model in Rust.
//!
//! Each function loads its operands from a block of memory and stores its results there, so that
//! all widths are called alike.

#![allow(clippy::float_cmp, reason = "the model and the code must agree to the bit")]
#![allow(clippy::cast_precision_loss, reason = "rounding is what is tested")]

mod common;

use common::{Host, compile, entry};
use vitte_abi::vt_ctx;
use vitte_codegen::{Code, ImportTable};
use vitte_lowering::ir::{
    Arg, BinaryOp, Block, CheckedOp, CompareOp, ConvertOp, FuncKind, Function, InstKind, Module,
    Param, Signature, Span, Terminator, Ty, Type, UnaryOp, Value,
};

const INTS: [Type; 5] = [Type::I8, Type::I16, Type::I32, Type::I64, Type::I128];
const FLOATS: [Type; 2] = [Type::F32, Type::F64];

/// What one function computes.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Op {
    Unary(UnaryOp),
    Binary(BinaryOp),
    Checked(CheckedOp),
    /// As `Checked`, with the second operand as constant.
    CheckedBy(CheckedOp, u128),
    Compare(CompareOp),
    Select,
    Convert(ConvertOp, Type),
    Const(u128),
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Case {
    op: Op,
    ty: Type,
}

/// Operands in, results out; 16 bytes each, zero-extended.
#[repr(C, align(16))]
#[derive(Clone, Copy, Default)]
struct Memory {
    operands: [u128; 2],
    cond: u128,
    results: [u128; 2],
}

type Entry = unsafe extern "C" fn(*mut vt_ctx, *mut Memory);

impl Case {
    fn name(self) -> String {
        format!("{self:?}")
    }

    fn emit(self) -> Function {
        let ptr = Ty::Value(Type::Ptr);
        let params = vec![Param { name: "memory".into(), ty: ptr }];
        let sig = Signature { params, results: vec![], faults: false };
        let mut f = Function::new(self.name(), FuncKind::Sync, sig);
        let block = f.entry;
        let memory = f.blocks[block].params[0];
        let load = |f: &mut Function, offset: i32, ty: Type| {
            value(f, block, InstKind::Load { ty, addr: memory, offset }, ty)
        };
        let args = [load(&mut f, 0, self.ty), load(&mut f, 16, self.ty)];
        let ty = self.ty;
        let results = match self.op {
            Op::Unary(op) => vec![value(&mut f, block, InstKind::Unary { op, arg: args[0] }, ty)],
            Op::Binary(op) => vec![value(&mut f, block, InstKind::Binary { op, args }, ty)],
            Op::Checked(op) => {
                let kind = InstKind::Checked { op, args };
                let inst = f.add_inst(block, kind, &[ty, Type::Bool], Span::NONE);
                f.insts[inst].results.clone()
            }
            Op::CheckedBy(op, bits) => {
                let by = value(&mut f, block, InstKind::Const { ty, bits }, ty);
                let kind = InstKind::Checked { op, args: [args[0], by] };
                let inst = f.add_inst(block, kind, &[ty, Type::Bool], Span::NONE);
                f.insts[inst].results.clone()
            }
            Op::Compare(op) => {
                vec![value(&mut f, block, InstKind::Compare { op, args }, Type::Bool)]
            }
            Op::Select => {
                let cond = load(&mut f, 32, Type::Bool);
                vec![value(&mut f, block, InstKind::Select { cond, args }, ty)]
            }
            Op::Convert(op, to) => {
                let kind = InstKind::Convert { op, arg: args[0], ty: to };
                vec![value(&mut f, block, kind, to)]
            }
            Op::Const(bits) => vec![value(&mut f, block, InstKind::Const { ty, bits }, ty)],
        };
        for (i, v) in results.into_iter().enumerate() {
            let kind = InstKind::Store { addr: memory, offset: 48 + 16 * i as i32, value: v };
            f.add_inst(block, kind, &[], Span::NONE);
        }
        f.set_term(block, Terminator::Return(Vec::<Arg>::new()), Span::NONE);
        f
    }
}

fn value(f: &mut Function, block: Block, kind: InstKind, ty: Type) -> Value {
    let inst = f.add_inst(block, kind, &[ty], Span::NONE);
    f.result(inst)
}

fn compile_cases(cases: &[Case]) -> Code {
    let mut module = Module::new("arith");
    for case in cases {
        module.funcs.push(case.emit());
    }
    compile(&module, &ImportTable::new()).unwrap_or_else(|e| panic!("{e}"))
}

/// Runs one function of `code`.
fn run(code: &Code, case: Case, operands: [u128; 2], cond: u128) -> [u128; 2] {
    let mut host = Host::new();
    let mut memory = Memory { operands, cond, results: [0, 0] };
    // SAFETY: the function takes the context and one pointer.
    let f: Entry = unsafe { entry(code, &case.name()) };
    // SAFETY: it reads and writes within the block.
    unsafe { f(host.ctx(), &raw mut memory) };
    memory.results
}

fn check(case: Case, operands: [u128; 2], got: [u128; 2], want: [u128; 2]) {
    assert_eq!(got, want, "{case:?} of {operands:x?}: got {got:x?}, want {want:x?}");
}

fn mask(ty: Type) -> u128 {
    if ty == Type::I128 { u128::MAX } else { (1 << (8 * ty.bytes())) - 1 }
}

/// Sign-extended.
fn signed(ty: Type, bits: u128) -> i128 {
    let shift = 128 - 8 * ty.bytes();
    ((bits << shift) as i128) >> shift
}

/// Edges of a width and a few values between.
fn interesting(ty: Type) -> Vec<u128> {
    let max = mask(ty);
    let min = max / 2 + 1;
    let mut all = vec![0, 1, 2, 3, 7, 10, max, max - 1, min, min - 1, min + 1, max / 3, max - 6];
    let width = 8 * ty.bytes();
    all.extend([u128::from(width), u128::from(width) - 1, u128::from(width) + 1]);
    if width > 64 {
        let low = u128::from(u64::MAX);
        all.extend([low, low + 1, low << 1, 1 << 96, (1 << 96) + 5, (1 << 63) + 9, 1 << 126]);
    }
    // A fixed sequence that looks random.
    let mut x: u128 = 0x9e37_79b9_7f4a_7c15;
    for _ in 0..8 {
        x = x.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851);
        all.push((x >> 7) & max);
    }
    all.sort_unstable();
    all.dedup();
    all
}

fn model_binary(op: BinaryOp, ty: Type, x: u128, y: u128) -> u128 {
    let count = (y % u128::from(8 * ty.bytes())) as u32;
    let v = match op {
        BinaryOp::Add => x.wrapping_add(y),
        BinaryOp::Sub => x.wrapping_sub(y),
        BinaryOp::Mul => x.wrapping_mul(y),
        BinaryOp::And => x & y,
        BinaryOp::Or => x | y,
        BinaryOp::Xor => x ^ y,
        BinaryOp::Shl => x << count,
        BinaryOp::Sshr => (signed(ty, x) >> count) as u128,
        BinaryOp::Ushr => x >> count,
        _ => unreachable!("float operators have their own model"),
    };
    v & mask(ty)
}

#[test]
fn integer_binary_operators_wrap() {
    use BinaryOp::*;
    let ops = [Add, Sub, Mul, And, Or, Xor, Shl, Sshr, Ushr];
    let cases: Vec<_> =
        ops.iter().flat_map(|&op| INTS.map(|ty| Case { op: Op::Binary(op), ty })).collect();
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Binary(op) = case.op else { unreachable!() };
        for &x in &interesting(case.ty) {
            for &y in &interesting(case.ty) {
                let want = model_binary(op, case.ty, x, y);
                check(case, [x, y], run(&code, case, [x, y], 0), [want, 0]);
            }
        }
    }
}

fn model_checked(op: CheckedOp, ty: Type, x: u128, y: u128) -> [u128; 2] {
    use CheckedOp::*;
    let (m, sx, sy) = (mask(ty), signed(ty, x), signed(ty, y));
    let min = signed(ty, m / 2 + 1);
    let fits_signed = |v: Option<i128>| v.is_some_and(|v| signed(ty, v as u128 & m) == v);
    let fits_unsigned = |v: Option<u128>| v.is_some_and(|v| v <= m);
    let (v, exact) = match op {
        Sadd => (sx.wrapping_add(sy) as u128, fits_signed(sx.checked_add(sy))),
        Ssub => (sx.wrapping_sub(sy) as u128, fits_signed(sx.checked_sub(sy))),
        Smul => (sx.wrapping_mul(sy) as u128, fits_signed(sx.checked_mul(sy))),
        Uadd => (x.wrapping_add(y), fits_unsigned(x.checked_add(y))),
        Usub => (x.wrapping_sub(y), fits_unsigned(x.checked_sub(y))),
        Umul => (x.wrapping_mul(y), fits_unsigned(x.checked_mul(y))),
        Sdiv | Srem if sy == 0 || (sx == min && sy == -1) => (0, false),
        Udiv | Urem if y == 0 => (0, false),
        Sdiv => ((sx / sy) as u128, true),
        Srem => ((sx % sy) as u128, true),
        Udiv => (x / y, true),
        Urem => (x % y, true),
    };
    [v & m, u128::from(!exact)]
}

#[test]
fn checked_operators_flag_and_never_trap() {
    use CheckedOp::*;
    let ops = [Sadd, Ssub, Smul, Uadd, Usub, Umul, Sdiv, Udiv, Srem, Urem];
    let divides = |op| matches!(op, Sdiv | Udiv | Srem | Urem);
    let mut cases = Vec::new();
    for op in ops {
        for ty in INTS.into_iter().filter(|&ty| ty != Type::I128 || !divides(op)) {
            cases.push(Case { op: Op::Checked(op), ty });
            if divides(op) {
                for by in [0, 1, 3, 10, mask(ty), mask(ty) / 2 + 1] {
                    cases.push(Case { op: Op::CheckedBy(op, by), ty });
                }
            }
        }
    }
    let code = compile_cases(&cases);
    for case in cases {
        for &x in &interesting(case.ty) {
            for &y in &interesting(case.ty) {
                let want = match case.op {
                    Op::Checked(op) => model_checked(op, case.ty, x, y),
                    Op::CheckedBy(op, by) => model_checked(op, case.ty, x, by),
                    _ => unreachable!(),
                };
                check(case, [x, y], run(&code, case, [x, y], 0), want);
            }
        }
    }
}

#[test]
fn comparisons_know_signs_and_widths() {
    use CompareOp::*;
    let ops = [Eq, Ne, Slt, Sle, Sgt, Sge, Ult, Ule, Ugt, Uge];
    let cases: Vec<_> =
        ops.iter().flat_map(|&op| INTS.map(|ty| Case { op: Op::Compare(op), ty })).collect();
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Compare(op) = case.op else { unreachable!() };
        for &x in &interesting(case.ty) {
            for &y in &interesting(case.ty) {
                let (sx, sy) = (signed(case.ty, x), signed(case.ty, y));
                let want = match op {
                    Eq => x == y,
                    Ne => x != y,
                    Slt => sx < sy,
                    Sle => sx <= sy,
                    Sgt => sx > sy,
                    Sge => sx >= sy,
                    Ult => x < y,
                    Ule => x <= y,
                    Ugt => x > y,
                    _ => x >= y,
                };
                check(case, [x, y], run(&code, case, [x, y], 0), [u128::from(want), 0]);
            }
        }
    }
}

#[test]
fn integer_unary_operators() {
    use UnaryOp::*;
    let ops = [Neg, Not, Clz, Ctz, Popcnt];
    let cases: Vec<_> =
        ops.iter().flat_map(|&op| INTS.map(|ty| Case { op: Op::Unary(op), ty })).collect();
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Unary(op) = case.op else { unreachable!() };
        let width = 8 * case.ty.bytes();
        for &x in &interesting(case.ty) {
            let want = match op {
                Neg => x.wrapping_neg() & mask(case.ty),
                Not => !x & mask(case.ty),
                Clz => u128::from(x.leading_zeros() - (128 - width)),
                Ctz => u128::from(x.trailing_zeros().min(width)),
                _ => u128::from(x.count_ones()),
            };
            check(case, [x, 0], run(&code, case, [x, 0], 0), [want, 0]);
        }
    }
}

#[test]
fn bools_are_zero_or_one() {
    let ty = Type::Bool;
    let cases = [
        Case { op: Op::Unary(UnaryOp::Not), ty },
        Case { op: Op::Binary(BinaryOp::And), ty },
        Case { op: Op::Binary(BinaryOp::Or), ty },
        Case { op: Op::Binary(BinaryOp::Xor), ty },
        Case { op: Op::Compare(CompareOp::Eq), ty },
        Case { op: Op::Compare(CompareOp::Ne), ty },
        Case { op: Op::Convert(ConvertOp::Zext, Type::I64), ty },
    ];
    let code = compile_cases(&cases);
    for x in 0..2u128 {
        for y in 0..2u128 {
            for (case, want) in
                cases.iter().zip([1 - x, x & y, x | y, x ^ y, u128::from(x == y), x ^ y, x])
            {
                check(*case, [x, y], run(&code, *case, [x, y], 0), [want, 0]);
            }
        }
    }
}

#[test]
fn select_takes_the_named_side() {
    let types = [&INTS[..], &FLOATS[..], &[Type::Bool, Type::Ptr]].concat();
    let cases: Vec<_> = types.iter().map(|&ty| Case { op: Op::Select, ty }).collect();
    let code = compile_cases(&cases);
    for case in cases {
        let (x, y) = (1, 0);
        check(case, [x, y], run(&code, case, [x, y], 1), [x, 0]);
        check(case, [x, y], run(&code, case, [x, y], 0), [y, 0]);
    }
}

#[test]
fn constants_of_every_type() {
    let mut cases = Vec::new();
    for ty in INTS {
        cases.extend(interesting(ty).into_iter().map(|bits| Case { op: Op::Const(bits), ty }));
    }
    for bits in [0, 1, u64::MAX, 1.5f64.to_bits(), f64::NAN.to_bits()] {
        cases.push(Case { op: Op::Const(bits.into()), ty: Type::F64 });
        cases.push(Case { op: Op::Const((bits & 0xffff_ffff).into()), ty: Type::F32 });
    }
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Const(bits) = case.op else { unreachable!() };
        check(case, [0, 0], run(&code, case, [0, 0], 0), [bits & mask(case.ty), 0]);
    }
}

#[test]
fn integers_change_width() {
    let mut cases = Vec::new();
    for from in INTS {
        for to in INTS {
            if to.bytes() >= from.bytes() {
                cases.push(Case { op: Op::Convert(ConvertOp::Sext, to), ty: from });
                cases.push(Case { op: Op::Convert(ConvertOp::Zext, to), ty: from });
            }
            if to.bytes() <= from.bytes() {
                cases.push(Case { op: Op::Convert(ConvertOp::Trunc, to), ty: from });
            }
        }
        cases.push(Case { op: Op::Convert(ConvertOp::Trunc, Type::Bool), ty: from });
    }
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Convert(op, to) = case.op else { unreachable!() };
        for &x in &interesting(case.ty) {
            let want = match op {
                ConvertOp::Sext => signed(case.ty, x) as u128 & mask(to),
                ConvertOp::Trunc if to == Type::Bool => x & 1,
                _ => x & mask(to),
            };
            check(case, [x, 0], run(&code, case, [x, 0], 0), [want, 0]);
        }
    }
}

fn floats() -> Vec<f64> {
    let mut all = vec![
        0.0,
        -0.0,
        0.5,
        -0.5,
        1.0,
        -1.0,
        1.5,
        2.5,
        -2.5,
        0.999_999_9,
        127.0,
        127.9,
        128.0,
        -128.9,
        -129.0,
        255.0,
        256.0,
        32767.5,
        -32769.0,
        65535.9,
        65536.0,
        2_147_483_647.0,
        2_147_483_648.0,
        -2_147_483_649.0,
        4_294_967_295.0,
        4_294_967_296.0,
        9.2e18,
        9.3e18,
        -9.3e18,
        1.8e19,
        1.9e19,
        1e300,
        -1e300,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    all.extend([1e-10, 123.456, -7.25]);
    all
}

/// Bits of a float of that type; a NaN is any NaN.
fn float_bits(ty: Type, x: f64) -> u128 {
    if ty == Type::F32 { u128::from((x as f32).to_bits()) } else { u128::from(x.to_bits()) }
}

fn same_float(ty: Type, got: u128, want: u128) -> bool {
    let is_nan = |bits: u128| {
        if ty == Type::F32 {
            f32::from_bits(bits as u32).is_nan()
        } else {
            f64::from_bits(bits as u64).is_nan()
        }
    };
    got == want || (is_nan(got) && is_nan(want))
}

macro_rules! float_model {
    ($name:ident, $float:ty, $bits:ty) => {
        fn $name(op: Op, x: u128, y: u128) -> u128 {
            let (x, y) = (<$float>::from_bits(x as $bits), <$float>::from_bits(y as $bits));
            let nan = x.is_nan() || y.is_nan();
            let v = match op {
                Op::Unary(UnaryOp::Fneg) => -x,
                Op::Unary(UnaryOp::Fsqrt) => x.sqrt(),
                Op::Unary(UnaryOp::Ftrunc) => x.trunc(),
                Op::Unary(UnaryOp::Ffloor) => x.floor(),
                Op::Unary(UnaryOp::Fceil) => x.ceil(),
                Op::Unary(_) => x.abs(),
                Op::Binary(BinaryOp::Fadd) => x + y,
                Op::Binary(BinaryOp::Fsub) => x - y,
                Op::Binary(BinaryOp::Fmul) => x * y,
                Op::Binary(BinaryOp::Fdiv) => x / y,
                Op::Binary(BinaryOp::Fmin | BinaryOp::Fmax) if nan => <$float>::NAN,
                // Minus zero is less than zero.
                Op::Binary(BinaryOp::Fmin) if x == y => {
                    if x.is_sign_negative() {
                        x
                    } else {
                        y
                    }
                }
                Op::Binary(BinaryOp::Fmax) if x == y => {
                    if x.is_sign_negative() {
                        y
                    } else {
                        x
                    }
                }
                Op::Binary(BinaryOp::Fmin) => {
                    if x < y {
                        x
                    } else {
                        y
                    }
                }
                Op::Binary(_) => {
                    if x > y {
                        x
                    } else {
                        y
                    }
                }
                _ => unreachable!(),
            };
            u128::from(v.to_bits())
        }
    };
}

float_model!(model_f32, f32, u32);
float_model!(model_f64, f64, u64);

#[test]
fn float_operators() {
    use BinaryOp::{Fadd, Fdiv, Fmax, Fmin, Fmul, Fsub};
    use UnaryOp::{Fabs, Fceil, Ffloor, Fneg, Fsqrt, Ftrunc};
    let binary = [Fadd, Fsub, Fmul, Fdiv, Fmin, Fmax].map(Op::Binary);
    let unary = [Fneg, Fsqrt, Ftrunc, Ffloor, Fceil, Fabs].map(Op::Unary);
    let ops = [binary, unary].concat();
    let cases: Vec<_> = ops.iter().flat_map(|&op| FLOATS.map(|ty| Case { op, ty })).collect();
    let code = compile_cases(&cases);
    for case in cases {
        for &x in &floats() {
            for &y in &floats() {
                let operands = [float_bits(case.ty, x), float_bits(case.ty, y)];
                let model = if case.ty == Type::F32 { model_f32 } else { model_f64 };
                let want = model(case.op, operands[0], operands[1]);
                let [got, _] = run(&code, case, operands, 0);
                assert!(same_float(case.ty, got, want), "{case:?} {x} {y}: {got:x} not {want:x}");
            }
        }
    }
}

#[test]
fn float_comparisons_are_false_with_nan_but_for_not_equal() {
    use CompareOp::{Feq, Fge, Fgt, Fle, Flt, Fne};
    let ops = [Feq, Fne, Flt, Fle, Fgt, Fge];
    let cases: Vec<_> =
        ops.iter().flat_map(|&op| FLOATS.map(|ty| Case { op: Op::Compare(op), ty })).collect();
    let code = compile_cases(&cases);
    for case in cases {
        for &x in &floats() {
            for &y in &floats() {
                let operands = [float_bits(case.ty, x), float_bits(case.ty, y)];
                let (x, y) = if case.ty == Type::F32 {
                    (f64::from(x as f32), f64::from(y as f32))
                } else {
                    (x, y)
                };
                let want = match case.op {
                    Op::Compare(Feq) => x == y,
                    Op::Compare(Fne) => x != y,
                    Op::Compare(Flt) => x < y,
                    Op::Compare(Fle) => x <= y,
                    Op::Compare(Fgt) => x > y,
                    _ => x >= y,
                };
                check(case, operands, run(&code, case, operands, 0), [u128::from(want), 0]);
            }
        }
    }
}

#[test]
fn floats_to_integers_saturate() {
    let mut cases = Vec::new();
    for from in FLOATS {
        for to in [Type::I8, Type::I16, Type::I32, Type::I64] {
            cases.push(Case { op: Op::Convert(ConvertOp::FloatToSint, to), ty: from });
            cases.push(Case { op: Op::Convert(ConvertOp::FloatToUint, to), ty: from });
        }
    }
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Convert(op, to) = case.op else { unreachable!() };
        for &x in &floats() {
            let bits = float_bits(case.ty, x);
            let x = if case.ty == Type::F32 { f64::from(x as f32) } else { x };
            // Rust's casts saturate and take NaN to 0.
            let want = match (op, to) {
                (ConvertOp::FloatToSint, Type::I8) => x as i8 as u8 as u128,
                (ConvertOp::FloatToSint, Type::I16) => x as i16 as u16 as u128,
                (ConvertOp::FloatToSint, Type::I32) => x as i32 as u32 as u128,
                (ConvertOp::FloatToSint, _) => x as i64 as u64 as u128,
                (_, Type::I8) => x as u8 as u128,
                (_, Type::I16) => x as u16 as u128,
                (_, Type::I32) => x as u32 as u128,
                _ => x as u64 as u128,
            };
            check(case, [bits, 0], run(&code, case, [bits, 0], 0), [want, 0]);
        }
    }
}

#[test]
fn integers_to_floats_round_to_nearest() {
    let mut cases = Vec::new();
    for from in [Type::I8, Type::I16, Type::I32, Type::I64] {
        for to in FLOATS {
            cases.push(Case { op: Op::Convert(ConvertOp::SintToFloat, to), ty: from });
            cases.push(Case { op: Op::Convert(ConvertOp::UintToFloat, to), ty: from });
        }
    }
    let code = compile_cases(&cases);
    for case in cases {
        let Op::Convert(op, to) = case.op else { unreachable!() };
        for &x in &interesting(case.ty) {
            let want = match (op, to) {
                (ConvertOp::SintToFloat, Type::F32) => {
                    u128::from((signed(case.ty, x) as f32).to_bits())
                }
                (ConvertOp::SintToFloat, _) => u128::from((signed(case.ty, x) as f64).to_bits()),
                (_, Type::F32) => u128::from((x as f32).to_bits()),
                _ => u128::from((x as f64).to_bits()),
            };
            check(case, [x, 0], run(&code, case, [x, 0], 0), [want, 0]);
        }
    }
}

#[test]
fn floats_change_width_and_bits_are_kept() {
    let promote = Case { op: Op::Convert(ConvertOp::Promote, Type::F64), ty: Type::F32 };
    let demote = Case { op: Op::Convert(ConvertOp::Demote, Type::F32), ty: Type::F64 };
    let casts = [
        (Type::I64, Type::F64),
        (Type::F64, Type::I64),
        (Type::I32, Type::F32),
        (Type::F32, Type::I32),
        (Type::I64, Type::Ptr),
        (Type::Ptr, Type::F64),
    ]
    .map(|(ty, to)| Case { op: Op::Convert(ConvertOp::Bitcast, to), ty });
    let code = compile_cases(&[&[promote, demote][..], &casts].concat());
    for x in floats() {
        let single = float_bits(Type::F32, x);
        let [got, _] = run(&code, promote, [single, 0], 0);
        assert!(same_float(Type::F64, got, float_bits(Type::F64, f64::from(x as f32))), "{x}");
        let [got, _] = run(&code, demote, [float_bits(Type::F64, x), 0], 0);
        assert!(same_float(Type::F32, got, single), "{x}");
        for case in casts {
            let bits = float_bits(Type::F64, x) & mask(case.ty);
            check(case, [bits, 0], run(&code, case, [bits, 0], 0), [bits, 0]);
        }
    }
}

#[test]
fn wide_division_and_wide_floats_are_refused() {
    let ty = Type::I128;
    for op in [
        Op::Checked(CheckedOp::Sdiv),
        Op::Checked(CheckedOp::Urem),
        Op::Convert(ConvertOp::SintToFloat, Type::F64),
    ] {
        let mut module = Module::new("wide");
        module.funcs.push(Case { op, ty }.emit());
        let error = compile(&module, &ImportTable::new()).unwrap_err();
        assert_eq!(error.code(), "CG0006", "{error}");
    }
}
