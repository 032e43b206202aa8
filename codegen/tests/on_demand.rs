//! Functions that are compiled when they are first called.

mod common;

use common::{Host, Many, entry, many, module};
use std::fmt::Write as _;
use std::thread;
use vitte_abi::vt_ctx;
use vitte_codegen::{Code, CodegenError, ImportTable, Jit, Options};
use vitte_lowering::coroutine::{Unsplit, lay_out};
use vitte_lowering::in_order;
use vitte_lowering::ir::Func;

fn never(error: &CodegenError) -> ! {
    eprintln!("{error}");
    std::process::abort()
}

fn unsplit(text: &str) -> Unsplit {
    lay_out(&module(text), &in_order).unwrap()
}

fn ready(text: &str, imports: ImportTable) -> Code {
    let compiled = Jit::compile_on_demand(unsplit(text), imports, Options::default(), never);
    compiled.unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn a_first_call_keeps_its_arguments() {
    let params = "i8, i16, bool, i128, f32, i128, i64, f64, i128, i32";
    let text = format!(
        r#"module "args"
imp0 = import "many"({params}) -> i128

sync fn0 "inner"({params}) -> i128 {{
block0(v0: i8, v1: i16, v2: bool, v3: i128, v4: f32, v5: i128, v6: i64, v7: f64, v8: i128, v9: i32):
  v10: i128 = call imp0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)
  return v10
}}

sync fn1 "outer"({params}) -> i128 {{
block0(v0: i8, v1: i16, v2: bool, v3: i128, v4: f32, v5: i128, v6: i64, v7: f64, v8: i128, v9: i32):
  v10: i128 = call fn0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)
  return v10
}}
"#
    );
    let mut imports = ImportTable::new();
    // SAFETY: the function has the signature that the module declares.
    unsafe { imports.register("many", many as *const u8) };
    let code = ready(&text, imports);
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

/// `f0` adds 1, `fn` calls the one before; `even` calls itself by `odd`.
fn chain(n: u32) -> String {
    let mut text = String::from(
        "module \"chain\"\nsync fn0 \"f0\"(i64) -> i64 {\nblock0(v0: i64):\n  v1: i64 = const 1\n  v2: i64 = add v0, v1\n  return v2\n}\n",
    );
    for i in 1..n {
        let _ = writeln!(
            text,
            "sync fn{i} \"f{i}\"(i64) -> i64 {{\nblock0(v0: i64):\n  v1: i64 = call fn{}(v0)\n  v2: i64 = const 1\n  v3: i64 = add v1, v2\n  return v3\n}}",
            i - 1
        );
    }
    text
}

type Add = extern "C" fn(*mut vt_ctx, i64) -> i64;

#[test]
fn threads_that_call_the_same_functions_at_once_all_get_their_code() {
    let code = ready(&chain(60), ImportTable::new());
    thread::scope(|scope| {
        for first in [59, 30, 59, 1] {
            let code = code.clone();
            scope.spawn(move || {
                for n in (0..=first).rev() {
                    // SAFETY: that is the signature of all functions here.
                    let add: Add = unsafe { entry(&code, &format!("f{n}")) };
                    assert_eq!(add(Host::new().ctx(), 100), 101 + n);
                }
            });
        }
    });
}

#[test]
fn code_may_go_while_the_compiler_works() {
    for called in [false, true] {
        let code = ready(&chain(40), ImportTable::new());
        if called {
            // SAFETY: that is the signature.
            let add: Add = unsafe { entry(&code, "f20") };
            assert_eq!(add(Host::new().ctx(), 0), 21);
        }
        drop(code);
    }
}

#[test]
fn a_function_is_known_by_its_stub_and_by_its_code() {
    // `self` answers its own address, which is that of its code by then.
    let text = "module \"m\"\nsync fn0 \"other\"() {\nblock0:\n  return\n}\n\
                sync fn1 \"self\"() -> ptr {\nblock0:\n  v0: ptr = func_addr fn1\n  return v0\n}\n";
    let code = ready(text, ImportTable::new());
    let this = Some(Func::from_u32(1));
    let stub = code.sync_fn_by_name("self").unwrap();
    assert_eq!(code.func_at(stub), this);
    // SAFETY: that is the signature.
    let address: extern "C" fn(*mut vt_ctx) -> *const u8 = unsafe { entry(&code, "self") };
    let own = address(Host::new().ctx());
    assert_eq!(code.func_at(own), this);
    assert_ne!(own, stub);
    assert_eq!(code.func_at(own.wrapping_add(1)), None);
    assert_eq!(code.code_bytes(Func::from_u32(1)), None);
}

#[test]
fn what_is_wrong_with_data_shows_at_once() {
    let text = "module \"m\"\nimp0 = import \"absent\"()\ndata0 = data \"d\" align 8 x\"0000000000000000\" { 0: imp0 }\n";
    let (imports, options) = (ImportTable::new(), Options::default());
    let error = Jit::compile_on_demand(unsplit(text), imports, options, never).unwrap_err();
    assert_eq!(error.code(), "CG0001");
}

#[test]
fn the_perf_map_gets_a_line_when_a_function_is_compiled() {
    let path = std::env::temp_dir().join(format!("vitte-on-demand-{}.map", std::process::id()));
    let options = Options { perf_map: Some(path.clone()), ..Options::default() };
    let (unsplit, imports) = (unsplit(&chain(3)), ImportTable::new());
    let code = Jit::compile_on_demand(unsplit, imports, options, never).unwrap();
    // SAFETY: that is the signature.
    let add: Add = unsafe { entry(&code, "f2") };
    assert_eq!(add(Host::new().ctx(), 0), 3);
    drop(code);
    let map = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let names: Vec<&str> = map.lines().filter_map(|l| l.split(' ').nth(2)).collect();
    assert_eq!(names, ["f2", "f1", "f0"]);
}

#[cfg(unix)]
#[test]
fn a_forked_child_runs_what_is_compiled_and_ends_at_what_is_not() {
    /// Signal or exit code of a forked child that runs `body`.
    fn in_fork(body: impl FnOnce()) -> (i32, i32) {
        // SAFETY: the child uses memory only, and what this test is about.
        match unsafe { libc::fork() } {
            0 => {
                // SAFETY: always possible: a child that hangs is ended.
                unsafe { libc::alarm(20) };
                body();
                // SAFETY: always possible.
                unsafe { libc::_exit(42) }
            }
            pid => {
                let mut status = 0;
                // SAFETY: the status is ours.
                assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
                (libc::WTERMSIG(status), libc::WEXITSTATUS(status))
            }
        }
    }
    // Nothing names either function, so only a call compiles it.
    let text = "module \"two\"\nsync fn0 \"one\"() -> i64 {\nblock0:\n  v0: i64 = const 1\n  return v0\n}\nsync fn1 \"two\"() -> i64 {\nblock0:\n  v0: i64 = const 2\n  return v0\n}\n";
    let code = ready(text, ImportTable::new());
    type Number = extern "C" fn(*mut vt_ctx) -> i64;
    // SAFETY: that is the signature of both.
    let one: Number = unsafe { entry(&code, "one") };
    // SAFETY: as above.
    let two: Number = unsafe { entry(&code, "two") };
    let mut host = Host::new();
    assert_eq!(one(host.ctx()), 1);
    assert_eq!(in_fork(|| assert_eq!(one(host.ctx()), 1)), (0, 42));
    assert_eq!(in_fork(|| _ = two(host.ctx())).0, libc::SIGABRT);
    // The child's only handle: it waits for no thread.
    let mut code = Some(code);
    assert_eq!(in_fork(|| drop(code.take())), (0, 42));
    assert_eq!(two(host.ctx()), 2, "the parent goes on");
    assert!(code.is_some(), "the child had a copy");
}
