//! Brings a coroutine into the shape that the other passes assume.
//!
//! In: a verified coroutine. Out: the same coroutine in which
//!
//! * **N1** the entry block has no predecessor,
//! * **N2** every edge of a suspending terminator leads to a block of its own, which has no other
//!   predecessor, whose parameters are exactly all value results (`ok`), the cause (`unwind`) or
//!   nothing (`done`, `otherwise`), in order, and which is not critical.
//!
//! So what is live across a suspend point is what is live into its edge blocks.

use crate::ir::{
    Awaitee, Block, BlockArg, BlockCall, FuncKind, Function, Held, Module, Span, Terminator, Ty,
    Type, Value,
};

/// Types of the results of an awaitee, values and slots alike.
pub(crate) fn awaitee_results(module: &Module, f: &Function, awaitee: &Awaitee) -> Vec<Ty> {
    match awaitee {
        Awaitee::Call { func, .. } => module.funcs[*func].sig.results.clone(),
        Awaitee::Op { op, .. } => module.ops[*op].results.clone(),
        Awaitee::Future(held) | Awaitee::Next(held) => match held {
            Held::Slot(slot) => match f.slots[*slot].ty {
                Ty::Future(func) => module.funcs[func].sig.results.clone(),
                _ => Vec::new(),
            },
            Held::Boxed { results, .. } => results.clone(),
        },
        Awaitee::Drain(_) | Awaitee::GiveWay => Vec::new(),
    }
}

/// The value types among `types`.
pub(crate) fn value_types(types: &[Ty]) -> Vec<Type> {
    types.iter().filter_map(|t| t.as_value()).collect()
}

/// Establishes N1 and N2.
pub(crate) fn normalise(module: &Module, f: &mut Function) {
    debug_assert!(matches!(f.kind, FuncKind::Async | FuncKind::Generator));
    give_entry_no_predecessor(f);
    for block in f.blocks.keys() {
        let span = f.blocks[block].term_span;
        let Some(mut term) = f.blocks[block].term.take() else { continue };
        match &mut term {
            Terminator::Await { awaitee, ok, done, unwind, .. } => {
                let results = value_types(&awaitee_results(module, f, awaitee));
                split_edge(f, ok, &results, span);
                if let Some(done) = done {
                    split_edge(f, done, &[], span);
                }
                split_unwind(f, unwind, span);
            }
            Terminator::Yield { ok, unwind, .. } => {
                split_edge(f, ok, &[], span);
                split_unwind(f, unwind, span);
            }
            Terminator::Join { branches, ok, unwind, .. } => {
                let results: Vec<Type> = branches
                    .iter()
                    .flat_map(|b| value_types(&awaitee_results(module, f, &b.awaitee)))
                    .collect();
                split_edge(f, ok, &results, span);
                split_unwind(f, unwind, span);
            }
            Terminator::Select { arms, otherwise, unwind, .. } => {
                for arm in arms {
                    let results = value_types(&awaitee_results(module, f, &arm.awaitee));
                    split_edge(f, &mut arm.ok, &results, span);
                }
                if let Some(otherwise) = otherwise {
                    split_edge(f, otherwise, &[], span);
                }
                split_unwind(f, unwind, span);
            }
            _ => {}
        }
        f.blocks[block].term = Some(term);
    }
}

/// N1: a loop back to the entry would reload the parameters.
fn give_entry_no_predecessor(f: &mut Function) {
    let old = f.entry;
    let params = f.blocks[old].params.clone();
    let entry = f.add_block();
    let fresh: Vec<Value> = params
        .iter()
        .map(|&p| {
            let v = f.add_block_param(entry, f.value_type(p));
            f.values[v].name = f.values[p].name.clone();
            f.values[v].span = f.values[p].span;
            v
        })
        .collect();
    f.set_term(entry, Terminator::Jump(BlockCall::new(old, fresh)), f.span);
    f.entry = entry;
}

/// N2 for an edge that carries results of the given types.
fn split_edge(f: &mut Function, edge: &mut BlockCall, results: &[Type], span: Span) {
    let block = f.add_block();
    let params: Vec<Value> = results.iter().map(|&t| f.add_block_param(block, t)).collect();
    let through = edge.args.iter().map(|arg| match arg {
        BlockArg::Value(v) => BlockArg::Value(*v),
        BlockArg::Result(i) => BlockArg::Value(params[*i as usize]),
        BlockArg::Cause => unreachable!("the verifier allows a cause on unwind edges only"),
    });
    let through = BlockCall { block: edge.block, args: through.collect() };
    let args = (0..results.len() as u32).map(BlockArg::Result).collect();
    finish_edge(f, edge, block, args, through, span);
}

/// N2 for an unwind edge.
fn split_unwind(f: &mut Function, edge: &mut BlockCall, span: Span) {
    let block = f.add_block();
    let cause = f.add_block_param(block, Type::I32);
    let through = edge.args.iter().map(|arg| match arg {
        BlockArg::Value(v) => BlockArg::Value(*v),
        BlockArg::Cause => BlockArg::Value(cause),
        BlockArg::Result(_) => unreachable!("the verifier allows no result on unwind edges"),
    });
    let through = BlockCall { block: edge.block, args: through.collect() };
    finish_edge(f, edge, block, vec![BlockArg::Cause], through, span);
}

fn finish_edge(
    f: &mut Function,
    edge: &mut BlockCall,
    block: Block,
    args: Vec<BlockArg>,
    through: BlockCall,
    span: Span,
) {
    f.set_term(block, Terminator::Jump(through), span);
    *edge = BlockCall { block, args };
}
