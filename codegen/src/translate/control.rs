//! Terminators: jumps, branches, switches, returns.

use super::{Result, Translator};
use crate::signature::clif_type;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self as clif, BlockArg as ClifArg, InstBuilder, JumpTableData, TrapCode, types,
};
use cranelift_module::Module as Output;
use vitte_lowering::ir::{Arg, BlockArg, BlockCall, FuncKind, Terminator, Type, Value};

/// Up to this many cases are compared one after the other or by halves; above, a table is used if
/// the cases are dense.
const MAX_COMPARES: usize = 8;

/// Target of an edge with its arguments.
pub(super) type Edge = (clif::Block, Vec<ClifArg>);

impl<M: Output> Translator<'_, '_, M> {
    pub(super) fn terminator(&mut self, term: &Terminator) -> Result<()> {
        match term {
            Terminator::Jump(to) => {
                let (to, args) = self.edge(to, &[], None)?;
                self.b.ins().jump(to, &args);
            }
            Terminator::Br { cond, then, otherwise } => {
                let cond = self.condition(*cond)?;
                let (then, then_args) = self.edge(then, &[], None)?;
                let (other, other_args) = self.edge(otherwise, &[], None)?;
                self.b.ins().brif(cond, then, &then_args, other, &other_args);
            }
            Terminator::Switch { value, cases, default } => self.switch(*value, cases, default)?,
            Terminator::Call { callee, args, dests, ok, unwind } => {
                self.call_term(*callee, args, dests, ok, unwind)?;
            }
            Terminator::Return(args) if self.func.kind == FuncKind::Machine => {
                let status = match &args[..] {
                    [Arg::Value(v)] => self.value(*v)?,
                    _ => return Err(self.malformed("a machine returns one status")),
                };
                self.status_is_i32(status)?;
                self.b.ins().return_(&[status]);
            }
            Terminator::Return(args) => self.return_sync(args)?,
            Terminator::Unwind(cause) => {
                let cause = self.value(*cause)?;
                self.status_is_i32(cause)?;
                self.return_cause(cause)?;
            }
            Terminator::Unreachable => {
                self.b.ins().trap(TrapCode::unwrap_user(1));
            }
            Terminator::Await { .. } => return Err(self.not_lowered("`await`")),
            Terminator::Yield { .. } => return Err(self.not_lowered("`yield`")),
            Terminator::Join { .. } => return Err(self.not_lowered("`join`")),
            Terminator::Select { .. } => return Err(self.not_lowered("`select`")),
            Terminator::Fault { .. } => return Err(self.not_lowered("`fault`")),
        }
        Ok(())
    }

    fn status_is_i32(&self, status: clif::Value) -> Result<()> {
        if self.type_of(status) == types::I32 {
            return Ok(());
        }
        Err(self.malformed("a status is no i32"))
    }

    /// An edge, with the terminator's value results and its cause.
    pub(super) fn edge(
        &self,
        call: &BlockCall,
        results: &[clif::Value],
        cause: Option<clif::Value>,
    ) -> Result<Edge> {
        let to = self.block_ref(call.block)?;
        let params = &self.func.blocks[call.block].params;
        if params.len() != call.args.len() {
            let what = format!("{} arguments for {}", call.args.len(), call.block);
            return Err(self.malformed(what));
        }
        let args = call.args.iter().zip(params).map(|(arg, &param)| {
            let v = match *arg {
                BlockArg::Value(v) => self.value(v)?,
                BlockArg::Result(n) => *results
                    .get(n as usize)
                    .ok_or_else(|| self.malformed(format!("there is no result {n}")))?,
                BlockArg::Cause => {
                    cause.ok_or_else(|| self.malformed("a cause is passed on an ordinary edge"))?
                }
            };
            if self.type_of(v) != clif_type(self.func.value_type(param)) {
                return Err(self.malformed(format!("an argument does not fit {param}")));
            }
            Ok(ClifArg::Value(v))
        });
        Ok((to, args.collect::<Result<_>>()?))
    }

    fn switch(
        &mut self,
        value: Value,
        cases: &[(u64, BlockCall)],
        default: &BlockCall,
    ) -> Result<()> {
        let v = self.value(value)?;
        let ty = self.func.value_type(value);
        if !(ty.is_int() || ty == Type::Bool) || ty == Type::I128 {
            return Err(self.malformed(format!("a switch over {value}")));
        }
        let mask = if ty.bytes() == 8 { u64::MAX } else { (1 << (8 * ty.bytes())) - 1 };
        let mut edges = Vec::with_capacity(cases.len());
        for (n, call) in cases {
            edges.push((n & mask, self.edge(call, &[], None)?));
        }
        edges.sort_by_key(|e| e.0);
        if edges.windows(2).any(|w| w[0].0 == w[1].0) {
            return Err(self.malformed("a switch lists a case twice"));
        }
        let default = self.edge(default, &[], None)?;
        self.dispatch(v, &edges, &default);
        Ok(())
    }

    /// Cases in order: halves until few or dense.
    fn dispatch(&mut self, v: clif::Value, cases: &[(u64, Edge)], default: &Edge) {
        let dense = |c: &[(u64, Edge)]| match (c.first(), c.last()) {
            (Some(first), Some(last)) => last.0 - first.0 < 4 * c.len() as u64,
            _ => false,
        };
        if cases.len() > MAX_COMPARES && dense(cases) {
            return self.table(v, cases, default);
        }
        match cases {
            [] => {
                self.b.ins().jump(default.0, &default.1);
            }
            [(n, to)] => {
                let hit = self.b.ins().icmp_imm_u(IntCC::Equal, v, *n as i64);
                self.b.ins().brif(hit, to.0, &to.1, default.0, &default.1);
            }
            [(n, to), rest @ ..] if cases.len() <= 3 => {
                let next = self.b.create_block();
                let hit = self.b.ins().icmp_imm_u(IntCC::Equal, v, *n as i64);
                self.b.ins().brif(hit, to.0, &to.1, next, &[]);
                self.b.switch_to_block(next);
                self.dispatch(v, rest, default);
            }
            _ => {
                let (low, high) = cases.split_at(cases.len() / 2);
                let (low_block, high_block) = (self.b.create_block(), self.b.create_block());
                let is_low = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, v, high[0].0 as i64);
                self.b.ins().brif(is_low, low_block, &[], high_block, &[]);
                self.b.switch_to_block(low_block);
                self.dispatch(v, low, default);
                self.b.switch_to_block(high_block);
                self.dispatch(v, high, default);
            }
        }
    }

    fn table(&mut self, v: clif::Value, cases: &[(u64, Edge)], default: &Edge) {
        let (first, last) = (cases[0].0, cases[cases.len() - 1].0);
        let ty = self.type_of(v);
        let index = if first == 0 {
            v
        } else {
            let base = self.b.ins().iconst(ty, first as i64);
            self.b.ins().isub(v, base)
        };
        let index = match ty {
            types::I64 => {
                // Only the low half is looked at by the table.
                let span = (last - first) as i64;
                let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, index, span);
                let next = self.b.create_block();
                self.b.ins().brif(inside, next, &[], default.0, &default.1);
                self.b.switch_to_block(next);
                self.b.ins().ireduce(types::I32, index)
            }
            types::I32 => index,
            _ => self.b.ins().uextend(types::I32, index),
        };
        let pool = &mut self.b.func.dfg.value_lists;
        let default = clif::BlockCall::new(default.0, default.1.iter().copied(), pool);
        let mut table = vec![default; (last - first) as usize + 1];
        for (n, to) in cases {
            let entry = clif::BlockCall::new(to.0, to.1.iter().copied(), pool);
            table[(n - first) as usize] = entry;
        }
        let table = self.b.create_jump_table(JumpTableData::new(default, &table));
        self.b.ins().br_table(index, table);
    }
}
