//! What machines do with the coroutine ABI: context, leaf, sites, resumes, host operations.

use super::{KnownSig, MEM, Result, Translator, ctx_fn_types};
use crate::signature::clif_type;
use crate::unit::OpFn;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use cranelift_module::{FuncId, Module as Output};
use std::mem::offset_of;
use vitte_abi::{vt_ctx, vt_fns, vt_leaf};
use vitte_lowering::ir::{Arg, CtxFn, Func, FuncKind, HostOp, Value};

impl<M: Output> Translator<'_, '_, M> {
    fn load_ctx(&mut self, ty: clif::Type, offset: usize) -> clif::Value {
        self.b.ins().load(ty, MEM, self.ctx, offset as i32)
    }

    /// Takes one unit of loop fuel; asks the runtime for more once there is none.
    /// Spends loop budget; if somebody asks, answers whether the overrun was no fault.
    pub(super) fn budget(&mut self, is_asked: bool) -> Vec<clif::Value> {
        let offset = offset_of!(vt_ctx, budget);
        let budget = self.load_ctx(types::I64, offset);
        let left = self.b.ins().iadd_imm_s(budget, -1);
        self.b.ins().store(MEM, left, self.ctx, offset as i32);
        let gone = self.b.ins().icmp_imm_s(IntCC::SignedLessThan, left, 0);
        let (refill, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(refill);
        let yes = is_asked.then(|| self.iconst(types::I8, 1));
        let otherwise: Vec<_> = yes.into_iter().map(clif::BlockArg::Value).collect();
        self.b.ins().brif(gone, refill, &[], next, &otherwise);
        self.b.switch_to_block(refill);
        let status = self.call_ctx_fn(CtxFn::Overrun, &[]);
        let faulted = i64::from(vitte_abi::VT_FAULTED);
        let fine = is_asked.then(|| {
            // I: `overrun` answers a status.
            self.b.ins().icmp_imm_s(IntCC::NotEqual, status[0], faulted)
        });
        let refilled: Vec<_> = fine.into_iter().map(clif::BlockArg::Value).collect();
        self.b.ins().jump(next, &refilled);
        self.b.switch_to_block(next);
        is_asked.then(|| self.b.append_block_param(next, types::I8)).into_iter().collect()
    }

    pub(super) fn shield(&mut self, delta: i8) -> Vec<clif::Value> {
        let leaf = self.load_ctx(types::I64, offset_of!(vt_ctx, leaf));
        let offset = offset_of!(vt_leaf, shield) as i32;
        let shield = self.b.ins().load(types::I32, MEM, leaf, offset);
        let shield = self.b.ins().iadd_imm_s(shield, i64::from(delta));
        self.b.ins().store(MEM, shield, leaf, offset);
        Vec::new()
    }

    pub(super) fn stack_ok(&mut self) -> clif::Value {
        let limit = self.load_ctx(types::I64, offset_of!(vt_ctx, stack_limit));
        let here = self.b.ins().get_stack_pointer(types::I64);
        self.b.ins().icmp(IntCC::UnsignedGreaterThan, here, limit)
    }

    pub(super) fn site_address(&mut self, offset: u32, state: u32) -> Result<clif::Value> {
        if self.func.kind != FuncKind::Machine {
            return Err(self.malformed("a site stands outside of a machine"));
        }
        let (data, at) = self.unit.site((self.id, offset, state))?;
        Ok(self.data_address(data, at))
    }

    pub(super) fn span_address(&mut self) -> Result<clif::Value> {
        let (data, at) = self.unit.span(self.span)?;
        Ok(self.data_address(data, at))
    }

    pub(super) fn machine_address(&mut self, id: Func) -> Result<clif::Value> {
        let Some(data) = self.unit.machine_data(id) else {
            return Err(self.malformed(format!("{id} is no coroutine")));
        };
        Ok(self.data_address(data, 0))
    }

    fn machine_func(&self, id: Func) -> Result<FuncId> {
        let kind = self.module.funcs.get(id).map(|f| f.kind);
        match self.unit.func(id) {
            Some((func, _)) if kind == Some(FuncKind::Machine) => Ok(func),
            _ => Err(self.malformed(format!("{id} is no coroutine"))),
        }
    }

    pub(super) fn resume_address(&mut self, id: Func) -> Result<clif::Value> {
        let func = self.machine_func(id)?;
        Ok(self.func_address(func))
    }

    pub(super) fn resume_func(&mut self, id: Func, frame: Value) -> Result<clif::Value> {
        let func = self.machine_func(id)?;
        let frame = self.pointer(frame)?;
        Ok(self.call_status(func, &[self.ctx, frame]))
    }

    pub(super) fn resume_ptr(&mut self, resume: Value, frame: Value) -> Result<clif::Value> {
        let (resume, frame) = (self.pointer(resume)?, self.pointer(frame)?);
        let sig = self.known_sig(KnownSig::Resume, |t| t.unit.abi.resume());
        let call = self.b.ins().call_indirect(sig, resume, &[self.ctx, frame]);
        Ok(self.b.inst_results(call)[0])
    }

    /// Calls a known function that answers a status.
    fn call_status(&mut self, func: FuncId, args: &[clif::Value]) -> clif::Value {
        let func = self.func_ref(func);
        let call = self.b.ins().call(func, args);
        self.b.inst_results(call)[0]
    }

    fn op_func(&mut self, op: HostOp, which: OpFn) -> Result<FuncId> {
        let func = self.unit.op(op, which)?;
        func.ok_or_else(|| self.malformed(format!("{op} does not exist")))
    }

    pub(super) fn poll_address(&mut self, op: HostOp) -> Result<clif::Value> {
        let func = self.op_func(op, OpFn::Poll)?;
        Ok(self.func_address(func))
    }

    pub(super) fn op_poll(&mut self, op: HostOp, storage: Value) -> Result<clif::Value> {
        let func = self.op_func(op, OpFn::Poll)?;
        let storage = self.pointer(storage)?;
        Ok(self.call_status(func, &[self.ctx, storage]))
    }

    pub(super) fn op_start(
        &mut self,
        op: HostOp,
        storage: Value,
        args: &[Arg],
    ) -> Result<Vec<clif::Value>> {
        let func = self.op_func(op, OpFn::Start)?;
        let mut c_args = vec![self.ctx, self.pointer(storage)?];
        let params = &self.module.ops[op].params;
        if args.len() != params.len() {
            let what = format!("{} arguments for {} parameters of {op}", args.len(), params.len());
            return Err(self.malformed(what));
        }
        for (&arg, param) in args.iter().zip(params) {
            let v = self.argument(arg, param.ty)?;
            c_args.push(v);
        }
        let func = self.func_ref(func);
        self.b.ins().call(func, &c_args);
        Ok(Vec::new())
    }

    pub(super) fn ctx_call(&mut self, func: CtxFn, args: &[Value]) -> Result<Vec<clif::Value>> {
        let (params, _) = ctx_fn_types(func);
        let args: Vec<_> = args.iter().map(|&a| self.value(a)).collect::<Result<_>>()?;
        let fits = args.len() == params.len()
            && args.iter().zip(params).all(|(&a, &p)| self.type_of(a) == clif_type(p));
        if !fits {
            return Err(self.malformed(format!("wrong arguments for {func:?}")));
        }
        Ok(self.call_ctx_fn(func, &args))
    }

    /// Calls through the table of the context.
    fn call_ctx_fn(&mut self, func: CtxFn, args: &[clif::Value]) -> Vec<clif::Value> {
        let offset = match func {
            CtxFn::AllocFrame => offset_of!(vt_fns, alloc_frame),
            CtxFn::FreeFrame => offset_of!(vt_fns, free_frame),
            CtxFn::Overrun => offset_of!(vt_fns, overrun),
            CtxFn::Fault => offset_of!(vt_fns, fault),
            CtxFn::Choose => offset_of!(vt_fns, choose),
            CtxFn::Branches => offset_of!(vt_fns, branches),
            CtxFn::Run => offset_of!(vt_fns, run),
        };
        let sig = self.known_sig(KnownSig::Ctx(offset as u8), |t| {
            let (params, result) = ctx_fn_types(func);
            let params = params.iter().map(|&p| clif_type(p));
            t.unit.abi.signature([types::I64].into_iter().chain(params), result.map(clif_type))
        });
        let fns = self.load_ctx(types::I64, offset_of!(vt_ctx, fns));
        let address = self.b.ins().load(types::I64, MEM, fns, offset as i32);
        let all: Vec<_> = [self.ctx].into_iter().chain(args.iter().copied()).collect();
        let call = self.b.ins().call_indirect(sig, address, &all);
        self.b.inst_results(call).to_vec()
    }
}
