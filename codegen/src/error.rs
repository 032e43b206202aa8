//! What can go wrong between a lowered module and machine code.

use std::fmt;

/// Why a module could not be compiled.
///
/// Each kind has a stable code. None of them is raised for a module that the verifier accepts, the
/// transform lowered and the import table covers, but for limits of the target and of memory.
#[derive(Debug)]
#[non_exhaustive]
pub enum CodegenError {
    /// `CG0001`: the import table has no address for a symbol that the module uses.
    MissingImport {
        /// Symbol.
        name: String,
    },
    /// `CG0002`: the target is not supported.
    Target {
        /// Target triple, or `host`.
        triple: String,
        /// Why.
        reason: String,
    },
    /// `CG0003`: something that the lowering removes is still there.
    NotLowered {
        /// Function.
        func: String,
        /// What was found.
        what: String,
    },
    /// `CG0004`: the module contradicts itself; the verifier says more.
    Malformed {
        /// Function or data object.
        item: String,
        /// What was found.
        what: String,
    },
    /// `CG0005`: a limit of the code generator or of the target.
    Limit {
        /// Function or data object.
        item: String,
        /// Which limit.
        what: String,
    },
    /// `CG0006`: valid, but not supported by this backend.
    Unsupported {
        /// Function.
        func: String,
        /// What is not supported, and the way out.
        what: String,
    },
    /// `CG0007`: two things of the module claim one symbol.
    Symbol {
        /// Symbol.
        name: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// `CG0008`: memory for code or data could not be had.
    Memory {
        /// What the system said.
        reason: String,
    },
    /// `CG0009`: the code generator refused what the translator made: a bug of ours.
    Internal {
        /// Function or data object.
        item: String,
        /// What Cranelift said.
        reason: String,
    },
    /// `CG0010`: a file that was asked for could not be written.
    Io {
        /// Path.
        path: String,
        /// What the system said.
        reason: String,
    },
}

impl CodegenError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MissingImport { .. } => "CG0001",
            Self::Target { .. } => "CG0002",
            Self::NotLowered { .. } => "CG0003",
            Self::Malformed { .. } => "CG0004",
            Self::Limit { .. } => "CG0005",
            Self::Unsupported { .. } => "CG0006",
            Self::Symbol { .. } => "CG0007",
            Self::Memory { .. } => "CG0008",
            Self::Internal { .. } => "CG0009",
            Self::Io { .. } => "CG0010",
        }
    }

    pub(crate) fn malformed(item: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Malformed { item: item.into(), what: what.into() }
    }

    /// Sorts an error of Cranelift into ours; `item` is what was being defined.
    pub(crate) fn from_module(item: &str, error: cranelift_module::ModuleError) -> Self {
        use cranelift_codegen::CodegenError as Clif;
        use cranelift_module::ModuleError as E;
        let item = item.to_owned();
        match error {
            E::IncompatibleDeclaration(name) => {
                Self::Symbol { name, reason: "it is declared as function and as data".into() }
            }
            E::IncompatibleSignature(name, ..) => {
                Self::Symbol { name, reason: "it is declared with two signatures".into() }
            }
            E::DuplicateDefinition(name) => {
                Self::Symbol { name, reason: "it is defined twice".into() }
            }
            E::InvalidImportDefinition(name) => {
                Self::Symbol { name, reason: "it is both imported and defined".into() }
            }
            E::Allocation { err, .. } => Self::Memory { reason: err.to_string() },
            E::Compilation(Clif::ImplLimitExceeded) => Self::Limit {
                item,
                what: "too many instructions, values or bytes of stack; split the function".into(),
            },
            E::Compilation(Clif::CodeTooLarge) => {
                Self::Limit { item, what: "its code is too large; split the function".into() }
            }
            E::Compilation(Clif::Unsupported(what)) => Self::Unsupported { func: item, what },
            // Alternate form: the verifier's complaints are in the sources.
            E::Compilation(Clif::Verifier(e)) => Self::Internal { item, reason: e.to_string() },
            e => Self::Internal { item, reason: e.to_string() },
        }
    }
}

impl fmt::Display for CodegenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::MissingImport { name } => write!(
                f,
                "the import table has no `{name}`; register it with `ImportTable::register` or link \
                 the library that defines it"
            ),
            Self::Target { triple, reason } => write!(
                f,
                "target `{triple}` is not supported: {reason}; supported are x86_64, aarch64 and \
                 riscv64 with 64-bit pointers"
            ),
            Self::NotLowered { func, what } => write!(
                f,
                "function `{func}` still contains {what}; run the coroutine transform first"
            ),
            Self::Malformed { item, what } => {
                write!(f, "`{item}` is malformed: {what}; the verifier lists all violations")
            }
            Self::Limit { item, what } => write!(f, "`{item}` exceeds a limit: {what}"),
            Self::Unsupported { func, what } => write!(f, "in `{func}`: {what}"),
            Self::Symbol { name, reason } => {
                write!(f, "symbol `{name}` cannot be used: {reason}; rename one of its owners")
            }
            Self::Memory { reason } => write!(f, "no memory for code: {reason}"),
            Self::Internal { item, reason } => write!(
                f,
                "internal error while compiling `{item}`: {reason}; please report it with the IR"
            ),
            Self::Io { path, reason } => write!(f, "cannot write `{path}`: {reason}"),
        }
    }
}

impl std::error::Error for CodegenError {}
