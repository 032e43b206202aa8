//! The host behind generated code: objects, operations, clock and trace of one run.
//!
//! What the interpreter's scripted host does (see `vitte_lowering::interp`), written again over real
//! memory: imports and operations are C functions, objects live on the heap. Objects and frames keep
//! their memory until the run is over, so that an address names one thing for the whole run.

use std::collections::BTreeMap;
use vitte_abi::{
    VT_CANCEL_ASKED, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_MODE_CANCEL, VT_MODE_RESUME, VT_YIELDED,
    fault_code, vt_ctx, vt_leaf, vt_resume, vt_run, vt_status,
};
use vitte_codegen::ImportTable;
use vitte_lowering::interp::{Atom, Behaviour, Event, NEVER, Script, Trace};
use vitte_lowering::ir::Module;

/// What frames and storage hold before anything is written.
pub(super) const POISON: u8 = 0xaa;

/// The operations of the vocabulary, as they are numbered here.
const OPS: [&str; 3] = ["op_wait", "op_obj", "op_eat"];
const WAIT: u8 = 0;
const OBJ: u8 = 1;
const EAT: u8 = 2;

/// Storage of an operation, as a module declares it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OpShape {
    size: usize,
    result_offset: usize,
}

/// The shapes of a module's operations.
pub(super) fn shapes(module: &Module) -> [OpShape; 3] {
    OPS.map(|name| {
        let op = module.ops.values().find(|op| op.symbol == name);
        op.map_or(OpShape::default(), |op| OpShape {
            size: op.size as usize,
            result_offset: op.result_offset as usize,
        })
    })
}

/// A counted object; its memory is that of its box.
#[derive(Debug)]
struct Object {
    id: i64,
    count: u32,
}

#[derive(Debug)]
struct RunningOp {
    n: u32,
    kind: u8,
    arg: i64,
    ready_at: Option<u32>,
    fails: bool,
}

/// Everything outside the program, of one run.
#[derive(Debug)]
pub(super) struct World {
    pub(super) script: Script,
    pub(super) trace: Trace,
    pub(super) tick: u32,
    pub(super) first_fault: Option<(u32, i64)>,
    pub(super) violations: Vec<String>,
    pub(super) overruns: u32,
    /// Frames that were allocated on their own, with their blocks.
    pub(super) frames: BTreeMap<usize, super::frames::Frame>,
    /// How many frames were allocated.
    pub(super) n_frames: u32,
    /// Whether nothing is noted in the trace.
    pub(super) silent: bool,
    /// Lowest and highest stack address at which an operation was started.
    pub(super) stack: Option<(usize, usize)>,
    /// Asks for a cancel while this operation is started, that is, while the task runs.
    pub(super) cancel_in_start: Option<u32>,
    /// Resumes a leaf while operations are started: the one in force, or that of the whole run.
    pub(super) resume_in_start: Option<*mut vt_leaf>,
    /// What that was answered.
    pub(super) inner: Vec<vt_status>,
    /// The frame to be compared, the resume function that is watched, and the frame's bytes when it
    /// returned.
    pub(super) watched: Option<Watched>,
    shapes: [OpShape; 3],
    #[allow(clippy::vec_box, reason = "generated code holds the addresses")]
    objects: Vec<Box<Object>>,
    by_address: BTreeMap<usize, u32>,
    /// By the address of their storage.
    ops: BTreeMap<usize, RunningOp>,
    n_ops: u32,
}

impl World {
    pub(super) fn new(script: &Script, shapes: [OpShape; 3]) -> Self {
        World {
            script: script.clone(),
            trace: Trace::default(),
            tick: 0,
            first_fault: None,
            violations: Vec::new(),
            overruns: 0,
            frames: BTreeMap::new(),
            n_frames: 0,
            silent: false,
            stack: None,
            cancel_in_start: None,
            resume_in_start: None,
            inner: Vec::new(),
            watched: None,
            shapes,
            objects: Vec::new(),
            by_address: BTreeMap::new(),
            ops: BTreeMap::new(),
            n_ops: 0,
        }
    }

    /// Adds to the trace, unless the run is a silent one.
    pub(super) fn push(&mut self, event: Event) {
        if !self.silent {
            self.trace.push(event);
        }
    }

    pub(super) fn violate(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    // ---- objects -----------------------------------------------------------------------------

    /// Makes an object with a count of 1; answers its address.
    pub(super) fn new_object(&mut self, id: i64) -> usize {
        let object = self.objects.len() as u32;
        let boxed = Box::new(Object { id, count: 1 });
        let address = std::ptr::from_ref(boxed.as_ref()).addr();
        self.objects.push(boxed);
        self.by_address.insert(address, object);
        self.push(Event::New { object, id });
        address
    }

    /// The living object at an address; `None` for null and what is no object.
    fn object(&mut self, address: usize) -> Option<u32> {
        let object = *self.by_address.get(&address)?;
        if self.objects[object as usize].count == 0 {
            self.violate(format!("obj{object} used after its last release"));
            return None;
        }
        Some(object)
    }

    pub(super) fn retain(&mut self, address: usize) {
        if let Some(object) = self.object(address) {
            self.objects[object as usize].count += 1;
            let count = self.objects[object as usize].count;
            self.push(Event::Retain { object, count });
        }
    }

    pub(super) fn release(&mut self, address: usize) {
        if let Some(object) = self.object(address) {
            self.objects[object as usize].count -= 1;
            let count = self.objects[object as usize].count;
            self.push(Event::Release { object, count });
        }
    }

    fn id(&mut self, address: usize) -> i64 {
        match self.object(address) {
            Some(n) => self.objects[n as usize].id,
            None if address == 0 => -1,
            None => -2,
        }
    }

    /// A reference as the trace shows it.
    pub(super) fn reference(&mut self, address: usize) -> Atom {
        match self.object(address) {
            Some(n) => Atom::Object(n),
            None if address == 0 => Atom::Null,
            None => Atom::Address,
        }
    }

    /// What a run must not leave behind.
    pub(super) fn leftovers(&self) -> Vec<String> {
        let objects = self.objects.iter().enumerate().filter(|(_, o)| o.count > 0);
        let mut left: Vec<String> = objects.map(|(n, _)| format!("obj{n} leaks")).collect();
        left.extend(self.ops.values().map(|op| format!("op{} was left running", op.n)));
        left
    }

    pub(super) fn fault(&mut self, code: u32, payload: i64, in_cleanup: bool) {
        self.push(Event::Fault { code, payload, in_cleanup });
        self.first_fault.get_or_insert((code, payload));
    }

    // ---- operations --------------------------------------------------------------------------

    /// The first operation whose storage lies in a range of addresses.
    pub(super) fn op_within(&self, range: std::ops::Range<usize>) -> Option<u32> {
        self.ops.range(range).next().map(|(_, op)| op.n)
    }

    fn atom(&mut self, is_ref: bool, bits: i64) -> Atom {
        if is_ref { self.reference(bits as usize) } else { Atom::Int(bits.into()) }
    }

    fn start(&mut self, kind: u8, storage: *mut u8, arg: i64) -> u32 {
        let n = self.n_ops;
        self.n_ops += 1;
        let Behaviour { pending, fails } = self.script.behaviour(n);
        let shown = self.atom(kind == EAT, arg);
        let name = OPS[kind as usize].to_string();
        self.push(Event::Start { op: n, name, args: vec![shown] });
        let ready_at = (pending != NEVER).then(|| self.tick.saturating_add(pending));
        for i in 0..self.shapes[kind as usize].size {
            // SAFETY: generated code gives storage of the declared size.
            let byte = unsafe { storage.add(i) };
            // SAFETY: as above.
            unsafe { byte.write(pattern(n, i)) };
        }
        let op = RunningOp { n, kind, arg, ready_at, fails };
        if let Some(other) = self.ops.insert(storage.addr(), op) {
            self.violate(format!("op{n} is started over op{}, which still runs", other.n));
        }
        n
    }

    /// Polls or cancels; the operation is gone unless it is pending.
    fn poll(&mut self, kind: u8, storage: *mut u8, cancel: bool) -> vt_status {
        let shape = self.shapes[kind as usize];
        let Some(op) = self.ops.get(&storage.addr()) else {
            self.violate(format!("no operation runs where {} is polled", OPS[kind as usize]));
            return VT_FAULTED;
        };
        let (n, arg, fails) = (op.n, op.arg, op.fails);
        let pending = op.ready_at.is_none_or(|t| t > self.tick);
        if op.kind != kind {
            self.violate(format!("op{n} is polled as {}", OPS[kind as usize]));
        }
        for i in 0..shape.size {
            // SAFETY: generated code gives storage of the declared size.
            let byte = unsafe { storage.add(i) };
            // SAFETY: as above; `start` wrote it.
            if unsafe { byte.read() } != pattern(n, i) {
                self.violate(format!("storage of op{n} was overwritten at byte {i}"));
                break;
            }
        }
        if pending && !cancel {
            return VT_YIELDED;
        }
        self.ops.remove(&storage.addr());
        // SAFETY: as above.
        unsafe { storage.write_bytes(POISON, shape.size) };
        if cancel || fails {
            let event = if cancel { Event::Cancelled { op: n } } else { Event::Failed { op: n } };
            self.push(event);
            if kind == EAT {
                self.release(arg as usize);
            }
            if cancel {
                return VT_CANCELLED;
            }
            self.fault(fault_code::HOST, 0, false);
            return VT_FAULTED;
        }
        let result = match kind {
            WAIT => Some(arg.wrapping_add(1)),
            OBJ => Some(self.new_object(arg) as i64),
            _ => None,
        };
        let results = result.map(|bits| self.atom(kind == OBJ, bits)).into_iter().collect();
        self.push(Event::Ready { op: n, results });
        if let Some(bits) = result {
            // SAFETY: the results lie in the storage.
            let at = unsafe { storage.add(shape.result_offset) };
            // SAFETY: as above.
            unsafe { at.cast::<i64>().write_unaligned(bits) };
        }
        if kind == EAT {
            self.release(arg as usize);
        }
        VT_DONE
    }
}

/// What the storage of a running operation holds.
fn pattern(n: u32, i: usize) -> u8 {
    (n.wrapping_mul(31) ^ (i as u32).wrapping_mul(7) ^ 0xa5) as u8
}

/// The world of a run.
///
/// # Safety
///
/// `ctx` is the context of a run in progress, and nobody else uses its world.
pub(super) unsafe fn world<'a>(ctx: *mut vt_ctx) -> &'a mut World {
    // SAFETY: `ctx` is valid (caller).
    let user = unsafe { (*ctx).user };
    // SAFETY: `user` leads to the world (caller).
    unsafe { &mut *user.cast::<World>() }
}

// The functions of the vocabulary. Generated code passes the context of the run on, and each touches
// the world only while it runs, calling nothing that does the same.

unsafe extern "C" fn note(ctx: *mut vt_ctx, n: i64) {
    // SAFETY: see above.
    unsafe { world(ctx) }.push(Event::Note(n));
}

unsafe extern "C" fn new(ctx: *mut vt_ctx, id: i64) -> usize {
    // SAFETY: see above.
    unsafe { world(ctx) }.new_object(id)
}

unsafe extern "C" fn retain(ctx: *mut vt_ctx, address: usize) {
    // SAFETY: see above.
    unsafe { world(ctx) }.retain(address);
}

unsafe extern "C" fn release(ctx: *mut vt_ctx, address: usize) {
    // SAFETY: see above.
    unsafe { world(ctx) }.release(address);
}

unsafe extern "C" fn id(ctx: *mut vt_ctx, address: usize) -> i64 {
    // SAFETY: see above.
    unsafe { world(ctx) }.id(address)
}

unsafe extern "C" fn start<const KIND: u8>(ctx: *mut vt_ctx, storage: *mut u8, arg: i64) {
    // SAFETY: see above.
    let world = unsafe { world(ctx) };
    let here = (&raw const world).addr();
    let (low, high) = world.stack.unwrap_or((here, here));
    world.stack = Some((low.min(here), high.max(here)));
    let n = world.start(KIND, storage, arg);
    if world.cancel_in_start == Some(n) {
        // SAFETY: the context of the run.
        let leaf = unsafe { (*ctx).leaf };
        // SAFETY: the leaf in force is alive.
        unsafe { (*leaf).cancel = VT_CANCEL_ASKED };
    }
    if let Some(leaf) = world.resume_in_start {
        // SAFETY: the context of the run.
        let in_force = unsafe { (*ctx).leaf };
        for leaf in [in_force, leaf] {
            // SAFETY: both leaves are alive and being run, which is what is tried.
            let status = unsafe { vt_run(ctx, leaf) };
            world.inner.push(status);
        }
    }
}

/// A resume function that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) resume: vt_resume,
    pub(super) frame: *const u8,
    pub(super) len: usize,
    /// Empty unless it suspended.
    pub(super) bytes: Vec<u8>,
}

/// Resumes what is watched, and notes the bytes of the frame when it returns.
pub(super) unsafe extern "C" fn watch(ctx: *mut vt_ctx, frame: *mut u8) -> vt_status {
    // SAFETY: as for the operations.
    let watched = unsafe { world(ctx) }.watched.as_ref().expect("a watched leaf");
    let resume = watched.resume;
    // SAFETY: the frame is that of the leaf, whose resume function this is.
    let status = unsafe { resume(ctx, frame) };
    // SAFETY: as above.
    let watched = unsafe { world(ctx) }.watched.as_mut().expect("a watched leaf");
    if status == VT_YIELDED {
        // SAFETY: the frame has that many bytes, all initialised, and nobody runs it.
        let bytes = unsafe { std::slice::from_raw_parts(watched.frame, watched.len) };
        watched.bytes = bytes.to_vec();
    }
    status
}

unsafe extern "C" fn poll<const KIND: u8>(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    // SAFETY: the context of the run.
    let cancel = unsafe { (*ctx).mode } == VT_MODE_CANCEL;
    // SAFETY: as above.
    unsafe { (*ctx).mode = VT_MODE_RESUME };
    // SAFETY: see above.
    unsafe { world(ctx) }.poll(KIND, storage, cancel)
}

/// The vocabulary as an import table.
pub(super) fn imports() -> ImportTable {
    let mut table = ImportTable::new();
    let all: [(&str, *const u8); 11] = [
        ("t_note", note as *const u8),
        ("t_new", new as *const u8),
        ("t_retain", retain as *const u8),
        ("t_release", release as *const u8),
        ("t_id", id as *const u8),
        ("op_wait_start", start::<WAIT> as *const u8),
        ("op_wait_poll", poll::<WAIT> as *const u8),
        ("op_obj_start", start::<OBJ> as *const u8),
        ("op_obj_poll", poll::<OBJ> as *const u8),
        ("op_eat_start", start::<EAT> as *const u8),
        ("op_eat_poll", poll::<EAT> as *const u8),
    ];
    for (name, address) in all {
        // SAFETY: the signatures are those of the vocabulary: `i64` and references are 64 bits in
        // the same registers. They touch only the run of their context and do not unwind.
        unsafe { table.register(name, address) };
    }
    table
}
