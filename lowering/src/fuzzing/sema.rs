//! Arbitrary bytes into the checker, and what it accepts through every stage up to the machines.

use crate::diagnostics::{Color, Diagnostics, SourceMap, render_all};
use crate::{build, coroutine, ir, sema, syntax};

/// Parses and checks `bytes` and tests what must hold for any text:
///
/// - nothing panics, and diagnostics can be rendered;
/// - there is a program exactly if there is no error, and it can be printed;
/// - the same text gives the same diagnostics and the same program;
/// - what is accepted is built, or refused with diagnostics, and the IR is well-formed;
/// - the IR is lowered, or refused with errors, and the checker accepts the machines.
///
/// # Panics
///
/// If one of these does not hold.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let run = || {
        let mut sources = SourceMap::new();
        let source = sources.add("fuzz.vit", text.as_ref());
        let mut diags = Diagnostics::new();
        let file = syntax::parse(source, &text, &mut diags);
        let program = sema::check(&[(source, file)], &sources, &mut diags);
        assert_eq!(program.is_none(), diags.has_errors(), "a program, or else an error");
        if let Some(program) = &program
            && let Ok(module) =
                build::build(program, &sources, &build::host_table::OpSizes::default())
        {
            assert_eq!(ir::verify(&module), Ok(()), "{text}");
            if let Ok(lowered) = coroutine::lower(&module) {
                assert_eq!(crate::check::check(&lowered), Ok(()), "{text}");
            }
        }
        (program.map(|program| sema::print(&program)), render_all(&diags, &sources, Color::Plain))
    };
    let first = run();
    assert!(first == run(), "two runs differ");
}

#[cfg(test)]
mod tests {
    use super::super::mutate::mutate;
    use super::*;

    const PROGRAMS: [&str; 4] = [
        include_str!("../../../examples/cancel.vit"),
        include_str!("../../../examples/echo.vit"),
        include_str!("../../../examples/pipeline.vit"),
        include_str!("../../../examples/select.vit"),
    ];

    #[test]
    fn mutated_programs_do_no_harm() {
        for seed in 0..400 {
            check(&mutate(seed, &PROGRAMS));
        }
    }
}
