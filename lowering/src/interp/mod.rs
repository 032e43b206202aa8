//! The reference interpreter: runs async functions as they were written, and as machines.
//!
//! In: a module, a function, arguments, a [`Script`]. Out: an [`Outcome`]: the trace of everything
//! the host could see, the final status, and violations.
//!
//! ```text
//!                    ┌ source ─► coroutines with stacks of activations ─┐
//! module ─► engine ──┤                                                  ├─► trace + violations
//!   script ─► host ──┘ machine ► frames in simulated memory, simulated  ┘
//!                                vt_run, vt_branches, vt_ctx
//! ```
//!
//! The two forms share instructions, memory and host. They share nothing about suspending: the
//! source form has no frames, no states and no layout; the machine form has no awaits. A program and
//! its lowering are equal if their traces are equal under every script. The interpreter is the oracle
//! of the transform, and knows nothing of it but the coroutine ABI.
//!
//! # Violations
//!
//! A violation is something no correct program or lowering does: an undefined value where it can be
//! observed, memory out of bounds or after its end, a slot dropped twice or never, an object used
//! after its last release or never released, an operation overwritten or left behind. Most end the
//! run; leaks are collected at its end. A run that faulted inside cleanup leaks by design.
//!
//! # Orders
//!
//! What the language leaves open is fixed here, and the transform keeps it:
//!
//! * arguments of a future or root that never started are dropped in reverse order of the parameters;
//! * all branches of a join are set up in order before the first runs;
//! * results that nobody wants are dropped in the order of branches, after the last branch is over.
//!
//! Cost: an instruction takes about 100 ns; activations live on the heap, so recursion of coroutines
//! and of calls is bounded by memory. Only joins nest on the native stack.

mod abi;
mod branches;
mod engine;
mod glue;
mod host;
mod machine;
mod memory;
mod source;
mod step;
mod trace;
mod value;

pub use host::{Behaviour, Host, HostFault, HostValue, NEVER, NoHost, OpEnd, Script, World};
pub use memory::Memory;
pub use trace::{Atom, Event, Trace};

use crate::ir::{Block, Func, FuncKind, Module, Ty};
use engine::{Engine, Finish, Res};
use machine::Sim;
use source::Source;
use std::collections::BTreeMap;
use std::fmt;
use value::{Bytes, Datum, Val, cut};
use vitte_abi::{LayoutRecord, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_ITEM, VT_YIELDED};

/// An argument of the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Bits of a value.
    Bits(u128),
    /// A new tracked object with this id.
    Object(i64),
    /// Bytes of a slot.
    Bytes(Vec<u8>),
}

impl From<i64> for Input {
    fn from(n: i64) -> Self {
        Input::Bits(u128::from(n as u64))
    }
}

/// Something that no correct program or lowering does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What went wrong.
    pub what: String,
    /// Name of the function that ran, its block, and the index of the instruction in it.
    pub at: Option<(String, Block, usize)>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match &self.at {
            Some((func, block, idx)) => write!(f, " (in {func}, {block}, instruction {idx})"),
            None => Ok(()),
        }
    }
}

/// What a run came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// What the host saw.
    pub trace: Trace,
    /// `VT_DONE`, `VT_FAULTED` or `VT_CANCELLED`; `VT_YIELDED` if it was left suspended.
    pub status: u32,
    /// How often the task waited: a cancel can be asked for at the ticks 0 to this number.
    pub ticks: u32,
    /// The first fault: code and payload.
    pub fault: Option<(u32, i64)>,
    /// What no correct program does.
    pub violations: Vec<Violation>,
}

/// Name of a status, as traces show it.
pub fn status_name(status: u32) -> &'static str {
    match status {
        VT_YIELDED => "YIELDED",
        VT_DONE => "DONE",
        VT_FAULTED => "FAULTED",
        VT_CANCELLED => "CANCELLED",
        VT_ITEM => "ITEM",
        _ => "RUNNING",
    }
}

/// Runs an async function as it was written.
pub fn run_source(module: &Module, func: Func, args: &[Input], script: &Script) -> Outcome {
    Session::source(module, func, args, script, Box::new(NoHost)).run()
}

/// Runs a lowered async function: `lowered` holds its machine, `machines` the layouts, and `module`
/// is the module as it was written, which says what goes in and out.
pub fn run_machine(
    module: &Module,
    lowered: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    func: Func,
    args: &[Input],
    script: &Script,
) -> Outcome {
    Session::machine(module, lowered, machines, func, args, script, Box::new(NoHost)).run()
}

enum Form<'m> {
    Source(Box<Source<'m>>),
    Machine(Box<Sim<'m>>),
}

/// One run, step by step.
pub struct Session<'m> {
    form: Form<'m>,
    module: &'m Module,
    func: Func,
    status: u32,
    violations: Vec<Violation>,
    cancelled: bool,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {})", self.func, status_name(self.status))
    }
}

impl<'m> Session<'m> {
    /// Makes the root coroutine of an async function, unstarted.
    ///
    /// Wrong arguments are a violation of the outcome, and then nothing runs.
    pub fn source(
        module: &'m Module,
        func: Func,
        args: &[Input],
        script: &Script,
        host: Box<dyn Host + 'm>,
    ) -> Self {
        let mut violations = Vec::new();
        let mut source = Box::new(Source::new(Engine::new(module, script, host)));
        let started = source
            .e
            .load_data()
            .and_then(|()| inputs(&mut source.e, module, func, args))
            .and_then(|data| source.start(func, data));
        if let Err(what) = started {
            violations.push(Violation { what, at: None });
        }
        let form = Form::Source(source);
        Session { form, module, func, status: VT_YIELDED, violations, cancelled: false }
    }

    /// Makes the frame of a lowered coroutine, unstarted.
    ///
    /// Wrong arguments are a violation of the outcome, and then nothing runs.
    pub fn machine(
        module: &'m Module,
        lowered: &'m Module,
        machines: &'m BTreeMap<Func, LayoutRecord>,
        func: Func,
        args: &[Input],
        script: &Script,
        host: Box<dyn Host + 'm>,
    ) -> Self {
        let mut violations = Vec::new();
        let mut sim = Box::new(Sim::new(Engine::new(lowered, script, host), machines));
        let started = sim
            .e
            .load_data()
            .and_then(|()| inputs(&mut sim.e, module, func, args))
            .and_then(|data| sim.start(func, &param_types(module, func), data));
        if let Err(what) = started {
            violations.push(Violation { what, at: None });
        }
        let form = Form::Machine(sim);
        Session { form, module, func, status: VT_YIELDED, violations, cancelled: false }
    }

    fn engine(&mut self) -> &mut Engine<'m> {
        match &mut self.form {
            Form::Source(s) => &mut s.e,
            Form::Machine(s) => &mut s.e,
        }
    }

    /// The trace so far.
    pub fn trace(&mut self) -> &Trace {
        &self.engine().world.trace
    }

    /// Whether it has ended, or cannot go on after a violation.
    pub fn is_over(&self) -> bool {
        self.status != VT_YIELDED || !self.violations.is_empty()
    }

    /// Resumes the task once: `VT_YIELDED`, `VT_ITEM`, or how it ended. A task that is over answers
    /// `VT_FAULTED` and nothing is touched. The clock stands still.
    pub fn resume(&mut self) -> u32 {
        if self.is_over() {
            return self.resume_ended();
        }
        let done = match &mut self.form {
            Form::Source(s) => s.resume(),
            Form::Machine(s) => s.resume_root(self.func, &self.module.funcs[self.func].sig.results),
        };
        let finish = match done {
            Ok(None) => return VT_YIELDED,
            Ok(Some(finish)) => finish,
            Err(what) => {
                self.violate(what);
                return VT_FAULTED;
            }
        };
        let status = finish.status;
        if let Err(what) = self.ended(&finish) {
            self.violate(what);
        }
        status
    }

    fn resume_ended(&mut self) -> u32 {
        if self.violations.is_empty()
            && let Form::Machine(s) = &mut self.form
            && let Err(what) = s.resume_ended()
        {
            self.violate(what);
        }
        VT_FAULTED
    }

    /// Asks the task to cancel; again, or after its end, this changes nothing.
    pub fn cancel(&mut self) {
        if self.is_over() || self.cancelled {
            return;
        }
        self.cancelled = true;
        self.engine().world.trace.push(Event::CancelAsked);
        let asked = match &mut self.form {
            Form::Source(s) => {
                s.root.ask();
                Ok(())
            }
            Form::Machine(s) => s.ask(s.leaf),
        };
        if let Err(what) = asked {
            self.violate(what);
        }
    }

    /// Lets the clock tick.
    pub fn tick(&mut self) {
        self.engine().world.tick += 1;
    }

    /// Runs to the end as the script says.
    pub fn run(mut self) -> Outcome {
        let script = self.engine().script.clone();
        while !self.is_over() {
            let tick = self.engine().world.tick;
            if tick >= script.max_ticks {
                break;
            }
            if script.cancel_at == Some(tick) {
                self.cancel();
            }
            let mut status = self.resume();
            for _ in 0..script.spurious {
                if status == VT_YIELDED {
                    status = self.resume();
                }
            }
            if status == VT_YIELDED && !(script.coop.is_some() && self.requeued()) {
                self.tick();
            }
        }
        self.finish()
    }

    /// Whether the last resume suspended without a wait.
    fn requeued(&self) -> bool {
        match &self.form {
            Form::Source(s) => s.requeued,
            Form::Machine(s) => s.requeued().unwrap_or(false),
        }
    }

    /// Ends the session: looks for what was left behind.
    pub fn finish(mut self) -> Outcome {
        let aborted = self.engine().abort;
        if self.status != VT_YIELDED && self.violations.is_empty() && !aborted {
            let mut left = match &mut self.form {
                Form::Source(s) => s.leftovers(),
                Form::Machine(s) => s.leftovers(),
            };
            let world = &self.engine().world;
            left.extend(world.living_objects().iter().map(|n| format!("obj{n} leaks")));
            left.extend(world.running_ops().iter().map(|n| format!("op{n} was left running")));
            self.violations.extend(left.into_iter().map(|what| Violation { what, at: None }));
        }
        let (status, violations) = (self.status, std::mem::take(&mut self.violations));
        let world = std::mem::take(&mut self.engine().world);
        let fault = world.first_fault;
        Outcome { trace: world.trace, status, ticks: world.tick, fault, violations }
    }

    fn violate(&mut self, what: String) {
        let (func, block, idx) = self.engine().at;
        let name = self.module.funcs.get(func).map(|f| f.name.clone()).unwrap_or_default();
        self.violations.push(Violation { what, at: Some((name, block, idx)) });
    }

    /// The root has ended or handed out an item: shows its results and drops them.
    fn ended(&mut self, finish: &Finish) -> Res<()> {
        let types = &self.module.funcs[self.func].sig.results;
        let has_results = match self.module.funcs[self.func].kind {
            FuncKind::Generator => finish.status == VT_ITEM,
            _ => finish.status == VT_DONE,
        };
        let mut atoms = Vec::new();
        if has_results {
            for (ty, datum) in types.iter().zip(&finish.results) {
                atoms.push(self.engine().world.datum_atom(*ty, datum)?);
            }
        }
        if finish.status == VT_ITEM {
            self.engine().world.trace.push(Event::Item(atoms));
        } else {
            self.status = finish.status;
            let status = status_name(finish.status);
            self.engine().world.trace.push(Event::End { status, results: atoms });
        }
        if has_results { self.engine().drop_data(types, &finish.results) } else { Ok(()) }
    }
}

fn param_types(module: &Module, func: Func) -> Vec<Ty> {
    module.funcs[func].sig.params.iter().map(|p| p.ty).collect()
}

/// The root's arguments, with their objects made.
fn inputs(e: &mut Engine<'_>, module: &Module, func: Func, args: &[Input]) -> Res<Vec<Datum>> {
    let f = module.funcs.get(func).ok_or_else(|| format!("there is no {func}"))?;
    if f.kind == FuncKind::Sync {
        return Err(format!("{} is no coroutine", f.name));
    }
    if f.sig.params.len() != args.len() {
        return Err(format!("{} takes {} arguments", f.name, f.sig.params.len()));
    }
    let mut data = Vec::new();
    for (p, arg) in f.sig.params.iter().zip(args) {
        data.push(match (p.ty, arg) {
            (Ty::Value(t), Input::Bits(b)) => Datum::Val(Val::new(cut(*b, t))),
            (Ty::Value(t), Input::Object(id)) if t.is_ref() => {
                Datum::Val(Val::new(e.world.new_object(*id).into()))
            }
            (ty, Input::Bytes(b)) if module.size_align(ty).0 as usize == b.len() => {
                Datum::Bytes(Bytes::known(b.clone()))
            }
            _ => return Err(format!("{} takes another argument for {}", f.name, p.name)),
        });
    }
    Ok(data)
}
