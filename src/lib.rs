//! Async functions as explicit, resumable state machines: façade over the lowering, the JIT and the
//! runtime.
//!
//! | feature | what it brings |
//! | --- | --- |
//! | `rt` | the runtime ([`rt`]) and the coroutine ABI ([`abi`]) |
//! | `hyper`, `tokio-compat` | hyper's runtime traits; tokio's context for libraries that need it |
//! | `tracing` | spans of the `tracing` crate around runs of tasks and attempts of graphs |
//! | `macros` | [`main`](macro@main), [`test`](macro@test), [`task`](macro@task) for Rust async functions ([`guide`]) |
//! | `graph` | graphs of tasks with a journal ([`graph`]) |
//! | `flow` | data flow, as values and as streams ([`flow`]) |
//! | `host` | the host of Vitte programs: their values and procedures ([`host`]) |
//! | `jit` | the lowering ([`lowering`]) and the code generator ([`codegen`]) |
//! | `embed` | [`vitte!`] and [`include_vitte!`]: Vitte source inside of Rust |
//! | `vitte` (default) | all of it, the driver from source to code ([`driver`]) and the command |
//!
//! `default-features = false, features = ["rt", "macros"]` is the runtime with its
//! attributes alone; it builds no Cranelift.
//!
//! # As a runtime
//!
//! The names a tokio user knows: [`spawn`], [`block_on`], [`sleep`]; [`mod@task`], [`runtime`], [`time`],
//! [`net`], [`io`], [`fs`], `process`, `signal`, [`sync`], [`channel`], [`stream`]; [`scheduler`]; [`join!`], [`try_join!`], [`select!`],
//! [`task_local!`].
//!
//! ```
//! # #[cfg(feature = "rt")] {
//! use std::time::Duration;
//! use vitte::channel::mpsc;
//!
//! vitte::block_on(async {
//!     let (tx, mut rx) = mpsc::channel(8);
//!     let producer = vitte::spawn(async move {
//!         for n in 1..=3 {
//!             tx.send(n).await.unwrap();
//!             vitte::sleep(Duration::from_millis(1)).await;
//!         }
//!     });
//!     let mut sum = 0;
//!     while let Some(n) = rx.recv().await {
//!         sum += n;
//!     }
//!     producer.await.unwrap();
//!     assert_eq!(sum, 6);
//! });
//! # }
//! ```

pub use vitte_abi as abi;
#[cfg(feature = "jit")]
pub use vitte_lowering as lowering;

#[cfg(feature = "jit")]
pub use vitte_codegen as codegen;
#[cfg(feature = "rt")]
pub use vitte_rt as rt;
#[cfg(feature = "tokio-compat")]
pub use vitte_rt::compat;
#[cfg(feature = "hyper")]
pub use vitte_rt::hyper;
#[cfg(feature = "rt")]
pub use vitte_rt::{
    block_on, channel, dump, fs, insight, io, join, metrics, net, runtime, scheduler, select,
    shutdown, spawn, stream, sync, task, task_local, time, time::sleep, trace, try_join, watchdog,
};
#[cfg(all(feature = "rt", unix))]
pub use vitte_rt::{process, signal};

#[cfg(feature = "flow")]
pub use vitte_flow as flow;
#[cfg(feature = "graph")]
pub use vitte_graph as graph;

#[cfg(feature = "macros")]
#[doc(hidden)]
#[path = "machine/mod.rs"]
pub mod __private;
#[cfg(feature = "macros")]
pub mod guide;

#[cfg(feature = "macros")]
pub use __private::Coroutine;
#[cfg(feature = "embed")]
pub use vitte_macros::{include_vitte, vitte};
#[cfg(feature = "macros")]
pub use vitte_macros::{main, task, test};

#[cfg(feature = "host")]
pub mod host;

#[cfg(feature = "vitte")]
pub mod driver;

#[cfg(feature = "vitte")]
pub mod execute;

#[cfg(feature = "vitte")]
mod modules;

#[cfg(feature = "vitte")]
pub mod command;
