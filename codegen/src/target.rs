//! The instruction set that code is made for.

use crate::error::CodegenError;
use crate::options::{OptLevel, Options};
use cranelift_codegen::isa::{self, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use target_lexicon::{Architecture, Endianness, PointerWidth, Triple};
use vitte_lowering::ir::Module;

/// Position-independent code for objects, absolute addresses for the JIT.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeModel {
    Jit,
    Object,
}

/// Functions with more instructions than this get the register allocator that takes one pass: the
/// thorough one is superlinear there (18 times the time for 10 times the suspends).
const MAX_THOROUGH: usize = 200_000;

/// Instructions of the largest function of a module, by which the register allocator is chosen.
pub(crate) fn largest(module: &Module) -> usize {
    module.funcs.values().map(|f| f.insts.len()).max().unwrap_or(0)
}

/// Code for this machine, with all its features, for functions of at most `largest` instructions.
pub(crate) fn host(
    largest: usize,
    options: &Options,
    model: CodeModel,
) -> Result<OwnedTargetIsa, CodegenError> {
    let unsupported =
        |reason: &str| CodegenError::Target { triple: "host".into(), reason: reason.into() };
    let builder = cranelift_native::builder().map_err(unsupported)?;
    finish(&builder, &Triple::host(), largest, options, model)
}

/// [`host`] for any machine of that triple.
pub(crate) fn triple(
    name: &str,
    largest: usize,
    options: &Options,
    model: CodeModel,
) -> Result<OwnedTargetIsa, CodegenError> {
    let unsupported = |reason: String| CodegenError::Target { triple: name.into(), reason };
    let triple: Triple = name.parse().map_err(|e| unsupported(format!("{e}")))?;
    let builder = isa::lookup(triple.clone()).map_err(|e| unsupported(e.to_string()))?;
    finish(&builder, &triple, largest, options, model)
}

fn finish(
    builder: &isa::Builder,
    triple: &Triple,
    largest: usize,
    options: &Options,
    model: CodeModel,
) -> Result<OwnedTargetIsa, CodegenError> {
    let unsupported = |reason: String| CodegenError::Target { triple: triple.to_string(), reason };
    let known = matches!(
        triple.architecture,
        Architecture::X86_64 | Architecture::Aarch64(_) | Architecture::Riscv64(_)
    );
    if !known
        || triple.pointer_width() != Ok(PointerWidth::U64)
        || triple.endianness() != Ok(Endianness::Little)
    {
        return Err(unsupported("the coroutine ABI is not defined for it".into()));
    }
    let opt = match options.opt {
        OptLevel::None => "none",
        OptLevel::Speed => "speed",
    };
    let allocator = if largest > MAX_THOROUGH { "single_pass" } else { "backtracking" };
    let switch = |on| if on { "true" } else { "false" };
    let mut flags = settings::builder();
    for (name, value) in [
        ("opt_level", opt),
        ("regalloc_algorithm", allocator),
        ("enable_verifier", switch(options.verify)),
        ("preserve_frame_pointers", switch(options.frame_pointers)),
        ("is_pic", switch(model == CodeModel::Object)),
        ("use_colocated_libcalls", "false"),
        // 128-bit integers as in Rust's `extern "C"`.
        ("enable_llvm_abi_extensions", "true"),
        // Large stack slots touch every page, so that the guard page is not jumped over.
        ("enable_probestack", "true"),
        ("probestack_strategy", "inline"),
        // The only jump tables are dispatches on trusted state tags and `switch`.
        ("enable_table_access_spectre_mitigation", "false"),
        // Nothing unwinds through generated code.
        ("unwind_info", "false"),
    ] {
        flags.set(name, value).map_err(|e| unsupported(format!("setting {name}: {e}")))?;
    }
    builder.finish(settings::Flags::new(flags)).map_err(|e| unsupported(e.to_string()))
}
