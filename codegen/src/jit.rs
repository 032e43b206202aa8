//! Compiling into this process.

use crate::error::CodegenError;
use crate::imports::ImportTable;
use crate::options::Options;
use crate::target::{self, CodeModel};
use crate::unit::Unit;
use cranelift_codegen::ir::LibCall;
use cranelift_jit::{ArenaMemoryProvider, JITBuilder, JITModule};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use vitte_abi::{LayoutRecord, vt_machine};
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
        let mut reserve = estimate_bytes(module);
        loop {
            match compile_within(module, machines, imports, options, reserve) {
                // Address space is cheap: the estimate was too small.
                Err(CodegenError::Memory { .. }) if reserve < MAX_RESERVE => {
                    reserve = (reserve * 8).min(MAX_RESERVE);
                }
                done => return done,
            }
        }
    }
}

fn compile_within(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    imports: &ImportTable,
    options: &Options,
    reserve: usize,
) -> Result<Code, CodegenError> {
    let isa = target::host(module, options, CodeModel::Jit)?;
    let memory = ArenaMemoryProvider::new_with_size(reserve)
        .map_err(|e| CodegenError::Memory { reason: e.to_string() })?;
    let mut builder = JITBuilder::with_isa(isa, Box::new(libcall_symbol));
    builder.memory_provider(Box::new(memory));
    for (name, address) in LIBCALLS {
        builder.symbol(name, address());
    }
    for name in imports.names() {
        builder.symbol(name, imports.get(name).expect("I: it is in the table"));
    }
    let mut unit = Unit::new(module, machines, options, JITModule::new(builder))?;
    let defined = unit.define()?;
    if let Some(name) = unit.external().iter().find(|name| imports.get(name).is_none()) {
        return Err(CodegenError::MissingImport { name: name.clone() });
    }
    unit.out.finalize_definitions().map_err(|e| CodegenError::from_module(&module.name, e))?;

    let mut functions = BTreeMap::new();
    for d in &defined {
        functions.insert(d.func, (CodePtr(unit.out.get_finalized_function(d.id)), d.bytes));
    }
    let machines: BTreeMap<Func, CodePtr> = unit
        .machine_ids()
        .map(|(func, data)| (func, CodePtr(unit.out.get_finalized_data(data).0)))
        .collect();
    let names = module.funcs.iter().map(|(id, f)| (f.name.clone(), id)).collect();
    let sync = module.funcs.iter().filter(|(_, f)| f.kind == FuncKind::Sync);
    let sync = sync.map(|(id, _)| id).collect();
    let memory = Mutex::new(Some(unit.out));
    let code = Code(Arc::new(Inner { memory, functions, machines, names, sync }));
    if let Some(path) = &options.perf_map {
        code.write_perf_map(path)?;
    }
    Ok(code)
}

/// Bytes of code and data that a module takes, generously.
fn estimate_bytes(module: &Module) -> usize {
    let funcs = module.funcs.values();
    let code: usize = funcs
        .map(|f| 1024 + 64 * f.insts.len() + 64 * f.blocks.len() + 96 * f.suspends.len())
        .sum();
    let data: usize = module.data.values().map(|d| d.bytes.len() + d.align as usize).sum();
    (1 << 20) + code + data
}

/// An address in the memory of a [`Code`].
#[derive(Clone, Copy)]
struct CodePtr(*const u8);

// SAFETY: it leads to memory that is not written any more and lives as long as its owner.
unsafe impl Send for CodePtr {}
// SAFETY: as above.
unsafe impl Sync for CodePtr {}

struct Inner {
    /// Taken only when the last handle goes.
    memory: Mutex<Option<JITModule>>,
    /// Address and bytes of code.
    functions: BTreeMap<Func, (CodePtr, u32)>,
    machines: BTreeMap<Func, CodePtr>,
    names: BTreeMap<String, Func>,
    sync: BTreeSet<Func>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let memory = self.memory.get_mut().map_or(None, Option::take);
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
    /// The function of this name; the last one if there are several.
    pub fn func_by_name(&self, name: &str) -> Option<Func> {
        self.0.names.get(name).copied()
    }

    /// Description of a coroutine, with its resume function; `None` if it is no coroutine.
    pub fn machine(&self, func: Func) -> Option<&vt_machine> {
        #[allow(clippy::cast_ptr_alignment, reason = "data is placed as `vt_machine` asks")]
        let machine = self.0.machines.get(&func)?.0.cast::<vt_machine>();
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
        self.0.functions.get(&func).map(|(p, _)| p.0)
    }

    /// [`Code::sync_fn`] by name.
    pub fn sync_fn_by_name(&self, name: &str) -> Option<*const u8> {
        self.sync_fn(self.func_by_name(name)?)
    }

    /// Bytes of machine code of a function.
    pub fn code_bytes(&self, func: Func) -> Option<u32> {
        self.0.functions.get(&func).map(|(_, bytes)| *bytes)
    }

    /// Appends a line `address bytes name` per function, as `perf` reads it.
    fn write_perf_map(&self, path: &Path) -> Result<(), CodegenError> {
        let names: BTreeMap<Func, &String> = self.0.names.iter().map(|(n, &f)| (f, n)).collect();
        let mut text = String::new();
        for (func, (p, bytes)) in &self.0.functions {
            let name = names.get(func).map_or_else(|| func.to_string(), |n| n.replace('\n', " "));
            let _ = writeln!(text, "{:x} {bytes:x} {name}", p.0.addr());
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
