//! What is owned, and how it is released: at the end of its region and on unwind edges.

use super::{Gen, Sort};
use crate::ir::*;

/// Something that every exit must release.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Own {
    /// An owned slot.
    Slot(Slot, Sort),
    /// A slot owned iff the variable is true; of sort `Obj`.
    Flagged(Slot, Variable),
    /// A reference in a variable.
    Value(Variable),
    /// A future that has not started: its slot, and which function (index in `Env::made`).
    Future(Slot, usize),
    /// A generator that may have started.
    Running(Slot, usize),
    /// A boxed future that has not started.
    Boxed(Variable, usize),
    /// A boxed generator that may have started.
    BoxedRunning(Variable, usize),
    /// Storage that began.
    Live(Slot),
    /// A raised shield.
    Shield,
}

impl Gen<'_, '_, '_, '_> {
    /// Releases the entries from the top down to `n` at this point.
    pub(super) fn pop_to(&mut self, n: usize) {
        while self.scope.len() > n {
            let own = self.scope.pop().expect("I: longer than n");
            self.release(own, false);
        }
    }

    /// Releases everything at this point, which is left by a return.
    pub(super) fn release_all(&mut self) {
        let saved = self.scope.clone();
        self.pop_to(0);
        self.scope = saved;
    }

    /// Releases one thing. Awaits in it unwind to the rest of the cleanup, or to a new one.
    fn release(&mut self, own: Own, in_cleanup: bool) {
        match own {
            Own::Slot(slot, _) | Own::Future(slot, _) => self.b.drop_slot(slot),
            Own::Flagged(slot, flag) => {
                let (then, join) = (self.b.create_block(), self.b.create_block());
                let cond = self.b.use_var(flag);
                self.b.br(cond, (then, &[]), (join, &[]));
                self.b.seal_block(then);
                self.b.switch_to_block(then);
                self.b.drop_slot(slot);
                self.b.jump(join, &[]);
                self.b.seal_block(join);
                self.b.switch_to_block(join);
                let off = self.b.bconst(false);
                self.b.def_var(flag, off);
            }
            Own::Value(var) => {
                let v = self.b.use_var(var);
                self.b.drop_value(v);
            }
            Own::Running(slot, _) => {
                self.await_or_go_on("drain", Awaitee::Drain(Held::Slot(slot)), in_cleanup);
            }
            Own::Boxed(var, _) => {
                let v = self.b.use_var(var);
                self.b.drop_box(v);
            }
            Own::BoxedRunning(var, of) => {
                let frame = self.b.use_var(var);
                let results = self.env.made[of].results.clone();
                let results = results.iter().map(|&s| self.env.ty(s)).collect();
                let held = Held::Boxed { frame, results };
                self.await_or_go_on("drain box", Awaitee::Drain(held), in_cleanup);
            }
            Own::Live(slot) => self.b.slot_dead(slot),
            Own::Shield => self.b.shield(-1),
        }
    }

    /// Awaits something without results. In cleanup a failure goes on in the same place.
    fn await_or_go_on(&mut self, name: &str, awaitee: Awaitee, in_cleanup: bool) {
        if !in_cleanup {
            let unwind = self.unwind();
            self.b.await_(name, awaitee, &[], unwind);
            return;
        }
        let failed = self.b.create_block();
        self.b.append_block_param(failed, Type::I32);
        let unwind = self.b.unwind_edge(failed, &[]);
        self.b.await_(name, awaitee, &[], unwind);
        let join = self.b.create_block();
        self.b.jump(join, &[]);
        self.b.seal_block(failed);
        self.b.switch_to_block(failed);
        self.b.jump(join, &[]);
        self.b.seal_block(join);
        self.b.switch_to_block(join);
    }

    /// An edge to cleanup for what is owned now. The current block stays current.
    pub(super) fn unwind(&mut self) -> BlockCall {
        if let Some((scope, ints, block)) = &self.last_cleanup
            && (scope, ints) == (&self.scope, &self.ints)
            && !self.c.one_in(3)
        {
            let block = *block;
            return self.b.unwind_edge(block, &[]);
        }
        let back = self.b.current_block().expect("I: an edge leaves an open block");
        let block = self.b.create_block();
        let cause = self.b.append_block_param(block, Type::I32);
        self.b.switch_to_block(block);
        self.extra_cleanup();
        for own in self.scope.clone().into_iter().rev() {
            self.release(own, true);
        }
        self.b.unwind(cause);
        self.b.switch_to_block(back);
        self.last_cleanup = Some((self.scope.clone(), self.ints.clone(), block));
        self.b.unwind_edge(block, &[])
    }

    /// A defer: notes, awaits under the shield, rarely faults.
    fn extra_cleanup(&mut self) {
        match self.c.below(24) {
            1..=3 => {
                let n = self.b.iconst(Type::I64, 700);
                self.note(n);
            }
            4..=6 => {
                let n = self.b.iconst(Type::I64, 800);
                self.b.shield(1);
                let args = vec![Arg::Value(n)];
                let failed = self.b.create_block();
                self.b.append_block_param(failed, Type::I32);
                let unwind = self.b.unwind_edge(failed, &[]);
                let awaitee = Awaitee::Op { op: self.env.wait, args };
                let got = self.b.await_("defer", awaitee, &[], unwind);
                self.note(got[0]);
                let join = self.b.create_block();
                self.b.jump(join, &[]);
                self.b.seal_block(failed);
                self.b.switch_to_block(failed);
                self.b.jump(join, &[]);
                self.b.seal_block(join);
                self.b.switch_to_block(join);
                self.b.shield(-1);
            }
            7 if self.c.one_in(4) => {
                let n = self.int();
                let zero = self.b.iconst(Type::I64, 0);
                let bad = self.b.compare(CompareOp::Eq, n, zero);
                self.b.fault_if(bad, 5, Some(n), None);
            }
            _ => {}
        }
    }
}
