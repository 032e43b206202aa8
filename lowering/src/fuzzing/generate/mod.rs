//! Random programs: well-typed modules of async functions, generators and synchronous functions.
//!
//! In: bytes, each a choice (when they are used up, every choice is the simplest). Out: a
//! [`Program`] that the verifier accepts: awaits of operations, calls, futures and boxes; joins and
//! selects; loops, branches, early returns; owned references and structures with moves, drop flags
//! and partial initialisation; addresses that escape; cleanups that await, fail or return.
//!
//! Ownership is right by construction: what is owned is a stack, each suspend point gets an unwind
//! block of its own that drops that stack downwards, and a scope drops what it pushed.
//!
//! Every loop is bounded, calls go to later functions only, and recursion counts down.

mod body;
mod statement;

use crate::interp::Input;
use crate::ir::{Func, FuncKind, Function, Module, Param, Signature, Ty, Type, parse_module};
use body::Body;

/// Classes, structures, imports and operations of every program: the interpreter's vocabulary.
const PRELUDE: &str = r#"module "generated"
class0 = class "object" retain imp1 release imp2
ty0 = struct "pair" size 24 align 8 { "first" +0: ref(class0), "n" +8: i64, "second" +16: ref(class0) } drop fields
imp0 = import "t_note"(i64)
imp1 = import "t_retain"(ref(class0))
imp2 = import "t_release"(ref(class0))
imp3 = import "t_new"(i64) -> ref(class0)
imp4 = import "t_id"(ref(class0)) -> i64
op0 = op "op_wait" symbol "op_wait"(i64) -> i64 size 16 align 8 result 8
op1 = op "op_obj" symbol "op_obj"(i64) -> ref(class0) size 24 align 8 result 0
op2 = op "op_eat" symbol "op_eat"(ref(class0)) size 8 align 8 result 0
"#;

/// A program with the arguments of its root.
#[derive(Clone, Debug)]
pub struct Program {
    /// The functions.
    pub module: Module,
    /// The one to run.
    pub root: Func,
    /// Its arguments.
    pub args: Vec<Input>,
}

/// Choices, read from bytes.
#[derive(Debug)]
pub(super) struct Choices<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Choices<'_> {
    /// A number below `n`; 0 once the bytes are used up.
    pub(super) fn below(&mut self, n: u32) -> u32 {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        u32::from(byte) % n.max(1)
    }

    /// True in one of `n` cases.
    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == n - 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }
}

/// What a function looks like from outside.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) kind: FuncKind,
    pub(super) takes_ref: bool,
    pub(super) takes_pair: bool,
    pub(super) gives: Gives,
}

/// What a function gives besides an `i64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gives {
    Number,
    Reference,
    Pair,
}

pub(super) const OBJECT: Type = Type::Ref(crate::ir::Class::from_u32(0));
pub(super) const PAIR: Ty = Ty::Struct(crate::ir::Struct::from_u32(0));

impl Shape {
    fn new(kind: FuncKind, c: &mut Choices<'_>) -> Self {
        let gives = match c.below(4) {
            1 => Gives::Reference,
            2 => Gives::Pair,
            _ => Gives::Number,
        };
        let (takes_ref, takes_pair) = (c.one_in(3), c.one_in(4));
        match kind {
            FuncKind::Sync => Shape { kind, takes_ref: false, takes_pair, gives: Gives::Number },
            FuncKind::Generator if gives == Gives::Reference => {
                Shape { kind, takes_ref, takes_pair: false, gives: Gives::Number }
            }
            // A generator's frame is its slot: a moved parameter of it is as good as any other.
            _ => Shape { kind, takes_ref, takes_pair, gives },
        }
    }

    fn signature(self) -> Signature {
        let mut types: Vec<Ty> = vec![Type::I64.into(), Type::I64.into()];
        if self.takes_ref {
            types.push(OBJECT.into());
        }
        if self.takes_pair {
            types.push(PAIR);
        }
        let mut results: Vec<Ty> = vec![Type::I64.into()];
        match self.gives {
            Gives::Number => {}
            Gives::Reference => results.push(OBJECT.into()),
            Gives::Pair => results.push(PAIR),
        }
        let named = |(i, ty): (usize, Ty)| Param { name: format!("p{i}"), ty };
        Signature {
            params: types.into_iter().enumerate().map(named).collect(),
            results,
            faults: self.kind == FuncKind::Sync,
        }
    }
}

/// Makes the program that the bytes describe.
///
/// # Panics
///
/// If the prelude does not parse, which is our own bug.
pub fn generate(bytes: &[u8]) -> Program {
    let mut c = Choices { bytes, at: 0 };
    let mut module = parse_module(PRELUDE).expect("I: the prelude parses");
    let n = 1 + c.below(5);
    let mut shapes = vec![Shape {
        kind: FuncKind::Async,
        takes_ref: c.one_in(2),
        takes_pair: false,
        gives: Gives::Number,
    }];
    for _ in 0..n {
        let kind = match c.below(6) {
            4 => FuncKind::Generator,
            5 => FuncKind::Sync,
            _ => FuncKind::Async,
        };
        shapes.push(Shape::new(kind, &mut c));
    }
    let mut args = vec![Input::from(2), Input::from(i64::from(c.below(8)))];
    if shapes[0].takes_ref {
        args.push(Input::Object(100));
    }
    for (i, shape) in shapes.iter().enumerate() {
        let name = if i == 0 { "root".to_string() } else { format!("f{i}") };
        module.funcs.push(Function::new(name, shape.kind, shape.signature()));
    }
    for i in 0..shapes.len() {
        let func = Func::from_u32(i as u32);
        let f = module.funcs[func].clone();
        module.funcs[func] = Body::new(f, i, &shapes, &mut c).write();
    }
    Program { module, root: Func::from_u32(0), args }
}
