//! Calls of synchronous functions and imports, and addresses of static things.

use super::memory::At;
use super::{Result, Translator};
use crate::signature::{CSignature, Results, arg_type};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{self as clif, InstBuilder, types};
use cranelift_module::{FuncId, Module as Output};
use std::rc::Rc;
use vitte_abi::VT_DONE;
use vitte_lowering::ir::{
    Arg, BlockCall, Callee, Data, Func, FuncKind, MAX_BYTES, Sequence, Signature, Slot, Ty,
};

/// A call that was made.
struct Made {
    /// The direct result or the status.
    answer: Option<clif::Value>,
    area: Area,
}

/// Where the results of a call lie.
#[derive(Clone, Copy)]
enum Area {
    /// In a register, or there are none.
    None,
    /// The only result lies in its destination already.
    InPlace,
    /// In the area for results of calls.
    At(At),
}

impl<'u, M: Output> Translator<'_, 'u, M> {
    /// A call that cannot fault. Answers the value results.
    pub(super) fn call_inst(
        &mut self,
        callee: Callee,
        args: &[Arg],
        dests: &[Slot],
    ) -> Result<Vec<clif::Value>> {
        let (_, sig, types) = self.callee(callee)?;
        if types.faults {
            return Err(self.malformed("a `call` of something that faults has no unwind edge"));
        }
        let made = self.make_call(callee, &sig, types, args, dests)?;
        self.take_results(&made, &sig, types, dests)
    }

    /// A call that may fault, with its two ways on.
    pub(super) fn call_term(
        &mut self,
        callee: Callee,
        args: &[Arg],
        dests: &[Slot],
        ok: &BlockCall,
        unwind: &BlockCall,
    ) -> Result<()> {
        let (_, sig, types) = self.callee(callee)?;
        let made = self.make_call(callee, &sig, types, args, dests)?;
        if types.faults {
            let status = made.answer.expect("I: a faulting call answers a status");
            let done = self.b.ins().icmp_imm_u(IntCC::Equal, status, i64::from(VT_DONE));
            let next = self.b.create_block();
            let (unwind_to, unwind_args) = self.edge(unwind, &[], Some(status))?;
            self.b.ins().brif(done, next, &[], unwind_to, &unwind_args);
            self.b.switch_to_block(next);
        }
        let results = self.take_results(&made, &sig, types, dests)?;
        let (to, args) = self.edge(ok, &results, None)?;
        self.b.ins().jump(to, &args);
        Ok(())
    }

    fn callee(&mut self, callee: Callee) -> Result<(FuncId, Rc<CSignature>, &'u Signature)> {
        let module = self.module;
        match callee {
            Callee::Func(id) => {
                let (func, sig) = self
                    .unit
                    .func(id)
                    .ok_or_else(|| self.malformed(format!("{id} is called but does not exist")))?;
                let name = &module.funcs[id].name;
                let sig = sig.ok_or_else(|| {
                    self.malformed(format!("the coroutine `{name}` is called as a function"))
                })?;
                Ok((func, sig, &module.funcs[id].sig))
            }
            Callee::Import(id) => {
                let found = self.unit.import(id)?;
                let (func, sig) = found
                    .ok_or_else(|| self.malformed(format!("{id} is called but does not exist")))?;
                Ok((func, sig, &module.imports[id].sig))
            }
        }
    }

    fn make_call(
        &mut self,
        callee: Callee,
        sig: &CSignature,
        types: &Signature,
        args: &[Arg],
        dests: &[Slot],
    ) -> Result<Made> {
        let mut c_args = vec![self.ctx];
        let area = match &sig.results {
            Results::Direct(_) => Area::None,
            Results::Area { layout, .. } => {
                let area = self.result_area(layout, types, callee, dests)?;
                let pointer = match area {
                    Area::None => self.iconst(types::I64, 0),
                    Area::InPlace => self.slot_address(dests[0], 0)?,
                    Area::At(at) => self.address(at),
                };
                c_args.push(pointer);
                area
            }
        };
        if args.len() != types.params.len() {
            let what = format!("{} arguments for {} parameters", args.len(), types.params.len());
            return Err(self.malformed(what));
        }
        for (&arg, param) in args.iter().zip(&types.params) {
            let v = self.argument(arg, param.ty)?;
            c_args.push(v);
        }
        let (func, ..) = self.callee(callee)?;
        let func = self.func_ref(func);
        let call = self.b.ins().call(func, &c_args);
        Ok(Made { answer: self.b.inst_results(call).first().copied(), area })
    }

    /// An argument in the form in which it travels: slots by address, which the lowering may have
    /// taken already.
    pub(super) fn argument(&mut self, arg: Arg, ty: Ty) -> Result<clif::Value> {
        match arg {
            Arg::Value(v) => {
                let c = self.value(v)?;
                if self.type_of(c) != arg_type(ty) {
                    return Err(self.malformed(format!("{v} is passed as {ty}")));
                }
                Ok(c)
            }
            Arg::Move(slot) => {
                let (size, _) = self.module.size_align(ty);
                if ty.as_value().is_some() {
                    return Err(self.malformed(format!("{slot} is passed as {ty}")));
                }
                let at = self.slot_at(slot, 0, size)?;
                Ok(self.address(at))
            }
        }
    }

    /// Picks where the callee puts its results. A single slot is built in place, unless the callee
    /// may read its memory while it writes: functions write their results last, imports need not.
    fn result_area(
        &mut self,
        layout: &Sequence,
        types: &Signature,
        callee: Callee,
        dests: &[Slot],
    ) -> Result<Area> {
        if layout.size == 0 {
            return Ok(Area::None);
        }
        if let ([ty], [dest]) = (&types.results[..], dests)
            && ty.as_value().is_none()
            && (matches!(callee, Callee::Func(_))
                || types.params.iter().all(|p| p.ty.as_value().is_some()))
            && self.func.slots.get(*dest).is_some_and(|d| d.ty == *ty)
        {
            return Ok(Area::InPlace);
        }
        let place = match self.call_area {
            Some((size, align, place)) if layout.size <= size && layout.align <= align => place,
            known => {
                // A larger one than so far; at least two words, so that it rarely grows.
                let (size, align) = known.map_or((16, 16), |(s, a, _)| (s, a));
                let size = layout.size.max(size.saturating_mul(2)).min(MAX_BYTES);
                let align = layout.align.max(align);
                let place = self.stack_place(size, align)?;
                self.call_area = Some((size, align, place));
                place
            }
        };
        Ok(Area::At(self.at(place, 0)))
    }

    /// After a call that went well: slot results to their destinations, value results answered.
    fn take_results(
        &mut self,
        made: &Made,
        sig: &CSignature,
        types: &Signature,
        dests: &[Slot],
    ) -> Result<Vec<clif::Value>> {
        let by_slot = types.results.iter().filter(|t| t.as_value().is_none()).count();
        if by_slot != dests.len() {
            let what = format!("{} destinations for {by_slot} results", dests.len());
            return Err(self.malformed(what));
        }
        let layout = match (&sig.results, made.area) {
            (Results::Direct(_), _) => return Ok(made.answer.into_iter().collect()),
            (Results::Area { layout, .. }, _) => layout,
        };
        let (mut values, mut dests) = (Vec::new(), dests.iter());
        for (&ty, &offset) in types.results.iter().zip(&layout.offsets) {
            let from = match made.area {
                Area::At(at) => At { offset: at.offset + offset as i32, ..at },
                // No bytes: any address will do.
                Area::None | Area::InPlace => At { base: self.ctx, offset: 0 },
            };
            if let Ty::Value(ty) = ty {
                values.push(self.load_at(from, ty));
                continue;
            }
            let dest = *dests.next().expect("I: counted above");
            let (size, _) = self.module.size_align(ty);
            let to = self.slot_at(dest, 0, size)?;
            if let Area::At(_) = made.area {
                self.copy(to, from, size);
            }
        }
        Ok(values)
    }

    /// Returns from a synchronous function.
    pub(super) fn return_sync(&mut self, args: &[Arg]) -> Result<()> {
        let func = self.func;
        if args.len() != func.sig.results.len() {
            let n = func.sig.results.len();
            return Err(self.malformed(format!("it returns {} of {n} results", args.len())));
        }
        match self.own.clone() {
            Some(Results::Area { layout, status }) => {
                let base = self.own_area.expect("I: an area comes as a parameter");
                // The area may be the memory of a parameter, but only if there is one result.
                for ((&arg, &ty), &offset) in
                    args.iter().zip(&func.sig.results).zip(&layout.offsets)
                {
                    let to = At { base, offset: offset as i32 };
                    self.store_result(arg, ty, to)?;
                }
                if status {
                    let done = self.iconst(types::I32, i64::from(VT_DONE));
                    self.b.ins().return_(&[done]);
                } else {
                    self.b.ins().return_(&[]);
                }
            }
            Some(Results::Direct(_)) => {
                let results: Result<Vec<_>> = args
                    .iter()
                    .zip(&func.sig.results)
                    .map(|(&arg, &ty)| self.argument(arg, ty))
                    .collect();
                self.b.ins().return_(&results?);
            }
            None => return Err(self.malformed("it is a coroutine")),
        }
        Ok(())
    }

    fn store_result(&mut self, arg: Arg, ty: Ty, to: At) -> Result<()> {
        let v = self.argument(arg, ty)?;
        if ty.as_value().is_none() {
            let (size, _) = self.module.size_align(ty);
            self.copy(to, At { base: v, offset: 0 }, size);
            return Ok(());
        }
        self.b.ins().store(super::MEM, v, to.base, to.offset);
        Ok(())
    }

    /// Ends a function after its cleanup.
    pub(super) fn return_cause(&mut self, cause: clif::Value) -> Result<()> {
        match self.own {
            Some(Results::Area { status: true, .. }) | None => {
                self.b.ins().return_(&[cause]);
                Ok(())
            }
            Some(_) => Err(self.malformed("it unwinds but is declared not to fault")),
        }
    }

    pub(super) fn sync_address(&mut self, id: Func) -> Result<clif::Value> {
        let kind = self.module.funcs.get(id).map(|f| f.kind);
        let Some((func, _)) = self.unit.func(id).filter(|_| kind == Some(FuncKind::Sync)) else {
            return Err(self.malformed(format!("{id} is no synchronous function")));
        };
        Ok(self.func_address(func))
    }

    pub(super) fn func_address(&mut self, func: FuncId) -> clif::Value {
        let func = self.func_ref(func);
        self.b.ins().func_addr(types::I64, func)
    }

    pub(super) fn object_address(&mut self, data: Data, offset: u32) -> Result<clif::Value> {
        let Some(id) = self.unit.data_id(data) else {
            return Err(self.malformed(format!("{data} does not exist")));
        };
        if offset as usize > self.module.data[data].bytes.len() {
            return Err(self.malformed(format!("offset {offset} passes the end of {data}")));
        }
        Ok(self.data_address(id, offset))
    }
}
