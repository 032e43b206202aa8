//! Typed HIR to IR.
//!
//! In: a checked program, its sources (for positions) and the sizes of the host's operations. Out:
//! a [`Module`] of async, generator and sync functions that passes the verifier.
//!
//! ```text
//! hir::Program ─► walk (who calls whom) ─► worklist of (procedure, type arguments)
//!                                              │ for each: FnCx
//!        host_table, layout ──► Cx ◄───────────┤ expr · control · pattern · place · arith
//!        (imports, ops, descs)  │              │ call · asynch · select
//!                               ▼              └ emit (SSA) · scope (drops, defers, exits)
//!                           ir::Module
//! ```
//!
//! * **B1** Scalars live in SSA variables; every counted reference of a local or of a temporary
//!   that something may outlive lies in a slot of its own with an entry on the scope stack. A moved
//!   reference leaves null behind, so a drop needs no flag; cold futures have flags.
//! * **B2** Functions own their reference parameters, imports and operations borrow theirs.
//! * **B3** What is generic is built once per list of type arguments, on first use.
//!
//! A recursive async procedure awaits itself in a boxed frame; a synchronous one in a call cycle
//! tests the native stack first.

mod arith;
mod asynch;
mod call;
mod control;
mod emit;
mod entry;
mod equal;
mod expr;
mod func;
pub mod host_table;
pub mod layout;
mod module;
mod pattern;
mod place;
mod scope;
mod select;
mod spawn;
mod thunk;
mod walk;

pub use host_table::OpSizes;

use crate::diagnostics::{Diagnostics, SourceMap};
use crate::ir::{Func, Module};
use crate::sema::hir::{ProcId, Program};

/// Builds the IR of a program.
///
/// The module has an exported async `main` that gives the exit code as an `i32`, and an exported
/// async `test$n` for each test; of a program with neither, every procedure without generic
/// parameters is built and exported.
///
/// # Errors
///
/// Diagnostics for constructs that are understood but not compiled yet.
pub fn build(
    program: &Program,
    sources: &SourceMap,
    sizes: &OpSizes,
) -> Result<Module, Diagnostics> {
    let mut cx = module::Cx::new(program, sources, sizes);
    if let Some(main) = program.main {
        cx.build_main(main);
    }
    for (n, test) in program.tests.iter().enumerate() {
        cx.build_test(n, test.proc);
    }
    if program.main.is_none() && program.tests.is_empty() {
        cx.export_all();
    }
    cx.build_reached();
    if cx.diags.has_errors() { Err(cx.diags) } else { Ok(cx.m) }
}

/// Builds a module that a host calls into: one exported async function for each of `procs`, and what
/// they reach. `main` and tests are procedures like any other here.
///
/// An entry has the signature of its procedure. That of an async procedure ends after the tasks that
/// it spawned have ended; that of a synchronous one never suspends.
///
/// # Errors
///
/// As [`build`].
///
/// # Panics
///
/// If one of `procs` is generic, or a stream.
pub fn build_entries(
    program: &Program,
    sources: &SourceMap,
    sizes: &OpSizes,
    procs: &[ProcId],
) -> Result<(Module, Vec<Func>), Diagnostics> {
    let mut cx = module::Cx::new(program, sources, sizes);
    let entries = procs.iter().map(|&proc| cx.build_entry(proc)).collect();
    cx.build_reached();
    if cx.diags.has_errors() { Err(cx.diags) } else { Ok((cx.m, entries)) }
}
