//! `vitte lower FILE --emit STAGE`: what each stage makes of a program.

use super::{Emit, Format, LowerArgs, exit, report};
use crate::driver::{self, Compilation, Error, Language};
use std::io::Write as _;
use vitte_abi::JsonWriter;
use vitte_codegen::{CodegenError, Options, dump_asm, dump_clif};
use vitte_lowering::coroutine::{self, Lowered, Pass};
use vitte_lowering::ir::{Func, FuncKind, Module};
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
            let mut out = std::io::stdout().lock();
            let _ = out.write_all(text.as_bytes());
            if !text.ends_with('\n') {
                let _ = out.write_all(b"\n");
            }
            if compilation.diagnostics.has_errors() { exit::ERROR } else { exit::FINE }
        }
        Ok(None) => exit::ERROR,
        Err(error) => report::error(&error, args.format),
    }
}

/// The dump, or `None` if diagnostics say why there is none.
fn dump(compilation: &mut Compilation, args: &LowerArgs) -> Result<Option<String>, Error> {
    let text = match args.emit {
        Emit::Ast | Emit::Hir => frontend(compilation, args)?,
        _ => match compilation.module()? {
            Some(module) => Some(backend(compilation, &module, args)?),
            None => None,
        },
    };
    Ok(text.map(|text| match (args.emit, args.format) {
        // The layout record has a form for tools of its own.
        (Emit::Frame, _) | (_, Format::Text) => text,
        (emit, Format::Json) => {
            let stage = format!("{emit:?}").to_lowercase();
            serde_json::json!({ "emit": stage, "text": text }).to_string()
        }
    }))
}

/// Stages before the IR.
fn frontend(compilation: &mut Compilation, args: &LowerArgs) -> Result<Option<String>, Error> {
    if compilation.language == Language::Ir {
        return Err(Error::Missing {
            what: "textual IR has no syntax tree and no types of Vitte".into(),
            help: "use `--emit ir` or a later stage".into(),
        });
    }
    if args.emit == Emit::Ast {
        return Ok(Some(syntax::dump(&compilation.ast())));
    }
    compilation.hir_text()
}

/// The IR and what follows.
fn backend(compilation: &Compilation, module: &Module, args: &LowerArgs) -> Result<String, Error> {
    let path = &compilation.path;
    let only = args.function.as_deref().map(|name| driver::find(module, name)).transpose()?;
    let passed =
        |pass| coroutine::dump(module, pass).map_err(|e| driver::lower_errors(path, module, e));
    match args.emit {
        Emit::Ir => Ok(only_function(&module.to_string(), only)),
        Emit::Live => Ok(only_function(&passed(Pass::Live)?, only)),
        Emit::Machine => Ok(only_function(&passed(Pass::Split)?, only)),
        Emit::Dot => Ok(selected(module, only, |f| coroutine::dot(module, f))),
        Emit::Frame => Ok(frames(&driver::lower(path, module)?, only, args.format)),
        Emit::Clif => code(&driver::lower(path, module)?, only, dump_clif),
        Emit::Asm => code(&driver::lower(path, module)?, only, dump_asm),
        Emit::Ast | Emit::Hir => Ok(String::new()),
    }
}

/// Functions that a dump is about: the one asked for, or all.
fn functions(module: &Module, only: Option<Func>) -> impl Iterator<Item = Func> {
    module.funcs.keys().filter(move |&f| only.is_none_or(|o| o == f))
}

/// A dump per coroutine (or for the function asked for), with blank lines between.
fn selected(module: &Module, only: Option<Func>, each: impl Fn(Func) -> String) -> String {
    let dumps: Vec<String> = functions(module, only)
        .filter(|&f| only.is_some() || module.funcs[f].kind != FuncKind::Sync)
        .map(each)
        .collect();
    dumps.join("\n")
}

/// The layout records, as text or as JSON (one object, or an array of all).
fn frames(lowered: &Lowered, only: Option<Func>, format: Format) -> String {
    let records = lowered.machines.iter().filter(|(f, _)| only.is_none_or(|o| o == **f));
    if format == Format::Text {
        let texts: Vec<String> = records.map(|(_, r)| r.to_string()).collect();
        return texts.join("\n");
    }
    let records: Vec<_> = records.map(|(_, r)| r).collect();
    match (only, &records[..]) {
        (Some(_), [record]) => record.to_json(),
        _ => {
            let mut writer = JsonWriter::default();
            writer.array(&records, |w, r| r.write_json(w));
            writer.finish()
        }
    }
}

/// A dump of the code generator.
type CodeDump = fn(
    &Module,
    &std::collections::BTreeMap<Func, vitte_abi::LayoutRecord>,
    Func,
    &Options,
) -> Result<String, CodegenError>;

/// The code of each function (of the one asked for), under its name.
fn code(lowered: &Lowered, only: Option<Func>, dump: CodeDump) -> Result<String, Error> {
    let mut out = String::new();
    for func in functions(&lowered.module, only) {
        let text = dump(&lowered.module, &lowered.machines, func, &Options::default());
        let text = text.map_err(driver::codegen_error)?;
        out.push_str(&format!("; {func} {}\n{text}", lowered.module.funcs[func].name));
        out.push_str(if text.ends_with('\n') { "\n" } else { "\n\n" });
    }
    Ok(out)
}

/// The part of a dump that is about one function: from the line that names it to the next such line
/// or the end of its body.
fn only_function(text: &str, only: Option<Func>) -> String {
    let Some(func) = only else { return text.to_owned() };
    let names = |line: &str| line.split(' ').find(|w| w.starts_with("fn")).map(str::to_owned);
    let (head, mut inside, mut out) = (func.to_string(), false, String::new());
    for line in text.lines() {
        let is_head = !line.starts_with(' ') && line.contains('"') && names(line).is_some();
        if is_head {
            inside = names(line).as_deref() == Some(&head);
        }
        if inside {
            out.push_str(line);
            out.push('\n');
            inside = line != "}";
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Func, only_function};

    #[test]
    fn one_function_is_cut_out_whole() {
        let text =
            "module \"m\"\n\nsync fn0 \"a\"() {\nblock0:\n  return\n}\n\nsync fn1 \"b\"() {\n}\n";
        let a = only_function(text, Some(Func::from_u32(0)));
        assert_eq!(a, "sync fn0 \"a\"() {\nblock0:\n  return\n}\n");
        let live = "fn0 \"a\"\n  sp0: v1\nfn1 \"b\"\n  sp0: v2\n";
        assert_eq!(only_function(live, Some(Func::from_u32(1))), "fn1 \"b\"\n  sp0: v2\n");
        assert_eq!(only_function(text, None), text);
    }
}
