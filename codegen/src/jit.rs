//! Compiling into this process.

use crate::error::CodegenError;
use crate::imports::ImportTable;
use crate::on_demand::{self, Compiler, Failed, Source};
use crate::options::Options;
use crate::target::{self, CodeModel};
use crate::unit::{Defined, Unit};
use cranelift_codegen::ir::LibCall;
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use vitte_abi::{LayoutRecord, vt_machine};
use vitte_lowering::coroutine::{Bodies, Unsplit};
use vitte_lowering::ir::{Func, FuncKind, Module};

/// Most address space that one module may take.
const MAX_RESERVE: usize = 1 << 30;

/// The just-in-time compiler.
#[derive(Debug)]
pub struct Jit;

impl Jit {
    /// Compiles a lowered module for this machine, ready to run.
    ///
    /// `machines` holds the layout record of every machine of the module. Imports are looked up in
    /// `imports` when something uses them.
    ///
    /// # Errors
    ///
    /// [`CodegenError::MissingImport`] if the module uses a symbol that the table lacks; the others
    /// as described there.
    pub fn compile(
        module: &Module,
        machines: &BTreeMap<Func, LayoutRecord>,
        imports: &ImportTable,
        options: &Options,
    ) -> Result<Code, CodegenError> {
        let mut size = Size::of(module);
        loop {
            match compile_within(module, machines, imports, options, size) {
                // Address space is cheap: the estimate was too small.
                Err(CodegenError::Memory { .. }) if size.bytes < MAX_RESERVE => {
                    size.bytes = (size.bytes * 8).min(MAX_RESERVE);
                }
                done => return done,
            }
        }
    }

    /// Compiles a module so that it can run at once: each function is split and compiled when it is
    /// first called, or ahead of that by a thread of its own.
    ///
    /// Takes a module whose coroutines have their frames ([`lay_out`](vitte_lowering::coroutine::lay_out))
    /// and otherwise the same as [`Jit::compile`]. `failed` is called, by that thread, if a function
    /// cannot be compiled when the program runs already, with the error that `compile` would have given;
    /// for a module that the verifier accepts, that is a limit of the target or of memory.
    ///
    /// Functions that call each other before both are compiled keep two instructions more. Where
    /// stubs are not supported (other than x86-64 with the System V calling convention), the whole
    /// module is compiled first.
    ///
    /// # Errors
    ///
    /// As [`Jit::compile`], as far as they show before the first function is compiled.
    pub fn compile_on_demand(
        unsplit: Unsplit,
        imports: ImportTable,
        options: Options,
        failed: Failed,
    ) -> Result<Code, CodegenError> {
        if !on_demand::SUPPORTED {
            let (module, machines) = unsplit.finish();
            return Self::compile(&module, &machines, &imports, &options);
        }
        let Unsplit { module, machines, bodies } = unsplit;
        let source = Arc::new(Source { module, machines, imports, options });
        let (addresses, memory) = on_demand::start(source.clone(), bodies, failed)?;
        Ok(Code::new(&source.module, addresses, memory))
    }
}

fn compile_within(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    imports: &ImportTable,
    options: &Options,
    size: Size,
) -> Result<Code, CodegenError> {
    let out = output_within(imports, options, size, |_| {})?;
    let mut unit = Unit::new(module, machines, options, out)?;
    let defined = unit.define()?;
    check_external(&unit, imports)?;
    finalize(&mut unit)?;
    let code = |d: &Defined| CodePtr(unit.out.get_finalized_function(d.id));
    let functions = defined.iter().map(|d| (d.func, (code(d), Some(d.bytes)))).collect();
    let addresses = Addresses::new(functions, &unit);
    if let Some(path) = &options.perf_map {
        let lines = addresses.functions.iter();
        let lines = lines.map(|(&func, &(code, bytes))| {
            (code.0, bytes.unwrap_or(0), module.funcs[func].name.as_str())
        });
        append_perf_map(path, lines)?;
    }
    Ok(Code::new(module, addresses, Memory::Complete(Box::new(unit.out))))
}

/// An empty module in memory, with room for all that may be compiled into it later.
pub(crate) fn output(
    module: &Module,
    bodies: &Bodies,
    imports: &ImportTable,
    options: &Options,
    more: impl FnOnce(&mut JITBuilder),
) -> Result<JITModule, CodegenError> {
    let mut size = Size::of(module);
    bodies.sizes().for_each(|n_insts| size.add(n_insts, 0));
    // Each function begins three pages; address space is cheap.
    size.bytes = (8 * size.bytes + module.funcs.len() * (3 << 12)).min(MAX_RESERVE);
    output_within(imports, options, size, more)
}

fn output_within(
    imports: &ImportTable,
    options: &Options,
    size: Size,
    more: impl FnOnce(&mut JITBuilder),
) -> Result<JITModule, CodegenError> {
    let isa = target::host(size.largest, options, CodeModel::Jit)?;
    let memory = ArenaMemoryProvider::new_with_size(size.bytes)
        .map_err(|e| CodegenError::Memory { reason: e.to_string() })?;
    let mut builder = JITBuilder::with_isa(isa, Box::new(libcall_symbol));
    builder.memory_provider(Box::new(memory));
    for (name, address) in LIBCALLS {
        builder.symbol(name, address());
    }
    for name in imports.names() {
        builder.symbol(name, imports.get(name).expect("I: it is in the table"));
    }
    more(&mut builder);
    Ok(JITModule::new(builder))
}

/// Whether the table has all that was used so far.
pub(crate) fn check_external(
    unit: &Unit<'_, JITModule>,
    imports: &ImportTable,
) -> Result<(), CodegenError> {
    match unit.external().iter().find(|name| imports.get(name).is_none()) {
        Some(name) => Err(CodegenError::MissingImport { name: name.clone() }),
        None => Ok(()),
    }
}

/// Links what was defined since the last time, and makes it executable.
pub(crate) fn finalize(unit: &mut Unit<'_, JITModule>) -> Result<(), CodegenError> {
    unit.out.finalize_definitions().map_err(|e| CodegenError::from_module(&unit.module.name, e))
}

/// How much there is to compile.
#[derive(Clone, Copy)]
struct Size {
    /// Bytes of code and data, generously.
    bytes: usize,
    /// Instructions of the largest function.
    largest: usize,
}

impl Size {
    fn of(module: &Module) -> Self {
        let data = module.data.values().map(|d| d.bytes.len() + d.align as usize);
        let mut size = Self { bytes: (1 << 20) + data.sum::<usize>(), largest: 0 };
        for f in module.funcs.values() {
            size.add(f.insts.len(), 64 * f.blocks.len() + 96 * f.suspends.len());
        }
        size
    }

    /// Counts a function, with bytes that it takes beside those for its instructions.
    fn add(&mut self, n_insts: usize, bytes: usize) {
        self.bytes += 1024 + 64 * n_insts + bytes;
        self.largest = self.largest.max(n_insts);
    }
}

/// An address in the memory of a [`Code`].
#[derive(Clone, Copy)]
pub(crate) struct CodePtr(pub(crate) *const u8);

// SAFETY: it leads to memory that is not written any more and lives as long as its owner.
unsafe impl Send for CodePtr {}
// SAFETY: as above.
unsafe impl Sync for CodePtr {}

/// Where the functions and machines of a module are.
pub(crate) struct Addresses {
    /// Address and, where the code itself is there, its bytes.
    functions: BTreeMap<Func, (CodePtr, Option<u32>)>,
    machines: BTreeMap<Func, CodePtr>,
    /// Functions by address.
    starts: BTreeMap<usize, Func>,
}

impl Addresses {
    /// Of functions, and of the machines of a unit whose data is finalized.
    pub(crate) fn new(
        functions: BTreeMap<Func, (CodePtr, Option<u32>)>,
        unit: &Unit<'_, JITModule>,
    ) -> Self {
        let machine = |data| CodePtr(unit.out.get_finalized_data(data).0);
        let machines = unit.machine_ids().map(|(func, data)| (func, machine(data))).collect();
        let starts = functions.iter().map(|(&func, (code, _))| (code.0.addr(), func)).collect();
        Self { functions, machines, starts }
    }
}

/// What owns the memory of code.
pub(crate) enum Memory {
    /// All code is there.
    Complete(Box<JITModule>),
    /// The compiler adds to it.
    Growing(Compiler),
    /// It was freed.
    Freed,
}

struct Inner {
    /// Changed only when the last handle goes.
    memory: Mutex<Memory>,
    addresses: Addresses,
    names: BTreeMap<String, Func>,
    sync: BTreeSet<Func>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        let memory = match std::mem::replace(memory, Memory::Freed) {
            Memory::Complete(memory) => Some(*memory),
            Memory::Growing(mut compiler) => compiler.stop(),
            Memory::Freed => None,
        };
        if let Some(memory) = memory {
            // SAFETY: this was the last handle; whoever runs the code or holds its frames holds a
            // handle (contract of `Code`).
            unsafe { memory.free_memory() };
        }
    }
}

/// Compiled code and its static data, shared by all who can run it.
///
/// The memory is freed with the last clone. Whoever keeps an address from it (a frame, a task, an
/// unread result with a reference to static data) must keep a clone as long.
#[derive(Clone)]
pub struct Code(Arc<Inner>);

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Code").field("functions", &self.0.names).finish_non_exhaustive()
    }
}

impl Code {
    fn new(module: &Module, addresses: Addresses, memory: Memory) -> Self {
        let names = module.funcs.iter().map(|(id, f)| (f.name.clone(), id)).collect();
        let sync = module.funcs.iter().filter(|(_, f)| f.kind == FuncKind::Sync);
        let sync = sync.map(|(id, _)| id).collect();
        Self(Arc::new(Inner { memory: Mutex::new(memory), addresses, names, sync }))
    }

    /// The function of this name; the last one if there are several.
    pub fn func_by_name(&self, name: &str) -> Option<Func> {
        self.0.names.get(name).copied()
    }

    /// Description of a coroutine, with its resume function; `None` if it is no coroutine.
    pub fn machine(&self, func: Func) -> Option<&vt_machine> {
        #[allow(clippy::cast_ptr_alignment, reason = "data is placed as `vt_machine` asks")]
        let machine = self.0.addresses.machines.get(&func)?.0.cast::<vt_machine>();
        // SAFETY: it leads to a complete, aligned `vt_machine` in memory that `self` keeps alive.
        Some(unsafe { &*machine })
    }

    /// [`Code::machine`] by name.
    pub fn machine_by_name(&self, name: &str) -> Option<&vt_machine> {
        self.machine(self.func_by_name(name)?)
    }

    /// Address of a synchronous function, in its C signature; `None` if it is none.
    pub fn sync_fn(&self, func: Func) -> Option<*const u8> {
        if !self.0.sync.contains(&func) {
            return None;
        }
        self.0.addresses.functions.get(&func).map(|(p, _)| p.0)
    }

    /// [`Code::sync_fn`] by name.
    pub fn sync_fn_by_name(&self, name: &str) -> Option<*const u8> {
        self.sync_fn(self.func_by_name(name)?)
    }

    /// The function whose code starts at an address, as frames and sites hold it in `resume`. Of a
    /// function that is compiled on demand, both addresses that stand for it are known.
    pub fn func_at(&self, address: *const u8) -> Option<Func> {
        let known = self.0.addresses.starts.get(&address.addr()).copied();
        known.or_else(|| match &*self.0.memory.lock().unwrap_or_else(PoisonError::into_inner) {
            Memory::Growing(compiler) => compiler.func_at(address),
            Memory::Complete(_) | Memory::Freed => None,
        })
    }

    /// Bytes of machine code of a function; `None` if it is compiled on demand.
    pub fn code_bytes(&self, func: Func) -> Option<u32> {
        self.0.addresses.functions.get(&func).and_then(|(_, bytes)| *bytes)
    }
}

/// Appends a line `address bytes name` per function, as `perf` reads it.
pub(crate) fn append_perf_map<'a>(
    path: &Path,
    lines: impl Iterator<Item = (*const u8, u32, &'a str)>,
) -> Result<(), CodegenError> {
    let mut text = String::new();
    for (code, bytes, name) in lines {
        let name = name.replace('\n', " ");
        let _ = writeln!(text, "{:x} {bytes:x} {name}", code.addr());
    }
    let write = || {
        let mut file = std::fs::File::options().create(true).append(true).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|e: std::io::Error| CodegenError::Io {
        path: path.display().to_string(),
        reason: e.to_string(),
    })
}

/// Symbols of helpers that Cranelift calls; under names that no import can have.
fn libcall_symbol(call: LibCall) -> String {
    format!("\u{1}{call}")
}

/// Address of a helper. A function, because addresses of functions are no constants.
type HelperAddress = fn() -> *const u8;

const LIBCALLS: [(&str, HelperAddress); 8] = [
    ("\u{1}Memmove", || helpers::memmove as *const u8),
    ("\u{1}Memcpy", || helpers::memmove as *const u8),
    ("\u{1}CeilF32", || helpers::ceil32 as *const u8),
    ("\u{1}CeilF64", || helpers::ceil64 as *const u8),
    ("\u{1}FloorF32", || helpers::floor32 as *const u8),
    ("\u{1}FloorF64", || helpers::floor64 as *const u8),
    ("\u{1}TruncF32", || helpers::trunc32 as *const u8),
    ("\u{1}TruncF64", || helpers::trunc64 as *const u8),
];

/// What a processor may lack.
mod helpers {
    pub(super) unsafe extern "C" fn memmove(dst: *mut u8, src: *const u8, bytes: usize) -> *mut u8 {
        // SAFETY: the caller is generated code that copies valid ranges.
        unsafe { src.copy_to(dst, bytes) };
        dst
    }
    pub(super) extern "C" fn ceil32(x: f32) -> f32 {
        x.ceil()
    }
    pub(super) extern "C" fn ceil64(x: f64) -> f64 {
        x.ceil()
    }
    pub(super) extern "C" fn floor32(x: f32) -> f32 {
        x.floor()
    }
    pub(super) extern "C" fn floor64(x: f64) -> f64 {
        x.floor()
    }
    pub(super) extern "C" fn trunc32(x: f32) -> f32 {
        x.trunc()
    }
    pub(super) extern "C" fn trunc64(x: f64) -> f64 {
        x.trunc()
    }
}
