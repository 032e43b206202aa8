//! A random module in its two forms: as written and as machines.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| vitte_lowering::fuzzing::differential::check(data));
