//! A module of Vitte procedures inside a Rust program, compiled on first call.

use crate::__private::{Value, Writer};
use crate::host::table::{imports, operations};
use std::sync::OnceLock;
use vitte_abi::{SlotRole, vt_machine};
use vitte_codegen::{Code, ImportTable, Jit, Options};
use vitte_lowering::{coroutine, ir};

/// The host's functions as the code generator wants them.
pub fn import_table() -> ImportTable {
    let mut table = ImportTable::new();
    for import in imports() {
        // SAFETY: the address is that of a static function with the signature of the host table,
        // which a test compares; none unwinds.
        unsafe { table.register(import.symbol, import.address) };
    }
    for op in operations() {
        // SAFETY: as above.
        unsafe { table.register(format!("{}_start", op.symbol), op.start) };
        // SAFETY: as above.
        unsafe { table.register(format!("{}_poll", op.symbol), op.poll) };
    }
    table
}

/// Procedures that a macro compiled to IR: a static of its expansion.
#[derive(Debug)]
pub struct Module {
    /// The IR as text, verified.
    text: &'static str,
    /// Names of the entries by number.
    entries: &'static [&'static str],
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    /// Never freed (E2).
    _code: Code,
    entries: Vec<Entry>,
}

/// A procedure that can be called.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its machine, which lives as long as the program (E2).
    pub(super) machine: &'static vt_machine,
    /// Where the parts of the parameters lie in its frame.
    params: Vec<u32>,
}

impl Entry {
    /// Writes the arguments into a frame.
    ///
    /// # Safety
    ///
    /// `frame` is an unresumed frame of the machine.
    pub(super) unsafe fn store<A: Value>(&self, frame: *mut u8, args: A) {
        // SAFETY: the layout record says that the parameters are there; the macro made `A` of their
        // types.
        args.store(&mut unsafe { Writer::new(frame, &self.params) });
    }
}

impl Module {
    /// A module of this IR with these entries.
    pub const fn new(text: &'static str, entries: &'static [&'static str]) -> Self {
        Module { text, entries, compiled: OnceLock::new() }
    }

    /// An entry; the first call compiles all. Whoever comes meanwhile waits.
    pub(super) fn entry(&self, n: usize) -> &Entry {
        &self.compiled.get_or_init(|| self.compile()).entries[n]
    }

    fn compile(&self) -> Compiled {
        let mut module = ir::parse_module(self.text).expect("I: the macro printed it");
        set_sizes(&mut module);
        let lowered = coroutine::lower(&module)
            .unwrap_or_else(|errors| panic!("cannot lower embedded Vitte: {}", errors[0].message));
        let code =
            Jit::compile(&lowered.module, &lowered.machines, &import_table(), &Options::default());
        let code = code.unwrap_or_else(|e| panic!("cannot compile embedded Vitte: {e}"));
        let entry = |name: &&str| {
            let func = module.func_by_name(name).expect("I: the macro named it");
            let machine = code.machine(func).expect("I: an entry is async");
            let slots = lowered.machines[&func].slots.iter();
            let params = slots.filter(|s| s.role == SlotRole::Param).map(|s| s.offset as u32);
            let machine = std::ptr::from_ref(machine);
            // SAFETY: `code` goes into a static that is never dropped (E2).
            let machine = unsafe { &*machine };
            Entry { machine, params: params.collect() }
        };
        let entries = self.entries.iter().map(entry).collect();
        Compiled { _code: code, entries }
    }
}

/// Gives the operations of a module the sizes that they have in this program.
fn set_sizes(module: &mut ir::Module) {
    let known = operations();
    for op in module.ops.values_mut() {
        let entry = known.iter().find(|e| e.symbol == op.symbol);
        let entry = entry.expect("I: the compiler's table and the host's agree");
        let area = op.size - op.result_offset;
        op.result_offset = entry.size.next_multiple_of(8);
        op.align = entry.align.max(8);
        op.size = (op.result_offset + area).next_multiple_of(op.align);
    }
}
