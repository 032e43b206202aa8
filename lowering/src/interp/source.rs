//! The source form: coroutines with explicit stacks of activations, no frames.
//!
//! A *strand* is a chain of awaiting coroutines (and the synchronous calls on top): the task's, or
//! that of one branch of a join. Its last coroutine is the leaf. A generator that yields leaves the
//! chain and waits aside under the address of whatever holds it.
//!
//! This file knows nothing of the transform; it says what programs mean.

use super::branches::Join;
use super::engine::{Act, Engine, Finish, Flow, Res};
use super::value::Datum;
use crate::ir::{Arg, Awaitee, Func, FuncKind, Held, HostOp, Inst, InstKind, Terminator, Ty};
use std::collections::BTreeMap;
use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, VT_ITEM};

/// What the last coroutine of a strand does.
#[derive(Debug)]
pub(super) enum Wait {
    /// It has not started; its arguments are in place.
    Unstarted,
    /// It runs, or waits for the coroutine above it.
    Running,
    /// It waits for a host operation.
    Op(u32, HostOp),
    /// It gave way.
    GaveWay,
    /// It handed out an item.
    Yielded,
    /// It waits for its branches.
    Join(Box<Join>),
}

/// A coroutine, or a synchronous call, on a strand.
#[derive(Debug)]
pub(super) struct Co {
    pub(super) act: Act,
    pub(super) wait: Wait,
    /// For a held generator: the address that holds it.
    held: Option<u64>,
}

/// Whether a cancel was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Cancel {
    #[default]
    None,
    Asked,
    Taken,
}

/// A chain of coroutines, the leaf last; or a single host operation.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pub(super) stack: Vec<Co>,
    pub(super) op: Option<(u32, HostOp)>,
    pub(super) cancel: Cancel,
    pub(super) shield: u32,
}

impl Strand {
    fn deliverable(&self) -> bool {
        self.cancel == Cancel::Asked && self.shield == 0
    }
    pub(super) fn ask(&mut self) {
        if self.cancel == Cancel::None {
            self.cancel = Cancel::Asked;
        }
    }
    fn top(&mut self) -> Res<&mut Co> {
        self.stack.last_mut().ok_or_else(|| "an empty strand was resumed".to_string())
    }
}

/// A boxed future that was not started, or a boxed generator.
#[derive(Debug)]
struct Boxed {
    func: Func,
}

/// The source form of a run.
pub(super) struct Source<'m> {
    pub(super) e: Engine<'m>,
    pub(super) root: Strand,
    /// The last resume suspended at a place that just gives way.
    pub(super) requeued: bool,
    /// How many joins are being run inside each other.
    pub(super) nesting: u32,
    boxes: BTreeMap<u64, Boxed>,
    /// Generators between two items, by the address that holds them.
    aside: BTreeMap<u64, Co>,
}

impl<'m> Source<'m> {
    pub(super) fn new(e: Engine<'m>) -> Self {
        let root = Strand::default();
        Source {
            e,
            root,
            requeued: false,
            nesting: 0,
            boxes: BTreeMap::new(),
            aside: BTreeMap::new(),
        }
    }

    /// Puts the root coroutine in place.
    pub(super) fn start(&mut self, func: Func, args: Vec<Datum>) -> Res<()> {
        self.root = self.strand(func, args)?;
        Ok(())
    }

    /// Runs the root until it suspends (`None`), hands out an item or ends.
    pub(super) fn resume(&mut self) -> Res<Option<Finish>> {
        self.requeued = false;
        let mut root = std::mem::take(&mut self.root);
        let done = self.run(&mut root);
        self.root = root;
        done
    }

    /// Things that are left over at the end, for a complaint.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let boxes = self.boxes.keys().map(|_| "a boxed future was never awaited or dropped");
        let aside = self.aside.keys().map(|_| "a started generator was never drained");
        boxes.chain(aside).map(str::to_string).collect()
    }

    /// A strand of one coroutine that has not started.
    pub(super) fn strand(&mut self, func: Func, args: Vec<Datum>) -> Res<Strand> {
        let act = self.e.activate(func, args)?;
        let stack = vec![Co { act, wait: Wait::Unstarted, held: None }];
        Ok(Strand { stack, ..Strand::default() })
    }

    /// Runs a strand until it suspends (`None`) or its first coroutine ends or yields.
    ///
    /// A cancel is delivered here and nowhere else: to a suspended leaf, once, without a shield.
    pub(super) fn run(&mut self, s: &mut Strand) -> Res<Option<Finish>> {
        loop {
            let cancel = s.deliverable();
            if cancel {
                s.cancel = Cancel::Taken;
            }
            let done = match s.op {
                Some((n, _)) if cancel => Some(self.e.cancel_op(n)?),
                Some((n, op)) => self.e.poll_op(n, op)?,
                None => self.resume_leaf(s, cancel)?,
            };
            if done.is_some() || !s.deliverable() {
                return Ok(done);
            }
        }
    }

    /// Goes on in the leaf, by its cleanup edge if it is to be cancelled.
    fn resume_leaf(&mut self, s: &mut Strand, cancel: bool) -> Res<Option<Finish>> {
        let top = s.top()?;
        match std::mem::replace(&mut top.wait, Wait::Running) {
            Wait::Unstarted if cancel => {
                self.e.drop_params(&mut top.act)?;
                self.e.retire(&top.act)?;
                s.stack.pop();
                return Ok(Some(Finish::status(VT_CANCELLED)));
            }
            Wait::Unstarted | Wait::Running => {}
            Wait::Op(n, op) => {
                let finish =
                    if cancel { Some(self.e.cancel_op(n)?) } else { self.e.poll_op(n, op)? };
                let Some(finish) = finish else {
                    top.wait = Wait::Op(n, op);
                    return Ok(None);
                };
                self.finished_await(s, finish)?;
            }
            Wait::GaveWay | Wait::Yielded if cancel => {
                self.finished_await(s, Finish::status(VT_CANCELLED))?;
            }
            Wait::GaveWay | Wait::Yielded => {
                let finish = Finish { status: VT_DONE, results: Vec::new() };
                self.finished_await(s, finish)?;
            }
            Wait::Join(join) => {
                if !self.run_join(s, join, cancel)? {
                    return Ok(None);
                }
            }
        }
        self.go(s)
    }

    /// Runs the leaf, what it calls and what it returns to.
    fn go(&mut self, s: &mut Strand) -> Res<Option<Finish>> {
        loop {
            if self.e.abort {
                return Ok(Some(Finish::status(VT_FAULTED)));
            }
            let top = s.top()?;
            match self.e.step(&mut top.act)? {
                Flow::Next => {}
                Flow::Call(func, args) => self.push(s, func, args, None)?,
                Flow::Finish(finish) => {
                    let Some(co) = s.stack.pop() else { return Err("nothing ran".into()) };
                    self.e.retire(&co.act)?;
                    if let Some(key) = co.held {
                        self.e.started.insert(key, true);
                    }
                    if s.stack.is_empty() {
                        return Ok(Some(finish));
                    }
                    self.child_ended(s, finish)?;
                }
                Flow::Special => {
                    let top = s.top()?;
                    if let Some((inst, kind)) = self.e.inst_at(&top.act) {
                        self.special(s, inst, kind)?;
                        s.top()?.act.idx += 1;
                    } else {
                        let term = self.e.term_at(&top.act);
                        match self.suspending(s, term)? {
                            Then::Go => {}
                            Then::Suspend => return Ok(None),
                            Then::Item(finish) => return Ok(Some(finish)),
                        }
                    }
                }
            }
        }
    }

    fn push(&mut self, s: &mut Strand, func: Func, args: Vec<Datum>, held: Option<u64>) -> Res<()> {
        let act = self.e.activate(func, args)?;
        s.stack.push(Co { act, wait: Wait::Running, held });
        Ok(())
    }

    // ---- ends of awaits ----------------------------------------------------------------------

    /// The coroutine or call above the leaf has ended.
    fn child_ended(&mut self, s: &mut Strand, finish: Finish) -> Res<()> {
        let top = s.top()?;
        let sync = self.e.inst_at(&top.act).is_some()
            || matches!(self.e.term_at(&top.act), Terminator::Call { .. });
        if sync { self.e.returned(&mut top.act, finish) } else { self.finished_await(s, finish) }
    }

    /// What the leaf waited for is over: takes the edge that fits.
    fn finished_await(&mut self, s: &mut Strand, finish: Finish) -> Res<()> {
        let top = s.top()?;
        let Finish { status, results } = finish;
        let act = &mut top.act;
        match self.e.term_at(act) {
            Terminator::Yield { ok, unwind, .. } => {
                if status == VT_DONE {
                    self.e.take_edge(act, ok, &[], None)
                } else {
                    self.e.take_edge(act, unwind, &[], Some(status))
                }
            }
            Terminator::Await { awaitee: Awaitee::Drain(held), ok, unwind, .. } => {
                if status == VT_ITEM {
                    return Err("a generator yields while it is being drained".into());
                }
                s.shield -= 1;
                let (addr, func) = self.held(s, held)?;
                if status == VT_DONE && self.e.module.funcs[func].kind == FuncKind::Async {
                    self.e.drop_data(&self.e.module.funcs[func].sig.results, &results)?;
                }
                self.let_go(s, held, addr)?;
                let act = &mut s.top()?.act;
                if status == VT_FAULTED {
                    self.e.take_edge(act, unwind, &[], Some(status))
                } else {
                    self.e.take_edge(act, ok, &[], None)
                }
            }
            Terminator::Await { awaitee, dests, ok, done, unwind, .. } => {
                let next = matches!(awaitee, Awaitee::Next(_));
                match status {
                    VT_FAULTED | VT_CANCELLED => self.e.take_edge(act, unwind, &[], Some(status)),
                    VT_DONE if next => {
                        let done = done.as_ref().ok_or("a next without a done edge")?;
                        self.e.take_edge(act, done, &[], None)
                    }
                    _ => {
                        let vals = self.e.take_results(act, dests, results)?;
                        self.e.take_edge(act, ok, &vals, None)
                    }
                }
            }
            _ => Err("an await ended where none stands".into()),
        }
    }

    // ---- held futures ------------------------------------------------------------------------

    /// Address and function of a held future.
    fn held(&mut self, s: &mut Strand, held: &Held) -> Res<(u64, Func)> {
        let act = &mut s.top()?.act;
        match held {
            Held::Slot(slot) => match self.e.slot_ty(act, *slot) {
                Ty::Future(func) => Ok((self.e.slot_addr(act, *slot), func)),
                ty => Err(format!("{slot} of type {ty} is awaited")),
            },
            Held::Boxed { frame, .. } => {
                let addr = act.known(*frame)? as u64;
                let boxed = self.boxes.get(&addr);
                let func = boxed.map(|b| b.func);
                Ok((addr, func.ok_or_else(|| format!("{frame} is no boxed future"))?))
            }
        }
    }

    /// A held future is consumed: its slot owns nothing more, its box is gone.
    fn let_go(&mut self, s: &mut Strand, held: &Held, addr: u64) -> Res<()> {
        self.e.started.remove(&addr);
        match held {
            Held::Slot(slot) => self.e.disown(&mut s.top()?.act, *slot),
            Held::Boxed { .. } => {
                self.boxes.remove(&addr);
                self.e.world.memory.free(addr)
            }
        }
    }

    /// Starts a held future for its one await: moves its arguments out.
    pub(super) fn consume(&mut self, s: &mut Strand, held: &Held) -> Res<(Func, Vec<Datum>)> {
        let (addr, func) = self.held(s, held)?;
        if self.e.started.contains_key(&addr) {
            return Err("a started generator is awaited as a future".into());
        }
        let args = self.e.read_args(addr, func)?;
        self.let_go(s, held, addr)?;
        Ok((func, args))
    }

    fn box_future(&mut self, func: Func, args: Vec<Datum>) -> Res<u64> {
        let (size, align) = self.e.module.size_align(Ty::Future(func));
        let addr = self.e.world.memory.alloc(size, align, 0, "boxed future");
        self.e.write_args(addr, func, args)?;
        self.boxes.insert(addr, Boxed { func });
        Ok(addr)
    }

    // ---- instructions and terminators of this form -------------------------------------------

    fn special(&mut self, s: &mut Strand, inst: Inst, kind: &InstKind) -> Res<()> {
        match kind {
            InstKind::Shield(delta) => {
                let shield = s.shield.checked_add_signed((*delta).into());
                s.shield = shield.ok_or("the shield is let down too often")?;
                Ok(())
            }
            InstKind::Box { func, args, .. } => {
                let args = self.e.args(&mut s.top()?.act, args)?;
                let addr = self.box_future(*func, args)?;
                self.e.set_results(&mut s.top()?.act, inst, &[super::value::Val::new(addr.into())])
            }
            InstKind::BoxSlot { slot, .. } => {
                let (func, args) = self.consume(s, &Held::Slot(*slot))?;
                let addr = self.box_future(func, args)?;
                self.e.set_results(&mut s.top()?.act, inst, &[super::value::Val::new(addr.into())])
            }
            InstKind::DropBox(v) => {
                let addr = s.top()?.act.known(*v)? as u64;
                if addr == 0 {
                    return Ok(());
                }
                let boxed = self.boxes.remove(&addr);
                let func = boxed.ok_or_else(|| format!("{v} is no boxed future"))?.func;
                self.e.drop_at(addr, Ty::Future(func))?;
                self.e.world.memory.free(addr)
            }
            _ => Err(format!("{inst} belongs to machines")),
        }
    }

    fn suspending(&mut self, s: &mut Strand, term: &'m Terminator) -> Res<Then> {
        match term {
            Terminator::Await { awaitee, .. } => self.start_await(s, awaitee),
            Terminator::Yield { args, .. } => {
                let Some(mut co) = s.stack.pop() else { return Err("nothing ran".into()) };
                let results = self.e.args(&mut co.act, args)?;
                let item = Finish { status: VT_ITEM, results };
                co.wait = Wait::Yielded;
                let Some(key) = co.held else {
                    s.stack.push(co);
                    return Ok(Then::Item(item));
                };
                self.aside.insert(key, co);
                self.finished_await(s, item)?;
                Ok(Then::Go)
            }
            Terminator::Join { branches, .. } => {
                let awaitees = branches.iter().map(|b| &b.awaitee).collect();
                self.start_join(s, awaitees, None)
            }
            Terminator::Select { arms, otherwise, .. } => {
                let awaitees = arms.iter().map(|b| &b.awaitee).collect();
                self.start_join(s, awaitees, Some(otherwise.is_some()))
            }
            _ => Err("a terminator that belongs to machines".into()),
        }
    }

    fn start_await(&mut self, s: &mut Strand, awaitee: &Awaitee) -> Res<Then> {
        match awaitee {
            Awaitee::Call { func, args } => {
                let args = self.e.args(&mut s.top()?.act, args)?;
                self.push(s, *func, args, None)?;
            }
            Awaitee::Future(held) => {
                let (func, args) = self.consume(s, held)?;
                self.push(s, func, args, None)?;
            }
            Awaitee::Op { op, args } => {
                let n = self.begin_op(s, *op, args)?;
                let Some(finish) = self.e.poll_op(n, *op)? else {
                    s.top()?.wait = Wait::Op(n, *op);
                    return Ok(Then::Suspend);
                };
                self.finished_await(s, finish)?;
            }
            Awaitee::GiveWay => {
                self.requeued = true;
                s.top()?.wait = Wait::GaveWay;
                return Ok(Then::Suspend);
            }
            Awaitee::Next(held) => {
                let (addr, func) = self.held(s, held)?;
                if let Some(mut co) = self.aside.remove(&addr) {
                    co.wait = Wait::Running;
                    s.stack.push(co);
                    self.finished_await(s, Finish { status: VT_DONE, results: Vec::new() })?;
                } else if self.e.started.contains_key(&addr) {
                    return Err("the next item of a generator that has ended".into());
                } else {
                    let args = self.e.read_args(addr, func)?;
                    self.e.started.insert(addr, false);
                    self.push(s, func, args, Some(addr))?;
                }
            }
            Awaitee::Drain(held) => {
                let (addr, func) = self.held(s, held)?;
                s.shield += 1;
                if let Some(mut co) = self.aside.remove(&addr) {
                    co.wait = Wait::Running;
                    s.stack.push(co);
                    self.finished_await(s, Finish::status(VT_CANCELLED))?;
                } else {
                    self.e.drop_at(addr, Ty::Future(func))?;
                    self.finished_await(s, Finish::status(VT_CANCELLED))?;
                }
            }
        }
        Ok(Then::Go)
    }

    pub(super) fn begin_op(&mut self, s: &mut Strand, op: HostOp, args: &[Arg]) -> Res<u32> {
        let act = &mut s.top()?.act;
        let bits = self.e.host_args(act, args)?;
        let n = self.e.start_op(op, bits)?;
        self.e.forget_moved(act, args)?;
        Ok(n)
    }
}

/// How a suspending terminator goes on.
pub(super) enum Then {
    /// At once.
    Go,
    /// When the strand is resumed.
    Suspend,
    /// The first coroutine of the strand, a generator, hands this out.
    Item(Finish),
}
