//! `vitte check FILE...`.

use super::{CheckArgs, exit, report};
use crate::driver::Compilation;

/// Reports what is wrong in each file.
pub(super) fn run(args: &CheckArgs) -> u8 {
    let mut code = exit::FINE;
    for file in &args.files {
        let checked = Compilation::read(file).and_then(|mut compilation| {
            let module = compilation.module();
            report::diagnostics(&compilation, args.format);
            module.map(|_| compilation.diagnostics.has_errors())
        });
        match checked {
            Ok(false) => {}
            Ok(true) => code = code.max(exit::ERROR),
            Err(error) => code = code.max(report::error(&error, args.format)),
        }
    }
    code
}
