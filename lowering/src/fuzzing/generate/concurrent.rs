//! Joins, selects and generators.

use super::cleanup::Own;
use super::{Gen, Sort};
use crate::ir::*;

impl Gen<'_, '_, '_, '_> {
    /// Some things to await concurrently, with their results. Arguments are made first, then all
    /// are consumed together.
    fn branches(&mut self) -> Vec<(Awaitee, Vec<Sort>)> {
        enum Plan {
            Op(HostOp, Sort),
            Call(usize),
        }
        let n = 1 + self.c.below(3);
        let mut plans = Vec::new();
        let mut sorts = Vec::new();
        for _ in 0..n {
            let plan = match self.c.below(5) {
                0 => Plan::Op(self.env.wait, Sort::Int),
                1 => Plan::Op(self.env.obj, Sort::Int),
                2 => Plan::Op(self.env.eat, Sort::Obj),
                _ => match self.some_async(FuncKind::Async) {
                    Some(i) => Plan::Call(i),
                    None => Plan::Op(self.env.wait, Sort::Int),
                },
            };
            let cost = if let Plan::Call(i) = plan { self.env.made[i].cost } else { 1 };
            if !self.may_await(cost) {
                continue;
            }
            self.spend(cost);
            match plan {
                Plan::Op(_, sort) => sorts.push(sort),
                Plan::Call(i) => sorts.extend(self.env.made[i].params.iter().copied()),
            }
            plans.push(plan);
        }
        let mut args = self.args(&sorts).into_iter();
        let mut all = Vec::new();
        for plan in plans {
            all.push(match plan {
                Plan::Op(op, _) => {
                    let results = if op == self.env.wait {
                        vec![Sort::Int]
                    } else if op == self.env.obj {
                        vec![Sort::Obj]
                    } else {
                        vec![]
                    };
                    (Awaitee::Op { op, args: args.by_ref().take(1).collect() }, results)
                }
                Plan::Call(i) => {
                    let made = &self.env.made[i];
                    let args = args.by_ref().take(made.params.len()).collect();
                    (Awaitee::Call { func: made.id, args }, made.results.clone())
                }
            });
        }
        if self.c.one_in(2)
            && let Some((held, of)) = self.take_future()
        {
            all.push((Awaitee::Future(held), self.env.made[of].results.clone()));
        }
        all
    }

    pub(super) fn join(&mut self) {
        let branches = self.branches();
        if branches.is_empty() {
            return;
        }
        let mut all_sorts = Vec::new();
        let mut all_dests = Vec::new();
        let mut list = Vec::new();
        for (awaitee, sorts) in branches {
            let dests = self.dests(&sorts);
            all_sorts.extend(sorts);
            all_dests.extend_from_slice(&dests);
            list.push(JoinBranch { awaitee, dests });
        }
        let unwind = self.unwind();
        let values = self.b.join_("join", list, unwind);
        self.take_results(&all_sorts, &values, &all_dests);
    }

    pub(super) fn select(&mut self, depth: usize) {
        let branches = self.branches();
        if branches.is_empty() {
            return;
        }
        let mut sorts_of = Vec::new();
        let mut dests_of = Vec::new();
        let mut arms = Vec::new();
        for (awaitee, sorts) in branches {
            let dests = self.dests(&sorts);
            sorts_of.push(sorts);
            dests_of.push(dests.clone());
            arms.push((awaitee, dests));
        }
        let otherwise = self.c.one_in(3).then(|| self.b.create_block());
        let edge = otherwise.map(|block| BlockCall { block, args: vec![] });
        let unwind = self.unwind();
        let join = self.b.create_block();
        let open = self.b.select_("select", arms, edge, unwind);
        let mut joined = false;
        let which = self.b.declare_var(Type::I64);
        for (i, arm) in open.into_iter().enumerate() {
            self.b.switch_to_block(arm.block);
            let (base, ints, bigs) = (self.base, self.ints.clone(), self.bigs.clone());
            self.base = self.scope.len();
            self.take_results(&sorts_of[i], &arm.results, &dests_of[i]);
            if depth > 0 && self.c.one_in(2) {
                self.region(depth - 1);
            }
            if self.b.is_filled() {
                self.scope.truncate(self.base);
            } else {
                self.pop_to(self.base);
                let n = self.b.iconst(Type::I64, i as i128);
                self.b.def_var(which, n);
                self.b.jump(join, &[]);
                joined = true;
            }
            (self.base, self.ints, self.bigs) = (base, ints, bigs);
        }
        if let Some(block) = otherwise {
            self.b.seal_block(block);
            self.b.switch_to_block(block);
            let n = self.b.iconst(Type::I64, 99);
            self.b.def_var(which, n);
            self.b.jump(join, &[]);
            joined = true;
        }
        self.b.seal_block(join);
        if joined {
            self.b.switch_to_block(join);
            self.ints.push(which);
        }
    }

    /// Makes a generator, in a slot or a box, asks it for a few items and ends it.
    pub(super) fn generator(&mut self, depth: usize) {
        let Some(i) = self.some_async(FuncKind::Generator) else { return };
        let made = self.env.made[i].clone();
        self.spend(made.cost + 1);
        let args = self.args(&made.params);
        let slot = self.b.slot("g", Ty::Future(made.id));
        self.b.future(slot, made.id, args);
        let before = self.scope.len();
        let boxed = if self.c.one_in(3) {
            let frame = self.b.box_slot(BoxKind::Arena, slot);
            let var = self.b.declare_var(Type::Ptr);
            self.b.def_var(var, frame);
            self.scope.push(Own::BoxedRunning(var, i));
            Some(var)
        } else {
            self.scope.push(Own::Running(slot, i));
            None
        };
        let (head, body, exit) =
            (self.b.create_block(), self.b.create_block(), self.b.create_block());
        let count = 1 + self.c.below(3) as u64;
        let left = self.b.declare_var(Type::I64);
        let start = self.b.iconst(Type::I64, count.into());
        self.b.def_var(left, start);
        self.b.jump(head, &[]);
        self.b.switch_to_block(head);
        let (now, zero) = (self.b.use_var(left), self.b.iconst(Type::I64, 0));
        let go = self.b.compare(CompareOp::Sgt, now, zero);
        self.b.br(go, (body, &[]), (exit, &[]));
        self.b.seal_block(body);
        self.b.switch_to_block(body);
        self.times *= count;
        let results = made.results.iter().map(|&s| self.env.ty(s)).collect();
        let held = match boxed {
            Some(var) => Held::Boxed { frame: self.b.use_var(var), results },
            None => Held::Slot(slot),
        };
        let dests = self.dests(&made.results);
        let unwind = self.unwind();
        let done = BlockCall { block: exit, args: vec![] };
        let values = self.b.await_next("next", held, &dests, done, unwind);
        let (base, ints, bigs) = (self.base, self.ints.clone(), self.bigs.clone());
        self.base = self.scope.len();
        self.take_results(&made.results, &values, &dests);
        if depth > 0 && self.c.one_in(3) {
            self.region(depth - 1);
        }
        if self.b.is_filled() {
            self.scope.truncate(self.base);
        } else {
            self.pop_to(self.base);
            let (now, one) = (self.b.use_var(left), self.b.iconst(Type::I64, 1));
            let next = self.b.binary(BinaryOp::Sub, now, one);
            self.b.def_var(left, next);
            self.b.budget();
            self.b.jump(head, &[]);
        }
        (self.base, self.ints, self.bigs) = (base, ints, bigs);
        self.times /= count;
        self.b.seal_block(head);
        self.b.seal_block(exit);
        self.b.switch_to_block(exit);
        // Ends it; on the way out nothing but what was there before is owned.
        self.pop_to(before);
    }
}
