//! What is refused, with which code, and that the message names what to change.

mod common;

use common::{compile, module};
use std::collections::BTreeMap;
use vitte_abi::LayoutRecord;
use vitte_codegen::{
    CODES, CodegenError, ImportTable, Jit, Options, compile_object, compile_object_for,
};
use vitte_lowering::ir::{Func, Module, parse_module};

fn refused(text: &str) -> CodegenError {
    compile(&module(text), &ImportTable::new()).unwrap_err()
}

fn check(text: &str, code: &str, part: &str) {
    let error = refused(text);
    assert_eq!(error.code(), code, "{error}");
    let message = error.to_string();
    assert!(message.starts_with(code) && message.contains(part), "{message}");
}

#[test]
fn a_missing_import_is_named() {
    let text = "module \"m\"\nimp0 = import \"std_frobnicate\"(i64)\nimp1 = import \"unused\"()\n\n\
                sync fn0 \"f\"(i64) {\nblock0(v0: i64):\n  call imp0(v0)\n  return\n}\n";
    check(text, "CG0001", "std_frobnicate");
}

#[test]
fn a_symbol_of_the_process_is_no_import() {
    let text = "module \"m\"\nimp0 = import \"malloc\"(i64) -> ptr\n\n\
                sync fn0 \"f\"(i64) -> ptr {\nblock0(v0: i64):\n  v1: ptr = call imp0(v0)\n  \
                return v1\n}\n";
    check(text, "CG0001", "malloc");
}

#[test]
fn an_import_in_static_data_is_needed_too() {
    let text = "module \"m\"\nimp0 = import \"absent\"()\n\
                data0 = data \"d\" align 8 x\"0000000000000000\" { 0: imp0 }\n";
    check(text, "CG0001", "absent");
}

#[test]
fn a_missing_operation_is_named() {
    let text = "module \"m\"\nop0 = op \"sleep\" symbol \"t_sleep\"() size 8 align 8 result 0\n\n\
                machine fn0 \"f\"(\"ctx\": ptr, \"frame\": ptr) -> i32 {\n\
                block0(v0: ptr, v1: ptr):\n  v2: i32 = op_poll op0, v1\n  return v2\n}\n";
    let records = BTreeMap::from([(Func::from_u32(0), LayoutRecord::default())]);
    let imports = ImportTable::new();
    let error = Jit::compile(&module(text), &records, &imports, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "CG0001");
    assert!(error.to_string().contains("`t_sleep_poll`"), "{error}");
}

#[test]
fn what_the_lowering_removes_is_refused() {
    let async_fn = "module \"m\"\n\nasync fn0 \"f\"() {\nblock0:\n  return\n}\n";
    check(async_fn, "CG0003", "`f`");
    for inst in ["slot_init slot0", "slot_forget slot0", "drop slot0", "move slot0 to slot0"] {
        let text = format!(
            "module \"m\"\n\nsync fn0 \"f\"() {{\n  slot0: i64\nblock0:\n  {inst}\n  return\n}}\n"
        );
        check(&text, "CG0003", "`f`");
    }
    check("module \"m\"\n\nsync fn0 \"f\"() faults {\nblock0:\n  fault 4\n}\n", "CG0003", "fault");
}

#[test]
fn malformed_functions_are_refused() {
    for (body, part) in [
        ("block0:\n  jump block1\nblock1:\n  store v0, v0\n  v0: ptr = ctx\n  return", "v0"),
        ("block0:\n  v0: i64 = const 1\n  v1: i32 = bitcast v0\n  return", "v0"),
        ("block0:\n  v0: i64 = const 1\n  v1: i64 = fadd v0, v0\n  return", "v0"),
        ("block0:\n  v0: i64 = const 1\n  br v0, block0, block0", "v0"),
        ("block0:\n  jump block1", "block1"),
        ("block0:\n  call fn7()\n  return", "fn7"),
        ("block0:\n  call imp7()\n  return", "imp7"),
        ("block0:\n  v0: i64 = slot_load slot0+8\n  return", "slot0"),
        ("block0:\n  v0: ptr = data_addr data3\n  return", "data3"),
        ("block0:\n  v0: i32 = const 1\n  unwind v0", "not to fault"),
        ("block0:\n  v0: ptr = machine_addr fn0\n  return", "no coroutine"),
        ("block0:\n  v0: ptr = site_addr 8, 3\n  return", "outside"),
        ("block0:\n  incomplete", "terminator"),
        ("block0:\n  v0: i64 = const 1\n  return v0", "returns 1 of 0"),
        ("block0:\n  v0: i8 = const 1\n  switch v0 { 1: block0, 257: block0 }, default block0", ""),
    ] {
        let text = format!("module \"m\"\n\nsync fn0 \"f\"() {{\n  slot0: i64\n{body}\n}}\n");
        check(&text, "CG0004", part);
    }
}

#[test]
fn a_machine_needs_its_layout_record() {
    let text = "module \"m\"\n\nmachine fn0 \"f\"(ptr, ptr) -> i32 {\nblock0(v0: ptr, v1: ptr):\n  \
                v2: i32 = const 2\n  return v2\n}\n";
    check(text, "CG0004", "layout record");
    let huge = LayoutRecord { name: "f".into(), size: 1 << 32, ..LayoutRecord::default() };
    let records = BTreeMap::from([(Func::from_u32(0), huge)]);
    let error = compile_object(&module(text), &records, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "CG0005", "{error}");
}

#[test]
fn static_data_is_checked() {
    check(
        "module \"m\"\ndata0 = data \"d\" align 8 x\"0000000000000000\" { 1: data0 }\n",
        "CG0004",
        "relocation at 1",
    );
    check(
        "module \"m\"\ndata0 = data \"d\" align 8 x\"0000000000000000\" { 0: data7 }\n",
        "CG0004",
        "nowhere",
    );
    check("module \"m\"\ndata0 = data \"d\" align 8192 x\"00\"\n", "CG0005", "alignment");
}

#[test]
fn two_owners_of_a_symbol_are_refused() {
    let f = "block0:\n  return\n}\n";
    let twice =
        format!("module \"m\"\n\nexport sync fn0 \"f\"() {{\n{f}\nexport sync fn1 \"f\"() {{\n{f}");
    check(&twice, "CG0007", "`f`");
    let differ = format!(
        "module \"m\"\nimp0 = import \"f\"(i64)\n\nexport sync fn0 \"f\"() {{\n{f}\n\
         sync fn1 \"g\"() {{\nblock0:\n  v0: i64 = const 1\n  call imp0(v0)\n  return\n}}\n"
    );
    check(&differ, "CG0007", "two signatures");
    // Functions that are not exported may share a name.
    let local = twice.replace("export ", "");
    compile(&module(&local), &ImportTable::new()).unwrap();
}

#[test]
fn a_frame_of_more_than_the_stack_is_refused_not_jumped_over() {
    let slots = (0..8).map(|i| format!("  slot{i}: bytes(2147483647, 1)\n")).collect::<Vec<_>>();
    let uses = (0..8).map(|i| format!("  v{i}: ptr = slot_addr slot{i}\n")).collect::<Vec<_>>();
    let (slots, uses) = (slots.concat(), uses.concat());
    let text = format!("module \"m\"\n\nsync fn0 \"f\"() {{\n{slots}block0:\n{uses}  return\n}}\n");
    check(&text, "CG0005", "`f`");
}

#[test]
fn unknown_targets_are_refused() {
    let empty = Module::new("m");
    for triple in ["pdp11-unknown-unix", "i686-unknown-linux-gnu", "wasm32-unknown-unknown", ""] {
        let error = compile_object_for(triple, &empty, &BTreeMap::new(), &Options::default());
        let error = error.unwrap_err();
        assert_eq!(error.code(), "CG0002", "{error}");
    }
}

#[test]
fn unreachable_blocks_are_not_looked_at() {
    let text = "module \"m\"\n\nsync fn0 \"f\"() {\nblock0:\n  return\nblock1:\n  jump block9\n}\n";
    compile(&module(text), &ImportTable::new()).unwrap();
}

#[test]
fn every_example_of_a_code_gives_it() {
    let (imports, machines) = (ImportTable::new(), BTreeMap::new());
    for entry in CODES {
        let error = match entry.code {
            "CG0002" => {
                let module = Module::new("m");
                include!("../src/codes/CG0002.rs").unwrap_err()
            }
            "CG0010" => {
                let module = Module::new("m");
                include!("../src/codes/CG0010.rs").unwrap_err()
            }
            // Neither follows from an input.
            "CG0008" | "CG0009" => continue,
            _ => {
                let module = parse_module(entry.example).unwrap_or_else(|e| panic!("{}", e[0]));
                Jit::compile(&module, &machines, &imports, &Options::default()).unwrap_err()
            }
        };
        assert_eq!(error.code(), entry.code, "{error}");
    }
    assert!(CODES.is_sorted_by_key(|c| c.code));
}
