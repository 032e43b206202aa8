//! Stable codes of everything that can be wrong with IR, for `vitte explain`.
//!
//! `IR000x` the text, `IR002x` misuse of a builder, `IR01xx` violations found by the verifier. Each
//! has an example in the folder beside this file, which a test shows to give that code and no other:
//! a module in text form, or calls where the text form cannot say it. The stages behind the IR keep
//! tables of the same form ([`crate::coroutine::CODES`]).

use std::fmt;

/// A code with its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IrCode {
    /// Such as `IR0104`.
    pub code: &'static str,
    /// What it means and what to do, in one or two sentences.
    pub meaning: &'static str,
    /// What gives this code: a module in text form, or Rust calls. Empty if no input
    /// of a sensible size gives it.
    pub example: &'static str,
}

impl fmt::Display for IrCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.code, self.meaning)?;
        if !self.example.is_empty() {
            writeln!(f, "\nWrong:\n")?;
        }
        self.example
            .lines()
            .try_for_each(|line| writeln!(f, "{}", format!("    {line}").trim_end()))
    }
}

/// Finds the entry of a code.
///
/// # Examples
///
/// ```
/// let code = vitte_lowering::ir::codes::lookup("IR0162").unwrap();
/// assert!(code.meaning.contains("owned"));
/// assert!(vitte_lowering::ir::parse_module(code.example).is_ok());
/// ```
pub fn lookup(code: &str) -> Option<&'static IrCode> {
    CODES.iter().find(|c| c.code == code)
}

macro_rules! codes {
    ($($code:literal $kind:literal $meaning:literal)*) => {
        /// All codes, in order.
        pub const CODES: &[IrCode] = &[$(IrCode {
            code: $code,
            meaning: $meaning,
            example: include_str!(concat!("codes/", $code, $kind)),
        }),*];
    };
}

codes! {
    // ---- The text ----
    "IR0001" ".vir" "A character that has no meaning in the text form outside of strings."
    "IR0002" ".vir" "A number that is malformed or too large for its place."
    "IR0003" ".vir" "A string or byte literal that is not closed, or holds a wrong escape or digit."
    "IR0004" ".vir" "Something else was expected here; the help lists what may stand in this place."
    "IR0005" ".vir" "A definition with the wrong number: each kind is numbered from 0 without a gap."
    "IR0006" ".vir" "A value that is defined twice, or a gap in the numbers of the values."
    "IR0007" ".vir" "A word that is no instruction; lowering/docs/ir.md lists them all."
    "IR0008" ".vir" "A block without a terminator, or something after it."
    "IR0009" ".vir" "Too many errors: the rest of the text was not read."
    // ---- Builders ----
    "IR0020" ".rs" "The builder was asked to add something while no block is being filled: switch to a block first."
    "IR0021" ".rs" "The builder was asked to fill a block that has its terminator already."
    "IR0022" ".rs" "An edge was added to a block that is sealed: seal a block when all its edges exist."
    "IR0023" ".rs" "A variable is used before it is defined on some path: define it in the entry block."
    "IR0024" ".rs" "A block that a path reaches has no terminator."
    "IR0025" ".rs" "An entity that does not exist was named."
    "IR0026" ".rs" "A variable was assigned a value of another type."
    "IR0027" ".rs" "A function without a body or with two, or an import with two signatures."
    // ---- Module ----
    "IR0100" ".vir" "An entity is named that does not exist."
    "IR0101" ".vir" "Two things of a kind have one name; functions, imports, operations and data are found by name."
    "IR0102" ".vir" "A structure is laid out wrongly: the alignment is a power of two and divides the size, fields lie inside, share bytes only under a tag, hold only structures before it and no futures."
    "IR0103" ".vir" "A size or offset beyond 2^31 - 1 bytes, or an alignment that is no power of two up to 65536."
    "IR0104" ".vir" "A tag names a field that is no integer or bool, or a value twice."
    "IR0105" ".vir" "The retain and release of a class take one reference of that class (or a ptr), answer nothing and cannot fault."
    "IR0106" ".vir" "The import of a drop action takes one pointer, answers nothing and cannot fault."
    "IR0107" ".vir" "Static data whose addresses lie outside of it, overlap, or point to the wrong kind of function."
    "IR0108" ".vir" "The results of a host operation do not fit into its storage."
    "IR0109" ".vir" "A signature that the kind of the function does not allow: machines are (ptr, ptr) -> i32, futures are of async functions."
    "IR0110" ".vir" "The entry block's parameters and the parameter slots must be those of the signature."
    // ---- Structure of a function ----
    "IR0120" ".vir" "A block has no terminator."
    "IR0121" ".rs" "An instruction stands in two places."
    "IR0122" ".rs" "A value is defined twice, or its definition is not where its record says."
    "IR0123" ".vir" "A value is used where its definition has not been executed on every path."
    "IR0124" ".vir" "An edge passes more or fewer arguments than its target has parameters."
    "IR0125" ".vir" "An edge passes an argument of the wrong type."
    "IR0126" ".vir" "A result or the cause is passed on an edge that has none: results belong to ok edges, the cause to unwind edges."
    // ---- Instructions ----
    "IR0130" ".vir" "An operand has the wrong type."
    "IR0131" ".vir" "An instruction has the wrong number of results, or a result of the wrong type."
    "IR0132" ".vir" "A constant does not fit its type."
    "IR0133" ".vir" "An access reaches beyond the end of its slot or data, or splits what must be accessed whole (references, futures)."
    "IR0134" ".vir" "Division and remainder are not defined on i128: call a library function."
    "IR0135" ".vir" "The arguments of a call are not those of the signature; values are passed, slots are moved."
    "IR0136" ".vir" "The destinations of a call are not its results that travel by slot, or one stands twice."
    "IR0137" ".vir" "This kind of function cannot be used here: sync functions are called, async ones awaited or made futures, generators asked for their next item; a plain call cannot fault."
    "IR0138" ".vir" "The values returned are not the function's results."
    "IR0139" ".vir" "A case stands twice in a switch."
    "IR0140" ".vir" "A slot is moved to itself, to a slot of another type, or twice at once."
    "IR0141" ".vir" "Only async functions and generators suspend, and only generators yield."
    "IR0142" ".vir" "Each suspend point is named by exactly one terminator."
    "IR0143" ".vir" "This instruction exists in machines only: the coroutine transform makes it."
    "IR0144" ".vir" "Next is the only awaitee with a done edge; joins and selects wait for calls, operations and futures only."
    "IR0145" ".vir" "A shield is raised by 1 or lowered by 1."
    "IR0146" ".vir" "A fault or unwind in a function whose signature says that it cannot fault."
    // ---- Ownership ----
    "IR0160" ".vir" "A slot is dropped, moved or given up where it is not owned, or only on some paths: guard it with a drop flag."
    "IR0161" ".vir" "A slot gets new contents while it still owns the old ones: drop or move them first."
    "IR0162" ".vir" "A slot is still owned where the function ends: drop or move it on this path."
    "IR0163" ".vir" "The storage of a slot ends (or begins anew) while it is owned."
    "IR0164" ".vir" "A pinned slot is moved after a suspend while its address is still used."
}
