//! `vitte build FILE -o OUT.o`: an object file and its C header.

use super::{BuildArgs, exit, report};
use crate::driver::{self, Compilation, Error};
use std::path::Path;
use vitte_codegen::{Options, c_header, compile_object};

/// Compiles a file to an object, with a header beside it.
pub(super) fn run(args: &BuildArgs) -> u8 {
    let built = Compilation::read(&args.file).and_then(|mut compilation| {
        let module = compilation.module();
        report::diagnostics(&compilation, args.format);
        let Some(module) = module? else { return Ok(exit::ERROR) };
        let lowered = driver::lower(&args.file, &module)?;
        let options = Options::default();
        let object = compile_object(&lowered.module, &lowered.machines, &options)
            .map_err(driver::codegen_error)?;
        let header = c_header(&lowered.module, &lowered.machines).map_err(driver::codegen_error)?;
        write(&args.output, &object)?;
        write(&args.output.with_extension("h"), header.as_bytes())?;
        Ok(exit::FINE)
    });
    built.unwrap_or_else(|error| report::error(&error, args.format))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|e| driver::write_error(path, &e))
}
