//! `vitte lower FILE --emit STAGE`: what each stage makes of a program.

use super::{Emit, Format, LowerArgs, exit, report};
use crate::driver::{Compilation, Error, Language};
use std::io::Write as _;
use vitte_lowering::syntax;

/// Prints the output of one stage.
pub(super) fn run(args: &LowerArgs) -> u8 {
    let mut compilation = match Compilation::read(&args.file) {
        Ok(compilation) => compilation,
        Err(error) => return report::error(&error, args.format),
    };
    let dump = dump(&mut compilation, args);
    report::diagnostics(&compilation, args.format);
    match dump {
        Ok(Some(text)) => {
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            if compilation.diagnostics.has_errors() { exit::ERROR } else { exit::FINE }
        }
        Ok(None) => exit::ERROR,
        Err(error) => report::error(&error, args.format),
    }
}

/// The dump, or `None` if diagnostics say why there is none.
fn dump(compilation: &mut Compilation, args: &LowerArgs) -> Result<Option<String>, Error> {
    if args.emit == Emit::Ast {
        if compilation.language == Language::Ir {
            return Err(Error::Missing {
                what: "textual IR has no syntax tree".into(),
                help: "use `--emit ir`".into(),
            });
        }
        let file = compilation.ast();
        return Ok(Some(syntax::dump(&file)));
    }
    let Some(module) = compilation.module()? else { return Ok(None) };
    Ok(Some(match (args.emit, args.format) {
        (Emit::Ir, _) => module.to_string(),
        _ => String::new(),
    }))
}
