//! Arbitrary bytes through the lexer and parser.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vitte_lowering::fuzzing::syntax::check(data));
