//! A context to run generated code in, and helpers to compile for it.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::cast_ptr_alignment, reason = "frames are byte pointers, aligned as asked")]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use vitte_abi::{
    LayoutRecord, VT_RUNNING, vt_branches, vt_ctx, vt_fns, vt_leaf, vt_machine, vt_prefix, vt_run,
    vt_span, vt_status,
};
use vitte_codegen::{Code, CodegenError, ImportTable, Jit, Options};
use vitte_lowering::ir::{Func, Module, parse_module};

/// What generated code told the runtime.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) overruns: u32,
    pub(crate) faults: Vec<(u32, u64, u32, u32)>,
    pub(crate) frames: i32,
    pub(crate) notes: Vec<i64>,
}

/// Signature of [`many`].
pub(crate) type Many =
    extern "C" fn(*mut vt_ctx, u8, u16, bool, i128, f32, i128, i64, f64, i128, i32) -> i128;

/// Has more arguments than registers, of all types; the result tells them apart.
#[allow(clippy::too_many_arguments, reason = "that is what it is for")]
#[allow(clippy::many_single_char_names, reason = "as above")]
pub(crate) extern "C" fn many(
    _: *mut vt_ctx,
    a: u8,
    b: u16,
    c: bool,
    d: i128,
    e: f32,
    f: i128,
    g: i64,
    h: f64,
    i: i128,
    j: i32,
) -> i128 {
    let floats = i128::from(e as i64) * 10 + i128::from(h as i64);
    let small = i128::from(a) + i128::from(b) * 3 + i128::from(c) * 5 + i128::from(j) * 19;
    small + d * 7 + f * 11 + i128::from(g) * 13 + i * 17 + floats * 23
}

/// A context with its world and its leaf; does not move.
pub(crate) struct Host {
    pub(crate) ctx: vt_ctx,
    pub(crate) leaf: vt_leaf,
    pub(crate) world: World,
    pub(crate) fns: vt_fns,
}

impl Host {
    pub(crate) fn new() -> Box<Self> {
        let fns = vt_fns {
            alloc_frame,
            free_frame,
            overrun,
            fault,
            choose,
            branches: vt_branches,
            run: vt_run,
        };
        let leaf = vt_leaf::new(no_resume, null_mut());
        let ctx = vt_ctx { coop: 100, ..vt_ctx::new(null_mut(), null()) };
        let mut host = Box::new(Self { ctx, leaf, world: World::default(), fns });
        host.ctx.leaf = &raw mut host.leaf;
        host.ctx.fns = &raw const host.fns;
        host.ctx.user = (&raw mut host.world).cast::<c_void>();
        host
    }

    pub(crate) fn ctx(&mut self) -> *mut vt_ctx {
        &raw mut self.ctx
    }
}

/// The world behind a context of [`Host`].
///
/// # Safety
///
/// `ctx` is the context of a living `Host`, and nobody else uses its world.
pub(crate) unsafe fn world<'a>(ctx: *mut vt_ctx) -> &'a mut World {
    // SAFETY: `ctx` is valid (caller).
    let user = unsafe { (*ctx).user };
    // SAFETY: `user` leads to the world (caller).
    unsafe { &mut *user.cast::<World>() }
}

unsafe extern "C" fn no_resume(_: *mut vt_ctx, _: *mut u8) -> vt_status {
    unreachable!("the leaf is set before it is resumed")
}

unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> vt_status {
    // SAFETY: generated code passes its context on.
    unsafe { world(ctx) }.overruns += 1;
    // SAFETY: as above.
    unsafe { (*ctx).budget = 10 };
    VT_RUNNING
}

unsafe extern "C" fn fault(
    ctx: *mut vt_ctx,
    code: u32,
    span: *const vt_span,
    payload: u64,
    in_cleanup: u32,
) {
    // SAFETY: generated code passes the address of a static span.
    let line = unsafe { (*span).line };
    // SAFETY: generated code passes its context on.
    unsafe { world(ctx) }.faults.push((code, payload, in_cleanup, line));
}

unsafe extern "C" fn choose(_: *mut vt_ctx, n: u32) -> u32 {
    n - 1
}

/// Every frame is preceded by its layout, in a block of its own.
const HEAD: usize = 64;

unsafe extern "C" fn alloc_frame(
    ctx: *mut vt_ctx,
    machine: *const vt_machine,
    _kind: u32,
) -> *mut u8 {
    // SAFETY: generated code passes its context on.
    unsafe { world(ctx) }.frames += 1;
    // SAFETY: generated code passes a static machine.
    unsafe { new_frame(machine) }
}

unsafe extern "C" fn free_frame(ctx: *mut vt_ctx, frame: *mut u8) {
    // SAFETY: generated code passes its context on.
    unsafe { world(ctx) }.frames -= 1;
    // SAFETY: the frame came from `alloc_frame`.
    unsafe { delete_frame(frame) };
}

fn frame_layout(machine: &vt_machine) -> std::alloc::Layout {
    let size = HEAD + machine.size as usize;
    std::alloc::Layout::from_size_align(size, (machine.align as usize).max(HEAD)).unwrap()
}

/// An unresumed frame with its prefix; other bytes are 0xaa.
///
/// # Safety
///
/// `machine` is valid.
pub(crate) unsafe fn new_frame(machine: *const vt_machine) -> *mut u8 {
    // SAFETY: the machine is valid (caller).
    let m = unsafe { &*machine };
    let layout = frame_layout(m);
    // SAFETY: the layout has a size.
    let block = unsafe { std::alloc::alloc(layout) };
    // SAFETY: the block is that large.
    unsafe { block.write_bytes(0xaa, layout.size()) };
    // SAFETY: the block is larger than its head.
    let frame = unsafe { block.add(HEAD) };
    // SAFETY: the prefix lies in the head.
    let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
    // SAFETY: as above.
    unsafe { prefix.write(vt_prefix { parent: null_mut(), machine, link: null() }) };
    // SAFETY: the tag lies in the frame.
    let tag = unsafe { frame.add(m.tag_offset as usize) };
    // SAFETY: as above.
    unsafe { tag.write_bytes(0, m.tag_bytes as usize) };
    frame
}

/// Frees a frame.
///
/// # Safety
///
/// The frame came from [`new_frame`] and is not used any more.
pub(crate) unsafe fn delete_frame(frame: *mut u8) {
    // SAFETY: the prefix lies before the frame.
    let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
    // SAFETY: `new_frame` wrote it.
    let prefix = unsafe { prefix.read() };
    // SAFETY: the machine is static.
    let layout = frame_layout(unsafe { &*prefix.machine });
    // SAFETY: the block starts a head before the frame.
    let block = unsafe { frame.sub(HEAD) };
    // SAFETY: it was allocated with that layout.
    unsafe { std::alloc::dealloc(block, layout) };
}

/// Parses a module.
pub(crate) fn module(text: &str) -> Module {
    parse_module(text).unwrap_or_else(|errors| {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    })
}

/// Compiles a module without coroutines.
pub(crate) fn compile(module: &Module, imports: &ImportTable) -> Result<Code, CodegenError> {
    Jit::compile(module, &BTreeMap::new(), imports, &Options::default())
}

/// Compiles a module with coroutines.
pub(crate) fn compile_machines(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    imports: &ImportTable,
) -> Code {
    Jit::compile(module, machines, imports, &Options::default()).unwrap_or_else(|e| panic!("{e}"))
}

/// The address of a synchronous function as a function pointer.
///
/// # Safety
///
/// `F` is the type of a function pointer with the C signature of that function.
pub(crate) unsafe fn entry<F: Copy>(code: &Code, name: &str) -> F {
    let address = code.sync_fn_by_name(name).expect("the function exists");
    assert_eq!(size_of::<F>(), size_of_val(&address));
    // SAFETY: the caller vouches for the type.
    unsafe { std::mem::transmute_copy(&address) }
}
