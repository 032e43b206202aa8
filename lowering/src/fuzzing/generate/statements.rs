//! Statements: one method a kind. Each keeps I1 and I2 of the module's head.

use super::cleanup::Own;
use super::{Gen, MAX_COST, Sort};
use crate::ir::*;

impl Gen<'_, '_, '_, '_> {
    /// Whether another await of something of this cost is within bounds.
    pub(super) fn may_await(&self, cost: u64) -> bool {
        self.cost.saturating_add(self.times.saturating_mul(cost)) <= MAX_COST
    }

    pub(super) fn spend(&mut self, cost: u64) {
        self.cost += self.times * cost;
    }

    /// Some statements in a region of their own; what they own is released at its end.
    pub(super) fn region(&mut self, depth: usize) {
        let (base, ints, bigs) = (self.base, self.ints.clone(), self.bigs.clone());
        self.base = self.scope.len();
        let n = 1 + self.c.below(6);
        for _ in 0..n {
            if self.b.is_filled() || self.c.is_empty() {
                break;
            }
            self.statement(depth);
        }
        if self.b.is_filled() {
            self.scope.truncate(self.base);
        } else {
            self.pop_to(self.base);
        }
        (self.base, self.ints, self.bigs) = (base, ints, bigs);
    }

    fn statement(&mut self, depth: usize) {
        match self.c.below(40) {
            0 => {
                let n = self.int();
                self.note(n);
            }
            1 => self.arithmetic(),
            2 => self.checked(),
            3 => drop(self.new_slot(Sort::Obj)),
            4 => drop(self.new_slot(Sort::Pair)),
            5 => drop(self.new_slot(Sort::Either)),
            6 => drop(self.new_slot(Sort::Big)),
            7..=9 => {
                if self.may_await(1) {
                    let n = self.int();
                    let got = self.await_op(self.env.wait, n);
                    self.put_int(got[0]);
                }
            }
            10 => {
                if self.may_await(1) {
                    let n = self.int();
                    let got = self.await_op(self.env.obj, n);
                    self.take_obj(got[0]);
                }
            }
            11 => {
                if self.may_await(1) {
                    let o = self.obj();
                    self.await_op(self.env.eat, o);
                }
            }
            12..=14 => self.await_call(),
            15 => self.make_future(),
            16 | 17 => self.use_future(),
            18 => self.make_box(),
            19 if depth > 0 => self.if_else(depth),
            20 if depth > 0 => self.counted_loop(depth),
            21 if depth > 0 => self.switch(depth),
            22 | 23 => self.join(),
            24 | 25 => self.select(depth),
            26 => self.give_way(),
            27 | 28 => self.generator(depth),
            29 | 30 if self.kind == FuncKind::Generator => self.yield_item(),
            31 => self.move_slot(),
            32 => self.drop_early(),
            33 => self.make_flagged(),
            34 => self.use_flagged(),
            35 => self.pinned(),
            36 => self.look(),
            37 => self.call_sync(),
            38 if depth > 0 => self.shielded(depth),
            39 if depth > 0 => self.early_return(),
            _ => self.look(),
        }
    }

    fn arithmetic(&mut self) {
        use BinaryOp::{Add, And, Mul, Or, Shl, Sshr, Sub, Xor};
        let op = [Add, Sub, Mul, And, Or, Xor, Shl, Sshr][self.c.below(8)];
        let (a, b) = (self.int(), self.int());
        let v = self.b.binary(op, a, b);
        self.put_int(v);
    }

    fn checked(&mut self) {
        let op =
            [CheckedOp::Sdiv, CheckedOp::Srem, CheckedOp::Sadd, CheckedOp::Umul][self.c.below(4)];
        let (a, b) = (self.int(), self.int());
        let (v, bad) = self.b.checked(op, a, b);
        let unwind = self.unwind();
        let code = if op == CheckedOp::Sdiv { 2 } else { 1 };
        self.b.fault_if(bad, code, None, Some(unwind));
        self.put_int(v);
    }

    pub(super) fn await_op(&mut self, op: HostOp, arg: Value) -> Vec<Value> {
        self.spend(1);
        let unwind = self.unwind();
        let name = if op == self.env.wait { "wait" } else { "op" };
        self.b.await_(name, Awaitee::Op { op, args: vec![Arg::Value(arg)] }, &[], unwind)
    }

    /// An async function that can be awaited now.
    pub(super) fn some_async(&mut self, kind: FuncKind) -> Option<usize> {
        let fits = |m: &super::Made| m.kind == kind && self.may_await(m.cost);
        let all: Vec<usize> =
            (0..self.env.made.len()).filter(|&i| fits(&self.env.made[i])).collect();
        if all.is_empty() { None } else { Some(all[self.c.below(all.len())]) }
    }

    fn await_call(&mut self) {
        let Some(i) = self.some_async(FuncKind::Async) else { return };
        let made = self.env.made[i].clone();
        self.spend(made.cost);
        let args = self.args(&made.params);
        let dests = self.dests(&made.results);
        let unwind = self.unwind();
        let awaitee = Awaitee::Call { func: made.id, args };
        let values = self.b.await_("call", awaitee, &dests, unwind);
        self.take_results(&made.results, &values, &dests);
    }

    fn make_future(&mut self) {
        let Some(i) = self.some_async(FuncKind::Async) else { return };
        let made = self.env.made[i].clone();
        self.spend(made.cost);
        let args = self.args(&made.params);
        let slot = self.b.slot("f", Ty::Future(made.id));
        self.b.future(slot, made.id, args);
        self.scope.push(Own::Future(slot, i));
    }

    /// Takes a future of this region out of the scope.
    pub(super) fn take_future(&mut self) -> Option<(Held, usize)> {
        let own = self.scope[self.base..]
            .iter()
            .rev()
            .find(|o| matches!(o, Own::Future(..)) || matches!(o, Own::Boxed(..)));
        let own = *own?;
        self.scope.retain(|o| *o != own);
        match own {
            Own::Future(slot, of) => Some((Held::Slot(slot), of)),
            Own::Boxed(var, of) => {
                let frame = self.b.use_var(var);
                let results = self.env.made[of].results.clone();
                let results = results.iter().map(|&s| self.env.ty(s)).collect();
                Some((Held::Boxed { frame, results }, of))
            }
            _ => None,
        }
    }

    fn use_future(&mut self) {
        let how = self.c.below(6);
        let Some((held, of)) = self.take_future() else { return };
        let sorts = self.env.made[of].results.clone();
        match (how, held) {
            (4, Held::Slot(slot)) => {
                let frame = self.b.box_slot(BoxKind::Arena, slot);
                self.own_box(frame, of);
            }
            (5, held) => {
                let unwind = self.unwind();
                self.b.await_("drain", Awaitee::Drain(held), &[], unwind);
            }
            (_, held) => {
                let dests = self.dests(&sorts);
                let unwind = self.unwind();
                let values = self.b.await_("future", Awaitee::Future(held), &dests, unwind);
                self.take_results(&sorts, &values, &dests);
            }
        }
    }

    /// A box that is not null is owned; null is a fault.
    fn own_box(&mut self, frame: Value, of: usize) {
        let null = self.b.null(Type::Ptr);
        let bad = self.b.compare(CompareOp::Eq, frame, null);
        let unwind = self.unwind();
        self.b.fault_if(bad, 7, None, Some(unwind));
        let var = self.b.declare_var(Type::Ptr);
        self.b.def_var(var, frame);
        self.scope.push(match self.env.made[of].kind {
            FuncKind::Generator => Own::BoxedRunning(var, of),
            _ => Own::Boxed(var, of),
        });
    }

    fn make_box(&mut self) {
        let Some(i) = self.some_async(FuncKind::Async) else { return };
        let made = self.env.made[i].clone();
        self.spend(made.cost);
        let args = self.args(&made.params);
        let frame = self.b.box_future(BoxKind::Arena, made.id, args);
        self.own_box(frame, i);
    }

    fn if_else(&mut self, depth: usize) {
        let cond = self.condition();
        let (then, otherwise) = (self.b.create_block(), self.b.create_block());
        let join = self.b.create_block();
        self.b.br(cond, (then, &[]), (otherwise, &[]));
        let mut joined = false;
        for side in [then, otherwise] {
            self.b.seal_block(side);
            self.b.switch_to_block(side);
            self.region(depth - 1);
            if !self.b.is_filled() {
                self.b.jump(join, &[]);
                joined = true;
            }
        }
        self.b.seal_block(join);
        if joined {
            self.b.switch_to_block(join);
        }
    }

    fn switch(&mut self, depth: usize) {
        let n = self.int();
        let join = self.b.create_block();
        let n_cases = 1 + self.c.below(3);
        let blocks: Vec<Block> = (0..=n_cases).map(|_| self.b.create_block()).collect();
        let edge = |block: &Block| BlockCall { block: *block, args: vec![] };
        let cases = blocks[1..].iter().enumerate().map(|(i, b)| (i as u64, edge(b)));
        let cases: Vec<_> = cases.collect();
        self.b.switch(n, cases, edge(&blocks[0]));
        let mut joined = false;
        for block in blocks {
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            self.region(depth - 1);
            if !self.b.is_filled() {
                self.b.jump(join, &[]);
                joined = true;
            }
        }
        self.b.seal_block(join);
        if joined {
            self.b.switch_to_block(join);
        }
    }

    fn counted_loop(&mut self, depth: usize) {
        let count = 1 + self.c.below(3) as u64;
        let left = self.b.declare_var(Type::I64);
        let start = self.b.iconst(Type::I64, count.into());
        self.b.def_var(left, start);
        let (head, body, exit) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block());
        self.b.jump(head, &[]);
        self.b.switch_to_block(head);
        let (now, zero) = (self.b.use_var(left), self.b.iconst(Type::I64, 0));
        let go = self.b.compare(CompareOp::Sgt, now, zero);
        self.b.br(go, (body, &[]), (exit, &[]));
        self.b.seal_block(body);
        self.b.switch_to_block(body);
        self.times *= count;
        self.last_cleanup = None;
        self.region(depth - 1);
        if !self.b.is_filled() {
            let (now, one) = (self.b.use_var(left), self.b.iconst(Type::I64, 1));
            let next = self.b.binary(BinaryOp::Sub, now, one);
            self.b.def_var(left, next);
            self.b.budget();
            if self.c.one_in(3) {
                let stop = self.condition();
                self.b.br(stop, (exit, &[]), (head, &[]));
            } else {
                self.b.jump(head, &[]);
            }
        }
        self.times /= count;
        self.b.seal_block(head);
        self.b.seal_block(exit);
        self.b.switch_to_block(exit);
    }

    fn give_way(&mut self) {
        if self.may_await(1) {
            self.spend(1);
            let unwind = self.unwind();
            self.b.await_("give way", Awaitee::GiveWay, &[], unwind);
        }
    }

    fn yield_item(&mut self) {
        if !self.may_await(1) {
            return;
        }
        self.spend(1);
        let sorts = self.results.clone();
        let args = self.args(&sorts);
        let unwind = self.unwind();
        self.b.yield_("item", args, unwind);
    }

    fn move_slot(&mut self) {
        let found = self.scope[self.base..].iter().rev().find_map(|o| match o {
            Own::Slot(slot, sort) => Some((*slot, *sort)),
            _ => None,
        });
        let Some((src, sort)) = found else { return };
        let ty = self.env.ty(sort);
        let dst = self.b.slot("moved", ty);
        self.b.move_slot(src, dst);
        self.scope.retain(|o| *o != Own::Slot(src, sort));
        self.scope.push(Own::Slot(dst, sort));
    }

    fn drop_early(&mut self) {
        let found = self.scope[self.base..].iter().rev().find(|o| {
            matches!(o, Own::Slot(..) | Own::Value(_) | Own::Future(..) | Own::Boxed(..))
        });
        let Some(&own) = found else { return };
        self.scope.retain(|o| *o != own);
        match own {
            Own::Slot(slot, _) | Own::Future(slot, _) => self.b.drop_slot(slot),
            Own::Value(var) => {
                let v = self.b.use_var(var);
                self.b.drop_value(v);
            }
            Own::Boxed(var, _) => {
                let v = self.b.use_var(var);
                self.b.drop_box(v);
            }
            _ => {}
        }
    }

    fn make_flagged(&mut self) {
        let ty = self.obj_type();
        let slot = self.b.slot("maybe", ty);
        let flag = self.b.declare_var(Type::Bool);
        let off = self.b.bconst(false);
        self.b.def_var(flag, off);
        self.scope.push(Own::Flagged(slot, flag));
        self.set_flagged(slot, flag);
    }

    /// On one path: drops the old contents, if any, and puts in an object.
    fn set_flagged(&mut self, slot: Slot, flag: Variable) {
        let cond = self.condition();
        let (then, join) = (self.b.create_block(), self.b.create_block());
        self.b.br(cond, (then, &[]), (join, &[]));
        self.b.seal_block(then);
        self.b.switch_to_block(then);
        self.drop_flagged(slot, flag);
        let o = if self.may_await(1) && self.c.one_in(3) {
            let n = self.int();
            self.await_op(self.env.obj, n)[0]
        } else {
            self.obj()
        };
        self.b.slot_store(slot, 0, o);
        let on = self.b.bconst(true);
        self.b.def_var(flag, on);
        self.b.jump(join, &[]);
        self.b.seal_block(join);
        self.b.switch_to_block(join);
    }

    /// Drops or eats the contents, if there are any.
    fn drop_flagged(&mut self, slot: Slot, flag: Variable) {
        let (then, join) = (self.b.create_block(), self.b.create_block());
        let cond = self.b.use_var(flag);
        self.b.br(cond, (then, &[]), (join, &[]));
        self.b.seal_block(then);
        self.b.switch_to_block(then);
        let off = self.b.bconst(false);
        if self.may_await(1) && self.c.one_in(3) {
            let ty = self.obj_type();
            let o = self.b.slot_load(slot, 0, ty);
            self.b.slot_forget(slot);
            self.b.def_var(flag, off);
            self.await_op(self.env.eat, o);
        } else {
            self.b.drop_slot(slot);
            self.b.def_var(flag, off);
        }
        self.b.jump(join, &[]);
        self.b.seal_block(join);
        self.b.switch_to_block(join);
    }

    fn use_flagged(&mut self) {
        let found = self.scope.iter().rev().find_map(|o| match o {
            Own::Flagged(slot, flag) => Some((*slot, *flag)),
            _ => None,
        });
        let Some((slot, flag)) = found else { return };
        if self.c.one_in(2) {
            self.set_flagged(slot, flag);
        } else {
            self.drop_flagged(slot, flag);
        }
    }

    /// A slot that is written and read through its address, over an await.
    fn pinned(&mut self) {
        let slot = self.b.slot("pinned", Ty::Bytes { size: 24, align: 8 });
        let addr = self.b.slot_addr(slot, 0);
        let n = self.int();
        self.b.store(addr, 8, n);
        if self.may_await(1) {
            let n = self.int();
            let got = self.await_op(self.env.wait, n);
            self.b.store(addr, 16, got[0]);
            let got = self.b.load(Type::I64, addr, 16);
            self.put_int(got);
        }
        let got = self.b.slot_load(slot, 8, Type::I64);
        self.note(got);
    }

    /// Reads something that is owned or plain.
    fn look(&mut self) {
        if let (Some(&slot), true) = (self.bigs.last(), self.c.one_in(2)) {
            let v = self.b.slot_load(slot, 120, Type::I64);
            self.put_int(v);
            return;
        }
        let ty = self.obj_type();
        let found = self.scope.iter().rev().find_map(|o| match o {
            Own::Slot(slot, Sort::Obj) => Some((*slot, 0)),
            Own::Slot(slot, Sort::Pair) => Some((*slot, 8)),
            _ => None,
        });
        let Some((slot, offset)) = found else { return };
        let o = self.b.slot_load(slot, offset, ty);
        let n = self.b.call(Callee::Import(self.env.id), [Arg::Value(o)], &[]);
        self.note(n[0]);
    }

    fn call_sync(&mut self) {
        if self.c.one_in(2) {
            let (a, b) = (self.int(), self.int());
            let calc = Callee::Func(self.env.calc);
            let v = self.b.call(calc, [Arg::Value(a), Arg::Value(b)], &[]);
            self.put_int(v[0]);
            return;
        }
        let args = self.args(&[Sort::Obj, Sort::Int]);
        let unwind = self.unwind();
        let v = self.b.call_unwind(Callee::Func(self.env.check), args, &[], unwind);
        self.put_int(v[0]);
    }

    fn shielded(&mut self, depth: usize) {
        self.b.shield(1);
        let base = std::mem::replace(&mut self.base, self.scope.len() + 1);
        self.scope.push(Own::Shield);
        self.region(depth - 1);
        if self.b.is_filled() {
            self.scope.pop();
        } else {
            let n = self.scope.len() - 1;
            self.pop_to(n);
        }
        self.base = base;
    }

    fn early_return(&mut self) {
        let cond = self.condition();
        let (leave, stay) = (self.b.create_block(), self.b.create_block());
        self.b.br(cond, (leave, &[]), (stay, &[]));
        self.b.seal_block(leave);
        self.b.switch_to_block(leave);
        self.finish_with_results();
        self.b.seal_block(stay);
        self.b.switch_to_block(stay);
    }

    /// Calls itself with a smaller number.
    pub(super) fn maybe_recursion(&mut self) {
        let only_int = self.params == [Sort::Int] && self.results == [Sort::Int];
        if self.recursed || !only_int || self.kind != FuncKind::Async || !self.c.one_in(2) {
            return;
        }
        let n = self.b.param_value(0);
        let three = self.b.iconst(Type::I64, 3);
        let n = self.b.binary(BinaryOp::And, n, three);
        let (zero, one) = (self.b.iconst(Type::I64, 0), self.b.iconst(Type::I64, 1));
        let more = self.b.compare(CompareOp::Ne, n, zero);
        let (deeper, go_on) = (self.b.create_block(), self.b.create_block());
        self.b.br(more, (deeper, &[]), (go_on, &[]));
        self.b.seal_block(deeper);
        self.b.switch_to_block(deeper);
        // Every level may run the rest of the body: at most four.
        self.times *= 4;
        self.recursed = true;
        let held = self.new_slot(Sort::Obj);
        let less = self.b.binary(BinaryOp::Sub, n, one);
        let unwind = self.unwind();
        let args = vec![Arg::Value(less)];
        let me = self.b.id();
        let got = self.b.await_("deeper", Awaitee::Call { func: me, args }, &[], unwind);
        self.note(got[0]);
        let own = Own::Slot(held, Sort::Obj);
        debug_assert!(self.scope.contains(&own));
        self.pop_to(0);
        self.b.jump(go_on, &[]);
        self.b.seal_block(go_on);
        self.b.switch_to_block(go_on);
    }
}
