//! What an instruction or terminator mentions: values, slots and targets.
//!
//! One macro writes each traversal twice, shared and mutable, so that the two cannot differ. The
//! order is fixed: operands as printed, then the edges in the order of [`Terminator::targets`],
//! each with its arguments.

use super::entity::{Slot, Suspend, Value};
use super::inst::{
    Arg, Awaitee, BlockArg, BlockCall, Held, InstKind, JoinBranch, SelectArm, Terminator,
};

/// How an instruction or terminator touches a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SlotAccess {
    /// Its address is taken: pins it.
    Addr,
    /// Reads from it, at an offset.
    Load,
    /// Writes to it, at an offset.
    Store,
    /// Storage begins.
    Live,
    /// Storage ends.
    Dead,
    /// Contents are complete: owned from here.
    Init,
    /// Contents were taken over piecewise: not owned from here.
    Forget,
    /// Drops the contents.
    Drop,
    /// Takes the contents; the bytes are undefined afterwards (moves, `Arg::Move`, `BoxSlot`).
    MoveFrom,
    /// Writes the whole contents: destination of a move, of `Future` or of a call without edges.
    MoveTo,
    /// Destination of a terminator's result: written on the edge with this index in
    /// [`Terminator::targets`], and on no other.
    DestOn(u32),
    /// A future or generator that is awaited or drained; consumed on every edge.
    Await,
    /// A generator asked for its next item; it stays where it is, owned.
    Next,
}

impl SlotAccess {
    /// Whether the contents are needed: a slot is live before such an access.
    pub fn reads(self) -> bool {
        match self {
            SlotAccess::Addr
            | SlotAccess::Load
            | SlotAccess::Init
            | SlotAccess::Drop
            | SlotAccess::MoveFrom
            | SlotAccess::Await
            | SlotAccess::Next => true,
            SlotAccess::Store
            | SlotAccess::Live
            | SlotAccess::Dead
            | SlotAccess::Forget
            | SlotAccess::MoveTo
            | SlotAccess::DestOn(_) => false,
        }
    }
}

/// What kind of edge a target is reached by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EdgeKind {
    /// Ordinary control flow, also an `ok` edge.
    Normal,
    /// A generator has ended (`done`), or a select has no ready arm (`otherwise`).
    Other,
    /// Cleanup after a fault or cancel.
    Unwind,
}

macro_rules! traversals {
    ($uses:ident, $inst_uses:ident, $args:ident, $edge:ident, $awaitee:ident, $iter:ident $(, $m:ident)?) => {
        fn $args(args: & $($m)? [Arg], f: &mut impl FnMut(& $($m)? Value)) {
            for arg in args {
                if let Arg::Value(v) = arg {
                    f(v);
                }
            }
        }

        fn $edge(edge: & $($m)? BlockCall, f: &mut impl FnMut(& $($m)? Value)) {
            for arg in & $($m)? edge.args {
                if let BlockArg::Value(v) = arg {
                    f(v);
                }
            }
        }

        fn $awaitee(a: & $($m)? Awaitee, f: &mut impl FnMut(& $($m)? Value)) {
            match a {
                Awaitee::Call { args, .. } | Awaitee::Op { args, .. } => $args(args, f),
                Awaitee::Future(held) | Awaitee::Next(held) | Awaitee::Drain(held) => {
                    if let Held::Boxed { frame, .. } = held {
                        f(frame);
                    }
                }
                Awaitee::GiveWay => {}
            }
        }

        fn $inst_uses(kind: & $($m)? InstKind, f: &mut impl FnMut(& $($m)? Value)) {
            match kind {
                InstKind::Const { .. }
                | InstKind::Null { .. }
                | InstKind::FuncAddr(_)
                | InstKind::MachineAddr(_)
                | InstKind::DataAddr(..)
                | InstKind::DataRef(..)
                | InstKind::SlotAddr { .. }
                | InstKind::SlotLoad { .. }
                | InstKind::SlotLive(_)
                | InstKind::SlotDead(_)
                | InstKind::SlotInit(_)
                | InstKind::SlotForget(_)
                | InstKind::DropSlot(_)
                | InstKind::Move { .. }
                | InstKind::BoxSlot { .. }
                | InstKind::Budget
                | InstKind::Shield(_)
                | InstKind::StackOk
                | InstKind::Ctx
                | InstKind::SiteAddr { .. }
                | InstKind::ResumeAddr(_)
                | InstKind::PollAddr(_)
                | InstKind::SpanAddr => {}
                InstKind::Unary { arg, .. } | InstKind::Convert { arg, .. } => f(arg),
                InstKind::Binary { args, .. }
                | InstKind::Checked { args, .. }
                | InstKind::Compare { args, .. } => {
                    for arg in args {
                        f(arg);
                    }
                }
                InstKind::Select { cond, args } => {
                    f(cond);
                    for arg in args {
                        f(arg);
                    }
                }
                InstKind::SlotStore { value, .. } => f(value),
                InstKind::Load { addr, .. } | InstKind::PtrOffset { base: addr, .. } => f(addr),
                InstKind::Store { addr, value, .. } => {
                    f(addr);
                    f(value);
                }
                InstKind::Copy { dst, src, .. } => {
                    f(dst);
                    f(src);
                }
                InstKind::Retain(v) | InstKind::Drop(v) | InstKind::DropBox(v) => f(v),
                InstKind::Call { args, .. }
                | InstKind::Future { args, .. }
                | InstKind::Box { args, .. } => $args(args, f),
                InstKind::ResumeFunc { frame, .. } => f(frame),
                InstKind::ResumePtr { resume, frame } => {
                    f(resume);
                    f(frame);
                }
                InstKind::OpStart { storage, args, .. } => {
                    f(storage);
                    $args(args, f);
                }
                InstKind::OpPoll { storage, .. } => f(storage),
                InstKind::CtxCall { args, .. } => {
                    for arg in args {
                        f(arg);
                    }
                }
            }
        }

        fn $uses(term: & $($m)? Terminator, f: &mut impl FnMut(& $($m)? Value)) {
            match term {
                Terminator::Jump(to) => $edge(to, f),
                Terminator::Br { cond, then, otherwise } => {
                    f(cond);
                    $edge(then, f);
                    $edge(otherwise, f);
                }
                Terminator::Switch { value, cases, default } => {
                    f(value);
                    for (_, to) in cases {
                        $edge(to, f);
                    }
                    $edge(default, f);
                }
                Terminator::Call { args, ok, unwind, .. } | Terminator::Yield { args, ok, unwind, .. } => {
                    $args(args, f);
                    $edge(ok, f);
                    $edge(unwind, f);
                }
                Terminator::Await { awaitee, ok, done, unwind, .. } => {
                    $awaitee(awaitee, f);
                    $edge(ok, f);
                    if let Some(done) = done {
                        $edge(done, f);
                    }
                    $edge(unwind, f);
                }
                Terminator::Join { branches, ok, unwind, .. } => {
                    for JoinBranch { awaitee, .. } in branches {
                        $awaitee(awaitee, f);
                    }
                    $edge(ok, f);
                    $edge(unwind, f);
                }
                Terminator::Select { arms, otherwise, unwind, .. } => {
                    for SelectArm { awaitee, .. } in arms.$iter() {
                        $awaitee(awaitee, f);
                    }
                    for SelectArm { ok, .. } in arms {
                        $edge(ok, f);
                    }
                    if let Some(otherwise) = otherwise {
                        $edge(otherwise, f);
                    }
                    $edge(unwind, f);
                }
                Terminator::Return(args) => $args(args, f),
                Terminator::Fault { payload, unwind, .. } => {
                    if let Some(payload) = payload {
                        f(payload);
                    }
                    if let Some(unwind) = unwind {
                        $edge(unwind, f);
                    }
                }
                Terminator::Unwind(cause) => f(cause),
                Terminator::Unreachable => {}
            }
        }
    };
}

traversals!(term_uses, inst_uses, arg_uses, edge_uses, awaitee_uses, iter);
traversals!(
    term_uses_mut,
    inst_uses_mut,
    arg_uses_mut,
    edge_uses_mut,
    awaitee_uses_mut,
    iter_mut,
    mut
);

macro_rules! slot_traversals {
    ($inst:ident, $term:ident, $args:ident, $awaitee:ident $(, $m:ident)?) => {
        fn $args(args: & $($m)? [Arg], f: &mut impl FnMut(& $($m)? Slot, SlotAccess)) {
            for arg in args {
                if let Arg::Move(s) = arg {
                    f(s, SlotAccess::MoveFrom);
                }
            }
        }

        fn $awaitee(a: & $($m)? Awaitee, f: &mut impl FnMut(& $($m)? Slot, SlotAccess)) {
            match a {
                Awaitee::Call { args, .. } | Awaitee::Op { args, .. } => $args(args, f),
                Awaitee::Future(Held::Slot(s)) | Awaitee::Drain(Held::Slot(s)) => {
                    f(s, SlotAccess::Await);
                }
                Awaitee::Next(Held::Slot(s)) => f(s, SlotAccess::Next),
                Awaitee::Future(_) | Awaitee::Next(_) | Awaitee::Drain(_) | Awaitee::GiveWay => {}
            }
        }

        fn $inst(kind: & $($m)? InstKind, f: &mut impl FnMut(& $($m)? Slot, SlotAccess)) {
            match kind {
                InstKind::SlotAddr { slot, .. } => f(slot, SlotAccess::Addr),
                InstKind::SlotLoad { slot, .. } => f(slot, SlotAccess::Load),
                InstKind::SlotStore { slot, .. } => f(slot, SlotAccess::Store),
                InstKind::SlotLive(s) => f(s, SlotAccess::Live),
                InstKind::SlotDead(s) => f(s, SlotAccess::Dead),
                InstKind::SlotInit(s) => f(s, SlotAccess::Init),
                InstKind::SlotForget(s) => f(s, SlotAccess::Forget),
                InstKind::DropSlot(s) => f(s, SlotAccess::Drop),
                InstKind::Move { src, dst } => {
                    f(src, SlotAccess::MoveFrom);
                    f(dst, SlotAccess::MoveTo);
                }
                InstKind::Call { args, dests, .. } => {
                    $args(args, f);
                    for d in dests {
                        f(d, SlotAccess::MoveTo);
                    }
                }
                InstKind::Future { slot, args, .. } => {
                    $args(args, f);
                    f(slot, SlotAccess::MoveTo);
                }
                InstKind::Box { args, .. } | InstKind::OpStart { args, .. } => $args(args, f),
                InstKind::BoxSlot { slot, .. } => f(slot, SlotAccess::MoveFrom),
                _ => {}
            }
        }

        fn $term(term: & $($m)? Terminator, f: &mut impl FnMut(& $($m)? Slot, SlotAccess)) {
            match term {
                Terminator::Call { args, dests, .. } => {
                    $args(args, f);
                    for d in dests {
                        f(d, SlotAccess::DestOn(0));
                    }
                }
                Terminator::Await { awaitee, dests, .. } => {
                    $awaitee(awaitee, f);
                    for d in dests {
                        f(d, SlotAccess::DestOn(0));
                    }
                }
                Terminator::Yield { args, .. } | Terminator::Return(args) => $args(args, f),
                Terminator::Join { branches, .. } => {
                    for JoinBranch { awaitee, dests } in branches {
                        $awaitee(awaitee, f);
                        for d in dests {
                            f(d, SlotAccess::DestOn(0));
                        }
                    }
                }
                Terminator::Select { arms, .. } => {
                    for (i, SelectArm { awaitee, dests, .. }) in (0u32..).zip(arms) {
                        $awaitee(awaitee, f);
                        for d in dests {
                            f(d, SlotAccess::DestOn(i));
                        }
                    }
                }
                Terminator::Jump(_)
                | Terminator::Br { .. }
                | Terminator::Switch { .. }
                | Terminator::Fault { .. }
                | Terminator::Unwind(_)
                | Terminator::Unreachable => {}
            }
        }
    };
}

slot_traversals!(inst_slots, term_slots, arg_slots, awaitee_slots);
slot_traversals!(inst_slots_mut, term_slots_mut, arg_slots_mut, awaitee_slots_mut, mut);

macro_rules! target_traversal {
    ($name:ident $(, $m:ident)?) => {
        fn $name<'a>(
            term: &'a $($m)? Terminator,
            f: &mut impl FnMut(&'a $($m)? BlockCall, EdgeKind),
        ) {
            match term {
                Terminator::Jump(to) => f(to, EdgeKind::Normal),
                Terminator::Br { then, otherwise, .. } => {
                    f(then, EdgeKind::Normal);
                    f(otherwise, EdgeKind::Normal);
                }
                Terminator::Switch { cases, default, .. } => {
                    for (_, to) in cases {
                        f(to, EdgeKind::Normal);
                    }
                    f(default, EdgeKind::Normal);
                }
                Terminator::Call { ok, unwind, .. }
                | Terminator::Yield { ok, unwind, .. }
                | Terminator::Join { ok, unwind, .. } => {
                    f(ok, EdgeKind::Normal);
                    f(unwind, EdgeKind::Unwind);
                }
                Terminator::Await { ok, done, unwind, .. } => {
                    f(ok, EdgeKind::Normal);
                    if let Some(done) = done {
                        f(done, EdgeKind::Other);
                    }
                    f(unwind, EdgeKind::Unwind);
                }
                Terminator::Select { arms, otherwise, unwind, .. } => {
                    for arm in arms {
                        f(& $($m)? arm.ok, EdgeKind::Normal);
                    }
                    if let Some(otherwise) = otherwise {
                        f(otherwise, EdgeKind::Other);
                    }
                    f(unwind, EdgeKind::Unwind);
                }
                Terminator::Fault { unwind, .. } => {
                    if let Some(unwind) = unwind {
                        f(unwind, EdgeKind::Unwind);
                    }
                }
                Terminator::Return(_) | Terminator::Unwind(_) | Terminator::Unreachable => {}
            }
        }
    };
}

target_traversal!(each_target);
target_traversal!(each_target_mut, mut);

impl BlockCall {
    /// Calls `f` with each value passed along.
    pub fn for_each_use(&self, mut f: impl FnMut(Value)) {
        edge_uses(self, &mut |v| f(*v));
    }
    /// Replaces each value passed along.
    pub fn map_uses(&mut self, mut f: impl FnMut(Value) -> Value) {
        edge_uses_mut(self, &mut |v| *v = f(*v));
    }
}

impl Awaitee {
    /// Calls `f` with each value used.
    pub fn for_each_use(&self, mut f: impl FnMut(Value)) {
        awaitee_uses(self, &mut |v| f(*v));
    }
    /// Replaces each value used.
    pub fn map_uses(&mut self, mut f: impl FnMut(Value) -> Value) {
        awaitee_uses_mut(self, &mut |v| *v = f(*v));
    }
    /// Calls `f` with each slot touched, and how.
    pub fn for_each_slot_use(&self, mut f: impl FnMut(Slot, SlotAccess)) {
        awaitee_slots(self, &mut |s, a| f(*s, a));
    }
}

impl InstKind {
    /// Calls `f` with each value used, in order, with repetitions.
    pub fn for_each_use(&self, mut f: impl FnMut(Value)) {
        inst_uses(self, &mut |v| f(*v));
    }
    /// Replaces each value used.
    pub fn map_uses(&mut self, mut f: impl FnMut(Value) -> Value) {
        inst_uses_mut(self, &mut |v| *v = f(*v));
    }
    /// Calls `f` with each slot touched, and how.
    pub fn for_each_slot_use(&self, mut f: impl FnMut(Slot, SlotAccess)) {
        inst_slots(self, &mut |s, a| f(*s, a));
    }
    /// Replaces each slot touched.
    pub fn map_slots(&mut self, mut f: impl FnMut(Slot) -> Slot) {
        inst_slots_mut(self, &mut |s, _| *s = f(*s));
    }
    /// Whether only the transform makes it, for machines.
    pub fn is_machine_only(&self) -> bool {
        matches!(
            self,
            InstKind::SiteAddr { .. }
                | InstKind::ResumeAddr(_)
                | InstKind::PollAddr(_)
                | InstKind::ResumeFunc { .. }
                | InstKind::ResumePtr { .. }
                | InstKind::OpStart { .. }
                | InstKind::OpPoll { .. }
                | InstKind::CtxCall { .. }
                | InstKind::SpanAddr
        )
    }
}

impl Terminator {
    /// Calls `f` with each value used, those passed along edges included.
    pub fn for_each_use(&self, mut f: impl FnMut(Value)) {
        term_uses(self, &mut |v| f(*v));
    }
    /// Calls `f` with each value used, those passed along edges excluded.
    pub fn for_each_operand(&self, mut f: impl FnMut(Value)) {
        let mut in_edges = 0;
        self.for_each_target(|to, _| to.for_each_use(|_| in_edges += 1));
        let mut all = Vec::new();
        self.for_each_use(|v| all.push(v));
        all.truncate(all.len() - in_edges);
        all.into_iter().for_each(&mut f);
    }
    /// Replaces each value used, those passed along edges included.
    pub fn map_uses(&mut self, mut f: impl FnMut(Value) -> Value) {
        term_uses_mut(self, &mut |v| *v = f(*v));
    }
    /// Calls `f` with each slot touched, and how.
    pub fn for_each_slot_use(&self, mut f: impl FnMut(Slot, SlotAccess)) {
        term_slots(self, &mut |s, a| f(*s, a));
    }
    /// Replaces each slot touched.
    pub fn map_slots(&mut self, mut f: impl FnMut(Slot) -> Slot) {
        term_slots_mut(self, &mut |s, _| *s = f(*s));
    }
    /// Calls `f` with each edge, in order: `ok` edges (arms, cases), `done` or `otherwise`,
    /// `unwind`.
    pub fn for_each_target<'a>(&'a self, mut f: impl FnMut(&'a BlockCall, EdgeKind)) {
        each_target(self, &mut f);
    }
    /// All edges, in the order of [`Terminator::for_each_target`].
    pub fn targets(&self) -> Vec<&BlockCall> {
        let mut all = Vec::new();
        each_target(self, &mut |to, _| all.push(to));
        all
    }
    /// The edge of an index in that order.
    pub fn target(&self, index: usize) -> Option<&BlockCall> {
        let (mut at, mut found) = (0, None);
        each_target(self, &mut |to, _| {
            if at == index {
                found = Some(to);
            }
            at += 1;
        });
        found
    }
    /// All edges, in the order of [`Terminator::for_each_target`].
    pub fn targets_mut(&mut self) -> Vec<&mut BlockCall> {
        let mut all = Vec::new();
        each_target_mut(self, &mut |to, _| all.push(to));
        all
    }
    /// The unwind edge, if there is one.
    pub fn unwind_target(&self) -> Option<&BlockCall> {
        let mut found = None;
        each_target(self, &mut |to, kind| {
            if kind == EdgeKind::Unwind {
                found = Some(to);
            }
        });
        found
    }
    /// The suspend point it names, if it can suspend.
    pub fn suspend_point(&self) -> Option<Suspend> {
        match self {
            Terminator::Await { point, .. }
            | Terminator::Yield { point, .. }
            | Terminator::Join { point, .. }
            | Terminator::Select { point, .. } => Some(*point),
            _ => None,
        }
    }
}
