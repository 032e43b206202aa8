//! The cases of `tests/cases`, compiled: the JIT's trace is the interpreter's, under every script.
//!
//! The host below is written anew from the description of the vocabulary in
//! [`vitte_lowering::interp`]; it shares the scripts and the form of traces with the interpreter,
//! nothing else. The leaf is run by the runtime's `vt_run`.

mod common;

use common::{Host, compile_machines, delete_frame, new_frame};
use std::collections::BTreeMap;
use std::ffi::c_void;
use vitte_abi::{
    SlotRole, VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_CANCELLED, VT_DONE, VT_FAULTED, VT_ITEM,
    VT_MODE_CANCEL, VT_MODE_RESUME, VT_NONE, VT_RUNNING, VT_YIELDED, fault_code, vt_ctx, vt_leaf,
    vt_machine, vt_run, vt_span, vt_status,
};
use vitte_codegen::{Code, ImportTable};
use vitte_lowering::interp::{
    Atom, Event, Input, Outcome, Script, Trace, Violation, run_machine, status_name,
};
use vitte_lowering::ir::{Module, Terminator, Ty};
use vitte_tests::cases::{Case, Runner, load_all};

/// First reference of a tracked object; nothing of a process lies there.
const OBJECTS: u64 = 0xf000_0000_0000_0000;

/// Fills the storage of a running operation, behind its number.
const PATTERN: u8 = 0x5b;

struct Object {
    id: i64,
    count: u32,
}

struct RunningOp {
    name: &'static str,
    arg: u64,
    storage: *mut u8,
    size: usize,
    result_offset: usize,
    ready_at: Option<u32>,
    fails: bool,
}

/// Imports, operations, objects, clock and trace of one run.
#[derive(Default)]
struct World {
    script: Script,
    trace: Trace,
    tick: u32,
    first_fault: Option<(u32, i64)>,
    objects: Vec<Object>,
    ops: BTreeMap<u32, RunningOp>,
    n_ops: u32,
    frames: i32,
    violations: Vec<String>,
    /// Size and result offset of an operation's storage.
    layouts: BTreeMap<String, (usize, usize)>,
}

/// The world of a run.
///
/// # Safety
///
/// `ctx` is the context of a run in this file; the answer is used before anything else is called.
unsafe fn world<'a>(ctx: *mut vt_ctx) -> &'a mut World {
    // SAFETY: `ctx` is valid (caller).
    let user = unsafe { (*ctx).user };
    // SAFETY: `run` put the address of its world there.
    unsafe { &mut *user.cast::<World>() }
}

impl World {
    fn new_object(&mut self, id: i64) -> u64 {
        let object = self.objects.len() as u32;
        self.objects.push(Object { id, count: 1 });
        self.trace.push(Event::New { object, id });
        OBJECTS + 16 * u64::from(object)
    }

    /// The living object behind a reference; `None` for null and static data.
    fn object(&mut self, reference: u64) -> Option<u32> {
        let n = reference.checked_sub(OBJECTS)? / 16;
        if self.objects.get(n as usize).is_none_or(|o| o.count == 0) {
            self.violations.push(format!("obj{n} used after its last release"));
            return None;
        }
        Some(n as u32)
    }

    fn release(&mut self, reference: u64) {
        if let Some(object) = self.object(reference) {
            let o = &mut self.objects[object as usize];
            o.count -= 1;
            let count = o.count;
            self.trace.push(Event::Release { object, count });
        }
    }

    fn atom(&mut self, reference: u64) -> Atom {
        match self.object(reference) {
            Some(n) => Atom::Object(n),
            None if reference == 0 => Atom::Null,
            None => Atom::Address,
        }
    }

    fn start(&mut self, name: &'static str, storage: *mut u8, arg: u64) {
        let n = self.n_ops;
        self.n_ops += 1;
        let behaviour = self.script.behaviour(n);
        let (size, result_offset) = self.layouts[name];
        let shown =
            if name == "op_eat" { self.atom(arg) } else { Atom::Int(i128::from(arg as i64)) };
        self.trace.push(Event::Start { op: n, name: name.to_owned(), args: vec![shown] });
        let never = behaviour.pending == vitte_lowering::interp::NEVER;
        let ready_at = (!never).then(|| self.tick.saturating_add(behaviour.pending));
        if let Some((other, _)) = self.ops.iter().find(|(_, o)| o.storage == storage) {
            self.violations.push(format!("op{n} is started over op{other}"));
        }
        // SAFETY: the storage has that many bytes.
        unsafe { storage.write_bytes(PATTERN, size) };
        let fails = behaviour.fails;
        let op = RunningOp { name, arg, storage, size, result_offset, ready_at, fails };
        self.ops.insert(n, op);
    }

    fn poll(&mut self, storage: *mut u8, cancel: bool) -> vt_status {
        let Some((&n, op)) = self.ops.iter().find(|(_, o)| o.storage == storage) else {
            self.violations.push("no operation runs where one is polled".to_owned());
            return VT_FAULTED;
        };
        // SAFETY: the storage has that many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(storage, op.size) };
        if bytes.iter().any(|b| *b != PATTERN) {
            self.violations.push(format!("storage of op{n} was overwritten"));
        }
        if !cancel && op.ready_at.is_none_or(|t| t > self.tick) {
            return VT_YIELDED;
        }
        let op = self.ops.remove(&n).expect("it was found");
        let status = match (cancel, op.fails) {
            (true, _) => {
                self.trace.push(Event::Cancelled { op: n });
                VT_CANCELLED
            }
            (_, true) => {
                self.trace.push(Event::Failed { op: n });
                VT_FAULTED
            }
            _ => {
                self.ready(n, &op);
                VT_DONE
            }
        };
        if op.name == "op_eat" {
            self.release(op.arg);
        }
        if status == VT_FAULTED {
            self.fault(fault_code::HOST, 0, false);
        }
        status
    }

    fn ready(&mut self, n: u32, op: &RunningOp) {
        let result = match op.name {
            "op_wait" => Some(op.arg.wrapping_add(1)),
            "op_obj" => Some(self.new_object(op.arg as i64)),
            _ => None,
        };
        let mut results = Vec::new();
        if let Some(bits) = result {
            results.push(match op.name {
                "op_obj" => self.atom(bits),
                _ => Atom::Int(i128::from(bits as i64)),
            });
            // SAFETY: the result lies in the storage.
            let at = unsafe { op.storage.add(op.result_offset) };
            // SAFETY: as above.
            unsafe { at.cast::<[u8; 8]>().write(bits.to_ne_bytes()) };
        }
        self.trace.push(Event::Ready { op: n, results });
    }

    fn fault(&mut self, code: u32, payload: i64, in_cleanup: bool) {
        self.trace.push(Event::Fault { code, payload, in_cleanup });
        self.first_fault.get_or_insert((code, payload));
    }
}

// ---- what generated code calls ----

macro_rules! host_functions {
    ($($name:ident($world:ident $(, $arg:ident: $ty:ty)*) $(-> $result:ty)? $body:block)*) => {$(
        unsafe extern "C" fn $name(ctx: *mut vt_ctx $(, $arg: $ty)*) $(-> $result)? {
            // SAFETY: generated code passes its context on.
            let $world = unsafe { world(ctx) };
            $body
        }
    )*};
}

host_functions! {
    t_note(w, n: i64) { w.trace.push(Event::Note(n)) }
    t_new(w, id: i64) -> u64 { w.new_object(id) }
    t_retain(w, reference: u64) {
        if let Some(object) = w.object(reference) {
            let o = &mut w.objects[object as usize];
            o.count += 1;
            let count = o.count;
            w.trace.push(Event::Retain { object, count });
        }
    }
    t_release(w, reference: u64) { w.release(reference) }
    t_id(w, reference: u64) -> i64 {
        match w.object(reference) {
            Some(n) => w.objects[n as usize].id,
            None if reference == 0 => -1,
            None => -2,
        }
    }
    op_wait_start(w, storage: *mut u8, n: u64) { w.start("op_wait", storage, n) }
    op_obj_start(w, storage: *mut u8, n: u64) { w.start("op_obj", storage, n) }
    op_eat_start(w, storage: *mut u8, reference: u64) { w.start("op_eat", storage, reference) }
    choose(w, n: u32) -> u32 { w.script.choose(w.tick, n) }
    alloc_frame(w, machine: *const vt_machine, _kind: u32) -> *mut u8 {
        w.frames += 1;
        // SAFETY: generated code passes a static machine.
        unsafe { new_frame(machine) }
    }
    free_frame(w, frame: *mut u8) {
        w.frames -= 1;
        // SAFETY: the frame came from `alloc_frame`.
        unsafe { delete_frame(frame) };
    }
}

unsafe extern "C" fn op_poll(ctx: *mut vt_ctx, storage: *mut u8) -> vt_status {
    // SAFETY: generated code passes its context on.
    let mode = unsafe { &mut (*ctx).mode };
    let cancel = *mode == VT_MODE_CANCEL;
    *mode = VT_MODE_RESUME;
    // SAFETY: as above.
    unsafe { world(ctx) }.poll(storage, cancel)
}

unsafe extern "C" fn overrun(ctx: *mut vt_ctx) -> vt_status {
    // SAFETY: generated code passes its context on.
    unsafe { (*ctx).budget = 1 << 20 };
    VT_RUNNING
}

unsafe extern "C" fn fault(
    ctx: *mut vt_ctx,
    code: u32,
    _: *const vt_span,
    payload: u64,
    in_cleanup: u32,
) {
    // SAFETY: generated code passes its context on.
    unsafe { world(ctx) }.fault(code, payload as i64, in_cleanup != 0);
    if in_cleanup != 0 {
        // SAFETY: as above.
        unsafe { (*ctx).abort = 1 };
    }
}

fn imports() -> ImportTable {
    let mut table = ImportTable::new();
    for (name, address) in [
        ("t_note", t_note as *const u8),
        ("t_new", t_new as *const u8),
        ("t_retain", t_retain as *const u8),
        ("t_release", t_release as *const u8),
        ("t_id", t_id as *const u8),
        ("op_wait_start", op_wait_start as *const u8),
        ("op_obj_start", op_obj_start as *const u8),
        ("op_eat_start", op_eat_start as *const u8),
        ("op_wait_poll", op_poll as *const u8),
        ("op_obj_poll", op_poll as *const u8),
        ("op_eat_poll", op_poll as *const u8),
    ] {
        // SAFETY: the signatures are those that every case declares.
        unsafe { table.register(name, address) };
    }
    table
}

// ---- a run ----

/// A case with its code.
struct Compiled {
    code: Code,
    case: Case,
}

impl Compiled {
    fn new(case: Case) -> Self {
        let lowered = &case.lowered;
        let code = compile_machines(&lowered.module, &lowered.machines, &imports());
        Self { code, case }
    }

    /// As [`run_machine`], on the processor.
    fn run(&self, args: &[Input], script: &Script) -> Outcome {
        let mut world = World { script: script.clone(), ..World::default() };
        for op in self.case.module.ops.values() {
            let layout = (op.size as usize, op.result_offset as usize);
            world.layouts.insert(op.symbol.clone(), layout);
        }
        let machine = self.code.machine(self.case.root).expect("the root is a coroutine");
        // SAFETY: the machine is valid.
        let frame = unsafe { new_frame(machine) };
        self.place_args(&mut world, frame, args);
        let mut host = Host::new();
        host.fns.alloc_frame = alloc_frame;
        host.fns.free_frame = free_frame;
        host.fns.overrun = overrun;
        host.fns.fault = fault;
        host.fns.choose = choose;
        host.leaf.resume = machine.resume;
        (host.leaf.frame, host.leaf.root) = (frame, frame);
        let world = Box::into_raw(Box::new(world));
        host.ctx.user = world.cast::<c_void>();
        let status = run(&mut host, world);
        // SAFETY: nothing runs any more.
        let mut world = *unsafe { Box::from_raw(world) };
        self.finish(&mut world, &host, frame, status);
        let violations = world.violations.into_iter().map(|what| Violation { what, at: None });
        Outcome {
            trace: world.trace,
            status,
            ticks: world.tick,
            fault: world.first_fault,
            violations: violations.collect(),
        }
    }

    fn place_args(&self, world: &mut World, frame: *mut u8, args: &[Input]) {
        let slots = &self.case.lowered.machines[&self.case.root].slots;
        let places = slots.iter().filter(|s| s.role == SlotRole::Param);
        for (place, arg) in places.zip(args) {
            let bits = match arg {
                Input::Bits(bits) => *bits as u64,
                Input::Object(id) => world.new_object(*id),
                Input::Bytes(_) => panic!("no case takes bytes"),
            };
            // SAFETY: the parameter lies in the frame.
            let at = unsafe { frame.add(place.offset as usize) };
            // SAFETY: roots of cases take 8 bytes each.
            unsafe { at.cast::<[u8; 8]>().write(bits.to_ne_bytes()) };
        }
    }

    /// Shows how it ended and looks for what is left.
    fn finish(&self, world: &mut World, host: &Host, frame: *mut u8, status: vt_status) {
        if status == VT_YIELDED {
            return; // left suspended: the frame may be in use
        }
        let types = &self.case.module.funcs[self.case.root].sig.results;
        let machine = self.code.machine(self.case.root).expect("the root is a coroutine");
        let mut results = Vec::new();
        if status == VT_DONE {
            assert!(types.iter().all(|t| *t == Ty::Value(vitte_lowering::ir::Type::I64)));
            for i in 0..types.len() {
                // SAFETY: the results lie at the result offset.
                let at = unsafe { frame.add(machine.result_offset as usize + 8 * i) };
                // SAFETY: as above.
                let n = i64::from_ne_bytes(unsafe { at.cast::<[u8; 8]>().read() });
                results.push(Atom::Int(n.into()));
            }
        }
        world.trace.push(Event::End { status: status_name(status), results });
        // SAFETY: the task is over.
        unsafe { delete_frame(frame) };
        if host.ctx.abort != 0 {
            return; // a fault inside cleanup leaks by design
        }
        for (n, _) in world.objects.iter().enumerate().filter(|(_, o)| o.count > 0) {
            world.violations.push(format!("obj{n} leaks"));
        }
        world.violations.extend(world.ops.keys().map(|n| format!("op{n} was left running")));
        if world.frames != 0 {
            world.violations.push(format!("{} frames are left", world.frames));
        }
        if host.leaf.shield != 0 {
            world.violations.push(format!("the shield is left at {}", host.leaf.shield));
        }
    }
}

/// Runs the task as the script says.
fn run(host: &mut Host, world: *mut World) -> vt_status {
    // SAFETY: between resumes nobody else uses the world.
    let w = |world: *mut World| unsafe { &mut *world };
    let script = w(world).script.clone();
    loop {
        let tick = w(world).tick;
        if tick >= script.max_ticks {
            return VT_YIELDED;
        }
        if script.cancel_at == Some(tick) && host.leaf.cancel == VT_CANCEL_NONE {
            w(world).trace.push(Event::CancelAsked);
            host.leaf.cancel = VT_CANCEL_ASKED;
        }
        for _ in 0..=script.spurious {
            host.ctx.coop = script.coop.unwrap_or(i32::MAX / 2);
            host.ctx.requeue = 0;
            host.ctx.abort = 0;
            host.ctx.budget = 1 << 20;
            host.ctx.mode = VT_MODE_RESUME;
            host.ctx.child_status = VT_NONE;
            let leaf: *mut vt_leaf = &raw mut host.leaf;
            // SAFETY: the leaf is the root's and belongs to this run.
            let status = unsafe { vt_run(host.ctx(), leaf) };
            assert_ne!(status, VT_ITEM, "roots of cases are no generators");
            if status != VT_YIELDED {
                return status;
            }
        }
        if script.coop.is_none() || host.ctx.requeue == 0 {
            w(world).tick += 1;
        }
    }
}

/// The interpreter's run of the same machine.
struct Reference;

impl Runner for Reference {
    fn name(&self) -> &'static str {
        "machine"
    }
    fn run(&self, case: &Case, args: &[Input], script: &Script) -> Outcome {
        let lowered = &case.lowered;
        run_machine(&case.module, &lowered.module, &lowered.machines, case.root, args, script)
    }
}

fn complaint(got: &Outcome, want: &Trace) -> Option<String> {
    let violations: Vec<_> = got.violations.iter().map(ToString::to_string).collect();
    if !violations.is_empty() {
        return Some(violations.join("; "));
    }
    got.trace.first_difference(want)
}

#[test]
fn compiled_cases_behave_as_their_heads_say() {
    let mut failures = Vec::new();
    for case in load_all() {
        let compiled = Compiled::new(case);
        let case = &compiled.case;
        for (variant, args) in case.variants.iter().enumerate() {
            for (scenario, script) in case.scenarios(&Reference, variant) {
                let got = compiled.run(args, &script);
                let want = case.expected.get(&scenario);
                if !got.violations.is_empty() || want != Some(&got.trace.lines()) {
                    let what = complaint(&got, &Trace::default()).unwrap_or_default();
                    failures.push(format!("{} {scenario}: {what}\n{}", case.name, got.trace));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

fn has_joins(module: &Module) -> bool {
    let mut terms = module.funcs.values().flat_map(|f| f.blocks.values()).map(|b| &b.term);
    terms.any(|t| matches!(t, Some(Terminator::Join { .. } | Terminator::Select { .. })))
}

#[test]
fn compiled_cases_agree_with_the_interpreter_under_further_scripts() {
    let mut failures = Vec::new();
    for case in load_all() {
        let compiled = Compiled::new(case);
        let case = &compiled.case;
        let mut scripts = Vec::new();
        for seed in 0..12 {
            scripts.push(Script::seeded(seed));
            scripts.push(Script { spurious: 2, ..Script::seeded(seed) });
            scripts.push(Script::seeded(seed).cancel_at(seed as u32 % 5));
            if !has_joins(&case.module) && case.max_ticks.is_none() {
                scripts.push(Script { coop: Some(seed as i32 % 4), ..Script::seeded(seed) });
            }
        }
        for (variant, args) in case.variants.iter().enumerate() {
            for mut script in scripts.iter().cloned() {
                script.max_ticks = case.max_ticks.unwrap_or(script.max_ticks);
                let got = compiled.run(args, &script);
                let want = Reference.run(case, args, &script);
                if let Some(what) = complaint(&got, &want.trace) {
                    failures.push(format!("{} {variant} {script:?}: {what}", case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
