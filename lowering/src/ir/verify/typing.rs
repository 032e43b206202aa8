//! Types of instructions and terminators, and where each kind may stand.

use super::{Entity, Report, insts};
use crate::ir::entity::{Block, Func, Slot, Value};
use crate::ir::function::{FuncKind, Function, InstData};
use crate::ir::inst::{
    Arg, Awaitee, BlockArg, BlockCall, Callee, Held, InstKind, JoinBranch, SelectArm, Terminator,
};
use crate::ir::module::Module;
use crate::ir::types::{Param, Signature, Ty, Type};
use crate::ir::visit::{EdgeKind, SlotAccess};
use std::collections::BTreeSet;

/// Reports wrong types and places; answers whether there are none.
pub(super) fn check(r: &mut Report<'_>, m: &Module, func: &Function, lowered: bool) -> bool {
    let mark = r.mark();
    let mut t = Typing { r, m, func, lowered, at: Entity::Module };
    for (block, data) in func.blocks.iter() {
        for (inst, data) in insts(func, block) {
            t.at = Entity::Inst(block, inst);
            t.inst(data);
        }
        t.at = Entity::Block(block);
        if let Some(term) = &data.term {
            t.term(term, block);
        }
    }
    r.mark() == mark
}

pub(super) struct Typing<'a, 'r> {
    pub(super) r: &'a mut Report<'r>,
    pub(super) m: &'a Module,
    pub(super) func: &'a Function,
    /// Whether the module came out of the transform.
    pub(super) lowered: bool,
    pub(super) at: Entity,
}

impl Typing<'_, '_> {
    pub(super) fn bad(&mut self, code: &'static str, message: impl Into<String>) {
        self.r.push(code, self.at, message);
    }

    pub(super) fn ty(&self, v: Value) -> Type {
        self.func.value_type(v)
    }

    pub(super) fn want(&mut self, v: Value, want: Type) {
        let have = self.ty(v);
        if have != want {
            self.bad("IR0130", format!("{v} is of type {have}, not {want}"));
        }
    }

    pub(super) fn want_that(&mut self, v: Value, fits: bool, what: &str) {
        if !fits {
            let have = self.ty(v);
            self.bad("IR0130", format!("{v} is of type {have}, not {what}"));
        }
    }

    fn inst(&mut self, data: &InstData) {
        let allowed = self.func.kind == FuncKind::Machine || self.lowered;
        if data.kind.is_machine_only() && !allowed {
            self.bad("IR0143", format!("`{}` stands outside of a machine", data.kind));
        }
        let want = self.operands(&data.kind);
        let have: Vec<Type> = data.results.iter().map(|&v| self.ty(v)).collect();
        let may_ask = matches!(data.kind, InstKind::Budget) && have == [Type::Bool];
        if have != want && !may_ask {
            let list =
                |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
            let message = format!("results are ({}), not ({})", list(&have), list(&want));
            self.bad("IR0131", message);
        }
        let mut moved = BTreeSet::new();
        let mut twice = None;
        data.kind.for_each_slot_use(|s, access| {
            if access == SlotAccess::MoveFrom && !moved.insert(s) {
                twice = Some(s);
            }
        });
        if let Some(s) = twice {
            self.bad("IR0140", format!("{s} is moved twice at once"));
        }
    }

    // ---- Calls ----

    pub(super) fn args(&mut self, params: &[Param], args: &[Arg]) {
        if params.len() != args.len() {
            let message = format!("{} arguments for {} parameters", args.len(), params.len());
            self.bad("IR0135", message);
            return;
        }
        for (i, (param, arg)) in params.iter().zip(args).enumerate() {
            self.arg(i, param.ty, *arg);
        }
    }

    fn arg(&mut self, i: usize, want: Ty, arg: Arg) {
        // A machine may hold a slot in its frame and pass its address.
        let in_machine = self.func.kind == FuncKind::Machine || self.lowered;
        let (fits, have) = match arg {
            Arg::Value(v) => {
                let have = self.ty(v);
                let by_address = in_machine && want.as_value().is_none() && have == Type::Ptr;
                // A reference is an address: one import may serve all classes.
                let counted = have.is_ref() && want == Ty::Value(Type::Ptr);
                (want == Ty::Value(have) || by_address || counted, Ty::Value(have))
            }
            Arg::Move(slot) => {
                let have = self.func.slots[slot].ty;
                (want.as_value().is_none() && want == have, have)
            }
        };
        if !fits {
            let how = if matches!(arg, Arg::Move(_)) { "moved " } else { "" };
            self.bad("IR0135", format!("argument {i} is {how}{have}, the parameter {want}"));
        }
    }

    pub(super) fn dests(&mut self, results: &[Ty], dests: &[Slot]) {
        let want: Vec<Ty> = results.iter().copied().filter(|t| t.as_value().is_none()).collect();
        if want.len() != dests.len() {
            let message = format!("{} destinations for {} results", dests.len(), want.len());
            self.bad("IR0136", message);
            return;
        }
        for (&dest, want) in dests.iter().zip(want) {
            let have = self.func.slots[dest].ty;
            if have != want {
                self.bad("IR0136", format!("{dest} is of type {have}, the result {want}"));
            }
        }
    }

    /// Destinations are distinct. (They may be among what the same call moves.)
    pub(super) fn distinct(&mut self, dests: &[Slot]) {
        let mut seen = BTreeSet::new();
        for &dest in dests {
            if !seen.insert(dest) {
                self.bad("IR0136", format!("{dest} is the destination of two results"));
            }
        }
    }

    /// Signature of something called at once; `may_fault`: there is an unwind edge.
    pub(super) fn callee(&mut self, callee: Callee, may_fault: bool) -> Signature {
        let m = self.m;
        let sig = match callee {
            Callee::Import(import) => &m.imports[import].sig,
            Callee::Func(func) => {
                let f = &m.funcs[func];
                if f.kind != FuncKind::Sync {
                    self.bad(
                        "IR0137",
                        format!("{func} is of kind {} and cannot be called", f.kind),
                    );
                }
                &f.sig
            }
        };
        if sig.faults && !may_fault {
            self.bad("IR0137", format!("{callee} can fault: the call needs an unwind edge"));
        }
        sig.clone()
    }

    /// Parameters of an async function of which a future is made.
    pub(super) fn async_params(&mut self, func: Func, also_generator: bool) -> Vec<Param> {
        let f = &self.m.funcs[func];
        let fits = match f.kind {
            FuncKind::Async | FuncKind::Machine => true,
            FuncKind::Generator => also_generator,
            FuncKind::Sync => false,
        };
        if !fits {
            self.bad(
                "IR0137",
                format!("{func} is of kind {} and cannot be used like this", f.kind),
            );
        }
        f.sig.params.clone()
    }

    // ---- Terminators ----

    fn term(&mut self, term: &Terminator, block: Block) {
        let kind = self.func.kind;
        if term.suspend_point().is_some() && !kind.is_async() {
            self.bad("IR0141", format!("functions of kind {kind} do not suspend"));
        }
        let faults = kind != FuncKind::Sync || self.func.sig.faults;
        if !faults && matches!(term, Terminator::Fault { .. } | Terminator::Unwind(_)) {
            self.bad("IR0146", "the signature says that the function cannot fault");
        }
        let mut moved = Vec::new();
        term.for_each_slot_use(|s, access| match access {
            SlotAccess::MoveFrom | SlotAccess::Await | SlotAccess::Next => moved.push(s),
            _ => {}
        });
        if moved.iter().collect::<BTreeSet<_>>().len() != moved.len() {
            self.bad("IR0140", "a slot is moved twice at once");
        }
        // Results on each edge, in the order of `targets`.
        let mut results: Vec<Vec<Type>> = Vec::new();
        let values = |r: &[Ty]| r.iter().filter_map(|t| t.as_value()).collect::<Vec<_>>();
        match term {
            Terminator::Jump(_) | Terminator::Unreachable => {}
            Terminator::Br { cond, .. } => self.want(*cond, Type::Bool),
            Terminator::Switch { value, cases, .. } => {
                let ty = self.ty(*value);
                let fits = ty.is_int() && ty != Type::I128;
                self.want_that(*value, fits, "an integer of up to 64 bits");
                let mut seen = BTreeSet::new();
                for (n, _) in cases {
                    if !seen.insert(*n) {
                        self.bad("IR0139", format!("case {n} stands twice"));
                    }
                    if fits && ty.bytes() < 8 && n >> (8 * ty.bytes()) != 0 {
                        self.bad("IR0132", format!("case {n} does not fit {ty}"));
                    }
                }
            }
            Terminator::Call { callee, args, dests, .. } => {
                let sig = self.callee(*callee, true);
                self.args(&sig.params, args);
                self.dests(&sig.results, dests);
                self.distinct(dests);
                results.push(values(&sig.results));
            }
            Terminator::Await { awaitee, dests, done, .. } => {
                if matches!(awaitee, Awaitee::Next(_)) != done.is_some() {
                    self.bad("IR0144", "`next` has a done edge, no other awaitee has");
                }
                let found = self.awaitee(awaitee);
                self.dests(&found, dests);
                self.distinct(dests);
                results.push(values(&found));
            }
            Terminator::Yield { args, .. } => {
                if kind != FuncKind::Generator {
                    self.bad("IR0141", format!("functions of kind {kind} do not yield"));
                }
                self.returned(args);
            }
            Terminator::Join { branches, .. } => {
                let (mut all, mut all_dests) = (Vec::new(), Vec::new());
                for JoinBranch { awaitee, dests } in branches {
                    let found = self.branch(awaitee);
                    self.dests(&found, dests);
                    all.extend(values(&found));
                    all_dests.extend_from_slice(dests);
                }
                self.distinct(&all_dests);
                results.push(all);
            }
            Terminator::Select { arms, .. } => {
                for SelectArm { awaitee, dests, .. } in arms {
                    let found = self.branch(awaitee);
                    self.dests(&found, dests);
                    self.distinct(dests);
                    results.push(values(&found));
                }
            }
            Terminator::Return(args) => match kind {
                FuncKind::Generator if !args.is_empty() => {
                    self.bad("IR0138", "a generator returns nothing");
                }
                FuncKind::Generator => {}
                _ => self.returned(args),
            },
            Terminator::Fault { payload, .. } => {
                if let Some(payload) = payload {
                    self.want(*payload, Type::I64);
                }
            }
            Terminator::Unwind(cause) => self.want(*cause, Type::I32),
        }
        let suspends = term.suspend_point().is_some();
        let has_cause =
            suspends || matches!(term, Terminator::Call { .. } | Terminator::Fault { .. });
        let mut edges = Vec::new();
        term.for_each_target(|to, kind| edges.push((to, kind)));
        for (i, (to, kind)) in edges.into_iter().enumerate() {
            let results = if kind == EdgeKind::Normal { results.get(i) } else { None };
            let results = results.map_or(&[][..], Vec::as_slice);
            self.edge(to, results, kind == EdgeKind::Unwind && has_cause);
        }
        self.at = Entity::Block(block);
    }

    fn returned(&mut self, args: &[Arg]) {
        let want = &self.func.sig.results;
        let fits = want.len() == args.len()
            && want.iter().zip(args).all(|(&want, arg)| match *arg {
                Arg::Value(v) => want == Ty::Value(self.ty(v)),
                Arg::Move(s) => want.as_value().is_none() && want == self.func.slots[s].ty,
            });
        if !fits {
            let want: Vec<_> = want.iter().map(Ty::to_string).collect();
            self.bad("IR0138", format!("these are not the results ({})", want.join(", ")));
        }
    }

    fn edge(&mut self, to: &BlockCall, results: &[Type], has_cause: bool) {
        let params = &self.func.blocks[to.block].params;
        if params.len() != to.args.len() {
            let (n, want) = (to.args.len(), params.len());
            self.bad("IR0124", format!("{n} arguments for {want} parameters of {}", to.block));
            return;
        }
        for (arg, &param) in to.args.iter().zip(params) {
            let have = match *arg {
                BlockArg::Value(v) => self.ty(v),
                BlockArg::Result(n) => match results.get(n as usize) {
                    Some(&ty) => ty,
                    None => {
                        self.bad("IR0126", format!("the edge to {} has no r{n}", to.block));
                        continue;
                    }
                },
                BlockArg::Cause if has_cause => Type::I32,
                BlockArg::Cause => {
                    self.bad("IR0126", format!("the edge to {} has no cause", to.block));
                    continue;
                }
            };
            let want = self.ty(param);
            if have != want {
                let message = format!("{arg} is of type {have}, {param} of {} {want}", to.block);
                self.bad("IR0125", message);
            }
        }
    }

    /// Results of the awaitee of a join or select.
    fn branch(&mut self, awaitee: &Awaitee) -> Vec<Ty> {
        if matches!(awaitee, Awaitee::Next(_) | Awaitee::Drain(_) | Awaitee::GiveWay) {
            self.bad("IR0144", format!("`{awaitee}` cannot be a branch"));
        }
        self.awaitee(awaitee)
    }

    fn awaitee(&mut self, awaitee: &Awaitee) -> Vec<Ty> {
        match awaitee {
            Awaitee::Call { func, args } => {
                let params = self.async_params(*func, false);
                self.args(&params, args);
                self.m.funcs[*func].sig.results.clone()
            }
            Awaitee::Op { op, args } => {
                let op = &self.m.ops[*op];
                self.args(&op.params, args);
                op.results.clone()
            }
            Awaitee::Future(held) => self.held(held, &[FuncKind::Async, FuncKind::Machine]),
            Awaitee::Next(held) => self.held(held, &[FuncKind::Generator, FuncKind::Machine]),
            Awaitee::Drain(held) => {
                use FuncKind::{Async, Generator, Machine};
                self.held(held, &[Async, Generator, Machine]);
                Vec::new()
            }
            Awaitee::GiveWay => Vec::new(),
        }
    }

    fn held(&mut self, held: &Held, kinds: &[FuncKind]) -> Vec<Ty> {
        match held {
            Held::Boxed { frame, results } => {
                self.want(*frame, Type::Ptr);
                results.clone()
            }
            Held::Slot(slot) => {
                let Ty::Future(func) = self.func.slots[*slot].ty else {
                    self.bad("IR0130", format!("{slot} holds no future"));
                    return Vec::new();
                };
                let f = &self.m.funcs[func];
                if !kinds.contains(&f.kind) {
                    self.bad(
                        "IR0137",
                        format!("{func} is of kind {} and cannot be used like this", f.kind),
                    );
                }
                f.sig.results.clone()
            }
        }
    }
}
