//! The statements of generated functions.

use super::body::{Body, EAT, ID, NOTE, OBJ, Owned, WAIT};
use super::{Gives, OBJECT, PAIR};
use crate::ir::{
    Arg, Awaitee, BinaryOp, BlockArg, BlockCall, BoxKind, Callee, CheckedOp, CompareOp, ConvertOp,
    Func, FuncKind, Held, InstKind, JoinBranch, SelectArm, Slot, Terminator, Ty, Type, Value,
};

/// Something to wait for, with what it gives: value types, then slots.
struct Wanted {
    awaitee: Awaitee,
    values: Vec<Type>,
    dests: Vec<Slot>,
}

impl Body<'_, '_> {
    /// Writes statements until the scope or the choices end.
    pub(super) fn statements(&mut self) {
        loop {
            if self.left == 0 || self.c.is_empty() || (self.depth > 0 && self.c.one_in(4)) {
                return;
            }
            self.left -= 1;
            self.statement();
        }
    }

    /// A nested scope, left with one number.
    fn scope(&mut self) -> Value {
        let (mark, vals) = (self.mark, self.vals.len());
        self.mark = self.owned.len();
        self.depth += 1;
        if self.depth < 4 {
            self.statements();
        }
        self.depth -= 1;
        let n = self.number();
        self.drop_down_to(self.mark);
        self.mark = mark;
        self.vals.truncate(vals);
        n
    }

    fn statement(&mut self) {
        let waits = self.f.kind != FuncKind::Sync;
        match self.c.below(26) {
            0 => self.note(),
            1 => self.arithmetic(),
            2 => self.other_widths(),
            3 => {
                let n = self.number();
                let object = self.new_object(n);
                self.keep(object);
            }
            4 => {
                let slot = self.new_pair();
                self.owned.push(Owned { slot, flag: None });
            }
            5 => self.drop_last(),
            6 => self.branch(),
            7 => self.repeat(),
            8 => self.divide(),
            9 => self.call_sync(),
            10 => self.move_pair(),
            11 => self.identify(),
            _ if !waits => self.arithmetic(),
            12 | 13 => self.wait_for_number(),
            14 => self.await_any(),
            15 => self.await_any(),
            16 => self.eat(),
            17 => self.give_way(),
            18 => self.join(),
            19 => self.select(),
            20 => self.hold_future(),
            21 => self.boxed(),
            22 => self.recurse(),
            23 => self.pinned(),
            24 => self.flagged(),
            _ if self.f.kind == FuncKind::Generator => self.hand_out(),
            _ => self.consume(),
        }
    }

    // ---- without waiting ---------------------------------------------------------------------

    fn note(&mut self) {
        let n = self.number();
        self.call(NOTE, n, None);
    }

    fn arithmetic(&mut self) {
        let ops = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Xor, BinaryOp::And];
        let op = ops[self.c.below(5) as usize];
        let (a, b) = (self.number(), self.number());
        let v = self.binary(op, a, b);
        self.vals.push(v);
    }

    /// Values of 1, 2, 4, 8 and 16 bytes live across what follows.
    fn other_widths(&mut self) {
        let n = self.number();
        let v = match self.c.below(5) {
            0 => self.compare(CompareOp::Sgt, n, 3),
            i => {
                let (op, ty) = [
                    (ConvertOp::Trunc, Type::I8),
                    (ConvertOp::Trunc, Type::I16),
                    (ConvertOp::Sext, Type::I128),
                    (ConvertOp::Bitcast, Type::F64),
                ][i as usize - 1];
                self.value(InstKind::Convert { op, arg: n, ty }, ty)
            }
        };
        self.vals.push(v);
    }

    fn drop_last(&mut self) {
        if self.owned.len() > self.mark && !self.is_generator(self.owned[self.owned.len() - 1].slot)
        {
            self.drop_down_to(self.owned.len() - 1);
        }
    }

    fn branch(&mut self) {
        let n = self.number();
        let cond = self.compare(CompareOp::Slt, n, 3);
        let (then, otherwise) = (self.f.add_block(), self.f.add_block());
        let join = self.f.add_block();
        let merged = self.f.add_block_param(join, Type::I64);
        self.br(cond, then, otherwise);
        let owned = self.owned.clone();
        self.block = then;
        let a = self.scope();
        let drainable = self.owned.iter().any(|o| self.is_generator(o.slot));
        if self.c.one_in(5) && !drainable {
            let vals = self.vals.clone();
            self.leave();
            (self.owned, self.vals) = (owned, vals);
        } else {
            self.jump(join, &[a]);
        }
        self.block = otherwise;
        let b = self.scope();
        self.jump(join, &[b]);
        self.block = join;
        self.vals.push(merged);
    }

    fn repeat(&mut self) {
        let start = self.number();
        let n = 1 + self.c.below(3);
        let count = self.int(n.into());
        let (head, body, exit) = (self.f.add_block(), self.f.add_block(), self.f.add_block());
        let i = self.f.add_block_param(head, Type::I64);
        let carried = self.f.add_block_param(head, Type::I64);
        let result = self.f.add_block_param(exit, Type::I64);
        self.jump(head, &[count, start]);
        self.block = head;
        let more = self.compare(CompareOp::Sgt, i, 0);
        let (then, otherwise) = (BlockCall::new(body, []), BlockCall::new(exit, [carried]));
        self.end(Terminator::Br { cond: more, then, otherwise });
        self.block = body;
        let vals = self.vals.len();
        self.vals.extend([i, carried]);
        let n = self.scope();
        if self.c.one_in(3) {
            let stop = self.compare(CompareOp::Eq, n, 2);
            let on = self.f.add_block();
            let (then, otherwise) = (BlockCall::new(exit, [n]), BlockCall::new(on, []));
            self.end(Terminator::Br { cond: stop, then, otherwise });
            self.block = on;
        }
        let one = self.int(1);
        let rest = self.binary(BinaryOp::Sub, i, one);
        self.inst(InstKind::Budget, &[]);
        let swapped = self.c.one_in(2);
        let next = if swapped { self.binary(BinaryOp::Add, carried, n) } else { n };
        self.jump(head, &[rest, next]);
        self.vals.truncate(vals);
        self.block = exit;
        self.vals.push(result);
    }

    /// A checked operation that faults.
    fn divide(&mut self) {
        let (a, b) = (self.number(), self.number());
        let kind = InstKind::Checked { op: CheckedOp::Srem, args: [a, b] };
        let results = self.inst(kind, &[Type::I64, Type::Bool]);
        let (bad, good) = (self.f.add_block(), self.f.add_block());
        self.br(results[1], bad, good);
        self.block = bad;
        let unwind = self.unwind();
        self.end(Terminator::Fault { code: 2, payload: Some(a), unwind: Some(unwind) });
        self.block = good;
        self.vals.push(results[0]);
    }

    fn call_sync(&mut self) {
        let Some(k) = self.later(|k| k == FuncKind::Sync) else { return self.note() };
        let args = self.args(k);
        let unwind = self.unwind();
        let (ok, params) = self.ok_block(&[Type::I64], 0);
        let to = ok.block;
        let callee = Callee::Func(Func::from_u32(k as u32));
        self.end(Terminator::Call { callee, args, dests: vec![], ok, unwind });
        self.block = to;
        self.vals.extend(params);
    }

    fn move_pair(&mut self) {
        let Some(&last) = self.owned.get(self.mark..).and_then(<[Owned]>::last) else { return };
        if last.flag.is_none() && self.f.slots[last.slot].ty == PAIR {
            let dst = self.slot(PAIR);
            self.inst(InstKind::Move { src: last.slot, dst }, &[]);
            self.owned.pop();
            self.owned.push(Owned { slot: dst, flag: None });
        }
    }

    /// Reads through some owned thing.
    fn identify(&mut self) {
        let n = self.owned.len() as u32;
        let Some(o) = self.owned.get(self.c.below(n) as usize).copied() else { return };
        let offset = match self.f.slots[o.slot].ty {
            Ty::Value(_) => 0,
            Ty::Struct(_) => 16 * self.c.below(2),
            _ => return,
        };
        if o.flag.is_none() {
            let kind = InstKind::SlotLoad { slot: o.slot, offset, ty: OBJECT };
            let object = self.value(kind, OBJECT);
            let id = self.call(ID, object, Some(Type::I64));
            self.vals.extend(id);
        }
    }

    // ---- waiting -----------------------------------------------------------------------------

    /// A later function of some kind.
    fn later(&mut self, kind: impl Fn(FuncKind) -> bool) -> Option<usize> {
        let all: Vec<usize> =
            (self.me + 1..self.shapes.len()).filter(|&k| kind(self.shapes[k].kind)).collect();
        let i = self.c.below(all.len() as u32) as usize;
        all.get(i).copied()
    }

    /// Arguments for a function.
    fn args(&mut self, k: usize) -> Vec<Arg> {
        let shape = self.shapes[k];
        let n = self.c.below(2);
        let down = self.int(n.into());
        let n = self.number();
        let mut args = vec![Arg::Value(down), Arg::Value(n)];
        if shape.takes_ref {
            let kept = self.take_reference();
            args.push(Arg::Value(kept.unwrap_or_else(|| self.new_object(n))));
        }
        if shape.takes_pair {
            args.push(Arg::Move(self.new_pair()));
        }
        args
    }

    fn gives(&mut self, k: usize) -> (Vec<Type>, Vec<Slot>) {
        match self.shapes[k].gives {
            Gives::Number => (vec![Type::I64], vec![]),
            Gives::Reference => (vec![Type::I64, OBJECT], vec![]),
            Gives::Pair => {
                let slot = self.slot(PAIR);
                (vec![Type::I64], vec![slot])
            }
        }
    }

    /// Something to wait for. Takes what it needs out of the scope.
    fn wanted(&mut self) -> Wanted {
        let held = self.owned.get(self.mark..).and_then(<[Owned]>::last).copied();
        if let Some(Owned { slot, flag: None }) = held
            && let Ty::Future(func) = self.f.slots[slot].ty
            && !self.is_generator(slot)
            && self.c.one_in(2)
        {
            self.owned.pop();
            let (values, dests) = self.gives(func.as_u32() as usize);
            return Wanted { awaitee: Awaitee::Future(Held::Slot(slot)), values, dests };
        }
        let choice = self.c.below(6);
        if choice >= 2
            && let Some(k) = self.later(|k| k == FuncKind::Async)
        {
            let args = self.args(k);
            let (values, dests) = self.gives(k);
            let func = Func::from_u32(k as u32);
            if choice == 5 {
                let ptr = self.value(InstKind::Box { kind: BoxKind::Arena, func, args }, Type::Ptr);
                let mut results: Vec<Ty> = values.iter().map(|&t| t.into()).collect();
                results.extend(dests.iter().map(|_| PAIR));
                let held = Held::Boxed { frame: ptr, results };
                return Wanted { awaitee: Awaitee::Future(held), values, dests };
            }
            return Wanted { awaitee: Awaitee::Call { func, args }, values, dests };
        }
        let n = self.number();
        let (op, ty) = if choice == 1 { (OBJ, OBJECT) } else { (WAIT, Type::I64) };
        let awaitee = Awaitee::Op { op, args: vec![Arg::Value(n)] };
        Wanted { awaitee, values: vec![ty], dests: vec![] }
    }

    /// Takes results over: numbers are known, references and slots owned.
    fn take(&mut self, params: &[Value], dests: &[Slot]) {
        for &p in params {
            if self.f.value_type(p).is_ref() {
                self.keep(p);
            } else {
                self.vals.push(p);
            }
        }
        self.owned.extend(dests.iter().map(|&slot| Owned { slot, flag: None }));
    }

    fn await_(&mut self, w: Wanted) {
        let point = self.point();
        let unwind = self.unwind();
        let (ok, params) = self.ok_block(&w.values, 0);
        let to = ok.block;
        let (awaitee, dests) = (w.awaitee, w.dests.clone());
        self.end(Terminator::Await { point, awaitee, dests, ok, done: None, unwind });
        self.block = to;
        self.take(&params, &w.dests);
    }

    fn wait_for_number(&mut self) {
        let shield = self.c.one_in(6);
        let n = self.number();
        let awaitee = Awaitee::Op { op: WAIT, args: vec![Arg::Value(n)] };
        if !shield {
            return self.await_(Wanted { awaitee, values: vec![Type::I64], dests: vec![] });
        }
        // Shielded: the unwind edge must let the shield down first.
        self.inst(InstKind::Shield(1), &[]);
        let point = self.point();
        let down = self.f.add_block();
        let cause = self.f.add_block_param(down, Type::I32);
        let (ok, params) = self.ok_block(&[Type::I64], 0);
        let to = ok.block;
        let unwind = BlockCall { block: down, args: vec![BlockArg::Cause] };
        self.end(Terminator::Await { point, awaitee, dests: vec![], ok, done: None, unwind });
        self.block = down;
        self.inst(InstKind::Shield(-1), &[]);
        let clean = self.unwind().block;
        self.jump(clean, &[cause]);
        self.block = to;
        self.inst(InstKind::Shield(-1), &[]);
        self.vals.extend(params);
    }

    fn await_any(&mut self) {
        let w = self.wanted();
        self.await_(w);
    }

    fn eat(&mut self) {
        let Some(object) = self.take_reference() else { return self.wait_for_number() };
        let awaitee = Awaitee::Op { op: EAT, args: vec![Arg::Value(object)] };
        self.await_(Wanted { awaitee, values: vec![], dests: vec![] });
    }

    fn give_way(&mut self) {
        self.await_(Wanted { awaitee: Awaitee::GiveWay, values: vec![], dests: vec![] });
    }

    fn join(&mut self) {
        let n = 1 + self.c.below(3);
        let wanted: Vec<Wanted> = (0..n).map(|_| self.wanted()).collect();
        let point = self.point();
        let unwind = self.unwind();
        let types: Vec<Type> = wanted.iter().flat_map(|w| w.values.clone()).collect();
        let dests: Vec<Slot> = wanted.iter().flat_map(|w| w.dests.clone()).collect();
        let (ok, params) = self.ok_block(&types, 0);
        let to = ok.block;
        let branch = |w: Wanted| JoinBranch { awaitee: w.awaitee, dests: w.dests };
        let branches = wanted.into_iter().map(branch).collect();
        self.end(Terminator::Join { point, branches, ok, unwind });
        self.block = to;
        self.take(&params, &dests);
    }

    fn select(&mut self) {
        let n = 1 + self.c.below(3);
        let wanted: Vec<Wanted> = (0..n).map(|_| self.wanted()).collect();
        let point = self.point();
        let unwind = self.unwind();
        let join = self.f.add_block();
        let merged = self.f.add_block_param(join, Type::I64);
        let (mut arms, mut blocks) = (Vec::new(), Vec::new());
        for w in wanted {
            let (ok, params) = self.ok_block(&w.values, 0);
            blocks.push((ok.block, params, w.dests.clone()));
            arms.push(SelectArm { awaitee: w.awaitee, dests: w.dests, ok });
        }
        let otherwise = self.c.one_in(4).then(|| self.f.add_block());
        let to = otherwise.map(|b| BlockCall::new(b, []));
        self.end(Terminator::Select { point, arms, otherwise: to, unwind });
        let other = otherwise.map(|b| (b, vec![], vec![]));
        for (block, params, dests) in blocks.into_iter().chain(other) {
            self.block = block;
            let (mark, vals) = (self.mark, self.vals.len());
            self.mark = self.owned.len();
            self.take(&params, &dests);
            let v = self.scope();
            self.drop_down_to(self.mark);
            self.mark = mark;
            self.vals.truncate(vals);
            self.jump(join, &[v]);
        }
        self.block = join;
        self.vals.push(merged);
    }

    fn hold_future(&mut self) {
        let Some(k) = self.later(|k| k == FuncKind::Async) else { return self.arithmetic() };
        let args = self.args(k);
        let func = Func::from_u32(k as u32);
        let slot = self.slot(Ty::Future(func));
        self.inst(InstKind::Future { slot, func, args }, &[]);
        self.owned.push(Owned { slot, flag: None });
    }

    /// A boxed future that is dropped unstarted.
    fn boxed(&mut self) {
        let Some(k) = self.later(|k| k == FuncKind::Async) else { return self.arithmetic() };
        let args = self.args(k);
        let func = Func::from_u32(k as u32);
        let ptr = self.value(InstKind::Box { kind: BoxKind::Arena, func, args }, Type::Ptr);
        self.inst(InstKind::DropBox(ptr), &[]);
    }

    fn recurse(&mut self) {
        if self.f.kind != FuncKind::Async || self.depth > 1 {
            return self.note();
        }
        let depth = self.f.blocks[self.f.entry].params[0];
        let cond = self.compare(CompareOp::Sgt, depth, 0);
        let (down, join) = (self.f.add_block(), self.f.add_block());
        self.br(cond, down, join);
        self.block = down;
        let (mark, vals) = (self.mark, self.vals.len());
        self.mark = self.owned.len();
        let me = self.me;
        let mut args = self.args(me);
        let one = self.int(1);
        args[0] = Arg::Value(self.binary(BinaryOp::Sub, depth, one));
        let (values, dests) = self.gives(me);
        let func = Func::from_u32(me as u32);
        self.await_(Wanted { awaitee: Awaitee::Call { func, args }, values, dests });
        self.drop_down_to(self.mark);
        self.mark = mark;
        self.vals.truncate(vals);
        self.jump(join, &[]);
        self.block = join;
    }

    /// A slot whose address is in use across a suspend.
    fn pinned(&mut self) {
        let slot = self.slot(Ty::Bytes { size: 16, align: 8 });
        self.inst(InstKind::SlotLive(slot), &[]);
        let addr = self.value(InstKind::SlotAddr { slot, offset: 8 }, Type::Ptr);
        let n = self.number();
        self.inst(InstKind::Store { addr, offset: 0, value: n }, &[]);
        self.wait_for_number();
        let back = self.value(InstKind::Load { ty: Type::I64, addr, offset: 0 }, Type::I64);
        self.inst(InstKind::SlotDead(slot), &[]);
        self.vals.push(back);
    }

    /// A reference that one path gives away: a flag says whether it is still owned.
    fn flagged(&mut self) {
        let n = self.number();
        let object = self.new_object(n);
        let slot = self.slot(OBJECT.into());
        self.store(slot, 0, object);
        let cond = self.compare(CompareOp::Slt, n, 2);
        let (give, keep, join) = (self.f.add_block(), self.f.add_block(), self.f.add_block());
        let flag = self.f.add_block_param(join, Type::Bool);
        self.br(cond, give, keep);
        self.block = give;
        self.inst(InstKind::DropSlot(slot), &[]);
        let bit = |bits| InstKind::Const { ty: Type::Bool, bits };
        let gone = self.value(bit(0), Type::Bool);
        self.jump(join, &[gone]);
        self.block = keep;
        let held = self.value(bit(1), Type::Bool);
        self.jump(join, &[held]);
        self.block = join;
        self.owned.push(Owned { slot, flag: Some(flag) });
    }

    // ---- generators --------------------------------------------------------------------------

    fn hand_out(&mut self) {
        let n = self.number();
        let mut args = vec![Arg::Value(n)];
        if self.shapes[self.me].gives == Gives::Pair {
            args.push(Arg::Move(self.new_pair()));
        }
        let point = self.point();
        let unwind = self.unwind();
        let next = self.f.add_block();
        self.end(Terminator::Yield { point, args, ok: BlockCall::new(next, []), unwind });
        self.block = next;
    }

    /// Takes some items of a generator and drains it.
    fn consume(&mut self) {
        let Some(k) = self.later(|k| k == FuncKind::Generator) else {
            return self.wait_for_number();
        };
        let args = self.args(k);
        let func = Func::from_u32(k as u32);
        let slot = self.slot(Ty::Future(func));
        self.inst(InstKind::Future { slot, func, args }, &[]);
        self.owned.push(Owned { slot, flag: None });
        let n = 1 + self.c.below(3);
        let (start, count) = (self.int(0), self.int(n.into()));
        let (head, ask, exit) = (self.f.add_block(), self.f.add_block(), self.f.add_block());
        let i = self.f.add_block_param(head, Type::I64);
        let sum = self.f.add_block_param(head, Type::I64);
        let result = self.f.add_block_param(exit, Type::I64);
        self.jump(head, &[count, start]);
        self.block = head;
        let more = self.compare(CompareOp::Sgt, i, 0);
        let (then, otherwise) = (BlockCall::new(ask, []), BlockCall::new(exit, [sum]));
        self.end(Terminator::Br { cond: more, then, otherwise });
        self.block = ask;
        let point = self.point();
        let unwind = self.unwind();
        let (values, dests) = self.gives(k);
        let (ok, params) = self.ok_block(&values, 0);
        let to = ok.block;
        self.end(Terminator::Await {
            point,
            awaitee: Awaitee::Next(Held::Slot(slot)),
            dests: dests.clone(),
            ok,
            done: Some(BlockCall::new(exit, [sum])),
            unwind,
        });
        self.block = to;
        let (mark, vals) = (self.mark, self.vals.len());
        self.mark = self.owned.len();
        self.take(&params, &dests);
        let n = self.scope();
        self.drop_down_to(self.mark);
        self.mark = mark;
        self.vals.truncate(vals);
        let one = self.int(1);
        let rest = self.binary(BinaryOp::Sub, i, one);
        let total = self.binary(BinaryOp::Add, sum, n);
        self.jump(head, &[rest, total]);
        self.block = exit;
        self.owned.pop();
        let drain = Awaitee::Drain(Held::Slot(slot));
        self.await_(Wanted { awaitee: drain, values: vec![], dests: vec![] });
        self.vals.push(result);
    }
}
