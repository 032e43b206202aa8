//! Arbitrary text into the IR parser, and what it accepts into the verifier and the transform.

use crate::coroutine::lower;
use crate::ir::{parse_module, verify};
use std::fmt::Display;

/// Largest input that is lowered: the transform is near-linear, but not free.
const MAX_LOWERED: usize = 64 << 10;

/// Parses `bytes` as IR in text form and tests what must hold for any text:
///
/// - it is a module or a list of errors, and the same one each time;
/// - printing a module and parsing that gives the module;
/// - a module that the verifier accepts is lowered, or refused with errors, and the checker accepts
///   the machines.
///
/// # Panics
///
/// If one of these does not hold.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let parsed = parse_module(&text);
    assert_eq!(parse_module(&text), parsed, "two runs differ");
    let module = match parsed {
        Ok(module) => module,
        Err(errors) => return assert!(!errors.is_empty(), "refused without an error"),
    };
    let printed = module.to_string();
    assert_eq!(parse_module(&printed).as_ref(), Ok(&module), "printed:\n{printed}");
    if let Err(violations) = verify(&module) {
        return assert!(!violations.is_empty() && !list(&violations).is_empty());
    }
    if text.len() > MAX_LOWERED {
        return;
    }
    match lower(&module) {
        Ok(lowered) => {
            if let Err(errors) = crate::check::check(&lowered) {
                panic!("the checker rejects the machines:\n{}\n\n{module}", list(&errors));
            }
        }
        Err(errors) => assert!(!errors.is_empty(), "not lowered without an error"),
    }
}

fn list<E: Display>(errors: &[E]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::mutate::mutate_lines;
    use super::*;

    const MODULES: [&str; 3] = [
        include_str!("../../tests/data/everything.vir"),
        include_str!("../../../tests/cases/case12_defer.vir"),
        include_str!("../../../tests/cases/case23_mixed.vir"),
    ];

    #[test]
    fn mutated_modules_do_no_harm() {
        for seed in 0..600 {
            check(&mutate_lines(seed, &MODULES));
        }
    }
}
