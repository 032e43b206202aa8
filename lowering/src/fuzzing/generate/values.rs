//! Values of each sort: made, passed, taken over.

use super::cleanup::Own;
use super::{Gen, Sort};
use crate::ir::*;

impl Gen<'_, '_, '_, '_> {
    pub(super) fn obj_type(&self) -> Type {
        Type::Ref(self.env.class)
    }

    pub(super) fn note(&mut self, n: Value) {
        self.b.call(Callee::Import(self.env.note), [Arg::Value(n)], &[]);
    }

    /// Some integer.
    pub(super) fn int(&mut self) -> Value {
        if self.ints.is_empty() || self.c.one_in(4) {
            let n = self.c.below(8);
            return self.b.iconst(Type::I64, n as i128);
        }
        let i = self.c.below(self.ints.len().min(256));
        self.b.use_var(self.ints[i])
    }

    /// Puts an integer into a new variable or an old one.
    pub(super) fn put_int(&mut self, v: Value) {
        if !self.ints.is_empty() && self.c.one_in(3) {
            let i = self.c.below(self.ints.len().min(256));
            self.b.def_var(self.ints[i], v);
            return;
        }
        let var = self.b.declare_var(Type::I64);
        self.b.def_var(var, v);
        self.ints.push(var);
    }

    /// A condition that depends on the run.
    pub(super) fn condition(&mut self) -> Value {
        let (a, b) = (self.int(), self.int());
        let op = [CompareOp::Slt, CompareOp::Eq, CompareOp::Ne, CompareOp::Uge][self.c.below(4)];
        self.b.compare(op, a, b)
    }

    /// A new object, or one more count of an old one.
    pub(super) fn obj(&mut self) -> Value {
        let old = self.scope.iter().rev().find_map(|own| match own {
            Own::Slot(slot, Sort::Obj) => Some(*slot),
            _ => None,
        });
        if let (Some(slot), true) = (old, self.c.one_in(3)) {
            let ty = self.obj_type();
            let v = self.b.slot_load(slot, 0, ty);
            self.b.retain(v);
            return v;
        }
        let n = self.int();
        self.b.call(Callee::Import(self.env.new), [Arg::Value(n)], &[])[0]
    }

    /// A slot for this sort, sometimes with its storage marked.
    pub(super) fn slot_for(&mut self, sort: Sort) -> Slot {
        let ty = self.env.ty(sort);
        let slot = self.b.slot(["", "x", "y"][self.c.below(3)], ty);
        if self.c.one_in(4) {
            self.b.slot_live(slot);
            self.scope.push(Own::Live(slot));
        }
        slot
    }

    /// Fills a slot with a new value; the slot is owned then (or plain).
    fn fill(&mut self, slot: Slot, sort: Sort) {
        match sort {
            Sort::Int => {
                let n = self.int();
                self.b.slot_store(slot, 0, n);
            }
            Sort::Obj => {
                let o = self.obj();
                self.b.slot_store(slot, 0, o);
            }
            Sort::Pair => {
                let (n, o) = (self.int(), self.obj());
                self.b.slot_store(slot, 0, n);
                self.b.slot_store(slot, 8, o);
                self.b.slot_init(slot);
            }
            Sort::Either => {
                let is_obj = self.c.one_in(2);
                let tag = self.b.iconst(Type::I8, is_obj as i128);
                let v = if is_obj { self.obj() } else { self.int() };
                self.b.slot_store(slot, 0, tag);
                self.b.slot_store(slot, 8, v);
                self.b.slot_init(slot);
            }
            Sort::Big => {
                let (a, z) = (self.int(), self.int());
                self.b.slot_store(slot, 0, a);
                self.b.slot_store(slot, 120, z);
            }
        }
    }

    /// A new slot with a new value, in scope if it is owned.
    pub(super) fn new_slot(&mut self, sort: Sort) -> Slot {
        let slot = self.slot_for(sort);
        self.fill(slot, sort);
        self.own(slot, sort);
        slot
    }

    pub(super) fn own(&mut self, slot: Slot, sort: Sort) {
        match sort {
            Sort::Int => {}
            Sort::Big => self.bigs.push(slot),
            _ => self.scope.push(Own::Slot(slot, sort)),
        }
    }

    /// Arguments, made left to right; an argument may be awaited while those before it are owned.
    pub(super) fn args(&mut self, sorts: &[Sort]) -> Vec<Arg> {
        enum Temp {
            Int(Value),
            Obj(Variable),
            Slot(Slot),
        }
        let mut temps = Vec::new();
        for &sort in sorts {
            temps.push(match sort {
                Sort::Int => {
                    if self.may_await(1) && self.c.one_in(5) {
                        let n = self.int();
                        let got = self.await_op(self.env.wait, n);
                        Temp::Int(got[0])
                    } else {
                        Temp::Int(self.int())
                    }
                }
                Sort::Obj => {
                    let v = self.obj();
                    let ty = self.obj_type();
                    let var = self.b.declare_var(ty);
                    self.b.def_var(var, v);
                    self.scope.push(Own::Value(var));
                    Temp::Obj(var)
                }
                _ => {
                    let ty = self.env.ty(sort);
                    let slot = self.b.slot("", ty);
                    self.fill(slot, sort);
                    if sort != Sort::Big {
                        self.scope.push(Own::Slot(slot, sort));
                    }
                    Temp::Slot(slot)
                }
            });
        }
        let mut args = Vec::new();
        for temp in temps {
            args.push(match temp {
                Temp::Int(v) => Arg::Value(v),
                Temp::Obj(var) => {
                    self.scope.retain(|o| *o != Own::Value(var));
                    Arg::Value(self.b.use_var(var))
                }
                Temp::Slot(slot) => {
                    self.scope.retain(|o| !matches!(o, Own::Slot(s, _) if *s == slot));
                    Arg::Move(slot)
                }
            });
        }
        args
    }

    /// Destinations for the results that travel by slot: not owned yet.
    pub(super) fn dests(&mut self, sorts: &[Sort]) -> Vec<Slot> {
        let by_slot = sorts.iter().filter(|s| !matches!(s, Sort::Int | Sort::Obj));
        by_slot.map(|&s| (s, self.env.ty(s))).map(|(_, ty)| self.b.slot("r", ty)).collect()
    }

    /// Takes over results: values in order, and destinations, which are owned now.
    pub(super) fn take_results(&mut self, sorts: &[Sort], values: &[Value], dests: &[Slot]) {
        let (mut values, mut dests) = (values.iter(), dests.iter());
        for &sort in sorts {
            match sort {
                Sort::Int => {
                    let v = *values.next().expect("I: a value per int");
                    self.put_int(v);
                }
                Sort::Obj => {
                    let v = *values.next().expect("I: a value per object");
                    self.take_obj(v);
                }
                _ => {
                    let slot = *dests.next().expect("I: a destination per structure");
                    self.own(slot, sort);
                }
            }
        }
    }

    /// Takes over one count of an object.
    pub(super) fn take_obj(&mut self, v: Value) {
        let ty = self.obj_type();
        match self.c.below(4) {
            0 => self.b.drop_value(v),
            1 => {
                let var = self.b.declare_var(ty);
                self.b.def_var(var, v);
                self.scope.push(Own::Value(var));
            }
            _ => {
                let slot = self.b.slot("o", ty);
                self.b.slot_store(slot, 0, v);
                self.scope.push(Own::Slot(slot, Sort::Obj));
            }
        }
    }

    /// Binds the parameters.
    pub(super) fn take_params(&mut self) {
        for (i, sort) in self.params.clone().into_iter().enumerate() {
            match sort {
                Sort::Int => {
                    let v = self.b.param_value(i);
                    let var = self.b.declare_var(Type::I64);
                    self.b.def_var(var, v);
                    self.ints.push(var);
                }
                Sort::Obj => {
                    let v = self.b.param_value(i);
                    self.take_obj(v);
                }
                _ => {
                    let slot = self.b.param_slot(i).expect("I: structures arrive in slots");
                    self.own(slot, sort);
                }
            }
        }
    }

    /// Returns: releases everything, and makes the results.
    pub(super) fn finish_with_results(&mut self) {
        if self.kind == FuncKind::Generator {
            self.release_all();
            self.b.ret_args([]);
            return;
        }
        let saved = (self.scope.clone(), self.ints.clone());
        // An object result may be taken out of its slot.
        let mut taken = None;
        if self.results == [Sort::Obj] && self.c.one_in(2) {
            let found = self.scope.iter().rposition(|o| matches!(o, Own::Slot(_, Sort::Obj)));
            if let Some(i) = found
                && let Own::Slot(slot, _) = self.scope.remove(i)
            {
                let ty = self.obj_type();
                let v = self.b.slot_load(slot, 0, ty);
                self.b.slot_forget(slot);
                let var = self.b.declare_var(ty);
                self.b.def_var(var, v);
                self.scope.insert(0, Own::Value(var));
                taken = Some(var);
            }
        }
        if let Some(var) = taken {
            self.pop_to(1);
            let v = self.b.use_var(var);
            self.b.ret([v]);
        } else {
            self.pop_to(0);
            let results = self.results.clone();
            let args = self.args(&results);
            self.b.ret_args(args);
        }
        (self.scope, self.ints) = saved;
    }
}
