//! The C signature of a function of the IR.

use cranelift_codegen::ir::{AbiParam, Signature, Type as ClifType, types};
use cranelift_codegen::isa::CallConv;
use target_lexicon::{Architecture, Triple};
use vitte_lowering::ir::{self, Module, Sequence, Ty, Type};

/// The Cranelift type of a value.
pub(crate) fn clif_type(ty: Type) -> ClifType {
    match ty {
        Type::Bool | Type::I8 => types::I8,
        Type::I16 => types::I16,
        Type::I32 => types::I32,
        Type::I64 | Type::Ptr | Type::Ref(_) => types::I64,
        Type::I128 => types::I128,
        Type::F32 => types::F32,
        Type::F64 => types::F64,
    }
}

/// How results come back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Results {
    /// `(ctx, args…) -> result`
    Direct(Option<Type>),
    /// `(ctx, results*, args…)`, with a status if `status`.
    Area { layout: Sequence, status: bool },
}

/// A signature and how to use it.
#[derive(Clone, Debug)]
pub(crate) struct CSignature {
    pub(crate) clif: Signature,
    pub(crate) results: Results,
}

/// Calling convention and extension rules of a target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CAbi {
    call_conv: CallConv,
    sign_extend_i32: bool,
}

impl CAbi {
    pub(crate) fn new(triple: &Triple, call_conv: CallConv) -> Self {
        let sign_extend_i32 = matches!(triple.architecture, Architecture::Riscv64(_));
        Self { call_conv, sign_extend_i32 }
    }

    /// Parameter or result of a C function.
    pub(crate) fn param(self, ty: ClifType) -> AbiParam {
        match ty {
            types::I8 | types::I16 => AbiParam::new(ty).uext(),
            types::I32 if self.sign_extend_i32 => AbiParam::new(ty).sext(),
            _ => AbiParam::new(ty),
        }
    }

    /// A C function of these types.
    pub(crate) fn signature(
        self,
        params: impl IntoIterator<Item = ClifType>,
        result: Option<ClifType>,
    ) -> Signature {
        let mut sig = Signature::new(self.call_conv);
        sig.params = params.into_iter().map(|t| self.param(t)).collect();
        sig.returns = result.into_iter().map(|t| self.param(t)).collect();
        sig
    }

    /// `(ctx, frame) -> status`
    pub(crate) fn resume(self) -> Signature {
        self.signature([types::I64, types::I64], Some(types::I32))
    }

    /// The C signature of a synchronous function or import; `None` if the results are too large.
    pub(crate) fn sync(self, module: &Module, sig: &ir::Signature) -> Option<CSignature> {
        let results = match (sig.faults, &sig.results[..]) {
            (false, []) => Results::Direct(None),
            (false, [Ty::Value(t)]) => Results::Direct(Some(*t)),
            _ => Results::Area {
                layout: module.sequence(sig.results.iter().copied())?,
                status: sig.faults,
            },
        };
        let mut params = vec![types::I64];
        let result = match &results {
            Results::Direct(t) => t.map(clif_type),
            Results::Area { status, .. } => {
                params.push(types::I64);
                status.then_some(types::I32)
            }
        };
        params.extend(sig.params.iter().map(|p| arg_type(p.ty)));
        Some(CSignature { clif: self.signature(params, result), results })
    }
}

/// The Cranelift type in which a parameter travels: slots come by pointer.
pub(crate) fn arg_type(ty: Ty) -> ClifType {
    ty.as_value().map_or(types::I64, clif_type)
}
