//! The verifier: what text cannot express, and that nothing malformed makes it panic or hang.
//! The rules one by one are in `filetests/verify`.

use std::fmt::Write;
use vitte_lowering::ir::*;

fn codes_of(module: &Module) -> Vec<&'static str> {
    verify(module).err().unwrap_or_default().iter().map(|v| v.code).collect()
}

/// A function with one instruction that defines `v0`.
fn one_inst() -> (Module, Block, Inst) {
    let mut module = Module::new("m");
    let mut f = Function::new("f", FuncKind::Sync, Signature::default());
    let entry = f.entry;
    let inst = f.add_inst(entry, InstKind::StackOk, &[Type::Bool], Span::NONE);
    f.set_term(entry, Terminator::Return(vec![]), Span::NONE);
    module.funcs.push(f);
    (module, entry, inst)
}

#[test]
fn instruction_in_two_places_is_refused() {
    let (mut module, entry, inst) = one_inst();
    assert_eq!(codes_of(&module), Vec::<&str>::new());
    module.funcs[Func::from_u32(0)].blocks[entry].insts.push(inst);
    assert_eq!(codes_of(&module), ["IR0122", "IR0121"]);
}

#[test]
fn value_with_a_wrong_record_is_refused() {
    let (mut module, entry, _) = one_inst();
    let func = &mut module.funcs[Func::from_u32(0)];
    func.values[Value::from_u32(0)].def = ValueDef::Param(entry, 0);
    assert_eq!(codes_of(&module), ["IR0122"]);
}

#[test]
fn entities_out_of_bounds_are_refused_wherever_they_stand() {
    let (mut module, entry, _) = one_inst();
    let func = &mut module.funcs[Func::from_u32(0)];
    func.blocks[entry].insts.push(Inst::from_u32(77));
    func.blocks[entry].params.push(Value::from_u32(78));
    func.entry = Block::from_u32(79);
    assert_eq!(codes_of(&module), ["IR0100", "IR0100", "IR0100"]);
    assert!(module.to_string().contains("<inst77>"), "malformed modules print");
}

#[test]
fn verify_function_of_nothing_is_a_violation() {
    let violations = verify_function(&Module::new("m"), Func::from_u32(3)).unwrap_err();
    assert_eq!(violations[0].to_string(), "IR0100: fn3 fn3: does not exist");
}

/// Replaces each number of the text by others, one at a time.
#[test]
fn changed_numbers_are_an_answer() {
    let text = include_str!("data/everything.vir");
    let starts: Vec<usize> = text
        .char_indices()
        .filter(|(i, c)| c.is_ascii_digit() && !text[..*i].ends_with(|c: char| c.is_ascii_digit()))
        .map(|(i, _)| i)
        .collect();
    let mut parsed = 0;
    for start in starts {
        let len = text[start..].chars().take_while(char::is_ascii_digit).count();
        for other in ["1", "4294967295"] {
            let changed = format!("{}{other}{}", &text[..start], &text[start + len..]);
            if let Ok(module) = parse_module(&changed) {
                parsed += 1;
                let _ = verify(&module);
                assert_eq!(parse_module(&module.to_string()).as_ref(), Ok(&module));
            }
        }
    }
    assert!(parsed > 300, "{parsed} texts parsed");
}

/// Quadratic work would take minutes.
#[test]
fn ten_thousand_awaits_with_a_shared_cleanup_verify() {
    let n = 10_000;
    let mut text = String::from(
        "module \"m\"\nclass0 = class \"c\" retain imp0 release imp1\n\
         imp0 = import \"retain\"(ref(class0))\nimp1 = import \"release\"(ref(class0))\n\
         op0 = op \"make\" symbol \"make\"() -> ref(class0) size 8 align 8 result 0\n\
         async fn0 \"f\"() {\n  slot0: ref(class0)\n",
    );
    for i in 0..n {
        writeln!(text, "  sp{i}").unwrap();
    }
    text += "block0:\n  v0: bool = const false\n  v1: bool = const true\n  jump block3(v0)\n\
             block1(v2: i32, v3: bool):\n  br v3, block2, block4\n\
             block2:\n  drop slot0\n  jump block4\nblock4_";
    // The blocks must be in order: cleanup is 1, 2 and 3; awaits start at 4.
    let text = text
        .replace("jump block3(v0)", "jump block4")
        .replace("br v3, block2, block4", "br v3, block2, block3");
    let mut text = text.replace("jump block4\nblock4_", "jump block3\nblock3:\n  unwind v2\n");
    for i in 0..n {
        let (at, value, flag) = (4 + 2 * i, 4 + i, u32::from(i > 0));
        writeln!(text, "block{at}:").unwrap();
        writeln!(
            text,
            "  await sp{i} op0() -> ok block{}(r0), unwind block1(cause, v{flag})",
            at + 1
        )
        .unwrap();
        writeln!(text, "block{}(v{value}: ref(class0)):", at + 1).unwrap();
        if i > 0 {
            writeln!(text, "  drop slot0").unwrap();
        }
        writeln!(text, "  slot_store slot0, v{value}\n  jump block{}", at + 2).unwrap();
    }
    writeln!(text, "block{}:\n  drop slot0\n  return\n}}", 4 + 2 * n).unwrap();
    let module = parse_module(&text).unwrap_or_else(|e| panic!("{}", e[0]));
    verify(&module).unwrap_or_else(|e| panic!("{}", e[0]));
}

/// `n` owned locals made by awaits, and one cleanup chain in which each await finds its place.
fn owned_locals(n: usize) -> Module {
    let mut text = String::from(
        "module \"m\"\nclass0 = class \"c\" retain imp0 release imp1\n\
         imp0 = import \"retain\"(ref(class0))\nimp1 = import \"release\"(ref(class0))\n\
         op0 = op \"make\" symbol \"make\"() -> ref(class0) size 8 align 8 result 0\n\
         async fn0 \"f\"() {\n",
    );
    for i in 0..n {
        writeln!(text, "  slot{i}: ref(class0)").unwrap();
    }
    for i in 0..n {
        writeln!(text, "  sp{i}").unwrap();
    }
    // Awaits are blocks 0 to 2n, the end is block 2n, the chain follows: block 2n + 1 + i drops
    // slot i - 1 and goes on to the one before.
    let link = |i: usize| 2 * n + 1 + i;
    for i in 0..n {
        let (at, next) = (2 * i, 2 * i + 1);
        writeln!(
            text,
            "block{at}:\n  await sp{i} op0() -> ok block{next}(r0), unwind block{}(cause)\n\
             block{next}(v{i}: ref(class0)):\n  slot_store slot{i}, v{i}\n  jump block{}",
            link(i),
            at + 2
        )
        .unwrap();
    }
    writeln!(text, "block{}:", 2 * n).unwrap();
    for i in (0..n).rev() {
        writeln!(text, "  drop slot{i}").unwrap();
    }
    writeln!(text, "  return").unwrap();
    for i in 0..=n {
        writeln!(text, "block{}(v{}: i32):", link(i), n + i).unwrap();
        match i {
            0 => writeln!(text, "  unwind v{n}").unwrap(),
            _ => writeln!(text, "  drop slot{}\n  jump block{}(v{})", i - 1, link(i - 1), n + i)
                .unwrap(),
        }
    }
    text += "}\n";
    parse_module(&text).unwrap_or_else(|e| panic!("{}", e[0]))
}

/// A map per block of everything that is owned there would be 600,000,000 entries.
#[test]
fn twenty_thousand_owned_locals_end() {
    let mut module = owned_locals(20_000);
    verify(&module).unwrap_or_else(|e| panic!("{}", e[0]));
    // And the verifier has looked: without one drop in the chain there is one leak.
    let func = &mut module.funcs[Func::from_u32(0)];
    let link = Block::from_u32(2 * 20_000 + 1 + 10_000);
    func.blocks[link].insts.clear();
    let found = verify(&module).unwrap_err();
    assert_eq!(found.len(), 1, "{:?}", &found[..2]);
    assert_eq!(found[0].code, "IR0162");
    assert!(found[0].message.contains("slot9999 is left at the end"), "{}", found[0]);
}
