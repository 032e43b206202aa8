//! Rust async functions over scalars, as IR.
//!
//! ```text
//!  syn ─► check (names, types) ─► tree ─► emit ─► ir::Module ─► text
//! ```
//!
//! In: signature and body of an `async fn` of the subset. Out: a verified module with the one async
//! function `task`, an operation per await, and the messages of its panics; or all [`Refusal`]s.
//!
//! The subset: integers, floats, `bool`, `char`, tuples and arrays of them (64 scalars at most, their
//! lengths numbers or constants of the body); locals, `let … else`, blocks, `if`, `match`, `while`,
//! conditions with `let`, `loop`, `for` over ranges, labels; constants of those types, which come in as
//! arguments, and constants that the body declares; `panic!`, `assert!`, `matches!`; awaits of calls. What is awaited runs in Rust: the operand becomes a closure
//! over the scalars in it, and any async function may be called.
//!
//! Overflow, division by zero and indices out of range panic with the words of rustc's debug builds,
//! always. A panic is a fault with the code [`FIRST_MESSAGE`] + the number of its message; `{}` in a
//! message stands for the payload.
//!
//! Types are inferred by rustc's rules for scalars. Only rustc knows the type of what is awaited, so
//! that must meet a type that is spelled.

mod arith;
mod awaits;
mod calls;
mod check;
mod constants;
mod control;
mod emit;
mod patterns;
mod places;
mod tree;
mod types;

use self::check::Check;
use self::emit::{Emit, Stop};
use self::types::{Prim, Ty};
use crate::ir::{
    FuncKind, FunctionBuilder, HostOpData, ModuleBuilder, Param, Signature as IrSignature,
    Ty as IrTy, verify,
};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{Block, FnArg, Pat, ReturnType, Signature};

/// Code of the fault with the first message.
pub const FIRST_MESSAGE: u32 = vitte_abi::fault_code::FIRST_FRONTEND;

/// Why a function cannot be a JIT task.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Where.
    pub span: Span,
    message: String,
    help: Option<String>,
    /// It is the signature that is refused as a whole.
    of_signature: bool,
}

impl Refusal {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Refusal { span, message: message.into(), help: None, of_signature: false }
    }

    fn of_signature(mut self) -> Self {
        self.of_signature = true;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The reason and the ways out as one text.
    pub fn text(&self) -> String {
        let mut text = self.message.clone();
        if let Some(help) = &self.help {
            text.push_str(&format!("\n  help: {help}"));
        }
        text.push_str("\n  help: leave `jit` off: `#[vitte::task]` takes any async function");
        text
    }
}

/// An await of the function.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// The operand, with `__argN` for what the task computes.
    native: TokenStream,
    /// Types of those.
    args: Vec<Ty>,
    /// Type of the value, if somebody wants it.
    result: Option<Ty>,
    awaitee: String,
    span: Span,
}

/// An await as the expansion needs it.
#[derive(Clone, Debug)]
pub struct JitSite {
    /// A closure from a tuple of the arguments to the future.
    pub closure: TokenStream,
    /// Type of the awaited value; `None` if it is dropped.
    pub result: Option<TokenStream>,
    /// The operand as the source has it.
    pub awaitee: String,
    /// Where it is.
    pub span: Span,
}

/// An async function as IR.
#[derive(Clone, Debug)]
pub struct JitTask {
    /// The module as text.
    pub ir: String,
    /// Messages of its panics.
    pub messages: Vec<String>,
    /// Its awaits: operation n of the module is number n.
    pub sites: Vec<JitSite>,
    /// Names of the arguments in the outer signature, and their types.
    pub params: Vec<(TokenStream, TokenStream)>,
    /// Paths of the constants that it names, and the types they are used as: further arguments.
    pub consts: Vec<(TokenStream, TokenStream)>,
    /// Type of the result.
    pub result: TokenStream,
}

/// Lowers an async function over scalars to IR.
///
/// # Errors
///
/// All that is outside of the subset.
///
/// # Examples
///
/// ```
/// let item: syn::ItemFn = syn::parse_quote! {
///     async fn sum(n: u64) -> u64 {
///         let mut total = 0;
///         for i in 0..n {
///             step(i).await;
///             total += i;
///         }
///         total
///     }
/// };
/// let task = vitte_lowering::rust::jit::task(&item.sig, &item.block).unwrap();
/// assert_eq!(task.sites[0].awaitee, "step(i)");
/// assert!(task.ir.contains("await sp0"));
/// ```
pub fn task(sig: &Signature, block: &Block) -> Result<JitTask, Vec<Refusal>> {
    let mut refused = vec![];
    if let Some(first) = sig.generics.params.first() {
        let text = "a JIT task has no generic parameters and no lifetimes";
        refused.push(Refusal::new(first.span(), text).help("write it for one type").of_signature());
    }
    let mut cx = Check::new();
    cx.generics = sig.generics.type_params().map(|param| param.ident.clone()).collect();
    let result = match &sig.output {
        ReturnType::Default => Ty::UNIT,
        ReturnType::Type(_, ty) => cx.ty(ty).unwrap_or_else(|refusal| {
            refused.push(refusal);
            Ty::Refused
        }),
    };
    if result == Ty::Never {
        refused.push(
            Refusal::new(sig.output.span(), "a JIT task that never returns")
                .help("give it a result type"),
        );
    }
    cx.result = result.clone();
    let mut params = vec![];
    for input in &sig.inputs {
        let FnArg::Typed(arg) = input else {
            refused.push(
                Refusal::new(input.span(), "a method cannot be a JIT task")
                    .help("take the scalars out of `self` and pass them")
                    .of_signature(),
            );
            continue;
        };
        let ty = cx.ty(&arg.ty).unwrap_or_else(|refusal| {
            refused.push(refusal);
            Ty::Refused
        });
        match cx.binding(&arg.pat, &ty) {
            Ok(pat) => params.push((pat, ty)),
            Err(refusal) => {
                refused.push(refusal);
                cx.declare_refused(&arg.pat);
            }
        }
    }
    for span in super::conditional(sig, block) {
        refused.push(
            Refusal::new(span, "a part of a JIT task that may not be there")
                .help("write the function twice, each under its `#[cfg]`"),
        );
    }
    // What is generic, or a method, names what the macro cannot see: more messages would say so again.
    let blind = refused.iter().any(|r| r.of_signature);
    let body = cx.block(block, block.span());
    if !blind {
        refused.append(&mut cx.refused);
    }
    if refused.is_empty() && !cx.vars.unify(&result, &body.ty) {
        let (want, got) = (result.name(), cx.vars.shallow(&body.ty).name());
        let at = block.stmts.last().map_or(block.span(), Spanned::span);
        let text = format!("mismatched types: expected `{want}`, found `{got}`");
        refused.push(Refusal::new(at, text));
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    finished(sig, &cx, &params, &body).map_err(|refusal| vec![refusal])
}

/// The task, once nothing is refused but what the types leave open.
fn finished(
    sig: &Signature,
    cx: &Check,
    params: &[(tree::Pat, Ty)],
    body: &tree::Expr,
) -> Result<JitTask, Refusal> {
    let mut known = vec![];
    for site in &cx.sites {
        let resolve = |ty: &Ty| {
            cx.vars.resolve(ty).ok_or_else(|| {
                Refusal::new(site.span, "the type of what is awaited is not known to the macro")
                    .help("write it where the value is bound: `let x: u64 = ….await;`")
            })
        };
        let args = site.args.iter().map(resolve).collect::<Result<Vec<_>, _>>()?;
        known.push((args, site.result.as_ref().map(resolve).transpose()?));
    }
    let mut consts = vec![];
    for (path, local) in &cx.consts {
        let ty = cx.vars.resolve(&cx.locals[local.0].ty).ok_or_else(|| {
            let text = "the type of this constant is not known to the macro";
            Refusal::new(path.span(), text).help("bind it to a type: `let limit: u64 = LIMIT;`")
        })?;
        consts.push((*local, ty));
    }
    let (ir, messages) = emitted(sig, cx, params, &consts, body, &known)?;
    let sites = cx.sites.iter().zip(&known).map(|(site, (args, result))| JitSite {
        closure: closure(site, args),
        result: result.as_ref().map(Ty::tokens),
        awaitee: site.awaitee.clone(),
        span: site.span,
    });
    let outer = params.iter().enumerate().map(|(i, (_, ty))| {
        let name = match sig.inputs.get(i) {
            Some(FnArg::Typed(arg)) => match &*arg.pat {
                Pat::Ident(p) => p.ident.clone(),
                _ => format_ident!("__param{}", i),
            },
            _ => format_ident!("__param{}", i),
        };
        (name.to_token_stream(), ty.tokens())
    });
    let paths = cx.consts.iter().map(|(path, _)| path.to_token_stream());
    Ok(JitTask {
        ir,
        messages,
        sites: sites.collect(),
        params: outer.collect(),
        consts: paths.zip(consts.iter().map(|(_, ty)| ty.tokens())).collect(),
        result: cx.result.tokens(),
    })
}

fn closure(site: &Site, args: &[Ty]) -> TokenStream {
    let names = (0..args.len()).map(|i| format_ident!("__arg{}", i, span = site.span));
    let types = args.iter().map(Ty::tokens);
    let native = &site.native;
    quote!(|(#(#names,)*): (#(#types,)*)| #native)
}

/// The verified module as text, and the messages.
fn emitted(
    sig: &Signature,
    cx: &Check,
    params: &[(tree::Pat, Ty)],
    consts: &[(tree::Local, Ty)],
    body: &tree::Expr,
    known: &[(Vec<Ty>, Option<Ty>)],
) -> Result<(String, Vec<String>), Refusal> {
    let mut module = ModuleBuilder::new("rust");
    module.file(&sig.ident.span().file());
    let scalars = |types: &[Ty]| {
        let mut leaves: Vec<Prim> = vec![];
        types.iter().for_each(|t| t.leaves(&mut leaves));
        leaves.into_iter().map(|p| IrTy::Value(p.ir())).collect::<Vec<IrTy>>()
    };
    let mut ops = vec![];
    for (n, (args, result)) in known.iter().enumerate() {
        let values = scalars(args);
        let seq = module.module().sequence(values.iter().copied());
        let bytes = seq.filter(|s| s.size > 0);
        let param = bytes.map(|s| Param {
            name: "args".into(),
            ty: IrTy::Bytes { size: s.size, align: s.align },
        });
        let results = scalars(result.as_slice());
        // The storage comes first; its size is known in the final program only.
        let area = module.module().sequence(results.iter().copied()).map_or(0, |s| s.size);
        ops.push(module.op(HostOpData {
            name: format!("await{n}"),
            symbol: format!("await{n}"),
            params: param.into_iter().collect(),
            results,
            size: (8 + area).next_multiple_of(8),
            align: 8,
            result_offset: 8,
        }));
    }
    let of_consts = consts.iter().map(|(_, ty)| ty.clone());
    let types: Vec<Ty> = params.iter().map(|(_, ty)| ty.clone()).chain(of_consts).collect();
    let in_params = scalars(&types);
    let named =
        in_params.into_iter().enumerate().map(|(i, ty)| Param { name: format!("p{i}"), ty });
    let result = cx.result.clone();
    let results = scalars(std::slice::from_ref(&result));
    let ir_sig = IrSignature { params: named.collect(), results, faults: true };
    let func = module.declare_func("task", FuncKind::Async, ir_sig);
    let builder = FunctionBuilder::new(&mut module, func);
    let mut emit = Emit::new(builder, &cx.vars, &cx.locals, &ops, cx.n_loops());
    emit.export();
    match emit.function(params, consts, body) {
        Ok(()) | Err(Stop::Diverges) => {}
        Err(Stop::Refused(refusal)) => return Err(refusal),
    }
    let messages = std::mem::take(&mut emit.messages);
    let bug = |text: String| Refusal::new(sig.ident.span(), format!("bug in the macro: {text}"));
    emit.finish().map_err(bug)?;
    let module = module.finish().map_err(|e| bug(e.to_string()))?;
    if let Err(violations) = verify(&module) {
        return Err(bug(violations[0].to_string()));
    }
    Ok((module.to_string(), messages))
}
