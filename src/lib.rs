//! Async functions as explicit, resumable state machines: façade over the lowering, the JIT and the
//! runtime.
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `rt` | the runtime ([`rt`]) and the coroutine ABI ([`abi`]) |
//! | `host` | the host of Vitte programs: their values and procedures ([`host`]) |
//! | `jit` | the lowering ([`lowering`]) and the code generator ([`codegen`]) |
//! | `vitte` (default) | all of it, the driver from source to code ([`driver`]) and the command |
//!
//! `default-features = false, features = ["rt"]` is the runtime alone; it builds no Cranelift.

pub use vitte_abi as abi;
#[cfg(feature = "jit")]
pub use vitte_lowering as lowering;

#[cfg(feature = "jit")]
pub use vitte_codegen as codegen;
#[cfg(feature = "rt")]
pub use vitte_rt as rt;

#[cfg(feature = "host")]
pub mod host;

#[cfg(feature = "vitte")]
pub mod driver;

#[cfg(feature = "vitte")]
pub mod execute;

#[cfg(feature = "vitte")]
pub mod command;
