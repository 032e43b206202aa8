//! Writes instructions into a function, one after the other.

use crate::ir::{
    Arg, BinaryOp, Block, BlockCall, Callee, ClassData, CompareOp, ConvertOp, CtxFn, DropAction,
    FuncKind, Function, Inst, InstKind, Module, Slot, Span, Terminator, Ty, Type, Value,
};

/// Where bytes lie: in a slot, or in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loc {
    /// At an offset of a slot on the native stack.
    Slot(Slot, u32),
    /// At an offset from an address.
    Mem(Value, u32),
}

impl Loc {
    /// `bytes` further on.
    pub(crate) fn at(self, bytes: u32) -> Self {
        match self {
            Loc::Slot(s, o) => Loc::Slot(s, o + bytes),
            Loc::Mem(v, o) => Loc::Mem(v, o + bytes),
        }
    }
}

/// A cursor at the end of a block.
pub(crate) struct Emit<'a> {
    pub(crate) module: &'a Module,
    pub(crate) f: &'a mut Function,
    pub(crate) block: Block,
    pub(crate) span: Span,
}

impl Emit<'_> {
    pub(crate) fn inst(&mut self, kind: InstKind, types: &[Type]) -> Inst {
        self.f.add_inst(self.block, kind, types, self.span)
    }

    pub(crate) fn value(&mut self, kind: InstKind, ty: Type) -> Value {
        let inst = self.inst(kind, &[ty]);
        self.f.result(inst)
    }

    pub(crate) fn effect(&mut self, kind: InstKind) {
        self.inst(kind, &[]);
    }

    /// Ends the current block and goes on in `next`.
    pub(crate) fn end(&mut self, term: Terminator, next: Block) {
        self.f.set_term(self.block, term, self.span);
        self.block = next;
    }

    pub(crate) fn jump(&mut self, to: Block, args: &[Value], next: Block) {
        self.end(Terminator::Jump(BlockCall::new(to, args.iter().copied())), next);
    }

    pub(crate) fn br(&mut self, cond: Value, then: Block, otherwise: Block, next: Block) {
        let to = |b| BlockCall::new(b, []);
        self.end(Terminator::Br { cond, then: to(then), otherwise: to(otherwise) }, next);
    }

    pub(crate) fn const_int(&mut self, ty: Type, n: i64) -> Value {
        let mask = if ty == Type::I64 { u64::MAX } else { (1u64 << (ty.bytes() * 8)) - 1 };
        self.value(InstKind::Const { ty, bits: u128::from(n as u64 & mask) }, ty)
    }

    pub(crate) fn compare(&mut self, op: CompareOp, a: Value, b: Value) -> Value {
        self.value(InstKind::Compare { op, args: [a, b] }, Type::Bool)
    }

    /// Whether an integer equals a constant.
    pub(crate) fn is(&mut self, v: Value, n: i64) -> Value {
        let n = self.const_int(self.f.value_type(v), n);
        self.compare(CompareOp::Eq, v, n)
    }

    pub(crate) fn is_null(&mut self, v: Value) -> Value {
        let null = self.value(InstKind::Null { ty: self.f.value_type(v) }, self.f.value_type(v));
        self.compare(CompareOp::Eq, v, null)
    }

    pub(crate) fn load(&mut self, loc: Loc, ty: Type) -> Value {
        let kind = match loc {
            Loc::Slot(slot, offset) => InstKind::SlotLoad { slot, offset, ty },
            Loc::Mem(addr, offset) => InstKind::Load { ty, addr, offset: offset as i32 },
        };
        self.value(kind, ty)
    }

    pub(crate) fn store(&mut self, loc: Loc, value: Value) {
        self.effect(match loc {
            Loc::Slot(slot, offset) => InstKind::SlotStore { slot, offset, value },
            Loc::Mem(addr, offset) => InstKind::Store { addr, offset: offset as i32, value },
        });
    }

    /// Reads a field of the ABI.
    pub(crate) fn field(&mut self, base: Value, offset: i32, ty: Type) -> Value {
        self.value(InstKind::Load { ty, addr: base, offset }, ty)
    }

    /// Writes a field of the ABI.
    pub(crate) fn set_field(&mut self, base: Value, offset: i32, value: Value) {
        self.effect(InstKind::Store { addr: base, offset, value });
    }

    pub(crate) fn set_field_int(&mut self, base: Value, offset: i32, ty: Type, n: i64) {
        let n = self.const_int(ty, n);
        self.set_field(base, offset, n);
    }

    pub(crate) fn addr(&mut self, loc: Loc) -> Value {
        match loc {
            Loc::Slot(slot, offset) => self.value(InstKind::SlotAddr { slot, offset }, Type::Ptr),
            Loc::Mem(base, 0) => base,
            Loc::Mem(base, offset) => {
                self.value(InstKind::PtrOffset { base, offset: offset as i32 }, Type::Ptr)
            }
        }
    }

    /// Address plus a number that is known at run time only.
    pub(crate) fn add_bytes(&mut self, base: Value, bytes: Value) -> Value {
        let cast = |this: &mut Self, arg, ty| {
            this.value(InstKind::Convert { op: ConvertOp::Bitcast, arg, ty }, ty)
        };
        let base = cast(self, base, Type::I64);
        let sum = InstKind::Binary { op: BinaryOp::Add, args: [base, bytes] };
        let sum = self.value(sum, Type::I64);
        cast(self, sum, Type::Ptr)
    }

    /// Moves bytes; nothing if both places are the same.
    pub(crate) fn copy(&mut self, dst: Loc, src: Loc, bytes: u32) {
        if bytes == 0 || dst == src {
            return;
        }
        let whole = match bytes {
            1 => Some(Type::I8),
            2 => Some(Type::I16),
            4 => Some(Type::I32),
            8 => Some(Type::I64),
            _ => None,
        };
        if let Some(ty) = whole {
            let v = self.load(src, ty);
            self.store(dst, v);
            return;
        }
        let dst = self.addr(dst);
        let src = self.addr(src);
        self.effect(InstKind::Copy { dst, src, bytes });
    }

    pub(crate) fn ctx_call(&mut self, func: CtxFn, args: &[Value]) -> Option<Value> {
        let types: &[Type] = match func {
            CtxFn::AllocFrame => &[Type::Ptr],
            CtxFn::Choose | CtxFn::Branches | CtxFn::Run => &[Type::I32],
            CtxFn::FreeFrame | CtxFn::Overrun | CtxFn::Fault => &[],
        };
        let inst = self.inst(InstKind::CtxCall { func, args: args.to_vec() }, types);
        self.f.insts[inst].results.first().copied()
    }

    /// The context: a machine's first parameter is only good in the resume that got it, and so is
    /// this.
    pub(crate) fn ctx(&mut self) -> Value {
        self.value(InstKind::Ctx, Type::Ptr)
    }

    /// Calls an import `(arg)` without result.
    fn call_import(&mut self, import: crate::ir::Import, arg: Value) {
        let callee = Callee::Import(import);
        self.effect(InstKind::Call { callee, args: vec![Arg::Value(arg)], dests: Vec::new() });
    }

    pub(crate) fn retain(&mut self, v: Value) {
        if let Some(class) = self.class(v) {
            let import = class.retain;
            self.call_import(import, v);
        }
    }

    pub(crate) fn release(&mut self, v: Value) {
        if let Some(class) = self.class(v) {
            let import = class.release;
            self.call_import(import, v);
        }
    }

    fn class(&self, v: Value) -> Option<&ClassData> {
        match self.f.value_type(v) {
            Type::Ref(class) => self.module.classes.get(class),
            _ => None,
        }
    }

    /// Runs the drop action of whatever of this type lies at `loc`. An unstarted future (as its
    /// argument tuple) drops its arguments, last first; a generator's frame is not handled here.
    pub(crate) fn drop_at(&mut self, ty: Ty, loc: Loc) {
        if !self.module.needs_drop(ty) {
            return;
        }
        match ty {
            Ty::Value(t) => {
                let v = self.load(loc, t);
                self.release(v);
            }
            Ty::Bytes { .. } => {}
            Ty::Struct(s) => self.drop_struct(s, loc),
            Ty::Future(func) => {
                debug_assert!(self.module.funcs[func].kind != FuncKind::Generator);
                let types: Vec<Ty> =
                    self.module.funcs[func].sig.params.iter().map(|p| p.ty).collect();
                let seq = self.module.sequence(types.iter().copied());
                let offsets = seq.expect("I: a laid out future has offsets").offsets;
                for (&ty, &offset) in types.iter().zip(&offsets).rev() {
                    self.drop_at(ty, loc.at(offset));
                }
            }
        }
    }

    fn drop_struct(&mut self, s: crate::ir::Struct, loc: Loc) {
        let data = &self.module.structs[s];
        match (&data.drop, &data.tag) {
            (DropAction::None, _) => {}
            (DropAction::Call(import), _) => {
                let import = *import;
                let addr = self.addr(loc);
                self.call_import(import, addr);
            }
            (DropAction::Fields, None) => {
                for field in &data.fields {
                    self.drop_at(field.ty, loc.at(field.offset));
                }
            }
            (DropAction::Fields, Some(tag)) => {
                let field = &data.fields[tag.field as usize];
                let ty = field.ty.as_value().expect("I: a tag is an integer or bool");
                let value = self.load(loc.at(field.offset), ty);
                let after = self.f.add_block();
                let mut cases = Vec::new();
                let start = self.block;
                for (n, alive) in &tag.variants {
                    self.block = self.f.add_block();
                    cases.push((*n, BlockCall::new(self.block, [])));
                    for &i in alive {
                        let field = &data.fields[i as usize];
                        self.drop_at(field.ty, loc.at(field.offset));
                    }
                    self.jump(after, &[], after);
                }
                self.block = start;
                let value = if ty == Type::Bool {
                    self.value(
                        InstKind::Convert { op: ConvertOp::Zext, arg: value, ty: Type::I8 },
                        Type::I8,
                    )
                } else {
                    value
                };
                let default = BlockCall::new(after, []);
                self.end(Terminator::Switch { value, cases, default }, after);
            }
        }
    }
}
