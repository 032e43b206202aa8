//! Machine code for lowered coroutines, by Cranelift.
//!
//! ```text
//!  lowered ir::Module + layout records
//!        │ unit        declares symbols, drives
//!        ├─ translate  one function ──► CLIF
//!        ├─ data       machines, sites, spans, static data
//!        ▼
//!   cranelift ──► jit: Code, shared by all who run it; on_demand: function by function
//!             ──► object: relocatable file and C header
//!             ──► dump: CLIF and assembly text
//! ```
//!
//! In goes a module without suspending terminators: every async function is a machine
//! `(ctx, frame) -> status`, with its layout record. Out come functions in the C calling convention
//! and one static `vt_machine` per coroutine.
//!
//! * **I1** No condition that a program can reach traps: division is guarded, conversions saturate,
//!   loads and stores go where the IR says.
//! * **I2** Nothing unwinds through generated code; hosts answer a status.
//! * **I3** Code and its data live as long as any [`Code`] handle (or a clone) does.
//! * **I4** The same input gives the same bytes: symbols are numbered in entity order.
//!
//! Accepted imprecision: `i128` cannot be divided or converted from and to floats here (the IR does
//! not define the former); such functions are refused with `CG0006`.

mod codes;
mod data;
mod dump;
mod error;
mod header;
mod imports;
mod jit;
mod object;
mod on_demand;
mod options;
mod signature;
mod target;
mod translate;
mod unit;

pub use codes::CODES;
pub use dump::{dump_asm, dump_clif};
pub use error::CodegenError;
pub use header::c_header;
pub use imports::ImportTable;
pub use jit::{Code, Jit};
pub use object::{compile_object, compile_object_for};
pub use on_demand::Failed;
pub use options::{OptLevel, Options};
