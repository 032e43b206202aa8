//! Compiling into a relocatable object file.

use crate::error::CodegenError;
use crate::options::Options;
use crate::target::{self, CodeModel};
use crate::unit::Unit;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_module::default_libcall_names;
use cranelift_object::{ObjectBuilder, ObjectModule};
use std::collections::BTreeMap;
use vitte_abi::LayoutRecord;
use vitte_lowering::ir::{Func, Module};

/// Compiles a lowered module to an object file for this machine.
///
/// An exported synchronous function has its name as symbol. An exported coroutine `f` has two:
/// `f_machine`, its `vt_machine`, and `f_resume`. Imports and host operations are undefined symbols.
///
/// # Errors
///
/// As [`crate::Jit::compile`], but imports are left to the linker.
pub fn compile_object(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    options: &Options,
) -> Result<Vec<u8>, CodegenError> {
    let isa = target::host(target::largest(module), options, CodeModel::Object)?;
    compile(module, machines, options, isa)
}

/// [`compile_object`] for another target, given as a triple such as `aarch64-unknown-linux-gnu`.
///
/// # Errors
///
/// As [`compile_object`]; [`CodegenError::Target`] if the triple is unknown, not supported, or not
/// built into this compiler.
pub fn compile_object_for(
    triple: &str,
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    options: &Options,
) -> Result<Vec<u8>, CodegenError> {
    let isa = target::triple(triple, target::largest(module), options, CodeModel::Object)?;
    compile(module, machines, options, isa)
}

fn compile(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    options: &Options,
    isa: OwnedTargetIsa,
) -> Result<Vec<u8>, CodegenError> {
    let mut unit = Unit::new(module, machines, options, output(module, isa)?)?;
    unit.define()?;
    unit.out
        .finish()
        .emit()
        .map_err(|e| CodegenError::Internal { item: module.name.clone(), reason: e.to_string() })
}

/// An empty object.
pub(crate) fn output(module: &Module, isa: OwnedTargetIsa) -> Result<ObjectModule, CodegenError> {
    let triple = isa.triple().to_string();
    let name = module.name.replace('\0', "?");
    let builder = ObjectBuilder::new(isa, name, default_libcall_names())
        .map_err(|e| CodegenError::Target { triple, reason: e.to_string() })?;
    Ok(ObjectModule::new(builder))
}
