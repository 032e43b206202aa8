//! The transform up to the frames, with the split left until somebody asks for a machine.
//!
//! ```text
//!  module ─ all passes up to layout ─► Unsplit { module, machines, bodies }
//!                                                                    │
//!                                               func ─ split ────────┴─► its machine
//! ```
//!
//! In: what [`lower`](super::lower) takes. Out: an [`Unsplit`]: everything that a program needs before
//! it starts but the code of its machines, which take about a third of the transform's time and of which
//! most run later or never. What a machine looks like does not depend on when it is asked for.

use super::split::machine_signature;
use super::{Coroutine, LowerError, Pipeline};
use crate::FrameAbi;
use crate::ir::{Func, FuncKind, Function, Module};
use crate::parallel::{self, Parallel};
use std::collections::BTreeMap;
use std::fmt;
use vitte_abi::LayoutRecord;

/// A module whose coroutines have their frames, and get their code when it is asked for.
#[derive(Debug)]
pub struct Unsplit {
    /// All but the bodies of machines: functions of that kind have an empty block here.
    pub module: Module,
    /// Layout of each machine's frame.
    pub machines: BTreeMap<Func, LayoutRecord>,
    /// What the machines are made from.
    pub bodies: Bodies,
}

/// The coroutines of an [`Unsplit`] whose machines nobody has asked for yet.
pub struct Bodies {
    pipeline: Box<Pipeline>,
    coroutines: BTreeMap<Func, Coroutine>,
}

impl fmt::Debug for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.coroutines.keys()).finish()
    }
}

/// Lays out the coroutines of a verified module. Work that functions do not share is done by `parallel`.
///
/// ```
/// use vitte_lowering::{coroutine, in_order, ir};
///
/// let text = "module \"m\"\nasync fn0 \"main\"() {\nblock0:\n  return\n}\n";
/// let module = ir::parse_module(text).unwrap();
/// let mut unsplit = coroutine::lay_out(&module, &in_order).unwrap();
/// let (main, record) = unsplit.machines.first_key_value().unwrap();
/// assert_eq!(record.name, "main");
/// let machine = unsplit.bodies.split(*main).unwrap();
/// assert_eq!(machine, coroutine::lower(&module).unwrap().module.funcs[*main]);
/// ```
///
/// # Errors
///
/// As [`lower`](super::lower): whatever can fail does so here, not in the split.
///
/// # Panics
///
/// As [`lower`](super::lower).
pub fn lay_out(module: &Module, parallel: &Parallel<'_>) -> Result<Unsplit, Vec<LowerError>> {
    let mut pipeline = Pipeline::run_with(module, &FrameAbi::host(), parallel)?;
    let coroutines = std::mem::take(&mut pipeline.coroutines);
    let records = parallel::map(parallel, &coroutines, |c| pipeline.record(c));
    let machines = coroutines.iter().map(|c| c.func).zip(records).collect();
    let headers = coroutines.iter().map(|c| (c.func, header(&c.body))).collect();
    let module = pipeline.lowered_module(headers);
    let coroutines = coroutines.into_iter().map(|c| (c.func, c)).collect();
    let bodies = Bodies { pipeline: Box::new(pipeline), coroutines };
    Ok(Unsplit { module, machines, bodies })
}

/// The machine of a coroutine, but for its body.
fn header(coroutine: &Function) -> Function {
    let mut machine = Function::new(coroutine.name.clone(), FuncKind::Machine, machine_signature());
    (machine.exported, machine.span) = (coroutine.exported, coroutine.span);
    machine
}

impl Bodies {
    /// Splits a coroutine: its machine, complete. `None` if it is none of these, or was split before.
    pub fn split(&mut self, func: Func) -> Option<Function> {
        let coroutine = self.coroutines.remove(&func)?;
        Some(self.pipeline.split(coroutine).0)
    }

    /// About how many instructions each of the machines has that are not split yet.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        /// What starts an awaitee, spills, suspends, reloads and polls.
        const PER_SUSPEND: usize = 64;
        self.coroutines.values().map(|c| c.body.insts.len() + PER_SUSPEND * c.body.suspends.len())
    }
}

impl Unsplit {
    /// Splits all coroutines that are left.
    pub fn finish(mut self) -> (Module, BTreeMap<Func, LayoutRecord>) {
        for func in self.module.funcs.keys() {
            if let Some(machine) = self.bodies.split(func) {
                self.module.funcs[func] = machine;
            }
        }
        (self.module, self.machines)
    }
}
