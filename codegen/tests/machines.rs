//! Machines written by hand, driven by the loop of the ABI.

#![allow(clippy::cast_ptr_alignment, reason = "frames are byte pointers, aligned as asked")]

mod common;

use common::{Host, compile_machines, delete_frame, module, new_frame};
use std::collections::BTreeMap;
use vitte_abi::{
    LayoutRecord, RecordSpan, StateRecord, VT_ARENA, VT_CANCEL_ASKED, VT_CANCELLED, VT_DONE,
    VT_FAULTED, VT_ITEM, VT_MODE_CANCEL, VT_MODE_RESUME, VT_YIELDED, vt_ctx, vt_machine, vt_run,
    vt_site, vt_span, vt_status,
};
use vitte_codegen::{Code, ImportTable, Jit, Options};
use vitte_lowering::ir::{Data, Func};

/// A generator: counts from 0 to a limit, gives way before every odd number.
///
/// Frame: tag +8, result +16, limit +24, next +32.
const COUNT: &str = r#"
machine fn0 "count"("ctx": ptr, "frame": ptr) -> i32 @0:3:1 {
block0(v0: ptr, v1: ptr):
  v2: i8 = load v1+8
  switch v2 { 0: block1, 3: block2, 4: block6 }, default block9
block1:
  v3: i64 = const 0
  store v1+32, v3
  jump block3
block2:
  v4: i32 = load v0+48
  v5: i32 = const 1
  v6: bool = cmp.eq v4, v5
  br v6, block8, block4
block3:
  v7: i64 = load v1+32
  v8: i64 = load v1+24
  v9: bool = cmp.slt v7, v8
  br v9, block5, block7
block4:
  v10: i64 = load v1+32
  v11: i64 = const 1
  v12: i64 = add v10, v11
  store v1+32, v12
  jump block3
block5:
  v13: i64 = load v1+32
  v14: i64 = const 1
  v15: i64 = and v13, v14
  v16: bool = trunc v15
  br v16, block10, block11
block6:
  v17: i32 = load v0+48
  v18: i32 = const 1
  v19: bool = cmp.eq v17, v18
  br v19, block8, block11
block7:
  v20: i8 = const 1
  store v1+8, v20
  v21: i32 = const 2
  return v21
block8:
  v22: i32 = const 0
  store v0+48, v22
  v23: i8 = const 2
  store v1+8, v23
  v24: i32 = const 4
  return v24
block9:
  v25: i32 = const 8
  v26: ptr = span_addr @0:40:2
  v27: i64 = const 0
  v28: i32 = const 0
  ctx_call fault(v25, v26, v27, v28)
  v29: i32 = const 3
  return v29
block10:
  v30: i8 = const 4
  store v1+8, v30
  v31: i32 = const 1
  store v0+60, v31
  return v31
block11:
  v32: i64 = load v1+32
  store v1+16, v32
  v33: i8 = const 3
  store v1+8, v33
  v34: i32 = const 5
  return v34
}
"#;

fn record(name: &str, size: u64, states: &[&str]) -> LayoutRecord {
    LayoutRecord {
        name: name.into(),
        kind: "machine".into(),
        size,
        used: size,
        align: 8,
        tag_offset: 8,
        tag_bytes: 1,
        result_offset: 16,
        result_bytes: 8,
        states: (3..)
            .zip(states)
            .map(|(id, name)| StateRecord {
                id,
                name: (*name).into(),
                span: RecordSpan { file: "count.vit".into(), line: 10 + id, column: 1 },
                awaitee: vitte_abi::AwaiteeRecord::Consumer,
                live: vec![],
                dead: vec![],
            })
            .collect(),
        ..LayoutRecord::default()
    }
}

fn count_records() -> BTreeMap<Func, LayoutRecord> {
    BTreeMap::from([(Func::from_u32(0), record("count", 40, &["yield", "odd"]))])
}

fn count() -> Code {
    let text = format!("module \"count\"\nfile0 = \"count.vit\"\n{COUNT}");
    compile_machines(&module(&text), &count_records(), &ImportTable::new())
}

/// A frame that is freed with its owner.
struct Frame(*mut u8);

impl Frame {
    fn new(machine: &vt_machine) -> Self {
        // SAFETY: the machine is valid.
        Self(unsafe { new_frame(machine) })
    }
    fn at(&self, offset: usize) -> *mut i64 {
        // SAFETY: the tests use offsets of the frame.
        unsafe { self.0.add(offset) }.cast()
    }
    fn set(&self, offset: usize, n: i64) {
        // SAFETY: `at` leads into the frame.
        unsafe { self.at(offset).write_unaligned(n) };
    }
    fn get(&self, offset: usize) -> i64 {
        // SAFETY: as above.
        unsafe { self.at(offset).read_unaligned() }
    }
    /// The tag of these machines is a byte at 8.
    fn tag(&self) -> u8 {
        self.get(8) as u8
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: it came from `new_frame`.
        unsafe { delete_frame(self.0) };
    }
}

fn run(host: &mut Host) -> vt_status {
    let leaf = &raw mut host.leaf;
    // SAFETY: the leaf holds a resume function with a frame of its machine.
    unsafe { vt_run(host.ctx(), leaf) }
}

/// Makes a frame the leaf.
fn start(host: &mut Host, machine: &vt_machine, frame: &Frame) {
    host.leaf.resume = machine.resume;
    (host.leaf.frame, host.leaf.root) = (frame.0, frame.0);
}

#[test]
fn a_generator_counts_and_gives_way() {
    let code = count();
    let machine = code.machine_by_name("count").unwrap();
    let mut host = Host::new();
    let frame = Frame::new(machine);
    frame.set(24, 5);
    start(&mut host, machine, &frame);
    let mut seen = Vec::new();
    let mut yields = 0;
    loop {
        match run(&mut host) {
            VT_ITEM => seen.push(frame.get(16)),
            VT_YIELDED => yields += 1,
            VT_DONE => break,
            status => panic!("{status}"),
        }
    }
    assert_eq!((seen, yields), (vec![0, 1, 2, 3, 4], 2));
    assert_eq!((frame.tag(), host.ctx.requeue), (1, 1));
    // A finished frame is not resumed again.
    assert_eq!(run(&mut host), VT_FAULTED);
    assert_eq!(host.world.faults, [(8, 0, 0, 40)]);
}

#[test]
fn a_cancel_reaches_a_suspended_generator() {
    let code = count();
    let machine = code.machine_by_name("count").unwrap();
    let mut host = Host::new();
    let frame = Frame::new(machine);
    frame.set(24, 5);
    start(&mut host, machine, &frame);
    assert_eq!(run(&mut host), VT_ITEM);
    host.leaf.cancel = VT_CANCEL_ASKED;
    assert_eq!(run(&mut host), VT_CANCELLED);
    assert_eq!(frame.tag(), 2);
    assert_eq!(host.ctx.mode, VT_MODE_RESUME);
    assert_ne!(VT_MODE_CANCEL, VT_MODE_RESUME);
}

fn text(p: *const u8, len: u32) -> String {
    // SAFETY: the static data of a machine points to its names.
    let bytes = unsafe { std::slice::from_raw_parts(p, len as usize) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn span(p: *const vt_span) -> (String, u32, u32) {
    // SAFETY: spans are static data.
    let s = unsafe { &*p };
    (text(s.file, s.file_len), s.line, s.column)
}

#[test]
fn a_machine_describes_itself() {
    let source = format!(
        "module \"count\"\nfile0 = \"count.vit\"\ndata0 = data \"user\" align 8 x\"2a00000000000000\"\n{COUNT}"
    );
    let options =
        Options { user: [(Func::from_u32(0), Data::from_u32(0))].into(), ..Options::default() };
    let records = count_records();
    let imports = ImportTable::new();
    let code = Jit::compile(&module(&source), &records, &imports, &options).unwrap();
    let m = code.machine_by_name("count").unwrap();
    assert_eq!((m.size, m.align, m.tag_offset, m.tag_bytes), (40, 8, 8, 1));
    assert_eq!((m.result_offset, m.result_bytes, m.n_states), (16, 8, 2));
    assert_eq!(m.layout_hash, records[&Func::from_u32(0)].layout_hash());
    assert_eq!(text(m.name, m.name_len), "count");
    assert_eq!(span(m.span), ("count.vit".into(), 3, 1));
    // SAFETY: there are that many states.
    let states = unsafe { std::slice::from_raw_parts(m.states, m.n_states as usize) };
    let states: Vec<_> = states.iter().map(|s| (text(s.name, s.name_len), s.line)).collect();
    assert_eq!(states, [("yield".into(), 13), ("odd".into(), 14)]);
    // SAFETY: it points to the data object.
    assert_eq!(unsafe { m.user.cast::<i64>().read() }, 42);
    assert_eq!(code.sync_fn_by_name("count"), None);
    assert!(code.machine_by_name("none").is_none());
}

/// Sums a `count` that lies in its frame, by `resume` while it is ready and by the loop after it
/// suspended.
///
/// Frame: tag +8, sum (the result) +16, the child's link +24, child +32 to 72.
const SUM: &str = r#"
machine fn1 "sum"("ctx": ptr, "frame": ptr) -> i32 {
block0(v0: ptr, v1: ptr):
  v2: i8 = load v1+8
  v3: ptr = ptr_offset v1+32
  v4: i64 = const 0
  switch v2 { 0: block1, 3: block2 }, default block8
block1:
  store v1+16, v4
  v5: i8 = const 0
  store v1+40, v5
  jump block3
block2:
  v6: i32 = load v0+52
  v7: i32 = const 255
  v8: bool = cmp.eq v6, v7
  br v8, block3, block4(v6)
block3:
  v9: i32 = resume fn0, v3
  jump block4(v9)
block4(v10: i32):
  switch v10 { 1: block5, 2: block6, 5: block7 }, default block8
block5:
  v11: ptr = site_addr 32, 3
  store v1+24, v11
  v12: i8 = const 3
  store v1+8, v12
  v13: ptr = load v0
  v14: ptr = resume_addr fn0
  store v13, v14
  store v13+8, v3
  v15: i32 = const 1
  return v15
block6:
  v16: i8 = const 1
  store v1+8, v16
  v17: i32 = const 2
  return v17
block7:
  v18: i64 = load v3+16
  v19: i64 = load v1+16
  v20: i64 = add v18, v19
  store v1+16, v20
  jump block3
block8:
  v21: i32 = const 3
  return v21
}
"#;

#[test]
fn a_parent_is_popped_to_when_its_child_answers() {
    let source = format!("module \"sum\"\nfile0 = \"count.vit\"\n{COUNT}{SUM}");
    let mut records = count_records();
    records.insert(Func::from_u32(1), record("sum", 72, &["await count"]));
    let code = compile_machines(&module(&source), &records, &ImportTable::new());
    let machine = code.machine_by_name("sum").unwrap();
    let mut host = Host::new();
    let frame = Frame::new(machine);
    frame.set(56, 101);
    start(&mut host, machine, &frame);
    let mut yields = 0;
    while run(&mut host) == VT_YIELDED {
        yields += 1;
        assert_eq!(host.leaf.frame, frame.0.wrapping_add(32), "the child is the leaf");
        let site = frame.get(24) as usize as *const vt_site;
        // SAFETY: the link leads to the static site.
        let site = unsafe { &*site };
        assert_eq!((site.offset, site.state), (32, 3));
        assert_eq!(site.resume as usize, machine.resume as usize);
    }
    assert_eq!((frame.tag(), frame.get(16), yields), (1, 5050, 50));
}

#[test]
fn sites_and_spans_are_shared_by_content() {
    let source = format!(
        "module \"sites\"\nfile0 = \"a.vit\"\n{COUNT}\n{}",
        r#"machine fn1 "m"("ctx": ptr, "frame": ptr) -> i32 {
block0(v0: ptr, v1: ptr):
  v2: ptr = site_addr 24, 3
  v3: ptr = site_addr 4294967295, 4
  v4: ptr = site_addr 24, 3
  v5: ptr = span_addr @0:7:8
  v6: ptr = span_addr @0:7:8
  v7: ptr = span_addr
  v8: ptr = machine_addr fn0
  v9: ptr = resume_addr fn0
  store v1, v2
  store v1+8, v3
  store v1+16, v4
  store v1+24, v5
  store v1+32, v6
  store v1+40, v7
  store v1+48, v8
  store v1+56, v9
  v10: i32 = const 2
  return v10
}
"#
    );
    let mut records = count_records();
    records.insert(Func::from_u32(1), record("m", 64, &[]));
    let code = compile_machines(&module(&source), &records, &ImportTable::new());
    let m = code.machine_by_name("m").unwrap();
    let mut words = [0usize; 8];
    let frame = words.as_mut_ptr().cast::<u8>();
    // SAFETY: the frame has the 64 bytes that the machine writes.
    assert_eq!(unsafe { (m.resume)(Host::new().ctx(), frame) }, VT_DONE);
    let [site, arena, site2, span1, span2, none, machine, resume] = words;
    assert_eq!((site, span1), (site2, span2));
    // SAFETY: addresses of static sites.
    let arena = unsafe { &*(arena as *const vt_site) };
    assert_eq!((arena.offset, arena.state), (VT_ARENA, 4));
    assert_eq!(span(span1 as *const vt_span), ("a.vit".into(), 7, 8));
    // SAFETY: address of a static span.
    let none = unsafe { &*(none as *const vt_span) };
    assert_eq!((none.line, none.file_len), (0, 0));
    let count = code.machine_by_name("count").unwrap();
    assert_eq!(machine, std::ptr::from_ref(count).addr());
    assert_eq!(resume, count.resume as usize);
}

/// A host operation by hand: ready at the second poll; the result is twice the argument plus the
/// first byte of the slot.
///
/// Storage: polls +0, argument +8, result +16.
const OP: &str = r#"module "op"
op0 = op "twice" symbol "t_twice"("n": i64, "s": bytes(16, 1)) -> i64 size 24 align 8 result 16

machine fn0 "m"("ctx": ptr, "frame": ptr) -> i32 {
  slot0: bytes(16, 1)
block0(v0: ptr, v1: ptr):
  v2: i8 = load v1+8
  v3: ptr = ptr_offset v1+24
  switch v2 { 0: block1 }, default block2
block1:
  v4: i64 = const 21
  v5: i8 = const 7
  slot_store slot0, v5
  v6: ptr = slot_addr slot0
  op_start op0, v3(v4, v6)
  v7: i8 = const 3
  store v1+8, v7
  jump block2
block2:
  v8: i32 = op_poll op0, v3
  v9: i64 = load v3+16
  store v1+16, v9
  v10: ptr = poll_addr op0
  store v1+48, v10
  v11: i32 = resume v10, v3
  return v8
}
"#;

extern "C" fn twice_start(_: *mut vt_ctx, storage: *mut i64, n: i64, s: *const u8) {
    // SAFETY: the slot has 16 bytes.
    let first = unsafe { s.read() };
    // SAFETY: the storage has 24 bytes.
    unsafe { storage.cast::<[i64; 2]>().write([0, n * 2 + i64::from(first)]) };
}

extern "C" fn twice_poll(_: *mut vt_ctx, storage: *mut [i64; 3]) -> vt_status {
    // SAFETY: the storage has 24 bytes.
    let storage = unsafe { &mut *storage };
    storage[0] += 1;
    if storage[0] < 3 {
        return VT_YIELDED;
    }
    storage[2] = storage[1];
    VT_DONE
}

#[test]
fn host_operations_live_in_the_frame() {
    let mut imports = ImportTable::new();
    // SAFETY: the signature is that of the operation.
    unsafe { imports.register("t_twice_start", twice_start as *const u8) };
    // SAFETY: as above.
    unsafe { imports.register("t_twice_poll", twice_poll as *const u8) };
    let records = BTreeMap::from([(Func::from_u32(0), record("m", 56, &["await twice"]))]);
    let code = compile_machines(&module(OP), &records, &imports);
    let machine = code.machine_by_name("m").unwrap();
    let mut host = Host::new();
    let frame = Frame::new(machine);
    start(&mut host, machine, &frame);
    assert_eq!(run(&mut host), VT_YIELDED);
    // The machine polls twice in each resume.
    assert_eq!((frame.get(24), frame.get(32)), (2, 49));
    assert_eq!(run(&mut host), VT_DONE);
    assert_eq!((frame.get(24), frame.get(16)), (4, 49));
    assert_eq!(frame.get(48) as usize, twice_poll as *const () as usize);
}

#[test]
fn the_table_of_the_context_is_called() {
    let source = format!(
        "module \"table\"\nfile0 = \"a.vit\"\n{COUNT}\n{}",
        r#"machine fn1 "m"("ctx": ptr, "frame": ptr) -> i32 {
block0(v0: ptr, v1: ptr):
  v2: ptr = machine_addr fn0
  v3: i32 = const 0
  v4: ptr = ctx_call alloc_frame(v2, v3)
  v5: i64 = const 1
  store v4+24, v5
  v6: i32 = resume fn0, v4
  ctx_call free_frame(v4)
  v7: i32 = const 10
  v8: i32 = ctx_call choose(v7)
  ctx_call overrun()
  v9: i32 = ctx_call branches(v1, v3, v3)
  v10: i32 = mul v8, v7
  v11: i32 = add v10, v6
  v12: i32 = mul v11, v7
  v13: i32 = add v12, v9
  return v13
}
"#
    );
    let mut records = count_records();
    records.insert(Func::from_u32(1), record("m", 64, &[]));
    let code = compile_machines(&module(&source), &records, &ImportTable::new());
    let m = code.machine_by_name("m").unwrap();
    let mut host = Host::new();
    let mut frame = [0u64; 8];
    // SAFETY: the machine does not look at its frame.
    let status = unsafe { (m.resume)(host.ctx(), frame.as_mut_ptr().cast()) };
    // 9 was chosen, the first item was handed out, a join of nothing is done.
    assert_eq!(status, 900 + 10 * VT_ITEM + VT_DONE);
    assert_eq!((host.world.frames, host.world.overruns), (0, 1));
}
