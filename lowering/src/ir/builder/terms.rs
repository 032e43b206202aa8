//! One method per terminator. Those with an `ok` edge go on in a new block, sealed, whose
//! parameters are the results.

use super::insts::value_types;
use super::{FunctionBuilder, code};
use crate::ir::entity::{Block, Slot, Value};
use crate::ir::inst::{
    Arg, Awaitee, BlockArg, BlockCall, Callee, Held, JoinBranch, SelectArm, Terminator,
};
use crate::ir::types::{Ty, Type};

/// An arm of [`FunctionBuilder::select_`] whose block is filled next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenArm {
    /// The arm's block, sealed and empty.
    pub block: Block,
    /// Value results of its awaitee.
    pub results: Vec<Value>,
}

impl FunctionBuilder<'_> {
    /// An edge with values.
    pub fn edge(&self, block: Block, args: &[Value]) -> BlockCall {
        BlockCall::new(block, args.iter().copied())
    }

    /// An unwind edge to a block whose first parameter is the cause.
    pub fn unwind_edge(&self, block: Block, args: &[Value]) -> BlockCall {
        let values = args.iter().map(|&v| BlockArg::Value(v));
        BlockCall { block, args: std::iter::once(BlockArg::Cause).chain(values).collect() }
    }

    /// A new block that only unwinds, as an unwind edge: for functions without cleanup. Any number
    /// of edges may lead there.
    pub fn cleanup_block(&mut self) -> BlockCall {
        let block = self.create_block();
        let cause = self.append_block_param(block, Type::I32);
        let span = self.span();
        self.func.set_term(block, Terminator::Unwind(cause), span);
        self.unwind_edge(block, &[])
    }

    /// Goes to a block.
    pub fn jump(&mut self, block: Block, args: &[Value]) {
        let to = self.edge(block, args);
        self.terminate(Terminator::Jump(to));
    }

    /// Goes one of two ways.
    pub fn br(&mut self, cond: Value, then: (Block, &[Value]), otherwise: (Block, &[Value])) {
        let then = self.edge(then.0, then.1);
        let otherwise = self.edge(otherwise.0, otherwise.1);
        self.terminate(Terminator::Br { cond, then, otherwise });
    }

    /// Goes one of many ways.
    pub fn switch(
        &mut self,
        value: Value,
        cases: impl IntoIterator<Item = (u64, BlockCall)>,
        default: BlockCall,
    ) {
        let cases = cases.into_iter().collect();
        self.terminate(Terminator::Switch { value, cases, default });
    }

    /// Calls something that may fault; answers the value results and goes on in a new block.
    pub fn call_unwind(
        &mut self,
        callee: Callee,
        args: impl IntoIterator<Item = Arg>,
        dests: &[Slot],
        unwind: BlockCall,
    ) -> Vec<Value> {
        let types = value_types(&self.callee_results(callee));
        let (ok, values) = self.ok_block(&types);
        let (args, dests) = (args.into_iter().collect(), dests.to_vec());
        let next = ok.block;
        self.terminate(Terminator::Call { callee, args, dests, ok, unwind });
        self.go_on(next);
        values
    }

    /// Awaits something (but not `Next`) at a new suspend point of this name; answers the value
    /// results and goes on in a new block.
    pub fn await_(
        &mut self,
        name: &str,
        awaitee: Awaitee,
        dests: &[Slot],
        unwind: BlockCall,
    ) -> Vec<Value> {
        self.await_with(name, awaitee, dests, None, unwind)
    }

    /// Asks a generator for its next item; `done` is taken once it has ended.
    pub fn await_next(
        &mut self,
        name: &str,
        held: Held,
        dests: &[Slot],
        done: BlockCall,
        unwind: BlockCall,
    ) -> Vec<Value> {
        self.await_with(name, Awaitee::Next(held), dests, Some(done), unwind)
    }

    fn await_with(
        &mut self,
        name: &str,
        awaitee: Awaitee,
        dests: &[Slot],
        done: Option<BlockCall>,
        unwind: BlockCall,
    ) -> Vec<Value> {
        let point = self.suspend(name);
        let types = value_types(&self.awaitee_results(&awaitee));
        let (ok, values) = self.ok_block(&types);
        let (dests, next) = (dests.to_vec(), ok.block);
        self.terminate(Terminator::Await { point, awaitee, dests, ok, done, unwind });
        self.go_on(next);
        values
    }

    /// Hands out an item and goes on in a new block when the next is asked for.
    pub fn yield_(&mut self, name: &str, args: impl IntoIterator<Item = Arg>, unwind: BlockCall) {
        let point = self.suspend(name);
        let (ok, _) = self.ok_block(&[]);
        let (args, next) = (args.into_iter().collect(), ok.block);
        self.terminate(Terminator::Yield { point, args, ok, unwind });
        self.go_on(next);
    }

    /// Awaits all branches; answers all value results in order and goes on in a new block.
    pub fn join_(
        &mut self,
        name: &str,
        branches: Vec<JoinBranch>,
        unwind: BlockCall,
    ) -> Vec<Value> {
        let point = self.suspend(name);
        let results: Vec<Ty> =
            branches.iter().flat_map(|b| self.awaitee_results(&b.awaitee)).collect();
        let (ok, values) = self.ok_block(&value_types(&results));
        let next = ok.block;
        self.terminate(Terminator::Join { point, branches, ok, unwind });
        self.go_on(next);
        values
    }

    /// Awaits the first of several (awaitee and slot destinations each). Answers one block per arm,
    /// to be switched to and filled; `otherwise` is taken if none is ready at once.
    pub fn select_(
        &mut self,
        name: &str,
        arms: impl IntoIterator<Item = (Awaitee, Vec<Slot>)>,
        otherwise: Option<BlockCall>,
        unwind: BlockCall,
    ) -> Vec<OpenArm> {
        let point = self.suspend(name);
        let (mut open, mut all) = (Vec::new(), Vec::new());
        for (awaitee, dests) in arms {
            let types = value_types(&self.awaitee_results(&awaitee));
            let (ok, results) = self.ok_block(&types);
            open.push(OpenArm { block: ok.block, results });
            all.push(SelectArm { awaitee, dests, ok });
        }
        self.terminate(Terminator::Select { point, arms: all, otherwise, unwind });
        for arm in &open {
            self.seal_block(arm.block);
        }
        open
    }

    /// Finishes with results.
    pub fn ret(&mut self, results: impl IntoIterator<Item = Value>) {
        self.ret_args(results.into_iter().map(Arg::Value));
    }

    /// Finishes with results, some of which travel by slot.
    pub fn ret_args(&mut self, results: impl IntoIterator<Item = Arg>) {
        self.terminate(Terminator::Return(results.into_iter().collect()));
    }

    /// Records a fault and goes to the cleanup, if there is one.
    pub fn fault(&mut self, code: u32, payload: Option<Value>, unwind: Option<BlockCall>) {
        self.terminate(Terminator::Fault { code, payload, unwind });
    }

    /// Goes to the cleanup with a fault if `cond` is true; goes on in a new block otherwise.
    pub fn fault_if(
        &mut self,
        cond: Value,
        code: u32,
        payload: Option<Value>,
        unwind: Option<BlockCall>,
    ) {
        let (bad, good) = (self.create_block(), self.create_block());
        self.br(cond, (bad, &[]), (good, &[]));
        self.seal_block(bad);
        self.switch_to_block(bad);
        self.fault(code, payload, unwind);
        self.go_on(good);
    }

    /// Ends the cleanup.
    pub fn unwind(&mut self, cause: Value) {
        self.terminate(Terminator::Unwind(cause));
    }

    /// Ends the block where no path gets to.
    pub fn unreachable(&mut self) {
        self.terminate(Terminator::Unreachable);
    }

    /// Results of an awaitee; none if it does not exist, which is a misuse.
    pub fn awaitee_results(&mut self, awaitee: &Awaitee) -> Vec<Ty> {
        let held = |held: &Held| match held {
            Held::Boxed { results, .. } => Some(results.clone()),
            Held::Slot(slot) => match self.func.slots.get(*slot)?.ty {
                Ty::Future(func) => Some(self.module().funcs.get(func)?.sig.results.clone()),
                _ => None,
            },
        };
        let results = match awaitee {
            Awaitee::Call { func, .. } => {
                self.module().funcs.get(*func).map(|f| f.sig.results.clone())
            }
            Awaitee::Op { op, .. } => self.module().ops.get(*op).map(|o| o.results.clone()),
            Awaitee::Future(h) | Awaitee::Next(h) => held(h),
            Awaitee::Drain(_) | Awaitee::GiveWay => Some(Vec::new()),
        };
        if let Some(results) = results {
            return results;
        }
        self.misuse(code::UNKNOWN, format!("what is awaited does not exist: {awaitee}"));
        Vec::new()
    }

    /// A new block with parameters for results, and the edge that passes them.
    fn ok_block(&mut self, types: &[Type]) -> (BlockCall, Vec<Value>) {
        let block = self.create_block();
        let values = types.iter().map(|&t| self.append_block_param(block, t)).collect();
        let args = (0..types.len() as u32).map(BlockArg::Result).collect();
        (BlockCall { block, args }, values)
    }

    fn go_on(&mut self, block: Block) {
        self.seal_block(block);
        self.switch_to_block(block);
    }
}
