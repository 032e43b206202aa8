//! Stable codes of everything that can be wrong with IR, for `vitte explain`.
//!
//! `IR000x` the text, `IR002x` misuse of a builder, `IR01xx` violations found by the verifier.

/// A code with its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IrCode {
    /// Such as `IR0104`.
    pub code: &'static str,
    /// What it means and what to do, in one or two sentences.
    pub meaning: &'static str,
}

/// Finds the entry of a code.
///
/// # Examples
///
/// ```
/// let code = vitte_lowering::ir::codes::lookup("IR0162").unwrap();
/// assert!(code.meaning.contains("owned"));
/// ```
pub fn lookup(code: &str) -> Option<&'static IrCode> {
    CODES.iter().find(|c| c.code == code)
}

macro_rules! codes {
    ($($code:literal $meaning:literal)*) => {
        /// All codes, in order.
        pub const CODES: &[IrCode] = &[$(IrCode { code: $code, meaning: $meaning }),*];
    };
}

codes! {
    // ---- The text ----
    "IR0001" "A character that has no meaning in the text form outside of strings."
    "IR0002" "A number that is malformed or too large for its place."
    "IR0003" "A string or byte literal that is not closed, or holds a wrong escape or digit."
    "IR0004" "Something else was expected here; the help lists what may stand in this place."
    "IR0005" "A definition with the wrong number: each kind is numbered from 0 without a gap."
    "IR0006" "A value that is defined twice, or a gap in the numbers of the values."
    "IR0007" "A word that is no instruction; lowering/docs/ir.md lists them all."
    "IR0008" "A block without a terminator, or something after it."
    "IR0009" "Too many errors: the rest of the text was not read."
    // ---- Builders ----
    "IR0020" "The builder was asked to add something while no block is being filled: switch to a block first."
    "IR0021" "The builder was asked to fill a block that has its terminator already."
    "IR0022" "An edge was added to a block that is sealed: seal a block when all its edges exist."
    "IR0023" "A variable is used before it is defined on some path: define it in the entry block."
    "IR0024" "A block that a path reaches has no terminator."
    "IR0025" "An entity that does not exist was named."
    "IR0026" "A variable was assigned a value of another type."
    "IR0027" "A function without a body or with two, or an import with two signatures."
    // ---- Module ----
    "IR0100" "An entity is named that does not exist."
    "IR0101" "Two things of a kind have one name; functions, imports, operations and data are found by name."
    "IR0102" "A structure is laid out wrongly: the alignment is a power of two and divides the size, fields lie inside, share bytes only under a tag, hold only structures before it and no futures."
    "IR0103" "A size or offset beyond 2^31 - 1 bytes, or an alignment that is no power of two up to 65536."
    "IR0104" "A tag names a field that is no integer or bool, or a value twice."
    "IR0105" "The retain and release of a class take one reference of that class (or a ptr), answer nothing and cannot fault."
    "IR0106" "The import of a drop action takes one pointer, answers nothing and cannot fault."
    "IR0107" "Static data whose addresses lie outside of it, overlap, or point to the wrong kind of function."
    "IR0108" "The results of a host operation do not fit into its storage."
    "IR0109" "A signature that the kind of the function does not allow: machines are (ptr, ptr) -> i32, futures are of async functions."
    "IR0110" "The entry block's parameters and the parameter slots must be those of the signature."
    // ---- Structure of a function ----
    "IR0120" "A block has no terminator."
    "IR0121" "An instruction stands in two places."
    "IR0122" "A value is defined twice, or its definition is not where its record says."
    "IR0123" "A value is used where its definition has not been executed on every path."
    "IR0124" "An edge passes more or fewer arguments than its target has parameters."
    "IR0125" "An edge passes an argument of the wrong type."
    "IR0126" "A result or the cause is passed on an edge that has none: results belong to ok edges, the cause to unwind edges."
    // ---- Instructions ----
    "IR0130" "An operand has the wrong type."
    "IR0131" "An instruction has the wrong number of results, or a result of the wrong type."
    "IR0132" "A constant does not fit its type."
    "IR0133" "An access reaches beyond the end of its slot or data, or splits what must be accessed whole (references, futures)."
    "IR0134" "Division and remainder are not defined on i128: call a library function."
    "IR0135" "The arguments of a call are not those of the signature; values are passed, slots are moved."
    "IR0136" "The destinations of a call are not its results that travel by slot, or one stands twice."
    "IR0137" "This kind of function cannot be used here: sync functions are called, async ones awaited or made futures, generators asked for their next item; a plain call cannot fault."
    "IR0138" "The values returned are not the function's results."
    "IR0139" "A case stands twice in a switch."
    "IR0140" "A slot is moved to itself, to a slot of another type, or twice at once."
    "IR0141" "Only async functions and generators suspend, and only generators yield."
    "IR0142" "Each suspend point is named by exactly one terminator."
    "IR0143" "This instruction exists in machines only: the coroutine transform makes it."
    "IR0144" "Next is the only awaitee with a done edge; joins and selects wait for calls, operations and futures only."
    "IR0145" "A shield is raised by 1 or lowered by 1."
    "IR0146" "A fault or unwind in a function whose signature says that it cannot fault."
    // ---- Ownership ----
    "IR0160" "A slot is dropped, moved or given up where it is not owned, or only on some paths: guard it with a drop flag."
    "IR0161" "A slot gets new contents while it still owns the old ones: drop or move them first."
    "IR0162" "A slot is still owned where the function ends: drop or move it on this path."
    "IR0163" "The storage of a slot ends (or begins anew) while it is owned."
    "IR0164" "A pinned slot is moved after a suspend while its address is still used."
}
