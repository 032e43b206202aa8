//! Frames, machines and the world of the leaf protocol tests.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::{null, null_mut};
use vitte_abi::*;

/// What the coroutines see through `ctx.user`.
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) log: Vec<String>,
    pub(crate) live: usize,
    pub(crate) choice: u32,
    pub(crate) winner: u32,
    pub(crate) stack_limit: usize,
    pub(crate) faults: Vec<u32>,
    pub(crate) max_live: usize,
}

static FNS: vt_fns =
    vt_fns { alloc_frame, free_frame, overrun, fault, choose, branches: vt_branches, run: vt_run };

impl World {
    pub(crate) fn new() -> Self {
        World {
            now: 0,
            log: vec![],
            live: 0,
            choice: 0,
            winner: 0,
            stack_limit: 0,
            faults: vec![],
            max_live: 0,
        }
    }

    pub(crate) fn ctx(&mut self) -> vt_ctx {
        vt_ctx {
            budget: 1 << 20,
            stack_limit: self.stack_limit,
            now_ns: self.now,
            coop: 128,
            user: (&raw mut *self).cast(),
            ..vt_ctx::new(null_mut(), &raw const FNS)
        }
    }

    pub(crate) fn run(&mut self, leaf: &mut vt_leaf) -> vt_status {
        let mut ctx = self.ctx();
        unsafe { vt_run(&raw mut ctx, leaf) }
    }

    pub(crate) fn arena(&mut self, machine: &'static vt_machine) -> *mut u8 {
        let mut ctx = self.ctx();
        unsafe { alloc_frame(&raw mut ctx, machine, VT_FRAME_ARENA) }
    }

    pub(crate) fn free(&mut self, frame: *mut u8) {
        let mut ctx = self.ctx();
        unsafe { free_frame(&raw mut ctx, frame) };
    }
}

fn world<'a>(ctx: *mut vt_ctx) -> &'a mut World {
    unsafe { &mut *(*ctx).user.cast() }
}

fn log(ctx: *mut vt_ctx, line: String) {
    world(ctx).log.push(line);
}

fn name(status: u32) -> &'static str {
    ["RUNNING", "YIELDED", "DONE", "FAULTED", "CANCELLED", "ITEM"][status as usize]
}

const PREFIX: usize = size_of::<vt_prefix>();

fn layout(machine: &vt_machine) -> Layout {
    Layout::from_size_align(machine.size as usize + PREFIX, 8).unwrap()
}

/// The coroutine whose frame is `frame`: its link comes first, the frame begins behind it.
pub(crate) unsafe fn of<T>(frame: *mut u8) -> *mut T {
    unsafe { frame.sub(8).cast() }
}

/// The frame of a coroutine.
fn frame_of<T>(coroutine: *mut T) -> *mut u8 {
    coroutine.cast::<u8>().wrapping_add(8)
}

unsafe extern "C" fn alloc_frame(
    ctx: *mut vt_ctx,
    machine: *const vt_machine,
    _kind: u32,
) -> *mut u8 {
    let w = world(ctx);
    w.live += 1;
    w.max_live = w.max_live.max(w.live);
    unsafe {
        let block = alloc_zeroed(layout(&*machine));
        let prefix = vt_prefix { parent: null_mut(), machine, link: null() };
        block.cast::<vt_prefix>().write(prefix);
        block.add(PREFIX)
    }
}

unsafe extern "C" fn free_frame(ctx: *mut vt_ctx, frame: *mut u8) {
    world(ctx).live -= 1;
    unsafe {
        let block = frame.sub(PREFIX);
        let machine = (*block.cast::<vt_prefix>()).machine;
        dealloc(block, layout(&*machine));
    }
}

unsafe extern "C" fn overrun(_: *mut vt_ctx) -> vt_status {
    VT_RUNNING
}

unsafe extern "C" fn fault(
    ctx: *mut vt_ctx,
    code: u32,
    _span: *const vt_span,
    _payload: u64,
    in_cleanup: u32,
) {
    world(ctx).faults.push(code);
    unsafe { (*ctx).abort |= in_cleanup };
}

unsafe extern "C" fn choose(ctx: *mut vt_ctx, _n: u32) -> u32 {
    world(ctx).choice
}

/// The frame suspends: it becomes the leaf.
unsafe fn suspend(ctx: *mut vt_ctx, resume: vt_resume, frame: *mut u8) -> vt_status {
    unsafe {
        (*(*ctx).leaf).resume = resume;
        (*(*ctx).leaf).frame = frame;
    }
    VT_YIELDED
}

fn cancelled(ctx: *mut vt_ctx) -> bool {
    unsafe { (*ctx).mode == VT_MODE_CANCEL }
}

macro_rules! site {
    ($name:ident, $parent:ident, $resume:ident, $($field:ident).+) => {
        static $name: vt_site = vt_site {
            resume: $resume,
            offset: std::mem::offset_of!($parent, $($field).+) as u32,
            state: 3,
            machine: null(),
        };
    };
}

macro_rules! frame_ptr {
    ($($ty:ty),*) => {
        $(impl $ty {
            pub(crate) fn ptr(&mut self) -> *mut u8 {
                frame_of(&raw mut *self)
            }
        })*
    };
}

frame_ptr!(Sleep, Par, Seq, Nest, Consumer);

// --- rec(n): n == 0 ? sleep 10, cleanup awaits 2 : await rec(n - 1) in the arena; result = depth

#[repr(C)]
pub(crate) struct Rec {
    link: *const vt_site,
    tag: u8,
    pub(crate) n: u64,
    until: u64,
    pub(crate) result: u64,
    child: *mut u8,
}

pub(crate) static REC_MACHINE: vt_machine = REC_MACHINE_BASE;
const REC_MACHINE_BASE: vt_machine = vt_machine {
    resume: rec,
    size: size_of::<Rec>() as u32 - 8,
    align: 8,
    tag_offset: 0,
    tag_bytes: 1,
    result_offset: 24,
    result_bytes: 8,
    name: "rec".as_ptr(),
    name_len: 3,
    n_states: 0,
    states: null(),
    layout_hash: 0,
    span: null(),
    user: null(),
};
static REC_SITE: vt_site = vt_site { resume: rec, offset: VT_ARENA, state: 4, machine: null() };

pub(crate) unsafe extern "C" fn rec(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    let (c, me) = unsafe { (&mut *ctx, &mut *of::<Rec>(frame)) };
    match me.tag {
        0 if c.mode == VT_MODE_CANCEL => {
            me.tag = 1;
            VT_CANCELLED
        }
        0 if me.n == 0 => {
            me.tag = 3;
            me.until = world(ctx).now + 10;
            unsafe { suspend(ctx, rec, frame) }
        }
        0 => unsafe {
            let child = ((*c.fns).alloc_frame)(ctx, &raw const REC_MACHINE, VT_FRAME_ARENA);
            (*child.cast::<vt_prefix>().sub(1)).parent = frame;
            let child_frame = &mut *of::<Rec>(child);
            child_frame.link = &raw const REC_SITE;
            child_frame.n = me.n - 1;
            me.child = child;
            me.tag = 4;
            suspend(ctx, rec, child);
            VT_RUNNING
        },
        3 if c.mode == VT_MODE_CANCEL => {
            me.tag = 5;
            me.until = world(ctx).now + 2;
            VT_YIELDED
        }
        3 | 5 if world(ctx).now < me.until => VT_YIELDED,
        3 | 5 => {
            let status = if me.tag == 3 { VT_DONE } else { VT_CANCELLED };
            me.tag = 1;
            status
        }
        4 => {
            assert_eq!(c.mode, VT_MODE_RESUME, "a cancel goes to the leaf only");
            me.result = unsafe { (*of::<Rec>(me.child)).result } + 1;
            unsafe { ((*c.fns).free_frame)(ctx, me.child) };
            me.tag = 1;
            c.child_status
        }
        _ => VT_FAULTED,
    }
}

// --- sleep(duration), whose cleanup awaits `clean`, with switches for faults

#[repr(C)]
pub(crate) struct Sleep {
    link: *const vt_site,
    pub(crate) tag: u8,
    pub(crate) ask_itself: bool,
    /// Resumes the leaf in force before it suspends first, and notes the answer.
    pub(crate) resume_itself: bool,
    pub(crate) finish_on_cancel: bool,
    pub(crate) fault: bool,
    pub(crate) fault_in_cleanup: bool,
    pub(crate) abort_in_cleanup: bool,
    id: u64,
    duration: u64,
    clean: u64,
    until: u64,
}

impl Sleep {
    pub(crate) fn new(id: u64, duration: u64, clean: u64) -> Self {
        Sleep {
            link: null(),
            tag: 0,
            ask_itself: false,
            resume_itself: false,
            finish_on_cancel: false,
            fault: false,
            fault_in_cleanup: false,
            abort_in_cleanup: false,
            id,
            duration,
            clean,
            until: 0,
        }
    }
}

pub(crate) unsafe extern "C" fn sleep(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    let me = unsafe { &mut *of::<Sleep>(frame) };
    let now = world(ctx).now;
    if cancelled(ctx) {
        if me.tag == 0 {
            me.tag = 1;
            log(ctx, format!("{} never started", me.id));
            return VT_CANCELLED;
        }
        assert_eq!(me.tag, 3, "delivered once");
        if me.finish_on_cancel {
            me.tag = 1;
            return VT_DONE;
        }
        log(ctx, format!("{} cancel@{now}", me.id));
        if me.fault_in_cleanup || me.abort_in_cleanup {
            me.tag = 2;
            let abort = u32::from(me.abort_in_cleanup);
            unsafe { fault(ctx, fault_code::ASSERT, null(), 0, abort) };
            return VT_FAULTED;
        }
        me.tag = 4;
        me.until = now + me.clean;
        unsafe { (*ctx).mode = VT_MODE_RESUME };
    }
    match me.tag {
        0 if me.duration == 0 => {
            me.tag = 1;
            return VT_DONE;
        }
        0 => {
            me.tag = 3;
            me.until = now + me.duration;
            if me.resume_itself {
                let status = unsafe { vt_run(ctx, (*ctx).leaf) };
                assert_eq!(status, VT_FAULTED, "a leaf that is being run");
            }
            if me.ask_itself {
                unsafe { (*(*ctx).leaf).cancel = VT_CANCEL_ASKED };
            }
            return unsafe { suspend(ctx, sleep, frame) };
        }
        3 | 4 if now < me.until => return VT_YIELDED,
        _ => {}
    }
    let (word, status) = match me.tag {
        3 if me.fault => ("fault", VT_FAULTED),
        3 => ("done", VT_DONE),
        _ => ("cleaned", VT_CANCELLED),
    };
    log(ctx, format!("{} {word}@{now}", me.id));
    me.tag = 1;
    status
}

// --- mid: awaits a sleep inline, so a branch is two frames deep

#[repr(C)]
pub(crate) struct Mid {
    link: *const vt_site,
    tag: u8,
    pub(crate) child: Sleep,
}

site!(MID_SITE, Mid, mid, child);

unsafe extern "C" fn mid(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    let me = unsafe { &mut *of::<Mid>(frame) };
    if me.tag == 0 {
        if cancelled(ctx) {
            me.tag = 1;
            return VT_CANCELLED;
        }
        let status = unsafe { sleep(ctx, frame_of(&raw mut me.child)) };
        if status == VT_YIELDED {
            me.child.link = &raw const MID_SITE;
            me.tag = 3;
        } else {
            me.tag = 1;
        }
        return status;
    }
    let status = unsafe { (*ctx).child_status };
    assert!(me.tag == 3 && status != VT_NONE, "resumed by a pop only");
    log(ctx, format!("mid{} {}", me.child.id, name(status)));
    me.tag = 1;
    status
}

// --- par: joins or selects two mids

#[repr(C)]
pub(crate) struct Par {
    link: *const vt_site,
    tag: u8,
    flags: u32,
    branches: [vt_leaf; 2],
    pub(crate) mids: [Mid; 2],
}

impl Par {
    pub(crate) fn new(flags: u32, durations: [u64; 2]) -> Self {
        let mid = |k: u64| Mid {
            link: null(),
            tag: 0,
            child: Sleep::new(k + 1, durations[k as usize], k + 1),
        };
        let branch = vt_leaf::new(mid_resume(), null_mut());
        Par { link: null(), tag: 0, flags, branches: [branch; 2], mids: [mid(0), mid(1)] }
    }

    pub(crate) fn statuses(&self) -> [u32; 2] {
        self.branches.map(|b| u32::from(b.status))
    }
}

fn mid_resume() -> vt_resume {
    mid
}

pub(crate) unsafe extern "C" fn par(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = of::<Par>(frame);
        if (*me).tag == 0 {
            if cancelled(ctx) {
                (*me).tag = 1;
                return VT_CANCELLED;
            }
            for k in 0..2 {
                // Nobody follows the link of a branch's root.
                (*me).mids[k].link = std::ptr::without_provenance(1);
                let mid = frame_of(&raw mut (*me).mids[k]);
                ((*me).branches[k].frame, (*me).branches[k].root) = (mid, mid);
            }
            (*me).tag = 3;
        }
        let branches = (&raw mut (*me).branches).cast();
        let status = vt_branches(ctx, branches, 2, (*me).flags);
        if status == VT_YIELDED {
            return suspend(ctx, par, frame);
        }
        (*me).tag = 1;
        world(ctx).winner = (*ctx).winner;
        let winner = (*ctx).winner;
        log(ctx, format!("end@{} {} winner {winner}", world(ctx).now, name(status)));
        status
    }
}

// --- nest: joins or selects two pars

#[repr(C)]
pub(crate) struct Nest {
    link: *const vt_site,
    tag: u8,
    flags: u32,
    branches: [vt_leaf; 2],
    pars: [Par; 2],
}

impl Nest {
    pub(crate) fn new(flags: u32, pars: [Par; 2]) -> Self {
        let branch = vt_leaf::new(par, null_mut());
        Nest { link: null(), tag: 0, flags, branches: [branch; 2], pars }
    }
}

pub(crate) unsafe extern "C" fn nest(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = of::<Nest>(frame);
        if (*me).tag == 0 {
            for k in 0..2 {
                let par = frame_of(&raw mut (*me).pars[k]);
                ((*me).branches[k].frame, (*me).branches[k].root) = (par, par);
            }
            (*me).tag = 3;
        }
        let status = vt_branches(ctx, (&raw mut (*me).branches).cast(), 2, (*me).flags);
        if status == VT_YIELDED {
            return suspend(ctx, nest, frame);
        }
        (*me).tag = 1;
        status
    }
}

// --- seq: a par, then a sleep of 4 with cleanup 1

#[repr(C)]
pub(crate) struct Seq {
    link: *const vt_site,
    tag: u8,
    par: Par,
    sleep: Sleep,
}

impl Seq {
    pub(crate) fn new(flags: u32, durations: [u64; 2]) -> Self {
        Seq { link: null(), tag: 0, par: Par::new(flags, durations), sleep: Sleep::new(3, 4, 1) }
    }
}

site!(SEQ_PAR, Seq, seq, par);
site!(SEQ_SLEEP, Seq, seq, sleep);

pub(crate) unsafe extern "C" fn seq(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = of::<Seq>(frame);
        let mut status = (*ctx).child_status;
        if (*me).tag == 0 {
            if cancelled(ctx) {
                (*me).tag = 1;
                return VT_CANCELLED;
            }
            status = par(ctx, frame_of(&raw mut (*me).par));
            (*me).tag = 3;
            if status == VT_YIELDED {
                (*me).par.link = &raw const SEQ_PAR;
                return status;
            }
        }
        if (*me).tag == 3 && status == VT_DONE {
            status = sleep(ctx, frame_of(&raw mut (*me).sleep));
            (*me).tag = 4;
            if status == VT_YIELDED {
                (*me).sleep.link = &raw const SEQ_SLEEP;
                return status;
            }
        }
        (*me).tag = 1;
        status
    }
}

// --- a generator of 0..n (it gives way before each odd value) and its consumer

#[repr(C)]
struct Numbers {
    link: *const vt_site,
    tag: u8,
    next: u64,
    n: u64,
    item: u64,
}

unsafe extern "C" fn numbers(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    let me = unsafe { &mut *of::<Numbers>(frame) };
    if cancelled(ctx) {
        log(ctx, "generator cancelled".to_string());
        me.tag = 1;
        return VT_CANCELLED;
    }
    if me.next == me.n {
        me.tag = 1;
        return VT_DONE;
    }
    if me.next % 2 == 1 && me.tag != 4 {
        me.tag = 4;
        return unsafe { suspend(ctx, numbers, frame) };
    }
    me.tag = 3;
    me.item = me.next;
    me.next += 1;
    VT_ITEM
}

#[repr(C)]
pub(crate) struct Consumer {
    link: *const vt_site,
    tag: u8,
    pub(crate) sum: u64,
    pub(crate) popped: u64,
    source: Numbers,
}

impl Consumer {
    pub(crate) fn new(n: u64) -> Self {
        let source = Numbers { link: null(), tag: 0, next: 0, n, item: 0 };
        Consumer { link: null(), tag: 0, sum: 0, popped: 0, source }
    }
}

site!(CONSUMER_SITE, Consumer, consumer, source);

pub(crate) unsafe extern "C" fn consumer(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = of::<Consumer>(frame);
        let mut status = (*ctx).child_status;
        if status == VT_ITEM {
            (*me).popped += 1;
        }
        if (*me).tag == 0 {
            status = numbers(ctx, frame_of(&raw mut (*me).source));
        }
        loop {
            match status {
                VT_ITEM => (*me).sum += (*me).source.item,
                VT_YIELDED => {
                    (*me).source.link = &raw const CONSUMER_SITE;
                    (*me).tag = 3;
                    return status;
                }
                status => {
                    (*me).tag = 1;
                    return status;
                }
            }
            status = numbers(ctx, frame_of(&raw mut (*me).source));
        }
    }
}

// --- fork: joins itself (in the arena) with a sleep, without end

#[repr(C)]
pub(crate) struct Fork {
    link: *const vt_site,
    tag: u8,
    branches: [vt_leaf; 2],
    child: *mut u8,
    sleep: Sleep,
}

pub(crate) static FORK_MACHINE: vt_machine = vt_machine {
    resume: fork,
    size: size_of::<Fork>() as u32 - 8,
    name: "fork".as_ptr(),
    name_len: 4,
    result_offset: 0,
    result_bytes: 0,
    ..REC_MACHINE_BASE
};

pub(crate) unsafe extern "C" fn fork(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    unsafe {
        let me = of::<Fork>(frame);
        if (*me).tag == 0 {
            if cancelled(ctx) {
                (*me).tag = 1;
                return VT_CANCELLED;
            }
            (*me).child = ((*(*ctx).fns).alloc_frame)(ctx, &raw const FORK_MACHINE, VT_FRAME_ARENA);
            (&raw mut (*me).sleep).write(Sleep::new(1, 9, 0));
            let storage = frame_of(&raw mut (*me).sleep);
            (*me).branches = [vt_leaf::new(fork, (*me).child), vt_leaf::new(sleep, storage)];
            (*me).tag = 3;
        }
        let status = vt_branches(ctx, (&raw mut (*me).branches).cast(), 2, VT_JOIN);
        if status == VT_YIELDED {
            return suspend(ctx, fork, frame);
        }
        ((*(*ctx).fns).free_frame)(ctx, (*me).child);
        (*me).tag = 1;
        status
    }
}

// --- a host operation: counts down in its first word, marks its drop in the second

pub(crate) unsafe extern "C" fn countdown(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    let words = unsafe { &mut *storage.cast::<[u64; 2]>() };
    if cancelled(ctx) {
        words[1] = 1;
        return VT_CANCELLED;
    }
    if words[0] == 0 {
        return VT_DONE;
    }
    words[0] -= 1;
    VT_YIELDED
}
