//! One function of the IR to CLIF.
//!
//! Both are in SSA form with block parameters, so blocks map to blocks and values to values. Blocks
//! are visited in reverse postorder: a definition is seen before its uses. Slots are Cranelift
//! stack slots, made on first use; a parameter slot is the memory its pointer leads to.
//!
//! ```text
//! CLIF entry (C parameters) ──► IR entry block ──► …
//! ```
//!
//! * **I1** Every IR value that is used has been given a CLIF value of `clif_type` of its type.
//! * **I2** The translation of one instruction or terminator is constant time and space, but for
//!   copies (at most 8 loads and stores, then a call) and switches (a table).
//!
//! The module is expected to be verified. What is cheap to notice is an error all the same.

mod arith;
mod calls;
mod control;
mod coroutine;
mod memory;

use crate::error::CodegenError;
use crate::signature::{Results, clif_type};
use crate::unit::Unit;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{
    self as clif, FuncRef, GlobalValueData, InstBuilder, MemFlagsData, SigRef, Signature,
    UserFuncName, types,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_module::{DataId, FuncId, Module as Output};
use std::collections::BTreeMap;
use vitte_lowering::ir::cfg::Cfg;
use vitte_lowering::ir::{
    Block, CtxFn, EntityRef, Func, FuncKind, Function, InstData, InstKind, Module, Span, Ty, Type,
    Value,
};

type Result<T> = std::result::Result<T, CodegenError>;

/// Memory that the IR addresses is valid but need not be aligned.
const MEM: MemFlagsData = MemFlagsData::new().with_notrap();

/// Signatures that many instructions share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum KnownSig {
    Resume,
    Ctx(u8),
}

/// Translates the body of `id` into `context.func`.
pub(crate) fn function<M: Output>(
    unit: &mut Unit<'_, M>,
    id: Func,
    func: &Function,
    context: &mut Context,
    reused: &mut FunctionBuilderContext,
) -> Result<()> {
    let module = unit.module;
    let (_, sig) = unit.func(id).expect("I: every function is declared");
    context.func.name = UserFuncName::user(0, id.as_u32());
    context.func.signature = sig.as_ref().map_or_else(|| unit.abi.resume(), |sig| sig.clif.clone());
    let config = unit.out.target_config();
    let b = FunctionBuilder::new(&mut context.func, reused);
    let mut t = Translator {
        module,
        func,
        id,
        b,
        values: vec![None; func.values.len()],
        blocks: vec![None; func.blocks.len()],
        slots: vec![memory::Place::None; func.slots.len()],
        ctx: clif::Value::from_u32(0),
        own: sig.map(|sig| sig.results.clone()),
        own_area: None,
        call_area: None,
        sigs: BTreeMap::new(),
        func_refs: BTreeMap::new(),
        data_refs: BTreeMap::new(),
        span: Span::NONE,
        unit,
    };
    t.body()?;
    t.b.seal_all_blocks();
    t.b.finalize(config);
    Ok(())
}

struct Translator<'t, 'u, M> {
    unit: &'t mut Unit<'u, M>,
    module: &'u Module,
    func: &'t Function,
    id: Func,
    b: FunctionBuilder<'t>,
    values: Vec<Option<clif::Value>>,
    /// Reachable blocks only.
    blocks: Vec<Option<clif::Block>>,
    slots: Vec<memory::Place>,
    ctx: clif::Value,
    /// How a synchronous function gives its results; `None` in a machine.
    own: Option<Results>,
    /// Where a synchronous function puts its results, if not in a register.
    own_area: Option<clif::Value>,
    /// Results of calls, one area for all of them: size, alignment, place.
    call_area: Option<(u32, u32, memory::Place)>,
    sigs: BTreeMap<KnownSig, SigRef>,
    func_refs: BTreeMap<FuncId, FuncRef>,
    data_refs: BTreeMap<DataId, clif::GlobalValue>,
    span: Span,
}

impl<M: Output> Translator<'_, '_, M> {
    fn body(&mut self) -> Result<()> {
        let cfg = Cfg::new(self.func);
        let start = self.b.create_block();
        for block in cfg.rpo() {
            let to = self.b.create_block();
            self.blocks[block.index()] = Some(to);
            for &param in &self.func.blocks[block].params {
                let ty = clif_type(self.func.value_type(param));
                let v = self.b.append_block_param(to, ty);
                self.define(param, v);
            }
        }
        self.entry(start)?;
        for block in cfg.rpo() {
            self.block(block)?;
        }
        Ok(())
    }

    /// Receives the C parameters and goes on to the IR's entry block.
    fn entry(&mut self, start: clif::Block) -> Result<()> {
        self.b.append_block_params_for_function_params(start);
        self.b.switch_to_block(start);
        let params = self.b.block_params(start).to_vec();
        let mut params = params.into_iter();
        let mut next = || params.next().expect("I: the signature has every parameter");
        let mut args = Vec::new();
        if self.func.kind == FuncKind::Machine {
            self.ctx = next();
            args.extend([self.ctx, next()]);
        } else {
            self.ctx = next();
            if let Some(Results::Area { .. }) = self.own {
                self.own_area = Some(next());
            }
            let slots: BTreeMap<u32, usize> = self
                .func
                .slots
                .iter()
                .filter_map(|(slot, data)| data.param.map(|i| (i, slot.index())))
                .collect();
            for (i, param) in self.func.sig.params.iter().enumerate() {
                let v = next();
                match (param.ty, slots.get(&(i as u32))) {
                    (Ty::Value(_), None) => args.push(v),
                    (Ty::Value(_), Some(_)) | (_, None) => {
                        return Err(self.malformed(format!("parameter {i} has no place")));
                    }
                    (_, Some(&slot)) => self.slots[slot] = memory::Place::Pointer(v),
                }
            }
        }
        let entry = self.block_ref(self.func.entry)?;
        let expected: Vec<_> = self.b.block_params(entry).to_vec();
        let fits = expected.len() == args.len()
            && expected.iter().zip(&args).all(|(&e, &a)| self.type_of(e) == self.type_of(a));
        if !fits {
            return Err(self.malformed("the entry block does not have the parameters"));
        }
        let args: Vec<_> = args.into_iter().map(clif::BlockArg::Value).collect();
        self.b.ins().jump(entry, &args);
        Ok(())
    }

    fn block(&mut self, block: Block) -> Result<()> {
        let to = self.block_ref(block)?;
        self.b.switch_to_block(to);
        let func = self.func;
        let data = &func.blocks[block];
        for &inst in &data.insts {
            let inst = &func.insts[inst];
            self.span = inst.span;
            self.inst(inst)?;
        }
        self.span = data.term_span;
        let term = data.term.as_ref();
        let term = term.ok_or_else(|| self.malformed(format!("{block} has no terminator")))?;
        self.terminator(term)
    }

    /// One instruction, by group.
    fn inst(&mut self, inst: &InstData) -> Result<()> {
        use InstKind as K;
        let results = match &inst.kind {
            K::Const { ty, bits } => vec![self.constant(*ty, *bits)],
            K::Null { .. } => vec![self.iconst(types::I64, 0)],
            K::Unary { op, arg } => vec![self.unary(*op, *arg)?],
            K::Binary { op, args } => vec![self.binary(*op, *args)?],
            K::Checked { op, args } => self.checked(*op, *args)?.into(),
            K::Compare { op, args } => vec![self.compare(*op, *args)?],
            K::Select { cond, args } => vec![self.select(*cond, *args)?],
            K::Convert { op, arg, ty } => vec![self.convert(*op, *arg, *ty)?],

            K::SlotAddr { slot, offset } => vec![self.slot_address(*slot, *offset)?],
            K::SlotLoad { slot, offset, ty } => vec![self.slot_load(*slot, *offset, *ty)?],
            K::SlotStore { slot, offset, value } => self.slot_store(*slot, *offset, *value)?,
            K::Load { ty, addr, offset } => vec![self.load(*ty, *addr, *offset)?],
            K::Store { addr, offset, value } => self.store(*addr, *offset, *value)?,
            K::PtrOffset { base, offset } => vec![self.ptr_offset(*base, *offset)?],
            K::Copy { dst, src, bytes } => self.copy_inst(*dst, *src, *bytes)?,
            K::SlotLive(_) | K::SlotDead(_) => Vec::new(),

            K::FuncAddr(func) => vec![self.sync_address(*func)?],
            K::MachineAddr(func) => vec![self.machine_address(*func)?],
            K::DataAddr(data, offset) => vec![self.object_address(*data, *offset)?],
            K::DataRef(data, _) => vec![self.object_address(*data, 0)?],
            K::Call { callee, args, dests } => self.call_inst(*callee, args, dests)?,

            K::Budget => self.budget(!inst.results.is_empty()),
            K::Shield(delta) => self.shield(*delta),
            K::StackOk => vec![self.stack_ok()],
            K::Ctx => vec![self.ctx],
            K::SiteAddr { offset, state } => vec![self.site_address(*offset, *state)?],
            K::ResumeAddr(func) => vec![self.resume_address(*func)?],
            K::PollAddr(op) => vec![self.poll_address(*op)?],
            K::ResumeFunc { func, frame } => vec![self.resume_func(*func, *frame)?],
            K::ResumePtr { resume, frame } => vec![self.resume_ptr(*resume, *frame)?],
            K::OpStart { op, storage, args } => self.op_start(*op, *storage, args)?,
            K::OpPoll { op, storage } => vec![self.op_poll(*op, *storage)?],
            K::CtxCall { func, args } => self.ctx_call(*func, args)?,
            K::SpanAddr => vec![self.span_address()?],

            K::SlotInit(_)
            | K::SlotForget(_)
            | K::Retain(_)
            | K::Drop(_)
            | K::DropSlot(_)
            | K::Move { .. }
            | K::Future { .. }
            | K::Box { .. }
            | K::BoxSlot { .. }
            | K::DropBox(_) => return Err(self.not_lowered(kind_name(&inst.kind))),
        };
        self.define_results(inst, &results)
    }

    /// Gives the results of an instruction their CLIF values.
    fn define_results(&mut self, inst: &InstData, results: &[clif::Value]) -> Result<()> {
        // `overrun` and the like answer a status that the IR may ignore.
        if inst.results.len() > results.len() {
            let n = inst.results.len();
            return Err(
                self.malformed(format!("an instruction with {} results lists {n}", results.len()))
            );
        }
        for (&value, &v) in inst.results.iter().zip(results) {
            let (want, have) = (clif_type(self.func.value_type(value)), self.type_of(v));
            if want != have {
                return Err(self.malformed(format!("{value} is {have}, declared as {want}")));
            }
            self.define(value, v);
        }
        Ok(())
    }

    fn define(&mut self, value: Value, v: clif::Value) {
        self.values[value.index()] = Some(v);
    }

    /// The CLIF value of an IR value that is used here.
    fn value(&self, value: Value) -> Result<clif::Value> {
        let known = self.values.get(value.index()).copied().flatten();
        known.ok_or_else(|| self.malformed(format!("{value} is used where it is not defined")))
    }

    fn values_of(&self, args: [Value; 2]) -> Result<[clif::Value; 2]> {
        let [x, y] = [self.value(args[0])?, self.value(args[1])?];
        if self.type_of(x) != self.type_of(y) {
            return Err(self.malformed(format!("{} and {} have two types", args[0], args[1])));
        }
        Ok([x, y])
    }

    fn type_of(&self, v: clif::Value) -> clif::Type {
        self.b.func.dfg.value_type(v)
    }

    fn block_ref(&self, block: Block) -> Result<clif::Block> {
        let known = self.blocks.get(block.index()).copied().flatten();
        known.ok_or_else(|| self.malformed(format!("{block} does not exist")))
    }

    fn iconst(&mut self, ty: clif::Type, n: i64) -> clif::Value {
        self.b.ins().iconst(ty, n)
    }

    fn malformed(&self, what: impl Into<String>) -> CodegenError {
        CodegenError::malformed(&self.func.name, what)
    }

    fn not_lowered(&self, what: &str) -> CodegenError {
        CodegenError::NotLowered { func: self.func.name.clone(), what: what.to_owned() }
    }

    fn unsupported(&self, what: impl Into<String>) -> CodegenError {
        CodegenError::Unsupported { func: self.func.name.clone(), what: what.into() }
    }

    /// A function in the form that call instructions name.
    fn func_ref(&mut self, id: FuncId) -> FuncRef {
        let (unit, b) = (&mut *self.unit, &mut self.b);
        *self.func_refs.entry(id).or_insert_with(|| unit.out.declare_func_in_func(id, b.func))
    }

    /// Address of static data at an offset, in one instruction.
    fn data_address(&mut self, id: DataId, offset: u32) -> clif::Value {
        let (unit, b) = (&mut *self.unit, &mut self.b);
        let base =
            *self.data_refs.entry(id).or_insert_with(|| unit.out.declare_data_in_func(id, b.func));
        let mut gv = base;
        if offset != 0
            && let GlobalValueData::Symbol { name, colocated, tls, .. } =
                b.func.global_values[base].clone()
        {
            let offset = i64::from(offset).into();
            gv = b.create_global_value(GlobalValueData::Symbol { name, offset, colocated, tls });
        }
        b.ins().symbol_value(types::I64, gv)
    }

    fn known_sig(&mut self, which: KnownSig, make: impl FnOnce(&Self) -> Signature) -> SigRef {
        if let Some(&sig) = self.sigs.get(&which) {
            return sig;
        }
        let sig = make(self);
        let sig = self.b.import_signature(sig);
        self.sigs.insert(which, sig);
        sig
    }
}

/// Name of an instruction that the lowering removes.
fn kind_name(kind: &InstKind) -> &'static str {
    use InstKind as K;
    match kind {
        K::SlotInit(_) => "`slot_init`",
        K::SlotForget(_) => "`slot_forget`",
        K::Retain(_) => "`retain`",
        K::Drop(_) => "`drop` of a value",
        K::DropSlot(_) => "`drop` of a slot",
        K::Move { .. } => "`move`",
        K::Future { .. } => "`future`",
        K::Box { .. } => "`box`",
        K::BoxSlot { .. } => "`box` of a slot",
        K::DropBox(_) => "`drop` of a box",
        _ => "an instruction of the source form",
    }
}

/// Parameters after the context, and the result.
fn ctx_fn_types(func: CtxFn) -> (&'static [Type], Option<Type>) {
    use Type::{I32, I64, Ptr};
    match func {
        CtxFn::AllocFrame => (&[Ptr, I32], Some(Ptr)),
        CtxFn::FreeFrame => (&[Ptr], None),
        CtxFn::Overrun => (&[], Some(I32)),
        CtxFn::Fault => (&[I32, Ptr, I64, I32], None),
        CtxFn::Choose => (&[I32], Some(I32)),
        CtxFn::Branches => (&[Ptr, I32, I32], Some(I32)),
        CtxFn::Run => (&[Ptr], Some(I32)),
    }
}
