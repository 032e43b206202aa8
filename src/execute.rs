//! From a module to a program that runs: compile it against the host, start its main task, wait.
//!
//! ```text
//! ir::Module ─entry, lay out, jit─► Executable ─start─► main task ─► End {code, failure, stalled …}
//! ```

use crate::driver::{self, Error, Language};
use crate::host::fault::Failure;
use crate::host::table::operations;
use crate::host::task::{Program, launch_main};
use std::path::Path;
use std::sync::Arc;
use vitte_abi::{VT_DONE, VT_FAULTED};
use vitte_codegen::{Code, CodegenError, Jit, Options};
use vitte_lowering::coroutine::Unsplit;
use vitte_lowering::ir::codes::IrCode;
use vitte_lowering::ir::{Func, Module, Ty, Type};
use vitte_rt::TaskDump;
use vitte_rt::coroutine::FrameTask;
use vitte_rt::runtime::Runtime;

pub use crate::host::embed::import_table;

/// What is refused here, for `vitte explain`.
pub const CODES: &[IrCode] = &[IrCode {
    code: "HOST0001",
    meaning: "An operation of the host is declared with less storage than it needs, or with its results elsewhere; the message says what the host's has.",
    example: r#"module "example"
op0 = op "sleep" symbol "vitte_op_sleep"(i64) size 8 align 8 result 8
async fn0 "main"() -> i64 {
  sp0 "sleep"
block0:
  v0: i64 = const 1
  await sp0 op0(v0) -> ok block1, unwind block2(cause)
block1:
  return v0
block2(v1: i32):
  unwind v1
}
"#,
}];

/// Refuses a module that gives an operation of the host less storage than it needs, or looks for its
/// results elsewhere.
fn check_operations(module: &Module) -> Result<(), Error> {
    let known = operations();
    for op in module.ops.values() {
        let Some(entry) = known.iter().find(|e| e.symbol == op.symbol) else { continue };
        let fits = op.size >= entry.size && op.align >= entry.align;
        if !fits || op.result_offset != entry.size {
            let (size, align) = (entry.size, entry.align);
            return Err(Error::Refused {
                stage: "host",
                code: "HOST0001".into(),
                message: format!(
                    "operation `{}` is declared with size {} align {} result {}; the host's has \
                     size {size} (and its results) align {align} result {size}",
                    op.symbol, op.size, op.align, op.result_offset
                ),
            });
        }
    }
    Ok(())
}

/// Ends the process because a procedure that the program calls cannot be compiled.
fn cannot_go_on(error: &CodegenError) -> ! {
    crate::host::imports::flush();
    eprintln!("error: bug in codegen: {error}");
    std::process::exit(i32::from(crate::command::exit::BUG))
}

/// Code whose functions are split and compiled when they are first called.
///
/// # Errors
///
/// Those of the code generator.
pub(crate) fn on_demand(unsplit: Unsplit) -> Result<Code, Error> {
    Jit::compile_on_demand(unsplit, import_table(), Options::default(), cannot_go_on)
        .map_err(driver::codegen_error)
}

/// Compiled code with the procedures that can be run.
#[derive(Clone, Debug)]
pub struct Executable {
    code: Code,
    entries: Vec<Entry>,
}

/// A procedure that can be run as the main task.
#[derive(Clone, Copy, Debug)]
struct Entry {
    machine: Func,
    /// Type of its (first) result.
    result: Option<Type>,
}

impl Executable {
    /// Compiles a module so that each of `funcs` can be run.
    ///
    /// # Errors
    ///
    /// Those of the stages; [`Error::Missing`] if one of `funcs` cannot be run.
    pub fn new(path: &Path, mut module: Module, funcs: &[Func]) -> Result<Self, Error> {
        check_operations(&module)?;
        let mut entries = Vec::new();
        for &func in funcs {
            let machine = driver::entry(&mut module, func)?;
            let result = module.funcs[machine].sig.results.first().and_then(|t| match t {
                Ty::Value(t) => Some(*t),
                _ => None,
            });
            entries.push(Entry { machine, result });
        }
        let code = match Language::of(path) {
            // Somebody else's IR may be valid and yet not supported by the code generator; that
            // shall show before it runs.
            Some(Language::Ir) => {
                let lowered = driver::lower(path, &module)?;
                let (imports, options) = (import_table(), Options::default());
                let code = Jit::compile(&lowered.module, &lowered.machines, &imports, &options);
                code.map_err(driver::codegen_error)?
            }
            _ => on_demand(driver::lay_out(path, &module)?)?,
        };
        Ok(Self { code, entries })
    }

    /// Starts the `n`th of the procedures as the main task of a program.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] if memory is short.
    pub fn start(&self, n: usize, runtime: &Runtime) -> Result<Running, Error> {
        let entry = self.entries[n];
        let keep = Some(Arc::new(self.code.clone()) as _);
        let program = Program::new(keep);
        let machine = self.code.machine(entry.machine);
        let machine = machine.expect("I: what `entry` answers is a coroutine");
        // SAFETY: the code, and with it the machine, is kept by the program.
        let frame = unsafe { runtime.handle().alloc_frame(machine) };
        // SAFETY: a frame without parameters is complete as it is allocated.
        let task = frame.and_then(|frame| unsafe { launch_main(frame, program.clone()) });
        let task = task.ok_or_else(|| Error::Refused {
            stage: "run",
            code: String::new(),
            message: "out of memory for the main task".into(),
        })?;
        Ok(Running { task, program, result: entry.result })
    }
}

/// A program in the middle of its work.
#[derive(Debug)]
pub struct Running {
    /// Its main task.
    pub task: FrameTask,
    /// What its tasks share.
    pub program: Arc<Program>,
    result: Option<Type>,
}

/// How a program ended.
#[derive(Debug)]
pub enum End {
    /// The main task gave a number (0 if it gives nothing).
    Gave(i64),
    /// It panicked.
    Panicked(Failure),
    /// It was cancelled.
    Cancelled,
    /// All tasks waited for something that can never come.
    Stalled(TaskDump),
}

impl Running {
    /// Waits for the end of the main task.
    pub fn wait(&self, runtime: &Runtime) -> End {
        match runtime.run(self.task.join()) {
            Err(stalled) => End::Stalled(stalled.dump),
            Ok(VT_DONE) => End::Gave(self.number()),
            Ok(VT_FAULTED) => {
                // SAFETY: the program keeps the code alive; the payload is the task's.
                let failure = self.task.fault().map(|f| unsafe { Failure::of(f) });
                let unknown =
                    || Failure { message: "unknown failure".into(), place: String::new() };
                End::Panicked(failure.unwrap_or_else(unknown))
            }
            Ok(_) => End::Cancelled,
        }
    }

    /// The result of the finished main task as a number.
    fn number(&self) -> i64 {
        let Some(at) = self.task.result() else { return 0 };
        match self.result {
            // SAFETY: the result of a finished task is a value of this type.
            Some(Type::I64) => unsafe { at.cast::<i64>().read_unaligned() },
            // SAFETY: as above.
            Some(Type::I32) => i64::from(unsafe { at.cast::<i32>().read_unaligned() }),
            // SAFETY: as above.
            Some(Type::I16) => i64::from(unsafe { at.cast::<i16>().read_unaligned() }),
            // SAFETY: as above.
            Some(Type::I8 | Type::Bool) => i64::from(unsafe { at.cast::<i8>().read() }),
            _ => 0,
        }
    }
}
