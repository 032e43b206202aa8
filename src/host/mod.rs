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

#![allow(
    clippy::cast_ptr_alignment,
    reason = "objects and values are byte pointers; their alignment is in their descriptors"
)]

mod channel;
pub mod count;
pub mod cross;
#[cfg(feature = "vitte")]
mod dynamic;
#[cfg(feature = "embed")]
#[doc(hidden)]
pub mod embed;
mod family;
pub mod fault;
pub mod format;
mod handle;
pub mod imports;
mod io;
pub mod leaks;
pub mod list;
mod net;
pub mod object;
mod op;
#[cfg(feature = "vitte")]
pub(crate) mod procedures;
pub mod standalone;
pub mod string;
pub mod table;
pub mod task;
mod time;

pub use channel::{vitte_channel_close, vitte_channel_len, vitte_channel_new};
pub use net::{vitte_handle_close, vitte_listener_port, vitte_local_address, vitte_peer_address};
pub use op::OpEntry;
pub use table::{ImportEntry, Scalar};
pub use time::{vitte_monotonic_ns, vitte_now_ms};

#[cfg(test)]
mod tests;
