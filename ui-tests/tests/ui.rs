//! Programs that must compile and run, and programs that must not compile: `.stderr` beside each
//! is what rustc says. `TRYBUILD=overwrite` writes them anew.

#[test]
fn what_is_refused_is_told_once_and_what_is_valid_passes() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/pass/*.rs");
    cases.compile_fail("tests/fail/*.rs");
}
