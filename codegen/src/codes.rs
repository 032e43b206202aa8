//! What code generation refuses, for `vitte explain`.

use vitte_lowering::ir::codes::IrCode;

macro_rules! codes {
    ($($code:literal $meaning:literal $example:expr,)*) => {
        /// All codes of [`CodegenError`](crate::CodegenError), in order. Examples are modules in text
        /// form that are compiled as they are; two codes have none, because no input alone gives them.
        pub const CODES: &[IrCode] =
            &[$(IrCode { code: $code, meaning: $meaning, example: $example }),*];
    };
}

codes! {
    "CG0001" "The import table has no address for a symbol that the module uses: register it, or link the library that defines it."
        include_str!("codes/CG0001.vir"),
    "CG0002" "The target is not supported; x86_64, aarch64 and riscv64 with 64-bit pointers are."
        include_str!("codes/CG0002.rs"),
    "CG0003" "Something that the coroutine transform removes is still there: lower the module first."
        include_str!("codes/CG0003.vir"),
    "CG0004" "The module contradicts itself: verify it before it is compiled, which lists all violations."
        include_str!("codes/CG0004.vir"),
    "CG0005" "A limit of the code generator or of the target is exceeded: split the function, or hold large data behind a reference."
        include_str!("codes/CG0005.vir"),
    "CG0006" "Valid, but not supported by this backend; the message names the way out."
        include_str!("codes/CG0006.vir"),
    "CG0007" "Two things of the module claim one symbol: rename one of them, or do not export it."
        include_str!("codes/CG0007.vir"),
    "CG0008" "Memory for code or data could not be had."
        "",
    "CG0009" "The code generator refused what the translator made: a bug of ours, please report it with the IR."
        "",
    "CG0010" "A file that was asked for could not be written."
        include_str!("codes/CG0010.rs"),
}
