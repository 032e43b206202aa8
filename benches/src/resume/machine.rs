//! Our machines: compiled by the JIT, and one written by hand in Rust.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::null_mut;
use vitte_abi::{
    VT_YIELDED, run, vt_branches, vt_ctx, vt_fns, vt_leaf, vt_machine, vt_resume, vt_run, vt_span,
    vt_status,
};
use vitte_codegen::{Code, ImportTable, Jit, OptLevel, Options};
use vitte_lowering::coroutine::lower;
use vitte_lowering::ir::Module;

/// A coroutine with its frame, driven by the pop loop.
pub struct Machine {
    frame: *mut u8,
    layout: Layout,
    leaf: vt_leaf,
    ctx: vt_ctx,
    /// What the coroutine counts in.
    count: Box<i64>,
    /// Keeps the code alive.
    _code: Option<Code>,
}

unsafe extern "C" fn no_frame(_: *mut vt_ctx, _: *const vt_machine, _: u32) -> *mut u8 {
    null_mut()
}
unsafe extern "C" fn no_free(_: *mut vt_ctx, _: *mut u8) {}
unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> u32 {
    // SAFETY: the caller's context is valid during the call.
    unsafe { (*ctx).budget = i64::MAX };
    0
}
unsafe extern "C" fn fault(_: *mut vt_ctx, _: u32, _: *const vt_span, _: u64, _: u32) {}
unsafe extern "C" fn choose(_: *mut vt_ctx, _: u32) -> u32 {
    0
}

static FNS: vt_fns = vt_fns {
    alloc_frame: no_frame,
    free_frame: no_free,
    overrun,
    fault,
    choose,
    branches: vt_branches,
    run: vt_run,
};

impl Machine {
    /// Compiles the last function of a module, which takes a pointer to count in.
    ///
    /// # Panics
    ///
    /// If the module cannot be lowered or compiled.
    pub fn compile(module: &Module) -> Self {
        let lowered = lower(module).expect("the module can be lowered");
        let options = Options { opt: OptLevel::Speed, ..Options::default() };
        let imports = ImportTable::new();
        let code = Jit::compile(&lowered.module, &lowered.machines, &imports, &options)
            .expect("the module can be compiled");
        let func = lowered.machines.keys().next_back().copied().expect("there is a coroutine");
        let machine = *code.machine(func).expect("it is compiled");
        let argument = lowered.machines[&func]
            .slots
            .iter()
            .find(|s| s.role == vitte_abi::SlotRole::Param)
            .expect("it has a parameter");
        let offset = argument.offset as usize;
        Self::new(machine.resume, machine.size as usize, machine.align as usize, offset, Some(code))
    }

    fn new(
        resume: vt_resume,
        size: usize,
        align: usize,
        argument: usize,
        code: Option<Code>,
    ) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a frame has a layout");
        // SAFETY: a frame has at least a tag.
        let frame = unsafe { alloc_zeroed(layout) };
        let mut count = Box::new(0);
        // SAFETY: the argument lies inside the frame.
        let place = unsafe { frame.add(argument) };
        // SAFETY: the place holds a pointer.
        unsafe { place.cast::<*mut i64>().write(&raw mut *count) };
        let leaf = vt_leaf::new(resume, frame);
        let ctx = vt_ctx::new(null_mut(), &raw const FNS);
        Self { frame, layout, leaf, ctx, count, _code: code }
    }

    /// Resumes so many times.
    pub fn resume(&mut self, times: u64) {
        for _ in 0..times {
            // SAFETY: context and leaf are ours, the frame is unresumed or suspended.
            let status = unsafe { run(&raw mut self.ctx, &raw mut self.leaf) };
            debug_assert_eq!(status, VT_YIELDED);
        }
    }

    /// How far it has counted.
    pub fn count(&self) -> i64 {
        *self.count
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { dealloc(self.frame, self.layout) };
    }
}

/// Frame of the machines written by hand.
#[repr(C)]
struct Hand {
    out: *mut i64,
    n: i64,
    tag: u8,
}

/// What a careful person writes for a loop with 1 or 8 states. It is the leaf and stays it, so it stores
/// no leaf, no more than ours does.
///
/// # Panics
///
/// For other numbers of states.
pub fn hand_written(states: usize) -> Machine {
    let resume: vt_resume = match states {
        1 => hand::<1>,
        8 => hand::<8>,
        n => panic!("there is no machine with {n} states written by hand"),
    };
    Machine::new(resume, size_of::<Hand>(), align_of::<Hand>(), 0, None)
}

unsafe extern "C" fn hand<const STATES: u8>(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    // SAFETY: the frame was made for this function.
    let f = unsafe { &mut *frame.cast::<Hand>() };
    let state = match f.tag {
        0 => 0,
        tag => (tag - 2) % STATES,
    };
    f.n += i64::from(state) + 1;
    // SAFETY: `out` is valid as long as the machine.
    unsafe { *f.out = f.n };
    f.tag = 3 + state;
    // SAFETY: the context is valid during the call.
    let ctx = unsafe { &mut *ctx };
    ctx.requeue = 1;
    VT_YIELDED
}
