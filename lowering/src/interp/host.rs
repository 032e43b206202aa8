//! The scripted host: what imports and host operations do, and when operations are ready.
//!
//! The vocabulary that tests, the fuzz generator and the JIT tests share:
//!
//! | name | signature | what it does |
//! | --- | --- | --- |
//! | `t_note` | `(i64)` | notes a number in the trace |
//! | `t_new` | `(i64) -> ref` | makes a tracked object with an id, count 1 |
//! | `t_retain`, `t_release` | `(ref)` | count up and down; nothing for null and for static data |
//! | `t_id` | `(ref) -> i64` | the id; -1 for null, -2 for static data |
//! | `op_wait` | `(i64) -> i64` | the argument plus one |
//! | `op_obj` | `(i64) -> ref` | makes an object when it is ready |
//! | `op_eat` | `(ref)` | owns its argument and releases it when it ends, however it ends |
//!
//! Other names go to a [`Host`] that the test brings.
//!
//! # Time
//!
//! An operation that the script calls *pending k* is ready `k` ticks after its start. The clock ticks
//! when a resume leaves the task suspended; further resumes in the same tick are spurious and change
//! nothing. So traces do not depend on how often an operation is polled.

use super::memory::{CODE, Memory};
use super::trace::{Atom, Event, Trace};
use super::value::{Datum, Val, signed};
use crate::ir::{HostOp, Module, Ty, Type};
use std::collections::BTreeMap;
use vitte_abi::fault_code;

/// `pending` of an operation that is never ready.
pub const NEVER: u32 = u32::MAX;

/// Address of the first tracked object; each takes 16.
const OBJECTS: u64 = CODE << 1;

/// What one host operation does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Behaviour {
    /// Ticks until it is ready; 0: at once, [`NEVER`]: never.
    pub pending: u32,
    /// Whether it then fails instead of being ready.
    pub fails: bool,
}

/// What the host does in one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Operations that nothing else is said about.
    pub default: Behaviour,
    /// By the number of the operation's start.
    pub ops: BTreeMap<u32, Behaviour>,
    /// Draws behaviours (and choices) from this seed, unless `ops` says otherwise: about half ready,
    /// the others pending 1 to 3, one in sixteen failing.
    pub seed: Option<u64>,
    /// Asks for a cancel of the task at this tick; 0: before the first resume.
    pub cancel_at: Option<u32>,
    /// Where selects start looking, by tick (modulo the length); empty: at 0.
    pub choices: Vec<u32>,
    /// Extra resumes in each tick.
    pub spurious: u32,
    /// Ready awaits a machine may have in one resume. With a number, giving way does not tick.
    pub coop: Option<i32>,
    /// Instructions until the run ends as a violation.
    pub fuel: u64,
    /// Back-edges after which `budget` answers no.
    pub back_edges: u32,
    /// Ticks until a run is left suspended.
    pub max_ticks: u32,
    /// Synchronous calls below which `stack_ok` answers yes.
    pub stack_depth: u32,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            default: Behaviour::default(),
            ops: BTreeMap::new(),
            seed: None,
            cancel_at: None,
            choices: Vec::new(),
            spurious: 0,
            coop: None,
            fuel: 20_000_000,
            back_edges: u32::MAX,
            max_ticks: 10_000,
            stack_depth: 1_000,
        }
    }
}

impl Script {
    /// Every operation is ready at once.
    pub fn ready() -> Self {
        Self::default()
    }

    /// Every operation is pending for `ticks`, then ready.
    pub fn pending(ticks: u32) -> Self {
        Self { default: Behaviour { pending: ticks, fails: false }, ..Self::default() }
    }

    /// Behaviours drawn from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed: Some(seed), ..Self::default() }
    }

    /// The same script with a cancel at a tick.
    #[must_use]
    pub fn cancel_at(mut self, tick: u32) -> Self {
        self.cancel_at = Some(tick);
        self
    }

    /// What the `n`th operation does.
    pub fn behaviour(&self, n: u32) -> Behaviour {
        if let Some(b) = self.ops.get(&n) {
            return *b;
        }
        let Some(seed) = self.seed else { return self.default };
        let r = mix(seed ^ (u64::from(n) << 32));
        let pending = if r & 1 == 0 { 0 } else { 1 + (r >> 8) as u32 % 3 };
        Behaviour { pending, fails: (r >> 16).is_multiple_of(16) }
    }

    /// Where a select of `n` branches starts at this tick.
    pub fn choose(&self, tick: u32, n: u32) -> u32 {
        let drawn = self.seed.map_or(0, |s| mix(s ^ u64::from(tick)) as u32);
        let at = |i: u32| self.choices[i as usize % self.choices.len()];
        (if self.choices.is_empty() { drawn } else { at(tick) }) % n.max(1)
    }
}

/// A bijective scramble of 64 bits (the finaliser of `splitmix64`).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A result of an import or operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostValue {
    /// Bits of a value.
    Bits(u128),
    /// Bytes of a result that travels by slot.
    Bytes(Vec<u8>),
}

/// An import failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostFault {
    /// `fault_code`.
    pub code: u32,
    /// Belongs to the code.
    pub payload: i64,
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpEnd {
    /// Its results are wanted.
    Ready,
    /// By a failure.
    Failed,
    /// By a cancel.
    Cancelled,
}

/// Imports and operations beyond the common vocabulary. Arguments are bits; slots come by address
/// and are read through [`World::memory`].
pub trait Host {
    /// Runs an import; `None` if there is none of this name.
    fn call(
        &mut self,
        world: &mut World,
        name: &str,
        args: &[u128],
    ) -> Option<Result<Vec<HostValue>, HostFault>>;

    /// Whether there is an operation of this name.
    fn has_op(&mut self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Ends an operation: takes back its arguments, and makes its results if it is ready.
    fn end(&mut self, world: &mut World, name: &str, args: &[u128], end: OpEnd) -> Vec<HostValue> {
        let _ = (world, name, args, end);
        Vec::new()
    }
}

/// The host that knows nothing beyond the common vocabulary.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn call(
        &mut self,
        _: &mut World,
        _: &str,
        _: &[u128],
    ) -> Option<Result<Vec<HostValue>, HostFault>> {
        None
    }
}

/// What lives outside the program: memory, objects, clock, trace, operations in flight.
#[derive(Debug, Default)]
pub struct World {
    /// Simulated memory.
    pub memory: Memory,
    /// What happened so far.
    pub trace: Trace,
    /// The clock.
    pub tick: u32,
    /// The first fault that was recorded: code and payload.
    pub first_fault: Option<(u32, i64)>,
    objects: Vec<Object>,
    ops: BTreeMap<u32, RunningOp>,
    n_ops: u32,
}

#[derive(Debug)]
struct Object {
    id: i64,
    count: u32,
}

#[derive(Debug)]
struct RunningOp {
    op: HostOp,
    args: Vec<u128>,
    ready_at: Option<u32>,
    fails: bool,
}

/// What a poll of an operation found.
#[derive(Debug)]
pub(crate) enum Polled {
    Pending,
    Ready(Vec<HostValue>),
    Failed,
}

impl World {
    /// Makes a tracked object with a count of 1; answers its reference.
    pub fn new_object(&mut self, id: i64) -> u64 {
        let object = self.objects.len() as u32;
        self.objects.push(Object { id, count: 1 });
        self.trace.push(Event::New { object, id });
        OBJECTS + u64::from(object) * 16
    }

    /// The living object behind a reference; `Ok(None)` for null and for what is not tracked.
    fn object(&self, reference: u64) -> Result<Option<u32>, String> {
        if reference < OBJECTS {
            return Ok(None);
        }
        let n = (reference - OBJECTS) / 16;
        match self.objects.get(n as usize) {
            Some(o) if o.count > 0 && reference.is_multiple_of(16) => Ok(Some(n as u32)),
            Some(_) => Err(format!("obj{n} used after its last release")),
            None => Err(format!("{reference:#x} is no reference")),
        }
    }

    /// Adds a count.
    ///
    /// # Errors
    ///
    /// The object is gone.
    pub fn retain(&mut self, reference: u64) -> Result<(), String> {
        if let Some(object) = self.object(reference)? {
            let o = &mut self.objects[object as usize];
            o.count += 1;
            let count = o.count;
            self.trace.push(Event::Retain { object, count });
        }
        Ok(())
    }

    /// Takes a count off.
    ///
    /// # Errors
    ///
    /// The object is gone.
    pub fn release(&mut self, reference: u64) -> Result<(), String> {
        if let Some(object) = self.object(reference)? {
            let o = &mut self.objects[object as usize];
            o.count -= 1;
            let count = o.count;
            self.trace.push(Event::Release { object, count });
        }
        Ok(())
    }

    /// Id of an object; -1 for null, -2 for what is not tracked.
    fn id(&self, reference: u64) -> Result<i64, String> {
        Ok(match self.object(reference)? {
            Some(n) => self.objects[n as usize].id,
            None if reference == 0 => -1,
            None => -2,
        })
    }

    /// Objects whose count is not 0.
    pub fn living_objects(&self) -> Vec<u32> {
        let all = self.objects.iter().enumerate();
        all.filter(|(_, o)| o.count > 0).map(|(i, _)| i as u32).collect()
    }

    /// Operations that have neither finished nor been cancelled.
    pub(crate) fn running_ops(&self) -> Vec<u32> {
        self.ops.keys().copied().collect()
    }

    /// Records a fault.
    pub fn fault(&mut self, code: u32, payload: i64, in_cleanup: bool) {
        self.trace.push(Event::Fault { code, payload, in_cleanup });
        self.first_fault.get_or_insert((code, payload));
    }

    /// A value as the trace shows it.
    pub(crate) fn atom(&self, ty: Type, bits: u128) -> Atom {
        match ty {
            Type::Bool => Atom::Int(bits as i128),
            t if t.is_int() => Atom::Int(signed(bits, t)),
            Type::F32 | Type::F64 => Atom::Float(bits as u64),
            _ if bits == 0 => Atom::Null,
            _ => match self.object(bits as u64) {
                Ok(Some(n)) => Atom::Object(n),
                _ => Atom::Address,
            },
        }
    }

    /// A datum as the trace shows it.
    pub(crate) fn datum_atom(&self, ty: Ty, datum: &Datum) -> Result<Atom, String> {
        Ok(match (ty, datum) {
            (Ty::Value(t), Datum::Val(Val { bits, undef: false })) => self.atom(t, *bits),
            (_, Datum::Val(_)) => return Err("an undefined value is a result".into()),
            (_, Datum::Bytes(b)) => {
                Atom::Bytes(b.data.iter().zip(&b.init).map(|(&d, &i)| i.then_some(d)).collect())
            }
        })
    }

    fn atoms(&self, types: impl Iterator<Item = Ty>, bits: &[u128]) -> Vec<Atom> {
        let one = |(ty, &b): (Ty, &u128)| match ty {
            Ty::Value(t) => self.atom(t, b),
            _ => Atom::Address,
        };
        types.zip(bits).map(one).collect()
    }
}

/// Calls an import of the vocabulary or of `host`.
pub(crate) fn call_import(
    world: &mut World,
    host: &mut dyn Host,
    module: &Module,
    import: crate::ir::Import,
    args: &[u128],
) -> Result<Result<Vec<HostValue>, HostFault>, String> {
    let data = module.imports.get(import).ok_or_else(|| format!("there is no {import}"))?;
    let arg = |i: usize| args.get(i).copied().unwrap_or(0);
    let int = |i| arg(i) as i64;
    let results = match data.name.as_str() {
        "t_note" => {
            world.trace.push(Event::Note(int(0)));
            vec![]
        }
        "t_new" => vec![HostValue::Bits(world.new_object(int(0)).into())],
        "t_retain" => {
            world.retain(arg(0) as u64)?;
            vec![]
        }
        "t_release" => {
            world.release(arg(0) as u64)?;
            vec![]
        }
        "t_id" => vec![HostValue::Bits(world.id(arg(0) as u64)? as u64 as u128)],
        name => {
            let args_shown = world.atoms(data.sig.params.iter().map(|p| p.ty), args);
            world.trace.push(Event::Call { name: name.to_string(), args: args_shown });
            let result = host.call(world, name, args);
            return result.ok_or_else(|| format!("no import is called {name}"));
        }
    };
    Ok(Ok(results))
}

/// Starts an operation; answers its number. It is not polled yet.
pub(crate) fn start_op(
    world: &mut World,
    host: &mut dyn Host,
    module: &Module,
    script: &Script,
    op: HostOp,
    args: Vec<u128>,
) -> Result<u32, String> {
    let data = module.ops.get(op).ok_or_else(|| format!("there is no {op}"))?;
    if !matches!(data.name.as_str(), "op_wait" | "op_obj" | "op_eat") && !host.has_op(&data.name) {
        return Err(format!("no operation is called {}", data.name));
    }
    let n = world.n_ops;
    world.n_ops += 1;
    let Behaviour { pending, fails } = script.behaviour(n);
    let shown = world.atoms(data.params.iter().map(|p| p.ty), &args);
    world.trace.push(Event::Start { op: n, name: data.name.clone(), args: shown });
    let ready_at = (pending != NEVER).then(|| world.tick.saturating_add(pending));
    world.ops.insert(n, RunningOp { op, args, ready_at, fails });
    Ok(n)
}

/// Polls an operation; it is gone once it is ready or has failed.
pub(crate) fn poll_op(
    world: &mut World,
    host: &mut dyn Host,
    module: &Module,
    n: u32,
) -> Result<Polled, String> {
    let op = world.ops.get(&n).ok_or_else(|| format!("op{n} polled after its end"))?;
    if op.ready_at.is_none_or(|t| t > world.tick) {
        return Ok(Polled::Pending);
    }
    if op.fails {
        end_op(world, host, module, n, OpEnd::Failed)?;
        return Ok(Polled::Failed);
    }
    Ok(Polled::Ready(end_op(world, host, module, n, OpEnd::Ready)?))
}

/// Ends an operation.
pub(crate) fn end_op(
    world: &mut World,
    host: &mut dyn Host,
    module: &Module,
    n: u32,
    end: OpEnd,
) -> Result<Vec<HostValue>, String> {
    let running = world.ops.remove(&n).ok_or_else(|| format!("op{n} ended twice"))?;
    let data = &module.ops[running.op];
    let arg = |i: usize| running.args.get(i).copied().unwrap_or(0);
    let ready = end == OpEnd::Ready;
    let results = match data.name.as_str() {
        "op_wait" if ready => vec![HostValue::Bits((arg(0) as u64).wrapping_add(1).into())],
        "op_obj" if ready => vec![HostValue::Bits(world.new_object(arg(0) as i64).into())],
        "op_wait" | "op_obj" | "op_eat" => vec![],
        name => host.end(world, name, &running.args, end),
    };
    world.trace.push(match end {
        OpEnd::Ready => {
            let bits: Vec<u128> =
                results.iter().map(|r| if let HostValue::Bits(b) = r { *b } else { 0 }).collect();
            Event::Ready { op: n, results: world.atoms(data.results.iter().copied(), &bits) }
        }
        OpEnd::Failed => Event::Failed { op: n },
        OpEnd::Cancelled => Event::Cancelled { op: n },
    });
    if data.name == "op_eat" {
        world.release(arg(0) as u64)?;
    }
    if end == OpEnd::Failed {
        world.fault(fault_code::HOST, 0, false);
    }
    Ok(results)
}
