//! The coroutine transform: async functions become explicit state machines.
//!
//! ```text
//!  module ─ verify ─► collapse ─► prepare ─► normalise ─► merge ─► rematerialise
//!                                                                      │ per coroutine,
//!     machines + layout records ◄─ verify ◄─ split ◄─ layout ◄─ live ◄─┘ callees first
//! ```
//!
//! In: a verified [`Module`]. Out: a [`Lowered`]: the same module in which each async function is a
//! machine (`(ctx, frame) -> status`, [`FuncKind::Machine`](crate::ir::FuncKind)), and the layout
//! record of each. Entities of functions are kept; synchronous twins may be added at the end. Or an
//! [`Unsplit`], which stops before the split and does it for one coroutine at a time, on demand.
//!
//! What the machine does is what the async function does, with the same order of effects and drops,
//! for every choice of which await is ready and where it is cancelled. The interpreter of both forms
//! is the oracle of that; [`crate::coroutine`]'s own guarantees are the invariants of its passes.
//!
//! Cost: near-linear in blocks, values and suspend points; see each pass.
//!
//! Source: the shape of the transform follows rustc (`rustc_mir_transform/src/coroutine`) and LLVM
//! (`llvm/docs/Coroutines.rst`); overlap by live range and typed holes per state is ours.

mod awaits;
mod branches;
mod codes;
mod collapse;
mod dump;
mod emit;
mod layout;
mod live;
mod merge;
mod normalise;
mod order;
mod pack;
pub mod places;
mod prepare;
mod record;
mod remat;
mod rewrite;
mod slots;
mod split;
mod ssa;
mod unsplit;
mod values;

pub use codes::CODES;
pub use dump::{Pass, dot, dump};
pub use order::MAX_DIRECT_STARTS;
pub use split::Witness;
pub use unsplit::{Bodies, Unsplit, lay_out};

use crate::FrameAbi;
use crate::ir::{Block, Func, FuncKind, Function, Module, Signature, Span, Terminator, Ty};
use crate::parallel::{self, Parallel, in_order};
use emit::Emit;
use layout::{FrameLayout, LayoutError};
use live::Live;
use order::CallOrder;
use rewrite::Rewrite;
use std::collections::BTreeMap;
use std::fmt;
use vitte_abi::LayoutRecord;

/// A module whose coroutines are machines.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// Functions are synchronous or machines.
    pub module: Module,
    /// Layout of each machine's frame.
    pub machines: BTreeMap<Func, LayoutRecord>,
    /// What the split of each machine says it did; see [`crate::check`].
    pub witnesses: BTreeMap<Func, Witness>,
}

/// Why a module cannot be lowered: the user's code asks for what no frame can hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LowerError {
    /// Stable code.
    pub code: &'static str,
    /// The function.
    pub func: Func,
    /// What is wrong and what to do, with the function's name.
    pub message: String,
    /// Where, if known.
    pub span: Span,
}

impl fmt::Display for LowerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for LowerError {}

/// Lowers a verified module.
///
/// # Errors
///
/// * `LOWER0001` a frame, slot or result is larger than 2 GiB,
/// * `LOWER0002` a generator holds itself in a slot.
///
/// # Panics
///
/// On a module that the verifier rejects, naming the invariant that does not hold.
pub fn lower(module: &Module) -> Result<Lowered, Vec<LowerError>> {
    lower_with(module, &in_order)
}

/// [`lower`], with the work that functions do not share done by `parallel`.
///
/// # Errors
///
/// As [`lower`].
///
/// # Panics
///
/// As [`lower`].
pub fn lower_with(module: &Module, parallel: &Parallel<'_>) -> Result<Lowered, Vec<LowerError>> {
    let laid_out = Pipeline::run_with(module, &FrameAbi::host(), parallel)?;
    Ok(laid_out.finish(parallel))
}

/// The module between the passes: prepared coroutines with what is known of each.
pub(crate) struct Pipeline {
    abi: FrameAbi,
    module: Module,
    order: CallOrder,
    coroutines: Vec<Coroutine>,
    layouts: BTreeMap<Func, FrameLayout>,
}

/// One coroutine, ready to be split.
struct Coroutine {
    func: Func,
    body: Function,
    live: Live,
}

impl Pipeline {
    /// All passes up to layout.
    pub(crate) fn run(module: &Module, abi: &FrameAbi) -> Result<Self, Vec<LowerError>> {
        Self::run_with(module, abi, &in_order)
    }

    fn run_with(
        module: &Module,
        abi: &FrameAbi,
        parallel: &Parallel<'_>,
    ) -> Result<Self, Vec<LowerError>> {
        let mut module = module.clone();
        collapse::collapse(&mut module);
        let order = CallOrder::new(&module);
        let mut this =
            Self { abi: *abi, module, order, coroutines: Vec::new(), layouts: BTreeMap::new() };
        let mut errors = Vec::new();
        let callees_first = this.order.callees_first.clone();
        let analysed = parallel::map(parallel, callees_first, |func| {
            let body = this.simplify(func);
            let live = Live::new(&this.module, &body);
            (func, body, live)
        });
        // A frame contains those of its callees.
        for (func, body, live) in analysed {
            let layout = layout::lay_out(
                &this.module,
                func,
                &body,
                &live,
                &this.layouts,
                &this.order,
                &this.abi,
            );
            match layout {
                Ok(layout) => drop(this.layouts.insert(func, layout)),
                Err(error) => {
                    errors.push(this.explain(func, error));
                    this.layouts.insert(func, FrameLayout::default());
                }
            }
            this.coroutines.push(Coroutine { func, body, live });
        }
        if errors.is_empty() { Ok(this) } else { Err(errors) }
    }

    /// The passes before liveness.
    fn simplify(&self, func: Func) -> Function {
        let mut body = self.module.funcs[func].clone();
        for pass in [Pass::Prepare, Pass::Normalise, Pass::Merge, Pass::Rematerialise] {
            simplify_by(pass, &self.module, &self.order, func, &mut body);
        }
        body
    }

    fn explain(&self, func: Func, error: LayoutError) -> LowerError {
        let f = &self.module.funcs[func];
        let name = &f.name;
        let (code, message) = match error {
            LayoutError::TooLarge => (
                "LOWER0001",
                format!(
                    "the frame of `{name}` would be larger than 2 GiB; hold large data behind a reference, or drop it before the next await"
                ),
            ),
            LayoutError::RecursiveGenerator(slot) => (
                "LOWER0002",
                format!("`{name}` holds a generator that contains itself in {slot}; box it"),
            ),
        };
        LowerError { code, func, message, span: f.span }
    }

    /// Split, records, and the rewriting of synchronous functions.
    fn finish(mut self, parallel: &Parallel<'_>) -> Lowered {
        let coroutines = std::mem::take(&mut self.coroutines);
        let split =
            parallel::map(parallel, coroutines, |c| (c.func, self.record(&c), self.split(c)));
        let mut machines = BTreeMap::new();
        let mut witnesses = BTreeMap::new();
        let mut bodies = BTreeMap::new();
        for (func, record, (machine, witness)) in split {
            bodies.insert(func, machine);
            machines.insert(func, record);
            witnesses.insert(func, witness);
        }
        Lowered { module: self.lowered_module(bodies), machines, witnesses }
    }

    /// The module with these machines and with what becomes of its synchronous functions.
    fn lowered_module(&mut self, machines: BTreeMap<Func, Function>) -> Module {
        let mut bodies = machines;
        let sync = self.module.funcs.iter().filter(|(_, f)| f.kind == FuncKind::Sync);
        for (func, f) in sync {
            let mut body = rewrite_sync(&self.module, f, &self.layouts, &self.abi);
            self.erase_futures_of(&mut body);
            bodies.insert(func, body);
        }
        // The tables of the module with the new bodies.
        let funcs = std::mem::take(&mut self.module.funcs);
        let mut module = self.module.clone();
        self.module.funcs = funcs;
        module.funcs = bodies.into_values().collect();
        assert_eq!(module.funcs.len(), self.module.funcs.len(), "I: a function has one kind");
        module.imports.values_mut().for_each(|i| self.erase_futures_in(&mut i.sig));
        for op in module.ops.values_mut() {
            op.params.iter_mut().for_each(|p| self.erase_future(&mut p.ty));
            op.results.iter_mut().for_each(|ty| self.erase_future(ty));
        }
        module
    }

    fn record(&self, c: &Coroutine) -> LayoutRecord {
        let layout = &self.layouts[&c.func];
        record::record(&self.module, c.func, &c.body, &c.live, layout, &self.layouts, &self.abi)
    }

    fn split(&self, c: Coroutine) -> (Function, Witness) {
        let layout = &self.layouts[&c.func];
        let (module, layouts, abi) = (&self.module, &self.layouts, &self.abi);
        let (mut machine, witness) =
            split::split(module, c.func, c.body, &c.live, layout, layouts, &self.order, abi);
        self.erase_futures_of(&mut machine);
        (machine, witness)
    }

    /// Gives slots, parameters and results of type future their bytes: once the coroutines have the
    /// signature of machines, the size of a future is not known any more.
    fn erase_futures_of(&self, f: &mut Function) {
        f.slots.values_mut().for_each(|s| self.erase_future(&mut s.ty));
        self.erase_futures_in(&mut f.sig);
    }

    fn erase_futures_in(&self, sig: &mut Signature) {
        sig.params.iter_mut().for_each(|p| self.erase_future(&mut p.ty));
        sig.results.iter_mut().for_each(|ty| self.erase_future(ty));
    }

    fn erase_future(&self, ty: &mut Ty) {
        if let Ty::Future(_) = ty {
            let extent = layout::slot_extent(&self.module, &self.layouts, *ty);
            let (size, align) = extent.expect("I: laid out types have a size");
            *ty = Ty::Bytes { size, align };
        }
    }
}

/// One of the passes before liveness.
fn simplify_by(pass: Pass, module: &Module, order: &CallOrder, func: Func, body: &mut Function) {
    match pass {
        Pass::Prepare => prepare::prepare(module, order, func, body),
        Pass::Normalise => normalise::normalise(module, body),
        Pass::Merge => {
            merge::merge(body);
        }
        Pass::Rematerialise => {
            remat::rematerialise(body);
        }
        Pass::Collapse | Pass::Live | Pass::Layout | Pass::Split => {}
    }
}

/// Rewrites a synchronous function: it has no frame, but may move, drop, box and fault.
fn rewrite_sync(
    module: &Module,
    f: &Function,
    layouts: &BTreeMap<Func, FrameLayout>,
    abi: &FrameAbi,
) -> Function {
    let mut f = f.clone();
    let blocks: Vec<Block> = f.blocks.keys().collect();
    let e = Emit { module, f: &mut f, block: blocks[0], span: Span::NONE };
    let mut r = Rewrite { e, layouts, abi, frame: None, instead: BTreeMap::new() };
    for block in blocks {
        let data = &mut r.e.f.blocks[block];
        let insts = std::mem::take(&mut data.insts);
        let term: Terminator = data.term.take().expect("I: a verified block has a terminator");
        let span = data.term_span;
        r.e.block = block;
        insts.into_iter().for_each(|inst| r.inst(inst));
        r.terminator(term, span);
    }
    f
}
