//! Arbitrary text through the IR parser, the verifier and the transform.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vitte_lowering::fuzzing::text::check(data));
