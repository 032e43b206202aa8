//! Arbitrary text through every phase up to verified IR.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vitte_lowering::fuzzing::sema::check(data));
