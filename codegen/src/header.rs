//! A C header for the exported part of a module.

use crate::error::CodegenError;
use std::collections::BTreeMap;
use std::fmt::Write;
use vitte_abi::{LayoutRecord, SlotRole};
use vitte_lowering::ir::{Func, FuncKind, Function, Module, Ty, Type};

/// Declarations for C of everything that [`crate::compile_object`] exports.
///
/// Per coroutine `f`: `f_machine`, `f_resume`, and constants with the places of its parameters and
/// result; per synchronous function its prototype. Names that C cannot spell are left out, with a
/// comment. The text includes `vitte.h`.
///
/// # Errors
///
/// [`CodegenError::Malformed`] if a machine has no layout record.
pub fn c_header(
    module: &Module,
    machines: &BTreeMap<Func, LayoutRecord>,
) -> Result<String, CodegenError> {
    let mut text = String::new();
    let guard: String =
        module.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let guard = format!("VITTE_MODULE_{}_H", guard.to_uppercase());
    let _ = writeln!(text, "/* Entries of the Vitte module `{}`. */", comment(&module.name));
    let _ = writeln!(text, "#ifndef {guard}\n#define {guard}\n");
    let _ = writeln!(text, "#include <stdbool.h>\n#include <stdint.h>\n#include \"vitte.h\"\n");
    let _ = writeln!(text, "#ifdef __cplusplus\nextern \"C\" {{\n#endif");
    for (id, func) in module.funcs.iter().filter(|(_, f)| f.exported) {
        let _ = writeln!(text);
        if !is_identifier(&func.name) {
            let name = comment(&func.name);
            let _ = writeln!(text, "/* `{name}` has no name in C */");
            continue;
        }
        if func.kind == FuncKind::Machine {
            let record = machines.get(&id).ok_or_else(|| {
                CodegenError::malformed(&func.name, "it is a machine without a layout record")
            })?;
            coroutine(&mut text, func, record);
        } else {
            prototype(&mut text, module, func);
        }
    }
    let _ = writeln!(text, "\n#ifdef __cplusplus\n}}\n#endif\n#endif");
    Ok(text)
}

fn coroutine(text: &mut String, func: &Function, record: &LayoutRecord) {
    let name = &func.name;
    let _ = writeln!(
        text,
        "/* Coroutine {name}: frame of {} bytes, align {}, {} states.",
        record.size,
        record.align,
        record.states.len()
    );
    let _ = writeln!(
        text,
        " * Start: zero the frame's first 8 bytes and its tag, store the parameters, resume. */"
    );
    let _ = writeln!(text, "extern const vt_machine {name}_machine;");
    let _ = writeln!(text, "extern vt_status {name}_resume(vt_ctx *ctx, void *frame);");
    let upper = name.to_uppercase();
    for (what, n) in [
        ("SIZE", record.size),
        ("ALIGN", record.align),
        ("TAG_OFFSET", record.tag_offset),
        ("TAG_BYTES", record.tag_bytes),
        ("RESULT_OFFSET", record.result_offset),
        ("RESULT_BYTES", record.result_bytes),
    ] {
        let _ = writeln!(text, "#define {upper}_{what} {n}u");
    }
    for slot in record.slots.iter().filter(|s| s.role == SlotRole::Param) {
        if is_identifier(&slot.name) {
            let param = slot.name.to_uppercase();
            let ty = comment(&slot.ty);
            let _ = writeln!(
                text,
                "#define {upper}_PARAM_{param}_OFFSET {}u /* {ty}, {} bytes */",
                slot.offset, slot.size
            );
        }
    }
}

fn prototype(text: &mut String, module: &Module, func: &Function) {
    let (result, area) = match (func.sig.faults, &func.sig.results[..]) {
        (false, []) => ("void", false),
        (false, [Ty::Value(t)]) => (c_type(*t), false),
        (false, _) => ("void", true),
        (true, _) => ("vt_status", true),
    };
    let mut params = vec!["vt_ctx *ctx".to_owned()];
    if area {
        params.push("void *results".to_owned());
        let offsets = module.sequence(func.sig.results.iter().copied());
        let offsets = offsets.map(|s| s.offsets).unwrap_or_default();
        for (ty, offset) in func.sig.results.iter().zip(offsets) {
            let _ = writeln!(text, "/* result at {offset}: {ty} */");
        }
    }
    for (i, param) in func.sig.params.iter().enumerate() {
        let ty = param.ty.as_value().map_or("void *", c_type);
        let name = if is_identifier(&param.name) { param.name.clone() } else { format!("arg{i}") };
        let space = if ty.ends_with('*') { "" } else { " " };
        params.push(format!("{ty}{space}{name}"));
    }
    let _ = writeln!(text, "extern {result} {}({});", func.name, params.join(", "));
}

fn c_type(ty: Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::I8 => "uint8_t",
        Type::I16 => "uint16_t",
        Type::I32 => "int32_t",
        Type::I64 => "int64_t",
        Type::I128 => "__int128",
        Type::F32 => "float",
        Type::F64 => "double",
        Type::Ptr | Type::Ref(_) => "void *",
    }
}

/// Text that may stand in a comment.
fn comment(text: &str) -> String {
    text.replace("*/", "* /").replace(['\n', '\0'], " ")
}

/// Whether C can spell it and does not mean something else by it.
fn is_identifier(name: &str) -> bool {
    const KEYWORDS: [&str; 45] = [
        "auto",
        "bool",
        "break",
        "case",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
        "double",
        "else",
        "enum",
        "extern",
        "float",
        "for",
        "goto",
        "if",
        "inline",
        "int",
        "long",
        "namespace",
        "new",
        "operator",
        "private",
        "public",
        "register",
        "restrict",
        "return",
        "short",
        "signed",
        "sizeof",
        "static",
        "struct",
        "switch",
        "template",
        "this",
        "typedef",
        "union",
        "unsigned",
        "void",
        "volatile",
        "while",
        "ctx",
    ];
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_')
        && bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_')
        && !KEYWORDS.contains(&name)
}
