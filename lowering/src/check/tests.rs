//! The checker accepts what the transform makes, and rejects it once it is damaged.

use super::check;
use crate::coroutine::{Lowered, lower};
use crate::ir::{InstKind, parse_module};

const PROGRAM: &str = r#"
module "demo"
op0 = op "wait" symbol "wait"(i64) -> i64 size 16 align 8 result 0

async fn0 "two"("a": i64, "b": i32) -> i64 {
  sp0 "first"
  sp1 "second"
block0(v0: i64, v1: i32):
  v2: i64 = sext v1
  v3: i64 = mul v0, v2
  await sp0 op0(v0) -> ok block1(r0), unwind block3(cause)
block1(v4: i64):
  v5: i64 = add v4, v3
  await sp1 op0(v5) -> ok block2(r0), unwind block3(cause)
block2(v6: i64):
  v7: i64 = add v6, v3
  v8: i64 = add v7, v4
  return v8
block3(v9: i32):
  unwind v9
}
"#;

fn lowered() -> Lowered {
    let module = parse_module(PROGRAM).expect("a module");
    lower(&module).expect("it can be lowered")
}

#[test]
fn what_the_transform_makes_is_accepted() {
    assert_eq!(check(&lowered()), Ok(()));
}

/// Moves every store to a frame offset where a value is saved by eight bytes, in turn: each such
/// damage must be found.
#[test]
fn a_store_to_the_wrong_place_is_found() {
    let good = lowered();
    let (&func, record) = good.machines.iter().next().expect("one machine");
    let saved: Vec<i32> = record
        .slots
        .iter()
        .filter(|s| s.role == vitte_abi::SlotRole::Saved)
        .map(|s| s.offset as i32)
        .collect();
    assert!(!saved.is_empty(), "the program saves something");
    let mut damaged = 0;
    for inst in good.module.funcs[func].insts.keys() {
        let mut bad = good.clone();
        let InstKind::Store { offset, .. } = &mut bad.module.funcs[func].insts[inst].kind else {
            continue;
        };
        if !saved.contains(offset) {
            continue;
        }
        *offset += 128;
        damaged += 1;
        assert!(check(&bad).is_err(), "moving {inst} goes unnoticed");
    }
    assert!(damaged > 0, "no store was damaged");
}
