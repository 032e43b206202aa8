//! What the code generator made, as text.

use crate::error::CodegenError;
use crate::object;
use crate::options::Options;
use crate::target::{self, CodeModel};
use crate::translate;
use crate::unit::Unit;
use cranelift_codegen::Context;
use cranelift_frontend::FunctionBuilderContext;
use cranelift_module::{Module as _, ModuleError};
use std::collections::BTreeMap;
use vitte_abi::LayoutRecord;
use vitte_lowering::ir::{Func, Module};

/// The CLIF of one function, before optimisation.
///
/// # Errors
///
/// As [`crate::compile_object`]; [`CodegenError::Malformed`] if there is no such function.
pub fn dump_clif(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    func: Func,
    options: &Options,
) -> Result<String, CodegenError> {
    with_function(module, machines, func, options, |_, _, context| {
        Ok(context.func.display().to_string())
    })
}

/// The machine code of one function as Cranelift prints it: registers assigned, labels for blocks.
///
/// # Errors
///
/// As [`dump_clif`].
pub fn dump_asm(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    func: Func,
    options: &Options,
) -> Result<String, CodegenError> {
    with_function(module, machines, func, options, |unit, name, context| {
        context.set_disasm(true);
        let isa = unit.out.isa();
        let compiled = context
            .compile(isa, &mut cranelift_codegen::control::ControlPlane::default())
            .map_err(|e| CodegenError::from_module(name, ModuleError::Compilation(e.inner)))?;
        let bytes = compiled.code_buffer().len();
        let text = compiled.vcode.as_deref().unwrap_or_default();
        Ok(format!("; {name}: {bytes} bytes\n{text}"))
    })
}

fn with_function(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
    func: Func,
    options: &Options,
    show: impl FnOnce(
        &Unit<'_, cranelift_object::ObjectModule>,
        &str,
        &mut Context,
    ) -> Result<String, CodegenError>,
) -> Result<String, CodegenError> {
    let Some(data) = module.funcs.get(func) else {
        return Err(CodegenError::malformed(&module.name, format!("{func} does not exist")));
    };
    let isa = target::host(target::largest(module), options, CodeModel::Object)?;
    let mut unit = Unit::new(module, machines, options, object::output(module, isa)?)?;
    let mut context = unit.out.make_context();
    let mut reused = FunctionBuilderContext::new();
    translate::function(&mut unit, func, data, &mut context, &mut reused)?;
    show(&unit, &data.name, &mut context)
}
