//! The host of Vitte programs: their values at run time and the procedures they call.
//!
//! In: calls of generated code. Out: strings, lists, forms, picks, tasks, channels, sockets.
//!
//! ```text
//! generated code ──imports──► imports ─► string · list · count · cross ─► object
//!                └─operations─► ops ──► task · channel · net · io ─► handle ─┘
//! ```
//!
//! The vocabulary is the host table of `vitte_lowering::build`; a test proves that each of its
//! entries is implemented here.

pub mod count;
pub mod cross;
pub mod format;
pub(crate) mod handle;
pub mod imports;
pub mod list;
pub mod object;
pub mod string;

#[cfg(test)]
mod tests;
