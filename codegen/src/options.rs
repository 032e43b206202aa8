//! What a caller may choose about the code that is made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use vitte_lowering::ir::{Data, Func};

/// How much time to spend on better code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OptLevel {
    /// Compile fast.
    None,
    /// Run fast.
    #[default]
    Speed,
}

/// Choices for one compilation.
#[derive(Clone, Debug)]
pub struct Options {
    /// Effort.
    pub opt: OptLevel,
    /// Whether every function keeps a frame pointer, so that profilers can walk the stack.
    pub frame_pointers: bool,
    /// Whether Cranelift checks what it is given; on in debug builds.
    pub verify: bool,
    /// JIT only: where to append the address of every function, in the format of `perf`
    /// (`/tmp/perf-PID.map`, see [`Options::perf_map_path`]).
    pub perf_map: Option<PathBuf>,
    /// Per coroutine, the data object that `vt_machine.user` points to.
    pub user: BTreeMap<Func, Data>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            opt: OptLevel::default(),
            frame_pointers: false,
            verify: cfg!(debug_assertions),
            perf_map: None,
            user: BTreeMap::new(),
        }
    }
}

impl Options {
    /// Where `perf` looks for the map of this process.
    pub fn perf_map_path() -> PathBuf {
        PathBuf::from(format!("/tmp/perf-{}.map", std::process::id()))
    }
}
