//! Hand-written machines, as generated code would be: `sleeper` awaits a host operation inline,
//! `down` recurses through the arena, `spin` loops with a budget, `failing` faults.
#![allow(
    dead_code,
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block,
    clippy::cast_ptr_alignment,
    reason = "each test file uses some of it; the frames are written by hand"
)]

use std::ptr::{NonNull, null};
use std::sync::LazyLock;
use std::time::Duration;

use vitte_rt::abi::*;
use vitte_rt::coroutine::{Fault, FrameTask, HostOp, OpCx, SpawnOptions};
use vitte_rt::runtime::Handle;

static SPAN: vt_span =
    vt_span { file: "m.vit".as_ptr(), file_len: 5, line: 7, column: 3, reserved: 0 };

const fn state(name: &'static str, line: u32) -> vt_state {
    vt_state {
        name: name.as_ptr(),
        name_len: name.len() as u32,
        line,
        awaitees: null(),
        n_awaitees: 0,
        reserved: 0,
    }
}

static SLEEPING: [vt_state; 1] = [state("sleeping", 12)];

const fn machine<F>(
    name: &'static str,
    resume: vt_resume,
    result_offset: usize,
    result_bytes: u32,
) -> vt_machine {
    vt_machine {
        resume,
        size: size_of::<F>() as u32,
        align: align_of::<F>() as u32,
        tag_offset: 0,
        tag_bytes: 1,
        result_offset: result_offset as u32,
        result_bytes,
        name: name.as_ptr(),
        name_len: name.len() as u32,
        n_states: 1,
        states: (&raw const SLEEPING).cast(),
        layout_hash: 0,
        span: &raw const SPAN,
        user: null(),
    }
}

/// Sleeps `ms` and answers `ms * 2`; the operation of [`Sleeper`].
pub(crate) static SLEEP: LazyLock<HostOp> = LazyLock::new(|| {
    HostOp::new1(|_cx: OpCx<'_>, ms: u64| async move {
        vitte_rt::time::sleep(Duration::from_millis(ms)).await;
        ms * 2
    })
});

/// Bytes that the frames below keep for operations.
const OP_BYTES: usize = 160;

#[repr(C)]
pub(crate) struct Sleeper {
    pub(crate) tag: u8,
    pub(crate) ms: u64,
    pub(crate) result: u64,
    pub(crate) cleanups: u64,
    pub(crate) op: [u64; OP_BYTES / 8],
}

pub(crate) static SLEEPER: vt_machine =
    machine::<Sleeper>("sleeper", sleeper, std::mem::offset_of!(Sleeper, result), 8);

/// The leaf becomes `frame`, and the task waits.
unsafe fn suspend(ctx: *mut vt_ctx, resume: vt_resume, frame: *mut u8) -> vt_status {
    unsafe {
        (*(*ctx).leaf).resume = resume;
        (*(*ctx).leaf).frame = frame;
    }
    VT_YIELDED
}

pub(crate) unsafe extern "C" fn sleeper(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Sleeper>();
        let op = *SLEEP;
        assert!(op.size as usize <= OP_BYTES && op.align <= 8, "{op:?}");
        let storage = (&raw mut (*me).op).cast::<u8>();
        match (*me).tag {
            0 if (*ctx).mode == VT_MODE_CANCEL => {
                (*me).tag = 1;
                return VT_CANCELLED;
            }
            0 => {
                (*me).cleanups = 0;
                let start: extern "C" fn(*mut vt_ctx, *mut u8, u64) = std::mem::transmute(op.start);
                start(ctx, storage, (*me).ms);
            }
            3 => {}
            _ => return VT_FAULTED,
        }
        let status = (op.poll)(ctx, storage);
        match status {
            VT_YIELDED => {
                (*me).tag = 3;
                suspend(ctx, sleeper, frame)
            }
            VT_DONE => {
                (*me).result = storage.cast::<u64>().read();
                (*me).tag = 1;
                VT_DONE
            }
            status => {
                (*me).cleanups += 1;
                (*me).tag = if status == VT_FAULTED { 2 } else { 1 };
                status
            }
        }
    }
}

/// Awaits a [`Sleeper`] inside its frame; its state says so.
#[repr(C)]
pub(crate) struct Outer {
    pub(crate) tag: u8,
    pub(crate) ms: u64,
    pub(crate) result: u64,
    link: *const vt_site,
    child: Sleeper,
}

static OUTER_AWAITS: [vt_awaitee; 1] = [vt_awaitee {
    machine: &raw const SLEEPER,
    name: null(),
    name_len: 0,
    offset: VT_ARENA,
    record: 0,
    record_bytes: 0,
}];
static OUTER_STATES: [vt_state; 1] = [vt_state {
    awaitees: (&raw const OUTER_AWAITS).cast(),
    n_awaitees: 1,
    ..state("await sleeper", 20)
}];
pub(crate) static OUTER: vt_machine = vt_machine {
    states: (&raw const OUTER_STATES).cast(),
    ..machine::<Outer>("outer", outer, std::mem::offset_of!(Outer, result), 8)
};
static OUTER_SITE: vt_site = vt_site {
    resume: outer,
    offset: std::mem::offset_of!(Outer, child) as u32,
    state: 3,
    machine: &raw const OUTER,
};

pub(crate) unsafe extern "C" fn outer(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Outer>();
        let status = match (*me).tag {
            0 if (*ctx).mode == VT_MODE_CANCEL => VT_CANCELLED,
            0 => {
                ((*me).child.tag, (*me).child.ms) = (0, (*me).ms);
                let status = sleeper(ctx, (&raw mut (*me).child).cast());
                if status == VT_YIELDED {
                    (*me).link = &raw const OUTER_SITE;
                    (*me).tag = 3;
                    return status;
                }
                status
            }
            _ => (*ctx).child_status,
        };
        (*me).tag = 1;
        (*me).result = (*me).child.result;
        status
    }
}

/// `down(n) = n == 0 ? { give way; 0 } : 1 + await down(n - 1)`, each callee in the arena.
#[repr(C)]
pub(crate) struct Down {
    pub(crate) tag: u8,
    pub(crate) n: u64,
    pub(crate) result: u64,
    pub(crate) child: *mut u8,
}

pub(crate) static DOWN: vt_machine =
    machine::<Down>("down", down, std::mem::offset_of!(Down, result), 8);
static DOWN_SITE: vt_site =
    vt_site { resume: down, offset: VT_ARENA, state: 3, machine: &raw const DOWN };

pub(crate) unsafe extern "C" fn down(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Down>();
        match (*me).tag {
            0 if (*ctx).mode == VT_MODE_CANCEL => {
                (*me).tag = 1;
                VT_CANCELLED
            }
            0 if (*me).n == 0 => {
                (*me).tag = 4;
                (*ctx).requeue = 1;
                suspend(ctx, down, frame)
            }
            0 => {
                let child = ((*(*ctx).fns).alloc_frame)(ctx, &raw const DOWN, VT_FRAME_ARENA);
                if child.is_null() {
                    ((*(*ctx).fns).fault)(ctx, fault_code::MEMORY, &raw const SPAN, 0, 0);
                    return VT_FAULTED;
                }
                let prefix = child.cast::<vt_prefix>().sub(1);
                ((*prefix).parent, (*prefix).link) = (frame, &raw const DOWN_SITE);
                let child_frame = child.cast::<Down>();
                (*child_frame).n = (*me).n - 1;
                (*me).child = child;
                (*me).tag = 3;
                suspend(ctx, down, child);
                VT_RUNNING
            }
            3 => {
                if (*ctx).child_status == VT_DONE {
                    // A child that faulted or was cancelled has left nothing.
                    (*me).result = (*(*me).child.cast::<Down>()).result + 1;
                }
                ((*(*ctx).fns).free_frame)(ctx, (*me).child);
                (*me).tag = 1;
                (*ctx).child_status
            }
            4 => {
                (*me).tag = 1;
                (*me).result = 0;
                if (*ctx).mode == VT_MODE_CANCEL { VT_CANCELLED } else { VT_DONE }
            }
            _ => VT_FAULTED,
        }
    }
}

/// Counts until `*stop` is not 0, with a loop budget.
#[repr(C)]
pub(crate) struct Spin {
    pub(crate) tag: u8,
    pub(crate) stop: *const std::sync::atomic::AtomicU64,
    pub(crate) result: u64,
}

pub(crate) static SPIN: vt_machine =
    machine::<Spin>("spin", spin, std::mem::offset_of!(Spin, result), 8);

pub(crate) unsafe extern "C" fn spin(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Spin>();
        (*me).result = 0;
        while (*(*me).stop).load(std::sync::atomic::Ordering::SeqCst) == 0 {
            (*me).result += 1;
            (*ctx).budget -= 1;
            if (*ctx).budget < 0 && ((*(*ctx).fns).overrun)(ctx) == VT_FAULTED {
                (*me).tag = 2;
                return VT_FAULTED;
            }
        }
        (*me).tag = 1;
        VT_DONE
    }
}

/// Faults at once with a place.
#[repr(C)]
pub(crate) struct Failing {
    pub(crate) tag: u8,
    pub(crate) payload: u64,
}

pub(crate) static FAILING: vt_machine = machine::<Failing>("failing", failing, 8, 0);

pub(crate) unsafe extern "C" fn failing(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Failing>();
        let fault = (*(*ctx).fns).fault;
        fault(ctx, fault_code::BOUNDS, &raw const SPAN, (*me).payload, 0);
        fault(ctx, fault_code::ASSERT, &raw const SPAN, 0, 0);
        (*me).tag = 2;
        VT_FAULTED
    }
}

/// Awaits one operation without arguments; its result is one word.
#[repr(C)]
pub(crate) struct Runner {
    pub(crate) tag: u8,
    pub(crate) op: HostOp,
    pub(crate) storage: [u64; OP_BYTES / 8],
}

pub(crate) static RUNNER: vt_machine =
    machine::<Runner>("runner", runner, std::mem::offset_of!(Runner, storage), 8);

pub(crate) unsafe extern "C" fn runner(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Runner>();
        let op = (*me).op;
        assert!(op.size as usize <= OP_BYTES && op.align <= 8, "{op:?}");
        let storage = (&raw mut (*me).storage).cast::<u8>();
        if (*me).tag == 0 {
            if (*ctx).mode == VT_MODE_CANCEL {
                (*me).tag = 1;
                return VT_CANCELLED;
            }
            let start: extern "C" fn(*mut vt_ctx, *mut u8) = std::mem::transmute(op.start);
            start(ctx, storage);
        }
        let status = (op.poll)(ctx, storage);
        if status == VT_YIELDED {
            (*me).tag = 3;
            return suspend(ctx, runner, frame);
        }
        (*me).tag = if status == VT_FAULTED { 2 } else { 1 };
        status
    }
}

pub(crate) fn spawn_op(handle: &Handle, op: HostOp) -> FrameTask {
    spawn(handle, &RUNNER, SpawnOptions::default(), |f: &mut Runner| f.op = op)
}

/// Gives way `n` times.
#[repr(C)]
pub(crate) struct Yielder {
    pub(crate) tag: u8,
    pub(crate) n: u64,
}

pub(crate) static YIELDER: vt_machine = machine::<Yielder>("yielder", yielder, 8, 0);

pub(crate) unsafe extern "C" fn yielder(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = frame.cast::<Yielder>();
        if (*ctx).mode == VT_MODE_CANCEL {
            (*me).tag = 1;
            return VT_CANCELLED;
        }
        if (*me).n == 0 {
            (*me).tag = 1;
            return VT_DONE;
        }
        (*me).n -= 1;
        (*me).tag = 3;
        (*ctx).requeue = 1;
        suspend(ctx, yielder, frame)
    }
}

pub(crate) fn spawn_yielder(handle: &Handle, n: u64) -> FrameTask {
    spawn(handle, &YIELDER, SpawnOptions::default(), |f: &mut Yielder| f.n = n)
}

/// Spawns a machine whose frame `fill` completes.
pub(crate) fn spawn<F>(
    handle: &Handle,
    machine: &'static vt_machine,
    options: SpawnOptions,
    fill: impl FnOnce(&mut F),
) -> FrameTask {
    try_spawn(handle, machine, options, fill).expect("memory")
}

fn try_spawn<F>(
    handle: &Handle,
    machine: &'static vt_machine,
    options: SpawnOptions,
    fill: impl FnOnce(&mut F),
) -> Option<FrameTask> {
    unsafe {
        let frame: NonNull<u8> = handle.alloc_frame(machine)?;
        fill(&mut *frame.as_ptr().cast::<F>());
        Some(handle.spawn_frame(frame, options))
    }
}

pub(crate) fn spawn_sleeper(handle: &Handle, ms: u64) -> FrameTask {
    spawn(handle, &SLEEPER, SpawnOptions::default(), |f: &mut Sleeper| f.ms = ms)
}

/// Fills a [`Sleeper`]'s frame.
pub(crate) fn fill_sleeper(frame: NonNull<u8>, ms: u64) {
    unsafe { (*frame.as_ptr().cast::<Sleeper>()).ms = ms }
}

pub(crate) fn spawn_down(handle: &Handle, n: u64) -> FrameTask {
    spawn(handle, &DOWN, SpawnOptions::default(), |f: &mut Down| f.n = n)
}

/// The result of a finished task as a number.
/// As [`spawn_down`], unless there is no memory.
pub(crate) fn try_spawn_down(handle: &Handle, n: u64) -> Option<FrameTask> {
    try_spawn(handle, &DOWN, SpawnOptions::default(), |f: &mut Down| f.n = n)
}

pub(crate) fn number(task: &FrameTask) -> Option<u64> {
    task.result().map(|r| unsafe { r.cast::<u64>().read() })
}

/// A result address as a number.
pub(crate) fn read(at: NonNull<u8>) -> u64 {
    unsafe { at.cast::<u64>().read() }
}

pub(crate) fn place(fault: &Fault) -> Option<(String, u32, u32)> {
    unsafe { fault.place() }.map(|(f, l, c)| (f.to_string(), l, c))
}
