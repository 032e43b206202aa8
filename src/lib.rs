//! Async functions as explicit, resumable state machines: façade over the lowering, the JIT and the runtime.
#[allow(missing_docs)]
pub mod host;
