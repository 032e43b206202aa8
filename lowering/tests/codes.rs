//! What `vitte explain` shows for a code gives that code, and nothing else.

use vitte_lowering::coroutine;
use vitte_lowering::ir::*;

/// A builder of a module in which `f` is declared, without parameters and results.
fn start() -> (ModuleBuilder, Func) {
    let mut module = ModuleBuilder::new("example");
    let f = module.declare_func("f", FuncKind::Sync, Signature::default());
    (module, f)
}

fn built<T>(result: Result<T, BuildError>) -> Vec<&'static str> {
    result.err().into_iter().flat_map(|e| e.misuses).map(|m| m.code).collect()
}

fn verified(result: Result<(), Vec<Violation>>) -> Vec<&'static str> {
    result.err().into_iter().flatten().map(|v| v.code).collect()
}

/// The codes that the Rust example of a code gives.
fn called(code: &str) -> Vec<&'static str> {
    match code {
        "IR0020" => built(include!("../src/ir/codes/IR0020.rs")),
        "IR0021" => built(include!("../src/ir/codes/IR0021.rs")),
        "IR0022" => built(include!("../src/ir/codes/IR0022.rs")),
        "IR0023" => built(include!("../src/ir/codes/IR0023.rs")),
        "IR0024" => built(include!("../src/ir/codes/IR0024.rs")),
        "IR0025" => built(include!("../src/ir/codes/IR0025.rs")),
        "IR0026" => built(include!("../src/ir/codes/IR0026.rs")),
        "IR0027" => built(include!("../src/ir/codes/IR0027.rs")),
        "IR0121" => verified(include!("../src/ir/codes/IR0121.rs")),
        "IR0122" => verified(include!("../src/ir/codes/IR0122.rs")),
        _ => panic!("{code} has no example in Rust"),
    }
}

#[test]
fn every_example_of_the_ir_gives_its_code() {
    let mut wrong = Vec::new();
    for codes::IrCode { code, example, .. } in codes::CODES {
        // It takes a hundred mistakes; see `tests/ir_text.rs`.
        if *code == "IR0009" {
            continue;
        }
        let found = if example.starts_with('{') {
            called(code)
        } else {
            match parse_module(example) {
                Ok(module) => verified(verify(&module)),
                Err(errors) => errors.iter().map(|e| e.code).collect(),
            }
        };
        if !found.contains(code) || found.iter().any(|f| f != code) {
            wrong.push(format!("{code} gives {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn codes_are_sorted_and_shown_with_their_example() {
    assert!(codes::CODES.is_sorted_by_key(|c| c.code));
    let shown = codes::lookup("IR0138").unwrap().to_string();
    assert!(shown.starts_with("IR0138: The values returned"), "{shown}");
    assert!(shown.contains("\nWrong:\n\n    module \"example\"\n"), "{shown}");
    assert!(codes::lookup("IR0999").is_none());
}

#[test]
fn every_example_of_the_transform_gives_its_code() {
    for entry in coroutine::CODES {
        let module = parse_module(entry.example).unwrap();
        verify(&module).unwrap_or_else(|e| panic!("{}: {}", entry.code, e[0]));
        let errors = coroutine::lower(&module).err().unwrap_or_default();
        let found: Vec<_> = errors.iter().map(|e| e.code).collect();
        assert_eq!(found, [entry.code]);
    }
}
