//! Every case as machine code, in every scenario, beside the interpreter.

use vitte_codegen::CodegenError;
use vitte_tests::cases::{Case, Runner, Source, load_all};
use vitte_tests::jit::{Program, difference};

#[test]
fn machine_code_behaves_as_the_source() {
    check(|case| Program::new(&case.module, &case.lowered));
}

#[test]
fn machine_code_on_demand_behaves_as_the_source() {
    check(|case| Program::on_demand(&case.module, &case.lowered));
}

fn check(compile: impl for<'c> Fn(&'c Case) -> Result<Program<'c>, CodegenError>) {
    let mut failures = Vec::new();
    for case in load_all() {
        let program = compile(&case);
        let program = program.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        for (variant, args) in case.variants.iter().enumerate() {
            let mut all = case.scenarios(&Source, variant);
            all.extend(case.further().into_iter().map(|(n, s)| (format!("{variant} {n}"), s)));
            for (scenario, script) in all {
                let source = Source.run(&case, args, &script);
                let jit = program.run(case.root, args, &script);
                let at = format!("{} {scenario}", case.name);
                let mut complain = |what: String| {
                    failures.push(format!("{at}: {what}\n{}", jit.trace));
                };
                if let Some(v) = jit.violations.first() {
                    complain(v.to_string());
                } else if let Some(d) = difference(&source.trace, &jit.trace) {
                    complain(d);
                } else if (source.status, source.ticks, source.fault)
                    != (jit.status, jit.ticks, jit.fault)
                {
                    complain("another end".into());
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}
