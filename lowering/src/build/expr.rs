//! Expressions and statements.
//!
//! Each construct of the HIR has one method; those of control flow, patterns, calls and awaits
//! stand in the files beside this one. A method answers the value, or that control does not come
//! back; then nothing more of the surrounding expression is built.

use super::func::{FnCx, Never, Own, Parked, R, Val, latest};
use super::host_table::fault;
use super::layout::{LIST_DATA, PAYLOAD, PICK_PAYLOAD};
use super::place::Loc;
use super::scope::Action;
use super::walk::{Effect, effect};
use crate::diagnostics;
use crate::ir::{ConvertOp, InstKind, Type, Value};
use crate::sema::hir::{
    Appended, Block, Const, Expr, ExprKind, FieldIdx, LoadMode, PanicReason, Place, PlaceBase,
    Stmt, StmtKind, VariantIdx,
};
use crate::sema::types::{TyId, TyKind};
use vitte_abi::fault_code;

impl<'p> FnCx<'_, 'p> {
    /// Evaluates an expression.
    pub(super) fn expr(&mut self, e: &'p Expr) -> R<Val> {
        self.e.span = self.cx.span(e.span);
        let val = self.expr_kind(e)?;
        self.e.span = self.cx.span(e.span);
        if e.ty == TyId::NEVER || self.e.is_dead() {
            return Err(Never);
        }
        Ok(val)
    }

    fn expr_kind(&mut self, e: &'p Expr) -> R<Val> {
        match &e.kind {
            ExprKind::Const(c) => Ok(self.constant(c, e.ty)),
            ExprKind::Load { place, mode } => self.load_expr(place, *mode),
            ExprKind::Ref(place) => {
                let loc = self.resolve(place, Effect::Pure)?;
                let v = self.address(&loc);
                Ok(self.owned(vec![v], e.ty))
            }
            ExprKind::Assign { place, value } => self.assign(place, value),
            ExprKind::Update { place, op, overflow, value } => {
                let loc = self.resolve(place, effect(value))?;
                let rhs = self.scalar(value)?;
                self.e.span = self.cx.span(e.span);
                let loc = self.settle(loc);
                let lhs = self.load(&loc).v[0];
                let v = self.arith(*op, *overflow, [lhs, rhs], place.ty, value.ty);
                let val = self.owned(vec![v], place.ty);
                self.store(&loc, val);
                Ok(self.unit())
            }
            ExprKind::Append { place, what } => self.append(place, what),
            ExprKind::Binary { op, overflow, lhs, rhs } => {
                let vals = self.operands(&[lhs, rhs])?;
                self.e.span = self.cx.span(e.span);
                let args = [vals[0].v[0], vals[1].v[0]];
                let v = self.arith(*op, *overflow, args, lhs.ty, rhs.ty);
                Ok(self.owned(vec![v], e.ty))
            }
            ExprKind::Unary { op, overflow, expr } => {
                let v = self.scalar(expr)?;
                let v = self.arith_unary(*op, *overflow, v, expr.ty);
                Ok(self.owned(vec![v], e.ty))
            }
            ExprKind::Cast(inner) => {
                let v = self.scalar(inner)?;
                let v = self.cast(v, inner.ty, e.ty);
                Ok(self.owned(vec![v], e.ty))
            }
            ExprKind::Call(call) => self.call(call, e.ty),
            ExprKind::CallValue { callee, args } => self.call_value(callee, args, e.ty),
            ExprKind::Builtin { op, args } => self.builtin(*op, args, e.ty),
            ExprKind::ProcValue(callee) => {
                let v = self.proc_value(callee, e.ty);
                Ok(self.owned(vec![v], e.ty))
            }
            ExprKind::Future(what) => self.future(what, e.ty),
            ExprKind::Await(what) => self.await_expr(what),
            ExprKind::Spawn { what, parent } => self.spawn(what, parent, e.ty),
            ExprKind::Emit(item) => self.emit(item),
            ExprKind::Some(inner) => self.sided(inner, VariantIdx::SOME, e.ty),
            ExprKind::Ok(inner) => self.sided(inner, VariantIdx::OK, e.ty),
            ExprKind::Err(inner) => self.sided(inner, VariantIdx::ERR, e.ty),
            ExprKind::None => {
                let parts = self.parts(e.ty);
                let v = self.zeros(&parts);
                let mut val = self.owned(v, e.ty);
                val.own = Own::Static;
                Ok(val)
            }
            ExprKind::Tuple(list) => {
                let es: Vec<&Expr> = list.iter().collect();
                let vals = self.owned_args(&es)?;
                let v = vals.into_iter().flat_map(|val| val.v).collect();
                Ok(self.owned(v, e.ty))
            }
            ExprKind::List(list) => self.list(list, e.ty),
            ExprKind::Repeat { value, n } => self.repeat(value, n, e.ty),
            ExprKind::Form { fields, base } => self.form(fields, base.as_deref(), e.ty),
            ExprKind::Variant { variant, args } => self.variant(*variant, args, e.ty),
            ExprKind::Block(b) | ExprKind::Critical(b) => self.block(b),
            ExprKind::If { cond, then, otherwise } => {
                self.if_expr(cond, then, otherwise.as_deref(), e.ty)
            }
            ExprKind::Match { scrutinee, arms, .. } => self.match_expr(scrutinee, arms, e.ty),
            ExprKind::Loop { id, cond, body, step } => {
                self.loop_expr(*id, cond.as_deref(), body, step.as_deref(), e.ty)
            }
            ExprKind::ForRange { id, pattern, lo, hi, inclusive, body } => {
                self.for_range(*id, pattern, [lo, hi], *inclusive, body)
            }
            ExprKind::ForList { id, pattern, list, body } => {
                self.for_list(*id, pattern, list, body)
            }
            ExprKind::ForStream { id, pattern, stream, body } => {
                self.for_stream(*id, pattern, stream, body)
            }
            ExprKind::ForChannel { id, pattern, channel, body } => {
                self.for_channel(*id, pattern, channel, body)
            }
            ExprKind::Select { arms, otherwise } => self.select(arms, otherwise.as_deref(), e.ty),
            ExprKind::WithScope { local, body } => {
                let last = diagnostics::Span { lo: e.span.hi.saturating_sub(1), ..e.span };
                let end = self.cx.span(last);
                self.with_scope(*local, body, end)
            }
            ExprKind::Give(value) => {
                let val = match value {
                    Some(value) => {
                        let val = self.expr(value)?;
                        self.own(val)
                    }
                    None => self.unit(),
                };
                self.give(val);
                Err(Never)
            }
            ExprKind::Break { target, value } => self.break_expr(*target, value.as_deref()),
            ExprKind::Continue(target) => {
                let id = self.loop_of(*target).id;
                self.exit(super::scope::Exit::Continue(id));
                Err(Never)
            }
            ExprKind::Panic { message, reason } => {
                let val = self.expr(message)?;
                let val = self.own(val);
                self.e.span = self.cx.span(e.span);
                let code = match reason {
                    PanicReason::Panic => fault_code::PANIC,
                    PanicReason::Assert => fault_code::ASSERT,
                    PanicReason::Unreachable => fault::UNREACHABLE,
                };
                let payload = self.e.convert(ConvertOp::Bitcast, val.v[0], Type::I64);
                self.fault(code, Some(payload));
                Err(Never)
            }
        }
    }

    fn constant(&mut self, c: &Const, ty: TyId) -> Val {
        let types = self.parts(ty);
        let scalar = types.first().map_or(Type::I64, |p| p.ty());
        let v = match c {
            Const::Unit => return self.unit(),
            Const::Bool(b) => self.e.bool(*b),
            Const::Int(n) => self.e.iconst(scalar, *n),
            Const::Char(c) => self.e.iconst(scalar, i128::from(u32::from(*c))),
            Const::Float(x) if scalar == Type::F32 => {
                let bits = u128::from((*x as f32).to_bits());
                self.e.value(InstKind::Const { ty: scalar, bits }, scalar)
            }
            Const::Float(x) => {
                let bits = u128::from(x.to_bits());
                self.e.value(InstKind::Const { ty: scalar, bits }, scalar)
            }
            Const::Str(text) => {
                let v = self.string(text);
                let mut val = self.owned(vec![v], ty);
                val.own = Own::Static;
                return val;
            }
            Const::Bytes(bytes) => {
                let n = self.e.iconst(Type::I64, bytes.len() as i128);
                let list = self.new_list(ty, n);
                let addr = self.e.addr_of(list);
                let to = self.e.load(Type::Ptr, addr, LIST_DATA);
                let data = self.cx.bytes_data(bytes);
                let from = self.e.value(InstKind::DataAddr(data, 0), Type::Ptr);
                let bytes = bytes.len() as u32;
                self.e.effect(InstKind::Copy { dst: to, src: from, bytes });
                self.e.store(addr, PAYLOAD, n);
                return self.owned(vec![list], ty);
            }
        };
        self.owned(vec![v], ty)
    }

    /// A reference to an immortal string.
    pub(super) fn string(&mut self, text: &str) -> Value {
        let data = self.cx.string_data(text);
        let class = self.cx.class(TyId::STRING);
        self.e.value(InstKind::DataRef(data, class), Type::Ref(class))
    }

    fn load_expr(&mut self, place: &'p Place, mode: LoadMode) -> R<Val> {
        let loc = self.resolve(place, Effect::Pure)?;
        let moves = mode == LoadMode::Move && place.path.is_empty();
        Ok(if moves { self.take(&loc) } else { self.load(&loc) })
    }

    fn assign(&mut self, place: &'p Place, value: &'p Expr) -> R<Val> {
        let loc = self.resolve(place, effect(value))?;
        let val = self.expr(value)?;
        let mut val = self.own(val);
        self.e.span = self.cx.span(place.span);
        // An index is checked here: what is owned must be found by the cleanup.
        if matches!(loc, Loc::Elem { .. }) && val.own == Own::Owned {
            let parked = self.park(val);
            let loc = self.settle(loc);
            val = self.unpark(&parked);
            self.store(&loc, val);
        } else {
            self.store(&loc, val);
        }
        Ok(self.unit())
    }

    fn append(&mut self, place: &'p Place, what: &'p Appended) -> R<Val> {
        let ty = self.ty(place.ty);
        let is_string = *self.cx.types.kind(ty) == TyKind::String;
        match what {
            Appended::All(e) => {
                let loc = self.resolve(place, effect(e))?;
                let added = self.operands(&[e])?.swap_remove(0);
                let loc = self.settle(loc);
                let old = self.load(&loc).v[0];
                let symbol = if is_string { "vitte_str_append" } else { "vitte_list_concat" };
                let new = self.import_object(symbol, &[old, added.v[0]], ty);
                self.replace(&loc, new);
            }
            Appended::Elements(list) => {
                let es: Vec<&Expr> = list.iter().collect();
                let loc = self.resolve(place, latest(&es))?;
                let mut parked: Vec<Parked> = Vec::new();
                for val in self.parked_args(&es)? {
                    parked.push(match val {
                        Ok(val) => self.park(val),
                        Err(p) => p,
                    });
                }
                let loc = self.settle(loc);
                let old = self.load(&loc).v[0];
                let n = self.e.iconst(Type::I64, list.len() as i128);
                let new = self.import_object("vitte_list_own", &[old, n], ty);
                self.replace(&loc, new);
                for p in &parked {
                    self.push_element(new, p, ty);
                }
            }
        }
        Ok(self.unit())
    }

    /// Puts back a reference that an import took and gave a successor for.
    fn replace(&mut self, loc: &Loc, new: Value) {
        if let Loc::Stores(stores) = loc {
            match stores[0] {
                super::func::Store::Slot(slot, _) => {
                    self.e.effect(InstKind::SlotForget(slot));
                    self.e.effect(InstKind::SlotStore { slot, offset: 0, value: new });
                }
                super::func::Store::Mem(slot, offset, _) => {
                    self.e.effect(InstKind::SlotStore { slot, offset, value: new });
                }
                _ => {}
            }
        } else if let Loc::Mem { offsets, .. } = loc {
            let addr = self.address(&match loc.clone() {
                Loc::Mem { base, parts, .. } => Loc::Mem { base, offsets: vec![0], parts },
                other => other,
            });
            self.e.store(addr, offsets[0], new);
        }
    }

    /// Appends a parked element to a list that may be changed.
    pub(super) fn push_element(&mut self, list: Value, element: &Parked, list_ty: TyId) {
        let addr = self.import_value("vitte_list_push", &[list]);
        self.check_memory(addr);
        let val = self.unpark(element);
        self.write_element(addr, &val, list_ty);
    }

    /// Element type of a list.
    pub(super) fn elem(&mut self, list_ty: TyId) -> TyId {
        let ty = self.ty(list_ty);
        self.cx.types.parts(ty).first().copied().unwrap_or(TyId::UNIT)
    }

    /// Writes an owned element to fresh memory of a list.
    pub(super) fn write_element(&mut self, addr: Value, val: &Val, list_ty: TyId) {
        let elem = self.elem(list_ty);
        let offsets = self.cx.spread(0, &[elem]).offsets.swap_remove(0);
        for (&v, o) in val.v.iter().zip(offsets) {
            self.e.store(addr, o, v);
        }
    }

    /// Descriptor of a counted type, as an address.
    pub(super) fn desc(&mut self, ty: TyId) -> Value {
        let ty = self.ty(ty);
        let d = self.cx.type_desc(ty);
        self.e.value(InstKind::DataAddr(d, 0), Type::Ptr)
    }

    /// A new list with room.
    pub(super) fn new_list(&mut self, ty: TyId, capacity: Value) -> Value {
        let ty = self.ty(ty);
        let desc = self.desc(ty);
        self.import_object("vitte_list_new", &[desc, capacity], ty)
    }

    fn list(&mut self, list: &'p [Expr], ty: TyId) -> R<Val> {
        let es: Vec<&Expr> = list.iter().collect();
        let mut parked: Vec<Parked> = Vec::new();
        for val in self.parked_args(&es)? {
            parked.push(match val {
                Ok(val) => self.park(val),
                Err(p) => p,
            });
        }
        let n = self.e.iconst(Type::I64, list.len() as i128);
        let new = self.new_list(ty, n);
        let addr = self.e.addr_of(new);
        let elem = self.elem(ty);
        let stride = self.cx.spread(0, &[elem]).size;
        if !parked.is_empty() {
            let data = self.e.load(Type::Ptr, addr, LIST_DATA);
            let offsets = self.cx.spread(0, &[elem]).offsets.swap_remove(0);
            for (i, p) in (0u32..).zip(&parked) {
                let val = self.unpark(p);
                for (&v, o) in val.v.iter().zip(&offsets) {
                    self.e.store(data, i * stride + o, v);
                }
            }
            self.e.store(addr, PAYLOAD, n);
        }
        Ok(self.owned(vec![new], ty))
    }

    fn repeat(&mut self, value: &'p Expr, n: &'p Expr, ty: TyId) -> R<Val> {
        let val = self.expr(value)?;
        let parked = self.park(val);
        let n = self.scalar(n)?;
        let zero = self.e.iconst(Type::I64, 0);
        let negative = self.e.compare(crate::ir::CompareOp::Slt, n, zero);
        self.fault_if(negative, fault::NEGATIVE, Some(n));
        let new = self.new_list(ty, n);
        let new_val = self.owned(vec![new], ty);
        let held = self.park(new_val);
        let list_ty = ty;
        self.count_loop(n, |cx, _| {
            let val = cx.peek(&parked);
            let val = cx.own(val);
            let element = cx.park(val);
            let list = cx.peek(&held).v[0];
            cx.push_element(list, &element, list_ty);
        });
        Ok(self.unpark(&held))
    }

    /// Wraps a value into one side of an option or result.
    fn sided(&mut self, inner: &'p Expr, side: VariantIdx, ty: TyId) -> R<Val> {
        let val = self.expr(inner)?;
        Ok(self.side(val, side, ty))
    }

    /// The same for a value in flight.
    pub(super) fn side(&mut self, val: Val, side: VariantIdx, ty: TyId) -> Val {
        let here = self.ty(ty);
        let parts = self.cx.parts(here);
        let before = match (self.cx.types.kind(here).clone(), side) {
            (TyKind::Result(t, _), VariantIdx::ERR) => self.cx.n_parts(t),
            _ => 0,
        };
        let own = val.own;
        let tag = self.e.iconst(Type::I8, i128::from(side.0));
        let mut v = vec![tag];
        for (i, part) in parts.iter().enumerate().skip(1) {
            let at = (i - 1).checked_sub(before).and_then(|i| val.v.get(i));
            v.push(match at {
                Some(&v) => v,
                None => self.e.zero_value(part.ty()),
            });
        }
        let mut out = self.owned(v, ty);
        if out.own == Own::Owned {
            out.own = own;
        }
        out
    }

    // ---- objects ----

    /// A new object, zeroed.
    pub(super) fn new_object(&mut self, ty: TyId) -> Value {
        let ty = self.ty(ty);
        let desc = self.desc(ty);
        self.import_object("vitte_new", &[desc], ty)
    }

    fn form(&mut self, fields: &'p [(FieldIdx, Expr)], base: Option<&'p Expr>, ty: TyId) -> R<Val> {
        let mut es: Vec<&Expr> = fields.iter().map(|(_, e)| e).collect();
        es.extend(base);
        let mut parked: Vec<Parked> = Vec::new();
        for val in self.parked_args(&es)? {
            parked.push(match val {
                Ok(val) => self.park(val),
                Err(p) => p,
            });
        }
        let object = self.new_object(ty);
        let here = self.ty(ty);
        let offsets = self.cx.object(here, None).offsets;
        let addr = self.e.addr_of(object);
        let mut set = vec![false; offsets.len()];
        for ((idx, _), p) in fields.iter().zip(&parked) {
            let val = self.unpark(p);
            set[idx.0 as usize] = true;
            for (&v, &o) in val.v.iter().zip(&offsets[idx.0 as usize]) {
                self.e.store(addr, o, v);
            }
        }
        if base.is_some() {
            let from = self.peek(parked.last().expect("the base is the last operand")).v[0];
            let from = self.e.addr_of(from);
            let tys = self.cx.fields(here, None);
            for (i, field) in tys.into_iter().enumerate().filter(|(i, _)| !set[*i]) {
                let parts = self.cx.parts(field);
                for (part, &o) in parts.iter().zip(&offsets[i]) {
                    let v = self.e.load(part.ty(), from, o);
                    if part.is_owned() {
                        self.e.effect(InstKind::Retain(v));
                    }
                    self.e.store(addr, o, v);
                }
            }
        }
        Ok(self.owned(vec![object], ty))
    }

    fn variant(&mut self, variant: VariantIdx, args: &'p [Expr], ty: TyId) -> R<Val> {
        let here = self.ty(ty);
        if self.cx.is_plain_pick(here) {
            let v = self.e.iconst(Type::I32, i128::from(variant.0));
            return Ok(self.owned(vec![v], ty));
        }
        if args.is_empty() {
            let data = self.cx.arm_data(here, variant);
            let class = self.cx.class(here);
            let v = self.e.value(InstKind::DataRef(data, class), Type::Ref(class));
            let mut val = self.owned(vec![v], ty);
            val.own = Own::Static;
            return Ok(val);
        }
        let es: Vec<&Expr> = args.iter().collect();
        let mut parked: Vec<Parked> = Vec::new();
        for val in self.parked_args(&es)? {
            parked.push(match val {
                Ok(val) => self.park(val),
                Err(p) => p,
            });
        }
        let vals =
            |cx: &mut Self| parked.iter().flat_map(|p| cx.unpark(p).v).collect::<Vec<Value>>();
        let object = self.new_object(ty);
        let v = vals(self);
        self.fill_variant(object, here, variant, &v);
        Ok(self.owned(vec![object], ty))
    }

    /// Writes tag and payload of a new pick.
    pub(super) fn fill_variant(
        &mut self,
        object: Value,
        ty: TyId,
        variant: VariantIdx,
        payload: &[Value],
    ) {
        let addr = self.e.addr_of(object);
        let tag = self.e.iconst(Type::I32, i128::from(variant.0));
        self.e.store(addr, PAYLOAD, tag);
        let offsets = self.cx.object(ty, Some(variant)).offsets;
        debug_assert!(offsets.iter().flatten().all(|&o| o >= PICK_PAYLOAD));
        for (&v, o) in payload.iter().zip(offsets.into_iter().flatten()) {
            self.e.store(addr, o, v);
        }
    }

    // ---- statements and blocks ----

    /// A block: the scope of its locals and defers.
    pub(super) fn block(&mut self, block: &'p Block) -> R<Val> {
        let mark = self.entries.len();
        let result = self.block_inner(block);
        self.leave(mark, result)
    }

    fn block_inner(&mut self, block: &'p Block) -> R<Val> {
        for stmt in &block.stmts {
            self.stmt(stmt)?;
        }
        match &block.value {
            Some(e) => self.expr(e),
            None => Ok(self.unit()),
        }
    }

    /// Leaves a scope with its value.
    pub(super) fn leave(&mut self, mark: usize, result: R<Val>) -> R<Val> {
        let Ok(val) = result else {
            self.entries.truncate(mark);
            return Err(Never);
        };
        if self.entries.len() == mark {
            return Ok(val);
        }
        let val = self.own(val);
        if val.own != Own::Owned || !self.is_complex_above(mark) {
            self.pop_to(mark);
            return Ok(val);
        }
        // Defers may fault or suspend: the value lies below them meanwhile.
        let at = self.entries.len();
        let parked = self.park(val);
        let n = self.entries.len() - at;
        self.sink_entries(mark, n);
        self.pop_to(mark + n);
        if self.e.is_dead() {
            self.entries.truncate(mark);
            return Err(Never);
        }
        Ok(self.unpark(&parked))
    }

    /// Evaluates something in a scope of its own for temporaries.
    pub(super) fn scoped(&mut self, body: impl FnOnce(&mut Self) -> R<Val>) -> R<Val> {
        let mark = self.entries.len();
        let result = body(self);
        self.leave(mark, result)
    }

    fn stmt(&mut self, stmt: &'p Stmt) -> R<()> {
        self.e.span = self.cx.span(stmt.span);
        match &stmt.kind {
            StmtKind::Let { local, init } => {
                if let Some(slot) = self.known_future(*local, init)? {
                    self.locals[local.0 as usize] = Some(vec![slot]);
                    return Ok(());
                }
                let val = self.scoped(|cx| {
                    let val = cx.expr(init)?;
                    Ok(cx.own(val))
                })?;
                self.declare(*local, val);
            }
            StmtKind::LetPattern { pattern, init } => {
                let val = self.scoped(|cx| {
                    let val = cx.expr(init)?;
                    Ok(cx.own(val))
                })?;
                self.bind_owned(pattern, val);
            }
            StmtKind::Expr(e) => {
                let mark = self.entries.len();
                let result = self.expr(e);
                if let Ok(val) = &result {
                    self.drop_val(val);
                }
                let unit = result.map(|_| self.unit());
                self.leave(mark, unit)?;
            }
            StmtKind::Defer(body) => self.push(Action::Defer(body)),
        }
        Ok(())
    }

    /// Runs a defer body.
    pub(super) fn defer_body(&mut self, body: &'p Block) {
        if let Ok(val) = self.block(body) {
            self.drop_val(&val);
        }
    }

    /// A local that holds a future of a known procedure, made in place.
    fn known_future(
        &mut self,
        local: crate::sema::hir::LocalId,
        init: &'p Expr,
    ) -> R<Option<super::func::Store>> {
        let body = self.body.expect("locals belong to a body");
        let data = &body.locals[local.0 as usize];
        if data.future_of.is_none() || data.assigned {
            return Ok(None);
        }
        let ExprKind::Future(what) = &init.kind else { return Ok(None) };
        let span = self.cx.span(data.span);
        self.future_slot(what, &data.name, span)
    }

    // ---- small loops ----

    /// Runs `body` with 0, 1, … below `n`.
    pub(super) fn count_loop(&mut self, n: Value, body: impl FnOnce(&mut Self, Value)) {
        let i = self.e.var(Type::I64, "", crate::ir::Span::NONE);
        let zero = self.e.iconst(Type::I64, 0);
        self.e.def(i, zero);
        let (head, inner, end) = (self.e.block(), self.e.block(), self.e.block());
        self.e.jump(head, &[]);
        self.e.switch_to(head);
        let at = self.e.read(i);
        let more = self.e.compare(crate::ir::CompareOp::Ult, at, n);
        self.e.br(more, inner, end);
        self.e.seal_and_switch(inner);
        body(self, at);
        let one = self.e.iconst(Type::I64, 1);
        let at = self.e.read(i);
        let next = self.e.binary(crate::ir::BinaryOp::Add, at, one);
        self.e.def(i, next);
        self.e.effect(InstKind::Budget);
        self.e.jump(head, &[]);
        self.e.seal(head);
        self.e.seal_and_switch(end);
    }

    /// Whether a place is a whole local.
    pub(super) fn whole_local(place: &Place) -> Option<crate::sema::hir::LocalId> {
        match (&place.base, place.path.is_empty()) {
            (PlaceBase::Local(id), true) => Some(*id),
            _ => None,
        }
    }
}
