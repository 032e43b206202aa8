//! Object files: linked by the system's C compiler and run from C.
//!
//! Skipped with a message where there is no `cc`.

mod common;

use common::module;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use vitte_abi::{LayoutRecord, SlotRecord, SlotRole};
use vitte_codegen::{Options, c_header, compile_object, compile_object_for};
use vitte_lowering::ir::{Func, Module};

const SOURCE: &str = r#"module "demo"
file0 = "demo.vit"
imp0 = import "host_scale"(i64) -> i64
imp1 = import "host_check"(i64) -> i64 faults
op0 = op "wait" symbol "host_wait"(i64) size 16 align 8 result 0
data0 = data "table" align 8 x"00000000000000000a00000000000000" { 0: imp0 }

sync fn0 "helper"(i64) -> i64 {
block0(v0: i64):
  v1: ptr = data_addr data0+8
  v2: i64 = load v1
  v3: i64 = mul v0, v2
  v4: i64 = call imp0(v3)
  return v4
}

export sync fn1 "demo_sum"("a": i64, "b": i64) -> i64 faults {
  slot0: bytes(200, 1)
  slot1: bytes(200, 1)
block0(v0 "a": i64, v1 "b": i64):
  slot_store slot0+192, v0
  v2: ptr = slot_addr slot0
  v3: ptr = slot_addr slot1
  copy v3, v2, 200
  v4: i64 = slot_load slot1+192
  v5: i64 = call fn0(v4)
  v6: i64 = add v5, v1
  call imp1(v6) -> ok block1(r0), unwind block2(cause)
block1(v7: i64):
  return v7
block2(v8: i32):
  unwind v8
}

export machine fn2 "demo_wait"("ctx": ptr, "frame": ptr) -> i32 @0:9:1 {
block0(v0: ptr, v1: ptr):
  v2: i8 = load v1+8
  v3: ptr = ptr_offset v1+32
  switch v2 { 0: block1, 3: block2 }, default block4
block1:
  v4: i64 = load v1+24
  op_start op0, v3(v4)
  v5: i8 = const 3
  store v1+8, v5
  jump block2
block2:
  v6: i32 = op_poll op0, v3
  v7: i32 = const 2
  v8: bool = cmp.eq v6, v7
  br v8, block3, block5(v6)
block3:
  v9: i64 = load v1+24
  v10: i64 = call fn0(v9)
  store v1+16, v10
  v11: i8 = const 1
  store v1+8, v11
  jump block5(v6)
block4:
  v12: i32 = const 3
  return v12
block5(v13: i32):
  return v13
}
"#;

const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
#include "demo.h"

int64_t host_scale(vt_ctx *ctx, int64_t n) { (void)ctx; return n + 1; }
vt_status host_check(vt_ctx *ctx, int64_t *result, int64_t n) {
    (void)ctx;
    if (n < 0) return VT_FAULTED;
    *result = n;
    return VT_DONE;
}
void host_wait_start(vt_ctx *ctx, int64_t *storage, int64_t n) { (void)ctx; storage[0] = n; }
vt_status host_wait_poll(vt_ctx *ctx, int64_t *storage) {
    (void)ctx;
    return storage[0]-- > 0 ? VT_YIELDED : VT_DONE;
}

int main(void) {
    vt_ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    int64_t result = 0;
    vt_status status = demo_sum(&ctx, &result, 4, 1);
    printf("%d %lld\n", (int)status, (long long)result);
    printf("%d\n", (int)demo_sum(&ctx, &result, -40, 1));

    _Alignas(DEMO_WAIT_ALIGN) unsigned char frame[DEMO_WAIT_SIZE];
    memset(frame, 0xaa, sizeof frame);
    memset(frame + DEMO_WAIT_TAG_OFFSET, 0, DEMO_WAIT_TAG_BYTES);
    int64_t n = 3;
    memcpy(frame + DEMO_WAIT_PARAM_N_OFFSET, &n, sizeof n);
    int suspends = 0;
    while ((status = demo_wait_resume(&ctx, frame)) == VT_YIELDED) suspends++;
    memcpy(&result, frame + DEMO_WAIT_RESULT_OFFSET, sizeof result);
    printf("%d %d %lld\n", suspends, (int)status, (long long)result);

    const vt_machine *m = &demo_wait_machine;
    printf("%.*s %u %u %d %.*s:%u\n", (int)m->name_len, (const char *)m->name, m->size, m->n_states,
        (void *)m->resume == (void *)demo_wait_resume, (int)m->span->file_len,
        (const char *)m->span->file, m->span->line);
    return 0;
}
"#;

fn records() -> BTreeMap<Func, LayoutRecord> {
    let param = SlotRecord {
        name: "n".into(),
        ty: "i64".into(),
        role: SlotRole::Param,
        offset: 24,
        size: 8,
        align: 8,
        refs: vec![],
        drop: String::new(),
    };
    let record = LayoutRecord {
        name: "demo_wait".into(),
        size: 48,
        used: 48,
        align: 8,
        tag_offset: 8,
        tag_bytes: 1,
        result_offset: 16,
        result_bytes: 8,
        slots: vec![param],
        ..LayoutRecord::default()
    };
    BTreeMap::from([(Func::from_u32(2), record)])
}

/// A folder that is removed with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("vitte-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn has_cc() -> bool {
    let found = Command::new("cc").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("skipped: there is no `cc`");
    }
    found
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_c_program_links_and_resumes_what_is_exported() {
    if !has_cc() {
        return;
    }
    let folder = Folder::new("object");
    let module = module(SOURCE);
    let object = compile_object(&module, &records(), &Options::default()).unwrap();
    let object = folder.write("demo.o", object);
    folder.write("demo.h", c_header(&module, &records()).unwrap());
    let source = folder.write("main.c", PROGRAM);
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rt/include");
    let program = folder.0.join("demo");
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I"]).arg(include);
    run(cc.arg("-o").arg(&program).arg(source).arg(object));
    assert_eq!(run(&mut Command::new(program)), "2 42\n3\n3 2 31\ndemo_wait 48 0 1 demo.vit:9\n");
}

#[test]
fn objects_are_reproducible() {
    let module = module(SOURCE);
    let make = || compile_object(&module, &records(), &Options::default()).unwrap();
    assert_eq!(make(), make());
}

#[test]
fn the_header_declares_what_is_exported() {
    let text = "module \"a-b\"\n\nexport sync fn0 \"plain\"(\"x\": i8, f32, ptr) -> bool {\n\
                block0(v0: i8, v1: f32, v2: ptr):\n  v3: bool = const true\n  return v3\n}\n\n\
                export sync fn1 \"two\"() -> (i64, i32) {\nblock0:\n  v0: i64 = const 1\n  \
                v1: i32 = const 1\n  return v0, v1\n}\n\n\
                export sync fn2 \"map<i64>\"() {\nblock0:\n  return\n}\n\n\
                sync fn3 \"hidden\"() {\nblock0:\n  return\n}\n";
    let header = c_header(&module(text), &BTreeMap::new()).unwrap();
    for line in [
        "extern bool plain(vt_ctx *ctx, uint8_t x, float arg1, void *arg2);",
        "/* result at 8: i32 */\nextern void two(vt_ctx *ctx, void *results);",
        "/* `map<i64>` has no name in C */",
        "#ifndef VITTE_MODULE_A_B_H",
    ] {
        assert!(header.contains(line), "{line}\n{header}");
    }
    assert!(!header.contains("hidden"), "{header}");
}

#[test]
fn an_empty_module_is_an_object_too() {
    let object = compile_object(&Module::new(""), &BTreeMap::new(), &Options::default()).unwrap();
    assert!(!object.is_empty());
}

#[test]
fn a_triple_of_this_machine_is_taken() {
    let host = target_lexicon::Triple::host().to_string();
    let module = module(SOURCE);
    let object = compile_object_for(&host, &module, &records(), &Options::default()).unwrap();
    assert!(!object.is_empty());
}

#[test]
fn dumps_show_clif_and_assembly() {
    let module = module(SOURCE);
    let func = Func::from_u32(2);
    let clif = vitte_codegen::dump_clif(&module, &records(), func, &Options::default()).unwrap();
    for part in ["function u0:2(i64, i64) -> i32", "br", "load.i8 notrap"] {
        assert!(clif.contains(part), "{part}\n{clif}");
    }
    let asm = vitte_codegen::dump_asm(&module, &records(), func, &Options::default()).unwrap();
    assert!(asm.starts_with("; demo_wait: ") && asm.contains("ret"), "{asm}");
    let none = Func::from_u32(9);
    let error =
        vitte_codegen::dump_clif(&module, &records(), none, &Options::default()).unwrap_err();
    assert_eq!(error.code(), "CG0004");
}
