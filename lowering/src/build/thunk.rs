//! Thunks: async functions made around something prepared.

use std::collections::VecDeque;
use std::rc::Rc;

use super::asynch::{Operand, Post_, Prep};
use super::func::{FnCx, Own, Val};
use super::layout::Part;
use super::scope::Action;
use crate::ir::{Func, FuncKind, HostOp, Param, Signature, Slot, Span, Ty, Type, Value};
use crate::sema::types::TyId;

impl FnCx<'_, '_> {
    // ---- thunks ----

    /// An async function that awaits what was prepared, and its call.
    pub(super) fn thunk(&mut self, prep: Prep) -> Prep {
        let ty = prep.ty();
        let mut args = Vec::new();
        let template = template(prep, &mut args);
        let mut params = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            let types: Vec<Ty> = match arg.shape() {
                Shape::Struct(slot) => vec![self.e.func.slots[slot].ty],
                Shape::Parts(parts, _) => parts.iter().map(|p| Ty::Value(p.ty())).collect(),
                Shape::Future(func) => vec![Ty::Future(func)],
            };
            params.extend(types.into_iter().map(|ty| Param { name: format!("a{i}"), ty }));
        }
        let results = self.cx.part_types(ty).into_iter().map(Ty::Value).collect();
        let sig = Signature { params, results, faults: true };
        let word = template.word();
        let name = format!("{word} {}", self.cx.m.funcs.len());
        let func = self.cx.declare(name, FuncKind::Async, sig, self.e.span);
        let span = self.e.span;
        let kinds: Vec<_> = args.iter().map(Operand::shape).collect();
        let mut cx = FnCx::new(self.cx, func);
        cx.e.span = span;
        cx.thunk_body(&template, &kinds);
        cx.end(func);
        // Lent operands are owned by the thunk.
        let mut call = Vec::new();
        for arg in args {
            call.push(match arg {
                Operand::Lent(val) => {
                    let val = self.own(val);
                    Operand::Owned(self.keep(val, true))
                }
                other => other,
            });
        }
        Prep::Call { func, args: call, ty }
    }

    fn thunk_body(&mut self, template: &Template, shapes: &[Shape]) {
        let entry = self.e.func.entry;
        let mut values = self.e.func.blocks[entry].params.clone().into_iter();
        let slots: Vec<Slot> =
            self.e.func.slots.iter().filter(|(_, s)| s.param.is_some()).map(|(k, _)| k).collect();
        let mut slots = slots.into_iter();
        let mut operands = VecDeque::new();
        for shape in shapes {
            operands.push_back(match shape {
                Shape::Struct(_) => {
                    let slot = slots.next().expect("a parameter for each operand");
                    if self.cx.m.needs_drop(self.e.func.slots[slot].ty) {
                        self.push(Action::Drop(slot));
                    }
                    Operand::Struct(slot)
                }
                Shape::Future(func) => {
                    let slot = slots.next().expect("a parameter for each operand");
                    let flag = self.e.var(Type::Bool, "", Span::NONE);
                    let yes = self.e.truth(true);
                    self.e.def(flag, yes);
                    self.push(Action::DropIf(slot, flag));
                    Operand::Future(slot, Some(flag), *func)
                }
                Shape::Parts(parts, lent) => {
                    let v: Vec<Value> = values.by_ref().take(parts.len()).collect();
                    let owns = parts.iter().any(|p| p.is_owned());
                    let own = if owns { Own::Owned } else { Own::Static };
                    let val = Val { v, parts: parts.clone(), own };
                    let parked = self.park(val);
                    if *lent {
                        Operand::Lent(self.peek(&parked))
                    } else {
                        Operand::Owned(Err(parked))
                    }
                }
            });
        }
        let prep = rebuild(template, &mut operands);
        let val = self.await_prep(prep);
        self.give(val);
    }
}

/// What a thunk's parameter is.
enum Shape {
    Struct(Slot),
    Future(Func),
    /// Parts, and whether they are only lent.
    Parts(Rc<[Part]>, bool),
}

impl Operand {
    fn shape(&self) -> Shape {
        match self {
            Operand::Struct(slot) => Shape::Struct(*slot),
            Operand::Owned(Ok(val)) => Shape::Parts(val.parts.clone(), false),
            Operand::Owned(Err(p)) => Shape::Parts(p.parts(), false),
            Operand::Lent(val) => Shape::Parts(val.parts.clone(), true),
            Operand::Future(_, _, func) => Shape::Future(*func),
        }
    }
}

/// A prepared awaitable without its operands.
enum Template {
    Call { func: Func, n: usize, ty: TyId },
    Op { op: HostOp, n: usize, post: Post_, ty: TyId },
    Slot { ty: TyId },
    Boxed { ty: TyId },
    GiveWay,
    Join { list: Vec<Template>, ty: TyId },
    Timeout { of: Box<Template>, ty: TyId },
}

impl Template {
    fn word(&self) -> &'static str {
        match self {
            Template::Call { .. } => "call",
            Template::Op { .. } => "op",
            Template::Slot { .. } | Template::Boxed { .. } => "future",
            Template::GiveWay => "yield_now",
            Template::Join { .. } => "join",
            Template::Timeout { .. } => "timeout",
        }
    }
}

fn template(prep: Prep, args: &mut Vec<Operand>) -> Template {
    match prep {
        Prep::Call { func, args: list, ty } => {
            let n = list.len();
            args.extend(list);
            Template::Call { func, n, ty }
        }
        Prep::Op { op, args: list, post, ty } => {
            let n = list.len();
            args.extend(list);
            Template::Op { op, n, post, ty }
        }
        Prep::Slot { slot, flag, func, ty } => {
            args.push(Operand::Future(slot, flag, func));
            Template::Slot { ty }
        }
        Prep::Boxed { frame, ty } => {
            args.push(frame);
            Template::Boxed { ty }
        }
        Prep::GiveWay => Template::GiveWay,
        Prep::Join { list, ty } => {
            let list = list.into_iter().map(|p| template(p, args)).collect();
            Template::Join { list, ty }
        }
        Prep::Timeout { ms, of, ty } => {
            args.push(ms);
            let of = Box::new(template(*of, args));
            Template::Timeout { of, ty }
        }
    }
}

fn rebuild(t: &Template, args: &mut VecDeque<Operand>) -> Prep {
    let mut operand = || args.pop_front().expect("B7: operands come back in order");
    match t {
        Template::Call { func, n, ty } => {
            Prep::Call { func: *func, args: (0..*n).map(|_| operand()).collect(), ty: *ty }
        }
        Template::Op { op, n, post, ty } => {
            let args = (0..*n).map(|_| operand()).collect();
            Prep::Op { op: *op, args, post: *post, ty: *ty }
        }
        Template::Slot { ty } => match operand() {
            Operand::Future(slot, flag, func) => Prep::Slot { slot, flag, func, ty: *ty },
            _ => unreachable!("B7: operands come back in order"),
        },
        Template::Boxed { ty } => Prep::Boxed { frame: operand(), ty: *ty },
        Template::GiveWay => Prep::GiveWay,
        Template::Join { list, ty } => {
            Prep::Join { list: list.iter().map(|t| rebuild(t, args)).collect(), ty: *ty }
        }
        Template::Timeout { of, ty } => {
            let ms = operand();
            Prep::Timeout { ms, of: Box::new(rebuild(of, args)), ty: *ty }
        }
    }
}
