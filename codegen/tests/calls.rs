//! Calls between generated code and Rust: forms of results, slots, faults, static data, copies.

mod common;

use common::{Host, Many, compile, entry, many, module, world};
use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED, stack_pointer, vt_ctx, vt_status};
use vitte_codegen::{Code, ImportTable, Options};
use vitte_lowering::ir::Module;

/// Registers a Rust function; the caller of the macro answers for its signature.
macro_rules! register {
    ($table:expr, $($name:literal = $f:expr;)*) => {$(
        // SAFETY: the function has the signature that the module of the test declares.
        unsafe { $table.register($name, $f as *const u8) };
    )*};
}

fn ready(module: &Module, imports: &ImportTable) -> Code {
    compile(module, imports).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn arguments_of_all_types_travel_in_registers_and_on_the_stack() {
    let params = "i8, i16, bool, i128, f32, i128, i64, f64, i128, i32";
    let text = format!(
        r#"module "args"
imp0 = import "many"({params}) -> i128

sync fn0 "inner"({params}) -> i128 {{
block0(v0: i8, v1: i16, v2: bool, v3: i128, v4: f32, v5: i128, v6: i64, v7: f64, v8: i128, v9: i32):
  v10: i128 = call imp0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)
  return v10
}}

export sync fn1 "outer"({params}) -> i128 {{
block0(v0: i8, v1: i16, v2: bool, v3: i128, v4: f32, v5: i128, v6: i64, v7: f64, v8: i128, v9: i32):
  v10: i128 = call fn0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)
  return v10
}}
"#
    );
    let mut imports = ImportTable::new();
    register!(imports, "many" = many;);
    let code = ready(&module(&text), &imports);
    // SAFETY: that is the signature of `outer`.
    let outer: Many = unsafe { entry(&code, "outer") };
    let mut host = Host::new();
    for (d, f, i) in [(1, 2, 3), (-1, i128::from(u64::MAX), -(1 << 100)), (1 << 90, -5, 7)] {
        let (a, b, c) = (200, 60_000, true);
        let got = outer(host.ctx(), a, b, c, d, -3.5, f, i64::MIN, 1e9, i, -4);
        let want = many(host.ctx(), a, b, c, d, -3.5, f, i64::MIN, 1e9, i, -4);
        assert_eq!(got, want);
    }
}

extern "C" fn divide(ctx: *mut vt_ctx, results: *mut [i64; 2], a: i64, b: i64) -> vt_status {
    if b == 0 {
        // SAFETY: generated code passes its context on.
        unsafe { world(ctx) }.notes.push(a);
        return VT_FAULTED;
    }
    // SAFETY: the area holds two `i64`.
    unsafe { results.write([a / b, a % b]) };
    VT_DONE
}

const DIVIDE: &str = r#"module "divide"
imp0 = import "divide"(i64, i64) -> (i64, i64) faults

sync fn0 "twice"(i64, i64) -> (i64, i64, i64) faults {
block0(v0: i64, v1: i64):
  call imp0(v0, v1) -> ok block1(r1, r0), unwind block3(cause)
block1(v2: i64, v3: i64):
  call imp0(v3, v1) -> ok block2(v2, r0, r1), unwind block3(cause)
block2(v4: i64, v5: i64, v6: i64):
  return v4, v5, v6
block3(v7: i32):
  unwind v7
}

export sync fn1 "sum"(i64, i64) -> i64 faults {
block0(v0: i64, v1: i64):
  call fn0(v0, v1) -> ok block1(r0, r1, r2), unwind block2(cause)
block1(v2: i64, v3: i64, v4: i64):
  v5: i64 = const 100
  v6: i64 = mul v2, v5
  v7: i64 = add v6, v3
  v8: i64 = mul v7, v5
  v9: i64 = add v8, v4
  return v9
block2(v10: i32):
  unwind v10
}
"#;

type Sum = extern "C" fn(*mut vt_ctx, *mut i64, i64, i64) -> vt_status;

#[test]
fn a_fault_takes_the_unwind_edge_through_every_caller() {
    let mut imports = ImportTable::new();
    register!(imports, "divide" = divide;);
    let code = ready(&module(DIVIDE), &imports);
    // SAFETY: a faulting function with one result.
    let sum: Sum = unsafe { entry(&code, "sum") };
    let mut host = Host::new();
    let mut result = 0;
    assert_eq!(sum(host.ctx(), &raw mut result, 1234, 10), VT_DONE);
    // 1234 = 123 * 10 + 4, then 123 = 12 * 10 + 3.
    assert_eq!(result, 4 * 10_000 + 12 * 100 + 3);
    result = 77;
    assert_eq!(sum(host.ctx(), &raw mut result, 5, 0), VT_FAULTED);
    assert_eq!(result, 77, "nothing is written on the way out");
    assert_eq!(host.world.notes, [5]);
}

extern "C" fn cancels(_: *mut vt_ctx, _: *mut u8) -> vt_status {
    VT_CANCELLED
}

#[test]
fn the_cause_is_the_status_of_the_callee() {
    let text = r#"module "cause"
imp0 = import "cancels"() faults

export sync fn0 "f"() -> i32 {
block0:
  call imp0() -> ok block1, unwind block2(cause)
block1:
  v0: i32 = const -1
  return v0
block2(v1: i32):
  return v1
}
"#;
    let mut imports = ImportTable::new();
    register!(imports, "cancels" = cancels;);
    let code = ready(&module(text), &imports);
    // SAFETY: that is the signature of `f`.
    let f: extern "C" fn(*mut vt_ctx) -> u32 = unsafe { entry(&code, "f") };
    assert_eq!(f(Host::new().ctx()), VT_CANCELLED);
}

/// A structure of 40 bytes with holes, as the modules below declare it.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Record {
    a: i8,
    b: i64,
    c: i16,
    d: f64,
    e: i32,
}

extern "C" fn double(_: *mut vt_ctx, out: *mut Record, r: *mut Record) {
    // SAFETY: the area holds a record. It is written before the argument is read, which must not
    // be the same memory.
    unsafe { out.write(Record::default()) };
    // SAFETY: slots come by pointer.
    let r = unsafe { r.read() };
    let r = Record { a: r.a * 2, b: r.b * 2, c: r.c * 2, d: r.d * 2.0, e: r.e * 2 };
    // SAFETY: as above.
    unsafe { out.write(r) };
}

const RECORDS: &str = r#"module "records"
ty0 = struct "record" size 40 align 8 { "a" +0: i8, "b" +8: i64, "c" +16: i16, "d" +24: f64, "e" +32: i32 }
imp0 = import "double"(ty0) -> ty0

sync fn0 "bump"(ty0, i64) -> ty0 {
  slot0: ty0 param 0
block0(v0: i64):
  v1: i64 = slot_load slot0+8
  v2: i64 = add v1, v0
  slot_store slot0+8, v2
  return move slot0
}

sync fn1 "swap"(ty0, ty0, i64) -> (ty0, i64, ty0) faults {
  slot0: ty0 param 0
  slot1: ty0 param 1
block0(v0: i64):
  return move slot1, v0, move slot0
}

export sync fn2 "all"("in": ty0, "n": i64) -> ty0 faults {
  slot0 "in": ty0 param 0
  slot1: ty0
  slot2: ty0
  slot3: ty0
block0(v0 "n": i64):
  call imp0(move slot0) into slot0
  v1: ptr = slot_addr slot0
  v2: ptr = slot_addr slot1
  copy v2, v1, 40
  call fn0(move slot0, v0) into slot0
  call fn1(move slot0, move slot1, v0) into (slot2, slot3) -> ok block1(r0), unwind block2(cause)
block1(v3: i64):
  v4: i64 = slot_load slot3+8
  v5: i64 = mul v4, v3
  slot_store slot2+8, v5
  return move slot2
block2(v6: i32):
  unwind v6
}
"#;

#[test]
fn records_travel_by_pointer_and_are_moved() {
    let mut imports = ImportTable::new();
    register!(imports, "double" = double;);
    let code = ready(&module(RECORDS), &imports);
    type All = extern "C" fn(*mut vt_ctx, *mut Record, *mut Record, i64) -> vt_status;
    // SAFETY: that is the signature of `all`.
    let all: All = unsafe { entry(&code, "all") };
    let mut record = Record { a: -3, b: 1000, c: 500, d: 0.25, e: -70_000 };
    let mut out = Record::default();
    let status = all(Host::new().ctx(), &raw mut out, &raw mut record, 7);
    assert_eq!(status, VT_DONE);
    let want = Record { a: -6, b: (2000 + 7) * 7, c: 1000, d: 0.5, e: -140_000 };
    assert_eq!(out, want);
}

#[test]
fn slots_keep_their_alignment() {
    let text = r#"module "align"
export sync fn0 "f"() -> (i64, i64) {
  slot0: bytes(3, 1)
  slot1: bytes(100, 64)
  slot2: bytes(8, 4096)
  slot3: bytes(0, 1)
block0:
  v0: i64 = const 9
  v1: i8 = const 3
  slot_store slot0+2, v1
  slot_store slot1+90, v0
  slot_store slot2, v0
  v2: ptr = slot_addr slot1
  v3: ptr = slot_addr slot2
  v4: ptr = slot_addr slot3
  v5: i64 = bitcast v2
  v6: i64 = bitcast v3
  v7: i64 = slot_load slot1+90
  v8: i8 = slot_load slot0+2
  v9: i64 = zext v8
  v10: i64 = const 63
  v11: i64 = and v5, v10
  v12: i64 = const 4095
  v13: i64 = and v6, v12
  v14: i64 = or v11, v13
  v15: i64 = add v7, v9
  return v14, v15
}
"#;
    let code = ready(&module(text), &ImportTable::new());
    // SAFETY: two results come by area.
    let f: extern "C" fn(*mut vt_ctx, *mut [i64; 2]) = unsafe { entry(&code, "f") };
    let mut results = [1, 1];
    f(Host::new().ctx(), &raw mut results);
    assert_eq!(results, [0, 12]);
}

#[test]
fn copies_of_every_size_and_overlap() {
    use std::fmt::Write;
    let sizes = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 127, 128, 129, 500, 4096];
    let mut text = "module \"copy\"\n".to_owned();
    for (i, size) in sizes.iter().enumerate() {
        let _ = writeln!(
            text,
            "\nsync fn{i} \"copy{size}\"(ptr, ptr) {{\nblock0(v0: ptr, v1: ptr):\n  copy v0, v1, {size}\n  return\n}}"
        );
    }
    let code = ready(&module(&text), &ImportTable::new());
    let mut host = Host::new();
    for size in sizes {
        // SAFETY: two pointers.
        let f: extern "C" fn(*mut vt_ctx, *mut u8, *const u8) =
            unsafe { entry(&code, &format!("copy{size}")) };
        for (from, to) in [(0, 5000), (100, 103), (103, 100), (100, 116), (116, 100), (50, 50)] {
            let mut bytes: Vec<u8> = (0..10_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
            let mut want = bytes.clone();
            want.copy_within(from..from + size, to);
            let start = bytes.as_mut_ptr();
            f(host.ctx(), start.wrapping_add(to), start.wrapping_add(from));
            assert!(bytes == want, "{size} bytes from {from} to {to}");
        }
    }
}

#[test]
fn static_data_holds_addresses() {
    let text = r#"module "data"
imp0 = import "seven"() -> i64
data0 = data "bytes" align 1 x"0102030405060708"
data1 = data "table" align 32 x"0000000000000000000000000000000000000000000000000900000000000000" { 0: data0+3, 8: fn0, 16: imp0 }
data2 = data "count" align 8 writable x"0500000000000000"
data3 = data "empty" align 4096 x""

sync fn0 "eight"() -> i64 {
block0:
  v0: i64 = const 8
  return v0
}

export sync fn1 "table"() -> ptr {
block0:
  v0: ptr = data_addr data1
  return v0
}

export sync fn2 "count"() -> i64 {
block0:
  v0: ptr = data_addr data2
  v1: i64 = load v0
  v2: i64 = const 1
  v3: i64 = add v1, v2
  store v0, v3
  return v3
}

export sync fn3 "later"() -> i64 {
block0:
  v0: ptr = data_addr data1+24
  v1: i64 = load v0
  return v1
}

export sync fn4 "address"() -> ptr {
block0:
  v0: ptr = func_addr fn0
  return v0
}
"#;
    extern "C" fn seven(_: *mut vt_ctx) -> i64 {
        7
    }
    #[repr(C, align(32))]
    struct Table {
        byte: *const u8,
        eight: extern "C" fn(*mut vt_ctx) -> i64,
        seven: extern "C" fn(*mut vt_ctx) -> i64,
        nine: i64,
    }
    let mut imports = ImportTable::new();
    register!(imports, "seven" = seven;);
    let code = ready(&module(text), &imports);
    let mut host = Host::new();
    // SAFETY: no parameters, one result.
    let table: extern "C" fn(*mut vt_ctx) -> *const Table = unsafe { entry(&code, "table") };
    let table = table(host.ctx());
    assert!(table.is_aligned());
    // SAFETY: the data object has the form of `Table`.
    let table = unsafe { &*table };
    // SAFETY: it leads into `bytes`.
    assert_eq!(unsafe { table.byte.read() }, 4);
    assert_eq!((table.eight)(host.ctx()), 8);
    assert_eq!((table.seven)(host.ctx()), 7);
    // SAFETY: as above.
    let count: extern "C" fn(*mut vt_ctx) -> i64 = unsafe { entry(&code, "count") };
    assert_eq!([count(host.ctx()), count(host.ctx())], [6, 7]);
    // SAFETY: as above.
    let later: extern "C" fn(*mut vt_ctx) -> i64 = unsafe { entry(&code, "later") };
    assert_eq!((later(host.ctx()), table.nine), (9, 9));
    // SAFETY: as above.
    let address: extern "C" fn(*mut vt_ctx) -> usize = unsafe { entry(&code, "address") };
    assert_eq!(address(host.ctx()), table.eight as usize);
}

#[test]
fn switches_find_their_case() {
    use std::fmt::Write;
    let mut host = Host::new();
    let dense: Vec<u64> = (3..100).collect();
    let offset: Vec<u64> = (1000..1040).chain(1042..1050).collect();
    let sparse: Vec<u64> = (0..40).map(|n| n * n * n * 997).collect();
    let high: Vec<u64> = (0..20).map(|n| u64::MAX - 2 * n).collect();
    for (ty, bits) in [("i8", 8), ("i16", 16), ("i32", 32), ("i64", 64)] {
        for cases in [&dense[..], &offset, &sparse, &high, &[5], &[], &[0, 1, 2, 3]] {
            let mask = u64::MAX >> (64 - bits);
            let mut cases: Vec<u64> = cases.iter().map(|c| c & mask).collect();
            cases.sort_unstable();
            cases.dedup();
            let list: Vec<String> =
                cases.iter().enumerate().map(|(i, c)| format!("{c}: block2(v{})", i + 1)).collect();
            let mut text = format!(
                "module \"switch\"\n\nexport sync fn0 \"f\"({ty}) -> i64 {{\nblock0(v0: {ty}):\n"
            );
            for i in 0..=cases.len() {
                let _ = writeln!(text, "  v{}: i64 = const {i}", i + 1);
            }
            let n = cases.len();
            let _ = writeln!(
                text,
                "  switch v0 {{ {} }}, default block1\nblock1:\n  v{}: i64 = const -1\n  return v{}\nblock2(v{}: i64):\n  return v{}\n}}",
                list.join(", "),
                n + 2,
                n + 2,
                n + 3,
                n + 3
            );
            let code = ready(&module(&text), &ImportTable::new());
            let mut probes: Vec<u64> = (0..300).collect();
            for c in &cases {
                probes.extend([c.wrapping_sub(1), *c, c.wrapping_add(1), c ^ (1 << 32)]);
            }
            for probe in probes {
                let probe = probe & mask;
                let want = cases.binary_search(&probe).map_or(-1, |i| i as i64);
                let got = match bits {
                    8 => {
                        // SAFETY: one parameter of that width.
                        let f: extern "C" fn(*mut vt_ctx, u8) -> i64 = unsafe { entry(&code, "f") };
                        f(host.ctx(), probe as u8)
                    }
                    16 => {
                        // SAFETY: as above.
                        let f: extern "C" fn(*mut vt_ctx, u16) -> i64 =
                            unsafe { entry(&code, "f") };
                        f(host.ctx(), probe as u16)
                    }
                    32 => {
                        // SAFETY: as above.
                        let f: extern "C" fn(*mut vt_ctx, u32) -> i64 =
                            unsafe { entry(&code, "f") };
                        f(host.ctx(), probe as u32)
                    }
                    _ => {
                        // SAFETY: as above.
                        let f: extern "C" fn(*mut vt_ctx, u64) -> i64 =
                            unsafe { entry(&code, "f") };
                        f(host.ctx(), probe)
                    }
                };
                assert_eq!(got, want, "{ty} {probe} in {cases:?}");
            }
        }
    }
}

#[test]
fn loops_swap_their_values_and_spend_budget() {
    let text = r#"module "loop"
export sync fn0 "fib"(i64) -> i64 {
block0(v0: i64):
  v1: i64 = const 0
  v2: i64 = const 1
  jump block1(v0, v1, v2)
block1(v3: i64, v4: i64, v5: i64):
  v6: bool = cmp.sgt v3, v1
  br v6, block2, block3(v4)
block2:
  budget
  v7: i64 = sub v3, v2
  v8: i64 = add v4, v5
  jump block1(v7, v5, v8)
block3(v9: i64):
  return v9
}
"#;
    let code = ready(&module(text), &ImportTable::new());
    // SAFETY: one parameter, one result.
    let fib: extern "C" fn(*mut vt_ctx, i64) -> i64 = unsafe { entry(&code, "fib") };
    let mut host = Host::new();
    host.ctx.budget = 15;
    assert_eq!(fib(host.ctx(), 90), 2_880_067_194_370_816_120);
    // The 16th iteration asks, and every 11th after it: a refill is worth 10.
    assert_eq!(host.world.overruns, 1 + (90 - 16) / 11);
    assert_eq!(host.ctx.budget, 10 - (90 - 16) % 11);
}

#[test]
fn endless_recursion_ends_at_the_stack_limit() {
    let text = r#"module "deep"
export sync fn0 "depth"(i64) -> i64 {
block0(v0: i64):
  v1: bool = stack_ok
  br v1, block1, block2(v0)
block1:
  v2: i64 = const 1
  v3: i64 = add v0, v2
  v4: i64 = call fn0(v3)
  jump block2(v4)
block2(v5: i64):
  return v5
}
"#;
    let code = ready(&module(text), &ImportTable::new());
    // SAFETY: one parameter, one result.
    let depth: extern "C" fn(*mut vt_ctx, i64) -> i64 = unsafe { entry(&code, "depth") };
    let mut host = Host::new();
    host.ctx.stack_limit = stack_pointer() - 200_000;
    let deep = depth(host.ctx(), 0);
    assert!((1000..=200_000 / 16).contains(&deep), "{deep}");
}

#[test]
fn the_context_and_its_shield_are_at_hand() {
    let text = r#"module "context"
export sync fn0 "f"(i64) -> ptr {
block0(v0: i64):
  shield 1
  shield 1
  shield -1
  v1: ptr = ctx
  return v1
}
"#;
    let code = ready(&module(text), &ImportTable::new());
    // SAFETY: one parameter, one result.
    let f: extern "C" fn(*mut vt_ctx, i64) -> *mut vt_ctx = unsafe { entry(&code, "f") };
    let mut host = Host::new();
    let ctx = host.ctx();
    assert_eq!(f(ctx, 0), ctx);
    assert_eq!(host.leaf.shield, 1);
}

#[test]
fn code_lives_as_long_as_its_last_handle_and_runs_on_any_thread() {
    let mut imports = ImportTable::new();
    register!(imports, "divide" = divide;);
    let module = module(DIVIDE);
    let code = ready(&module, &imports);
    let threads: Vec<_> = (1..5)
        .map(|n| {
            let code = code.clone();
            std::thread::spawn(move || {
                // SAFETY: as in the test of faults.
                let sum: Sum = unsafe { entry(&code, "sum") };
                let mut result = 0;
                let status = sum(Host::new().ctx(), &raw mut result, 1000 * n + 1, 10);
                (status, result)
            })
        })
        .collect();
    drop(code);
    for (n, thread) in (1..).zip(threads) {
        assert_eq!(thread.join().unwrap(), (VT_DONE, 10_000 + n * 1000));
    }
    // A thousand compilations do not keep their memory: each would take a megabyte.
    let before = resident();
    for _ in 0..1000 {
        drop(ready(&module, &imports));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes are left behind");
}

/// Bytes of address space of this process, or 0 where nobody says.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').next().and_then(|n| n.parse::<usize>().ok()).unwrap_or(0) * 4096
}

#[test]
fn the_perf_map_names_every_function() {
    let mut imports = ImportTable::new();
    register!(imports, "divide" = divide;);
    let module = module(DIVIDE);
    let path = std::env::temp_dir().join(format!("vitte-perf-test-{}.map", std::process::id()));
    let options = Options { perf_map: Some(path.clone()), ..Options::default() };
    let machines = std::collections::BTreeMap::new();
    let code = vitte_codegen::Jit::compile(&module, &machines, &imports, &options).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|l| l.split(' ').collect()).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        let func = code.func_by_name(line[2]).unwrap();
        assert_eq!(u32::from_str_radix(line[1], 16).ok(), code.code_bytes(func));
        let address = code.sync_fn(func).unwrap().addr();
        assert_eq!(usize::from_str_radix(line[0], 16), Ok(address));
    }
}
