//! Async functions as explicit, resumable state machines: façade over the lowering, the JIT and the
//! runtime.
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `rt` | the runtime ([`rt`]) and the coroutine ABI ([`abi`]) |
//! | `macros` | [`main`](macro@main), [`test`](macro@test), [`task`](macro@task) for Rust async functions |
//! | `host` | the host of Vitte programs: their values and procedures ([`host`]) |
//! | `jit` | the lowering ([`lowering`]) and the code generator ([`codegen`]) |
//! | `vitte` (default) | all of it, the driver from source to code ([`driver`]) and the command |
//!
//! `default-features = false, features = ["rt", "macros"]` is the runtime with its
//! attributes alone; it builds no Cranelift.

pub use vitte_abi as abi;
#[cfg(feature = "jit")]
pub use vitte_lowering as lowering;

#[cfg(feature = "jit")]
pub use vitte_codegen as codegen;
#[cfg(feature = "rt")]
pub use vitte_rt as rt;

#[cfg(feature = "rt")]
pub use vitte_rt::task;
#[cfg(feature = "rt")]
pub use vitte_rt::time::sleep;

#[cfg(feature = "macros")]
#[doc(hidden)]
#[path = "machine/mod.rs"]
pub mod __private;
#[cfg(feature = "macros")]
pub use __private::Coroutine;
#[cfg(feature = "macros")]
pub use vitte_macros::{main, task, test};

#[cfg(feature = "host")]
pub mod host;

#[cfg(feature = "vitte")]
pub mod driver;

#[cfg(feature = "vitte")]
pub mod execute;

#[cfg(feature = "vitte")]
pub mod command;
