//! The third way to run a program: as machine code in this process.
//!
//! ```text
//!  lowered module ─► Cranelift ─► Program ── run(args, script) ─► Outcome
//!                                    │            ▲
//!                                 vt_run ◄──► World (the scripted host over real memory)
//! ```
//!
//! A run is driven by `vt_run` alone, without the runtime: the loop is that of
//! `vitte_lowering::interp::Session`, and so are host, trace and what counts as a violation. After
//! each suspend every byte that the layout record calls dead is overwritten, so that a reload of one
//! shows.
//!
//! A trace of machine code knows nothing of undefined bytes: [`difference`] compares two traces where
//! both know.

mod frames;
mod world;

use frames::{awaiter, poison_dead, read_number};
use std::ptr::null_mut;
use vitte_abi::{
    SlotRole, VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_DONE, VT_FAULTED, VT_ITEM, VT_MODE_RESUME,
    VT_NONE, VT_RUNNING, VT_YIELDED, stack_pointer, vt_branches, vt_ctx, vt_fns, vt_leaf,
    vt_resume, vt_run, vt_span, vt_status,
};
use vitte_codegen::{Code, CodegenError, Jit, Options};
use vitte_lowering::coroutine::{Lowered, lay_out};
use vitte_lowering::in_order;
use vitte_lowering::interp::{Atom, Event, Input, Outcome, Script, Trace, Violation, status_name};
use vitte_lowering::ir::{DropAction, Func, FuncKind, Module, Ty, Type};
use world::{OpShape, Watched, World, imports, shapes, world};

/// Loop budget of one refill.
const BUDGET: i64 = 1 << 20;
/// Refills until a run counts as endless.
const MAX_OVERRUNS: u32 = 64;
/// Resumes until a run counts as endless.
const MAX_RESUMES: u32 = 1 << 20;
/// Native stack that a run may use.
const STACK: usize = 512 << 10;

/// A compiled module, ready to run.
#[derive(Debug)]
pub struct Program<'m> {
    module: &'m Module,
    lowered: &'m Lowered,
    code: Code,
    shapes: [OpShape; 3],
}

impl<'m> Program<'m> {
    /// Compiles what `module` was lowered to.
    ///
    /// # Errors
    ///
    /// As [`Jit::compile`].
    pub fn new(module: &'m Module, lowered: &'m Lowered) -> Result<Self, CodegenError> {
        Self::with_options(module, lowered, &Options::default())
    }

    /// [`Program::new`] with options.
    ///
    /// # Errors
    ///
    /// As [`Jit::compile`].
    pub fn with_options(
        module: &'m Module,
        lowered: &'m Lowered,
        options: &Options,
    ) -> Result<Self, CodegenError> {
        let code = Jit::compile(&lowered.module, &lowered.machines, &imports(), options)?;
        Ok(Program { module, lowered, code, shapes: shapes(module) })
    }

    /// [`Program::new`], but each function is split and compiled when it is first called.
    ///
    /// # Errors
    ///
    /// As [`Jit::compile_on_demand`].
    pub fn on_demand(module: &'m Module, lowered: &'m Lowered) -> Result<Self, CodegenError> {
        let unsplit = lay_out(module, &in_order).expect("it was lowered before");
        let code = Jit::compile_on_demand(unsplit, imports(), Options::default(), |error| {
            eprintln!("{error}");
            std::process::abort()
        })?;
        Ok(Program { module, lowered, code, shapes: shapes(module) })
    }

    /// Runs a coroutine to its end, or as far as the script goes.
    pub fn run(&self, func: Func, args: &[Input], script: &Script) -> Outcome {
        let mut run = Run::new(self, func, script);
        match run.start(args) {
            Ok(()) => run.run(),
            Err(what) => run.violate(what),
        }
        run.finish()
    }

    /// A run that is driven step by step.
    ///
    /// # Panics
    ///
    /// If the arguments do not fit.
    pub fn session(&self, func: Func, args: &[Input], script: &Script) -> Run<'_, 'm> {
        let mut run = Run::new(self, func, script);
        run.start(args).expect("arguments that fit");
        run
    }
}

// SAFETY: a run owns its world, its frames and its context; the code it points to is shared.
unsafe impl Send for Run<'_, '_> {}

/// One run of a [`Program`].
#[derive(Debug)]
pub struct Run<'p, 'm> {
    program: &'p Program<'m>,
    func: Func,
    /// Boxed, because generated code knows their addresses.
    ctx: Box<vt_ctx>,
    leaf: Box<vt_leaf>,
    #[allow(dead_code, reason = "the context points to it")]
    fns: Box<vt_fns>,
    /// Owned; a raw pointer, because the context holds the same one.
    world: *mut World,
    frame: *mut u8,
    status: vt_status,
    aborted: bool,
}

impl Drop for Run<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: it came from a box and goes with the run.
        drop(unsafe { Box::from_raw(self.world) });
    }
}

impl<'p, 'm> Run<'p, 'm> {
    fn new(program: &'p Program<'m>, func: Func, script: &Script) -> Self {
        let world = Box::into_raw(Box::new(World::new(script, program.shapes)));
        let fns = Box::new(vt_fns {
            alloc_frame: frames::alloc_frame,
            free_frame: frames::free_frame,
            overrun,
            fault,
            choose,
            branches: vt_branches,
            run: vt_run,
        });
        let ctx = Box::new(vt_ctx {
            budget: i64::from(script.back_edges),
            user: world.cast(),
            ..vt_ctx::new(null_mut(), &raw const *fns)
        });
        let leaf = Box::new(vt_leaf::new(never_resumed, null_mut()));
        let (frame, status) = (null_mut(), VT_YIELDED);
        Run { program, func, ctx, leaf, fns, world, frame, status, aborted: false }
    }

    /// The host. Generated code must not run while this is used.
    fn world(&mut self) -> &mut World {
        // SAFETY: the world lives as long as the run, and only generated code has another way to it.
        unsafe { &mut *self.world }
    }

    fn violate(&mut self, what: String) {
        self.world().violate(what);
    }

    /// Makes the root's frame with its arguments.
    fn start(&mut self, args: &[Input]) -> Result<(), String> {
        let p = self.program;
        let f = &p.module.funcs[self.func];
        if f.sig.params.len() != args.len() {
            return Err(format!("{} takes {} arguments", f.name, f.sig.params.len()));
        }
        let machine =
            p.code.machine(self.func).ok_or_else(|| format!("{} is no coroutine", f.name))?;
        let record = &p.lowered.machines[&self.func];
        // SAFETY: the machine is static data of the program, which outlives the run.
        self.frame = unsafe { self.world().alloc_frame(machine) };
        let params = record.slots.iter().filter(|s| s.role == SlotRole::Param);
        for ((param, slot), arg) in f.sig.params.iter().zip(params).zip(args) {
            let bytes = match arg {
                Input::Bits(bits) => bits.to_le_bytes()[..slot.size as usize].to_vec(),
                Input::Object(id) => self.world().new_object(*id).to_le_bytes().to_vec(),
                Input::Bytes(bytes) => bytes.clone(),
            };
            if bytes.len() as u64 != slot.size {
                return Err(format!("{} takes another argument for {}", f.name, param.name));
            }
            // SAFETY: the parameter lies in the frame.
            let at = unsafe { self.frame.add(slot.offset as usize) };
            // SAFETY: as above, and it has the length of the bytes.
            unsafe { at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        }
        (self.leaf.resume, self.leaf.frame) = (machine.resume, self.frame);
        self.leaf.root = self.frame;
        Ok(())
    }

    fn is_over(&mut self) -> bool {
        self.status != VT_YIELDED || !self.world().violations.is_empty()
    }

    /// Asks the task to cancel; again, or after its end, this changes nothing.
    pub fn cancel(&mut self) {
        if !self.is_over() && self.leaf.cancel == VT_CANCEL_NONE {
            self.leaf.cancel = VT_CANCEL_ASKED;
            self.world().push(Event::CancelAsked);
        }
    }

    /// Lets the clock tick.
    pub fn tick(&mut self) {
        self.world().tick += 1;
    }

    /// Notes nothing in the trace from now on.
    pub fn silence(&mut self) {
        self.world().silent = true;
    }

    /// Asks for a cancel while an operation is started, that is, while the task runs.
    pub fn cancel_in_start(&mut self, op: u32) {
        self.world().cancel_in_start = Some(op);
    }

    /// Resumes the leaf in force and that of the run whenever an operation is started; what that is
    /// answered is in [`Run::inner_resumes`].
    pub fn resume_in_start(&mut self) {
        let leaf = &raw mut *self.leaf;
        self.world().resume_in_start = Some(leaf);
    }

    /// What resumes of a task that was running were answered.
    pub fn inner_resumes(&mut self) -> Vec<vt_status> {
        std::mem::take(&mut self.world().inner)
    }

    /// [`Run::resume_raw`], and, if the leaf suspended again, whether the root's frame was still the
    /// same when `vt_run` returned as when the leaf's resume function did.
    pub fn resume_watched(&mut self) -> (vt_status, Option<bool>) {
        let (resume, frame) = (self.leaf.resume, self.frame.cast_const());
        let len = self.program.lowered.machines[&self.func].size as usize;
        self.world().watched = Some(Watched { resume, frame, len, bytes: Vec::new() });
        self.leaf.resume = world::watch;
        let status = self.resume_raw();
        let after = self.frame_bytes();
        let watched = self.world().watched.take().expect("set above");
        if std::ptr::fn_addr_eq(self.leaf.resume, world::watch as vt_resume) {
            self.leaf.resume = watched.resume;
        }
        (status, (!watched.bytes.is_empty()).then(|| watched.bytes == after))
    }

    /// Bytes of native stack between the deepest and the least deep start of an operation.
    pub fn stack_range(&mut self) -> usize {
        self.world().stack.map_or(0, |(low, high)| high - low)
    }

    /// Frames allocated so far, the root's among them.
    pub fn frames(&mut self) -> u32 {
        self.world().n_frames
    }

    /// The bytes of the root's frame.
    pub fn frame_bytes(&self) -> Vec<u8> {
        let size = self.program.lowered.machines[&self.func].size as usize;
        // SAFETY: the frame is that large, initialised (with poison) and not running.
        unsafe { std::slice::from_raw_parts(self.frame, size) }.to_vec()
    }

    /// Moves the context elsewhere and destroys the old one: nothing of it outlives a resume.
    pub fn renew_context(&mut self) {
        let mut renewed = Box::new(vt_ctx { ..*self.ctx });
        std::mem::swap(&mut self.ctx, &mut renewed);
        renewed.fns = null_mut();
        renewed.user = null_mut();
    }

    /// Calls `vt_run` once, whatever state the task is in.
    pub fn resume_raw(&mut self) -> vt_status {
        if self.world().script.back_edges == u32::MAX {
            self.ctx.budget = BUDGET;
        }
        self.ctx.stack_limit = stack_pointer().saturating_sub(STACK);
        self.ctx.mode = VT_MODE_RESUME;
        self.ctx.child_status = VT_NONE;
        self.ctx.coop = self.world().script.coop.unwrap_or(i32::MAX / 2);
        self.ctx.requeue = 0;
        self.ctx.winner = 0;
        self.ctx.abort = 0;
        let (ctx, leaf) = (&raw mut *self.ctx, &raw mut *self.leaf);
        // SAFETY: the leaf is the root's, which is suspended or over (its machine answers that), and
        // nobody else resumes it.
        let status = unsafe { vt_run(ctx, leaf) };
        self.aborted |= self.ctx.abort != 0;
        status
    }

    /// Resumes the task once and shows what it hands out.
    pub fn resume(&mut self) -> vt_status {
        let status = self.resume_raw();
        if status == VT_YIELDED {
            if let Err(what) = self.poison() {
                self.violate(what);
            }
            return status;
        }
        let has_results = match self.program.module.funcs[self.func].kind {
            FuncKind::Generator => status == VT_ITEM,
            _ => status == VT_DONE,
        };
        let results = if has_results { self.results() } else { Vec::new() };
        let atoms = results.iter().map(|(_, atom, _)| atom.clone()).collect();
        let event = if status == VT_ITEM {
            Event::Item(atoms)
        } else {
            self.status = status;
            Event::End { status: status_name(status), results: atoms }
        };
        self.world().push(event);
        for (ty, _, at) in results {
            self.drop_at(ty, at);
        }
        status
    }

    /// Poisons the dead bytes of all frames from the leaf to the root.
    fn poison(&mut self) -> Result<(), String> {
        let (mut resume, mut frame) = (self.leaf.resume as usize, self.leaf.frame);
        loop {
            let func = self.program.code.func_at(std::ptr::without_provenance(resume));
            let func = func.ok_or("a leaf whose resume function is no machine's")?;
            // SAFETY: the leaf and its awaiters are suspended, with the layouts of their machines.
            unsafe { poison_dead(&self.program.lowered.machines[&func], frame) }?;
            // SAFETY: as above.
            match unsafe { awaiter(frame) } {
                Some(next) => (resume, frame) = next,
                None => return Ok(()),
            }
        }
    }

    /// The results in the root's frame: type, as the trace shows it, address.
    fn results(&mut self) -> Vec<(Ty, Atom, *mut u8)> {
        let module = self.program.module;
        let types = &module.funcs[self.func].sig.results;
        let offset = self.program.lowered.machines[&self.func].result_offset as usize;
        let seq = module.sequence(types.iter().copied()).expect("I: results are not too large");
        let mut all = Vec::new();
        for (&ty, at) in types.iter().zip(seq.offsets) {
            // SAFETY: the results lie in the frame.
            let at = unsafe { self.frame.add(offset + at as usize) };
            let atom = self.atom(ty, at);
            all.push((ty, atom, at));
        }
        all
    }

    fn atom(&mut self, ty: Ty, at: *mut u8) -> Atom {
        let len = self.program.module.size_align(ty).0 as usize;
        // SAFETY: a result of that size lies there.
        let bytes = unsafe { std::slice::from_raw_parts(at, len) }.to_vec();
        let Ty::Value(ty) = ty else {
            let mut shown: Vec<Option<u8>> = bytes.into_iter().map(Some).collect();
            self.hide_references(ty, 0, &mut shown);
            return Atom::Bytes(shown);
        };
        let mut wide = [0; 16];
        wide[..len].copy_from_slice(&bytes);
        let n = u128::from_le_bytes(wide);
        let shift = 128 - 8 * len as u32;
        match ty {
            Type::Bool => Atom::Int(n as i128),
            Type::F32 | Type::F64 => Atom::Float(n as u64),
            Type::Ptr | Type::Ref(_) => self.world().reference(n as usize),
            _ => Atom::Int(((n << shift) as i128) >> shift),
        }
    }

    /// Addresses differ between the forms: bytes of references are not shown.
    fn hide_references(&self, ty: Ty, at: usize, shown: &mut [Option<u8>]) {
        match ty {
            Ty::Value(Type::Ref(_) | Type::Ptr) => shown[at..at + 8].fill(None),
            Ty::Struct(s) => {
                for f in &self.program.module.structs[s].fields {
                    self.hide_references(f.ty, at + f.offset as usize, shown);
                }
            }
            _ => {}
        }
    }

    /// Drops a result, as the interpreter does.
    fn drop_at(&mut self, ty: Ty, at: *mut u8) {
        let module = self.program.module;
        match ty {
            Ty::Value(Type::Ref(_)) => {
                // SAFETY: a reference lies there.
                let address = unsafe { at.cast::<usize>().read_unaligned() };
                self.world().release(address);
            }
            Ty::Struct(s) if module.needs_drop(ty) => {
                let data = &module.structs[s];
                if data.drop != DropAction::Fields {
                    return self.violate("a result is dropped by an import".into());
                }
                let mut alive: Vec<u32> = (0..data.fields.len() as u32).collect();
                if let Some(tag) = &data.tag {
                    let field = &data.fields[tag.field as usize];
                    // SAFETY: the tag lies in the structure.
                    let tag_at = unsafe { at.add(field.offset as usize) };
                    // SAFETY: as above.
                    let n = unsafe { read_number(tag_at, module.size_align(field.ty).0 as usize) };
                    let variant = tag.variants.iter().find(|(v, _)| *v == n);
                    alive = variant.map(|(_, f)| f.clone()).unwrap_or_default();
                }
                for i in alive {
                    let field = &data.fields[i as usize];
                    // SAFETY: the field lies in the structure.
                    self.drop_at(field.ty, unsafe { at.add(field.offset as usize) });
                }
            }
            Ty::Future(_) => self.violate("a future is a result".into()),
            _ => {}
        }
    }

    /// Runs to the end as the script says.
    pub fn run(&mut self) {
        let script = self.world().script.clone();
        let mut resumes = 0;
        while !self.is_over() && self.world().tick < script.max_ticks {
            if script.cancel_at == Some(self.world().tick) {
                self.cancel();
            }
            let mut status = self.resume();
            for _ in 0..script.spurious {
                if status == VT_YIELDED {
                    status = self.resume();
                }
            }
            if status == VT_YIELDED && (script.coop.is_none() || self.ctx.requeue == 0) {
                self.tick();
            }
            resumes += 1;
            if resumes > MAX_RESUMES {
                self.violate("the run does not end".into());
            }
        }
    }

    /// Ends the run: looks for what was left behind.
    pub fn finish(mut self) -> Outcome {
        let over = self.status != VT_YIELDED;
        if over && !self.aborted && self.world().violations.is_empty() {
            let frame = self.frame;
            self.world().free_frame(frame);
            let left = self.world().leftovers();
            let frames = self.world().frames.len();
            self.world().violations.extend(left);
            if frames > 0 {
                self.violate(format!("{frames} frames were never freed"));
            }
        }
        let status = self.status;
        let world = self.world();
        let violations = std::mem::take(&mut world.violations).into_iter();
        Outcome {
            trace: std::mem::take(&mut world.trace),
            status,
            ticks: world.tick,
            fault: world.first_fault,
            violations: violations.map(|what| Violation { what, at: None }).collect(),
        }
    }
}

unsafe extern "C" fn never_resumed(_: *mut vt_ctx, _: *mut u8) -> vt_status {
    VT_FAULTED
}

unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> vt_status {
    // SAFETY: generated code passes the context of its run on.
    let world = unsafe { world(ctx) };
    if world.script.back_edges < u32::MAX {
        // Fuel that is gone stays gone.
        // SAFETY: as above.
        unsafe { (*ctx).budget = 0 };
        return VT_FAULTED;
    }
    // SAFETY: as above.
    unsafe { (*ctx).budget = BUDGET };
    world.overruns += 1;
    if world.overruns < MAX_OVERRUNS {
        return VT_RUNNING;
    }
    world.violate("a loop does not end");
    VT_FAULTED
}

unsafe extern "C" fn fault(
    ctx: *mut vt_ctx,
    code: u32,
    _span: *const vt_span,
    payload: u64,
    in_cleanup: u32,
) {
    if in_cleanup != 0 {
        // SAFETY: generated code passes the context of its run on.
        unsafe { (*ctx).abort = 1 };
    }
    // SAFETY: as above.
    unsafe { world(ctx) }.fault(code, payload as i64, in_cleanup != 0);
}

unsafe extern "C" fn choose(ctx: *mut vt_ctx, n: u32) -> u32 {
    // SAFETY: generated code passes the context of its run on.
    let world = unsafe { world(ctx) };
    world.script.choose(world.tick, n)
}

/// The first place where two traces differ, where bytes that are undefined (or addresses) in one of
/// them equal any. `None` if they are equal.
pub fn difference(one: &Trace, other: &Trace) -> Option<String> {
    let n = one.events.len().max(other.events.len());
    let same = |i| match (one.events.get(i), other.events.get(i)) {
        (Some(a), Some(b)) => same_event(a, b),
        _ => false,
    };
    let at = (0..n).find(|&i| !same(i))?;
    let show = |t: &Trace| t.events.get(at).map_or("nothing".to_string(), ToString::to_string);
    Some(format!("event {at}: {} / {}", show(one), show(other)))
}

fn same_event(a: &Event, b: &Event) -> bool {
    match (a, b) {
        (Event::Item(a), Event::Item(b)) => same_atoms(a, b),
        (Event::End { status: s, results: a }, Event::End { status: t, results: b }) => {
            s == t && same_atoms(a, b)
        }
        _ => a == b,
    }
}

fn same_atoms(a: &[Atom], b: &[Atom]) -> bool {
    let same_byte = |(x, y): (&Option<u8>, &Option<u8>)| x == y || x.is_none() || y.is_none();
    let same = |(a, b): (&Atom, &Atom)| match (a, b) {
        (Atom::Bytes(a), Atom::Bytes(b)) => a.len() == b.len() && a.iter().zip(b).all(same_byte),
        _ => a == b,
    };
    a.len() == b.len() && a.iter().zip(b).all(same)
}
