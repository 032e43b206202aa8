//! Compiling each function when it is first called, or ahead of that on a thread of its own.
//!
//! ```text
//!  caller ──► stub of f ──jmp──► cell of f ──► code of f              (once compiled)
//!                                   │
//!                                   └──► first_call ──asks──► compiler thread
//!                                            ▲                  │ compiles f, fills the cell
//!                                            └──── wakes ───────┘
//! ```
//!
//! In: a module whose coroutines are laid out. Out: a [`Code`] whose functions can be called at once. A
//! coroutine is split by the compiler thread, just before its machine is compiled. Every function has a
//! **stub** (a jump through its **cell**), whose address stands for the function wherever its code
//! does not exist yet: in machines, in data, in code that was compiled before it. The cell holds the
//! address of the code; before that, of `first_call`, which saves the arguments, has the function
//! compiled, and goes on there as if nothing had been.
//!
//! One thread compiles. Callers wait for it, so that the compiler needs no room on their stacks,
//! which may be the last bytes before a limit. What nobody has called yet is compiled ahead in the
//! order in which compiled functions name it; what nothing names is never compiled.
//!
//! * **I1** A cell changes once, after its code is complete and executable; the store releases it.
//! * **I2** Cells and stubs live as long as the code: both belong to `Inner` of [`Code`].
//! * **I3** Generated code runs only after its data: machines and objects are defined before the
//!   first call, sites and spans of a function together with it.
//!
//! A forked child has the code, but not the thread: the first call of a function that was not compiled
//! before the fork ends the child with a message. Whoever wants to go on in a child compiles everything
//! first ([`Jit::compile`](crate::Jit::compile)).
//!
//! Cost: a call through a stub is two instructions more. The compiler thread sleeps when all that
//! is named is compiled, and ends with the last [`Code`]. Only on x86-64 with the System V calling
//! convention; elsewhere everything is compiled before the first call.

use crate::error::CodegenError;
use crate::imports::ImportTable;
use crate::jit::{self, Addresses, CodePtr, Memory};
use crate::options::Options;
use crate::unit::Unit;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_jit::JITModule;
use cranelift_module::{Linkage, Module as Output};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use vitte_abi::LayoutRecord;
use vitte_lowering::coroutine::Bodies;
use vitte_lowering::ir::{Callee, EntityRef, Func, Function, InstKind, Module, Terminator};

/// Stack of the compiler thread: Cranelift recurses over large expressions.
const STACK_BYTES: usize = 16 << 20;

/// Bytes from one stub to the next.
const STUB_BYTES: usize = 16;

/// What happens when a function turns out not to be compilable after the program has started.
///
/// It must end the process: the caller of the function cannot go on.
pub type Failed = fn(&CodegenError) -> !;

/// Where the code of one function is.
#[repr(C)]
struct Cell {
    /// Its code, or `first_call`. First, because stubs jump through it.
    entry: AtomicPtr<u8>,
    shared: *const Shared,
    func: u32,
}

// SAFETY: `shared` leads to what owns the cell (I2), which may be used from every thread.
unsafe impl Send for Cell {}
// SAFETY: as above; the rest is atomic or constant.
unsafe impl Sync for Cell {}

/// What callers and the compiler thread share.
struct Shared {
    cells: OnceLock<Box<[Cell]>>,
    queue: Mutex<Queue>,
    /// The compiler waits here for work.
    asked: Condvar,
    /// Callers wait here for code.
    compiled: Condvar,
    /// The process that has the compiler thread.
    process: u32,
}

#[derive(Default)]
struct Queue {
    /// Functions that somebody waits for.
    asked: VecDeque<Func>,
    /// No code is needed any more.
    stop: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing in a critical section panics half-way.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this is a forked child: without the thread, and perhaps with a lock that nobody will open.
    fn is_foreign(&self) -> bool {
        std::process::id() != self.process
    }

    fn cells(&self) -> &[Cell] {
        self.cells.get().map_or(&[], |cells| cells)
    }

    /// The next function to compile: what is asked for first, then what `ahead` knows. `None` at the
    /// end.
    fn next(&self, ahead: &mut VecDeque<Func>) -> Option<Func> {
        let mut queue = self.lock();
        loop {
            if queue.stop {
                return None;
            }
            if let Some(func) = queue.asked.pop_front().or_else(|| ahead.pop_front()) {
                return Some(func);
            }
            queue = self.asked.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes the code of a function known.
    fn publish(&self, func: Func, code: *const u8) {
        // Pairs with the load in `compile` and with the jump in the stub (I1).
        self.cells()[func.index()].entry.store(code.cast_mut(), Ordering::Release);
        // Whoever has looked at the cell under the lock waits by now.
        drop(self.lock());
        self.compiled.notify_all();
    }
}

/// The thread that compiles; stopped and joined by [`Compiler::stop`].
pub(crate) struct Compiler {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Option<JITModule>>>,
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").finish_non_exhaustive()
    }
}

impl Compiler {
    /// The function whose code, compiled by now, starts at an address.
    pub(crate) fn func_at(&self, address: *const u8) -> Option<Func> {
        let mut cells = self.shared.cells().iter();
        let cell = cells.find(|c| c.entry.load(Ordering::Acquire).cast_const() == address)?;
        (address != entry::first_call().cast_const()).then(|| Func::from_u32(cell.func))
    }

    /// Ends the thread after the function at hand; answers the memory of the code. In a forked child
    /// there is no thread, and the memory stays.
    pub(crate) fn stop(&mut self) -> Option<JITModule> {
        if self.shared.is_foreign() {
            std::mem::forget(self.thread.take());
            return None;
        }
        self.shared.lock().stop = true;
        self.shared.asked.notify_all();
        self.thread.take().and_then(|thread| thread.join().ok().flatten())
    }
}

/// A module with what belongs to it.
pub(crate) struct Source {
    pub(crate) module: Module,
    pub(crate) machines: BTreeMap<Func, LayoutRecord>,
    pub(crate) imports: ImportTable,
    pub(crate) options: Options,
}

/// Starts the compiler thread; answers when functions can be called.
pub(crate) fn start(
    source: Arc<Source>,
    bodies: Bodies,
    failed: Failed,
) -> Result<(Addresses, Memory), CodegenError> {
    let shared = Arc::new(Shared {
        cells: OnceLock::new(),
        queue: Mutex::new(Queue::default()),
        asked: Condvar::new(),
        compiled: Condvar::new(),
        process: std::process::id(),
    });
    let cell = |func: Func| Cell {
        entry: AtomicPtr::new(entry::first_call()),
        shared: Arc::as_ptr(&shared),
        func: func.as_u32(),
    };
    let cells: Box<[Cell]> = source.module.funcs.keys().map(cell).collect();
    let _ = shared.cells.set(cells);
    let (send, ready): (_, Receiver<Result<Addresses, CodegenError>>) = sync_channel(1);
    let theirs = shared.clone();
    let run = move || serve(&source, bodies, &theirs, failed, |ready| drop(send.send(ready)));
    let thread = thread::Builder::new().name("vitte-compile".into()).stack_size(STACK_BYTES);
    let thread = thread.spawn(run).map_err(|e| CodegenError::Memory { reason: e.to_string() })?;
    let mut compiler = Compiler { shared, thread: Some(thread) };
    match ready.recv() {
        Ok(Ok(addresses)) => Ok((addresses, Memory::Growing(compiler))),
        Ok(Err(error)) => {
            compiler.stop();
            Err(error)
        }
        Err(_) => Err(CodegenError::Internal {
            item: "the module".into(),
            reason: "the compiler thread panicked".into(),
        }),
    }
}

/// The compiler thread.
fn serve(
    source: &Source,
    mut bodies: Bodies,
    shared: &Shared,
    failed: Failed,
    ready: impl FnOnce(Result<Addresses, CodegenError>),
) -> Option<JITModule> {
    let stubs = Stubs::default();
    let unit = jit::output(&source.module, &bodies, &source.imports, &source.options, |builder| {
        let stubs = stubs.clone();
        builder.symbol_lookup_fn(Box::new(move |name| stubs.get(name)));
    })
    .and_then(|out| Unit::new(&source.module, &source.machines, &source.options, out));
    let unit = unit.and_then(|mut unit| {
        let addresses = prepare(&mut unit, source, shared, &stubs)?;
        Ok((unit, addresses))
    });
    let mut unit = match unit {
        Ok((unit, addresses)) => {
            ready(Ok(addresses));
            unit
        }
        Err(error) => {
            ready(Err(error));
            return None;
        }
    };
    let mut context = unit.out.make_context();
    let mut reused = FunctionBuilderContext::new();
    let mut ahead = VecDeque::new();
    let mut known = BTreeSet::new();
    let mut done = BTreeSet::new();
    while let Some(func) = shared.next(&mut ahead) {
        if !done.insert(func) {
            continue;
        }
        let compiled = catch_unwind(AssertUnwindSafe(|| {
            let split = bodies.split(func);
            let body = split.as_ref().unwrap_or(&source.module.funcs[func]);
            let defined = unit.define_function(func, body, &mut context, &mut reused)?;
            unit.define_pools()?;
            jit::check_external(&unit, &source.imports)?;
            jit::finalize(&mut unit)?;
            let code = unit.out.get_finalized_function(defined.id);
            if let Some(path) = &source.options.perf_map {
                let name = source.module.funcs[func].name.as_str();
                jit::append_perf_map(path, [(code, defined.bytes, name)].into_iter())?;
            }
            Ok((code, callees(body)))
        }));
        match compiled {
            Ok(Ok((code, named))) => {
                shared.publish(func, code);
                ahead.extend(named.into_iter().filter(|&f| known.insert(f)));
            }
            Ok(Err(error)) => failed(&error),
            Err(_) => failed(&CodegenError::Internal {
                item: source.module.funcs[func].name.clone(),
                reason: "the code generator panicked".into(),
            }),
        }
    }
    Some(unit.out)
}

/// Defines stubs and all data but sites and spans.
fn prepare(
    unit: &mut Unit<'_, JITModule>,
    source: &Source,
    shared: &Shared,
    stubs: &Stubs,
) -> Result<Addresses, CodegenError> {
    let signature = unit.out.make_signature();
    let id = unit
        .out
        .declare_function("vitte.stubs", Linkage::Local, &signature)
        .map_err(|e| CodegenError::from_module("stubs", e))?;
    let code: Vec<u8> = shared.cells().iter().flat_map(entry::stub).collect();
    // A module without functions has a stub nevertheless: no function is empty.
    let code = if code.is_empty() { vec![0; STUB_BYTES] } else { code };
    unit.out
        .define_function_bytes(id, STUB_BYTES as u64, &code, &[])
        .map_err(|e| CodegenError::from_module("stubs", e))?;
    jit::finalize(unit)?;
    let base = unit.out.get_finalized_function(id);
    let stub = |func: Func| CodePtr(base.wrapping_add(func.index() * STUB_BYTES));
    let names = source.module.funcs.keys().map(|func| (unit.symbol(func), stub(func)));
    stubs.set(names.collect());
    unit.define_objects()?;
    unit.define_pools()?;
    jit::check_external(unit, &source.imports)?;
    jit::finalize(unit)?;
    let functions = source.module.funcs.keys().map(|func| (func, (stub(func), None))).collect();
    Ok(Addresses::new(functions, unit))
}

/// Stubs by symbol, for the linker; empty until they are defined.
#[derive(Clone, Default)]
struct Stubs(Arc<OnceLock<HashMap<String, CodePtr>>>);

impl Stubs {
    fn set(&self, names: HashMap<String, CodePtr>) {
        let _ = self.0.set(names);
    }

    fn get(&self, symbol: &str) -> Option<*const u8> {
        self.0.get()?.get(symbol).map(|p| p.0)
    }
}

/// The functions that a function names, in order.
fn callees(func: &Function) -> Vec<Func> {
    let mut found = Vec::new();
    for block in func.blocks.values() {
        for &inst in &block.insts {
            match func.insts[inst].kind {
                InstKind::FuncAddr(f)
                | InstKind::MachineAddr(f)
                | InstKind::ResumeAddr(f)
                | InstKind::ResumeFunc { func: f, .. }
                | InstKind::Call { callee: Callee::Func(f), .. } => found.push(f),
                _ => {}
            }
        }
        if let Some(Terminator::Call { callee: Callee::Func(f), .. }) = &block.term {
            found.push(*f);
        }
    }
    found
}

/// The code of a cell's function, compiled now if it is not yet.
///
/// # Safety
///
/// `cell` is a cell of a module whose [`Code`](crate::Code) lives during the call.
unsafe extern "C" fn compile(cell: *const Cell) -> *const u8 {
    // SAFETY: the caller says that it is a cell that lives.
    let cell = unsafe { &*cell };
    // SAFETY: it belongs to a `Shared` that lives as long (I2).
    let shared = unsafe { &*cell.shared };
    let missing = entry::first_call();
    if shared.is_foreign() {
        // Another thread may have been in the middle of this call when the process forked.
        let code = cell.entry.load(Ordering::Acquire);
        return if code == missing { end_child() } else { code };
    }
    let mut queue = shared.lock();
    let mut has_asked = false;
    loop {
        // Pairs with `publish` (I1).
        let code = cell.entry.load(Ordering::Acquire);
        if code != missing {
            return code;
        }
        if !std::mem::replace(&mut has_asked, true) {
            queue.asked.push_back(Func::from_u32(cell.func));
            shared.asked.notify_one();
        }
        queue = shared.compiled.wait(queue).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Ends a forked child that calls what is not compiled.
fn end_child() -> ! {
    let text = "vitte: a forked child calls a function that was not compiled before the fork: it ends here\n";
    // Not through the lock of `stderr`, which another thread may have held at the fork.
    #[cfg(unix)]
    if let Ok(stderr) = std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned() {
        let _ = std::io::Write::write_all(&mut std::fs::File::from(stderr), text.as_bytes());
    }
    #[cfg(not(unix))]
    let _ = text;
    std::process::abort()
}

/// Whether stubs can be made for this machine.
pub(crate) const SUPPORTED: bool = cfg!(all(target_arch = "x86_64", unix));

#[cfg(all(target_arch = "x86_64", unix))]
mod entry {
    use super::{Cell, STUB_BYTES, compile};
    use std::arch::naked_asm;

    /// `mov r11, cell; jmp [r11]`
    pub(super) fn stub(cell: &Cell) -> [u8; STUB_BYTES] {
        let mut code = [0xcc; STUB_BYTES];
        code[..2].copy_from_slice(&[0x49, 0xbb]);
        code[2..10].copy_from_slice(&std::ptr::from_ref(cell).addr().to_le_bytes());
        code[10..13].copy_from_slice(&[0x41, 0xff, 0x23]);
        code
    }

    pub(super) fn first_call() -> *mut u8 {
        enter as *mut u8
    }

    /// Where cells lead at first: gets the cell in r11, as stubs leave it, and the arguments of the
    /// function, which it hands on to the function's code.
    ///
    /// # Safety
    ///
    /// Called by a stub only.
    #[unsafe(naked)]
    unsafe extern "C" fn enter() {
        naked_asm!(
            "push rbp",
            "mov rbp, rsp",
            // What may hold arguments: six words and eight vectors. 16 bytes are kept aligned.
            "push rdi",
            "push rsi",
            "push rdx",
            "push rcx",
            "push r8",
            "push r9",
            "sub rsp, 128",
            "movups [rsp], xmm0",
            "movups [rsp + 16], xmm1",
            "movups [rsp + 32], xmm2",
            "movups [rsp + 48], xmm3",
            "movups [rsp + 64], xmm4",
            "movups [rsp + 80], xmm5",
            "movups [rsp + 96], xmm6",
            "movups [rsp + 112], xmm7",
            "mov rdi, r11",
            "call {compile}",
            "mov r11, rax",
            "movups xmm0, [rsp]",
            "movups xmm1, [rsp + 16]",
            "movups xmm2, [rsp + 32]",
            "movups xmm3, [rsp + 48]",
            "movups xmm4, [rsp + 64]",
            "movups xmm5, [rsp + 80]",
            "movups xmm6, [rsp + 96]",
            "movups xmm7, [rsp + 112]",
            "add rsp, 128",
            "pop r9",
            "pop r8",
            "pop rcx",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            "pop rbp",
            "jmp r11",
            compile = sym compile,
        )
    }
}

#[cfg(not(all(target_arch = "x86_64", unix)))]
mod entry {
    use super::{Cell, STUB_BYTES};

    pub(super) fn stub(_: &Cell) -> [u8; STUB_BYTES] {
        unreachable!("I: on-demand compilation is not supported here")
    }

    pub(super) fn first_call() -> *mut u8 {
        unreachable!("I: on-demand compilation is not supported here")
    }
}
