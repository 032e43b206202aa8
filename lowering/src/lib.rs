//! Lowers async functions to explicit, resumable state machines.
//!
//! ```text
//! Vitte source ─► syntax ─► sema ─► build ─┐
//! builder API / text form (.vir) ──────────┴► ir ─► coroutine ─► machines (ir) + layout records
//!                                              └──── interp ──────┘   oracle for both forms
//! ```
//!
//! The modules stand in the order in which data flows through them. A frontend of another language
//! needs [`ir`] and [`coroutine`] only.
#![forbid(unsafe_code)]

pub mod diagnostics;

#[cfg(feature = "vitte")]
pub mod syntax;

#[cfg(feature = "vitte")]
pub mod sema;

#[cfg(feature = "vitte")]
pub mod build;

mod frame_abi;
pub mod ir;
mod parallel;

pub mod coroutine;

#[cfg(feature = "rust")]
pub mod rust;

pub mod check;

pub mod interp;

pub use frame_abi::FrameAbi;
pub use parallel::{Parallel, in_order};

#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
