//! Cranelift JIT and object output for lowered coroutines.
