//! Spawning tasks: arguments cross, the frame is made, the host takes it.

use super::func::{FnCx, R, Store, Val};
use super::host_table::SPAWN_DETACHED;
use super::scope::Action;
use crate::ir::{Arg, BoxKind, Data, Func, InstKind, Slot, Span, Ty, Type};
use crate::sema::hir::{Awaitable, AwaitableKind, Expr, ExprKind, SpawnParent};
use crate::sema::types::TyId;

impl<'p> FnCx<'_, 'p> {
    // ---- spawning ----

    pub(super) fn spawn(
        &mut self,
        what: &'p Awaitable,
        parent: &'p SpawnParent,
        ty: TyId,
    ) -> R<Val> {
        let span = self.e.span;
        self.check_kept_futures(what);
        let may_spawn = match &what.kind {
            AwaitableKind::Call(call) => self.cx.calls.may_spawn(call.callee.proc),
            AwaitableKind::Op { .. } => false,
            _ => true,
        };
        let (mut func, args) = self.future_func(what)?;
        self.e.span = span;
        let args = self.start_args(args);
        let args = self.cross(func, args);
        if may_spawn {
            func = self.cx.task_wrapper(func);
        }
        let kind = InstKind::Box { kind: BoxKind::Task, func, args };
        let frame = self.e.value(kind, Type::Ptr);
        self.check_memory(frame);
        let task_ty = self.ty(ty);
        let desc = self.desc(task_ty);
        let task = match parent {
            SpawnParent::Scope(scope) => {
                // The scope is a local: reading it has no effect on the frame in flight.
                let scope = self.scalar(scope)?;
                self.import_object("vitte_scope_spawn", &[scope, frame, desc], task_ty)
            }
            SpawnParent::Task | SpawnParent::Detached => {
                let flags =
                    if matches!(parent, SpawnParent::Detached) { SPAWN_DETACHED } else { 0 };
                let flags = self.e.iconst(Type::I32, i128::from(flags));
                self.import_object("vitte_spawn", &[frame, desc, flags], task_ty)
            }
        };
        Ok(self.owned(vec![task], ty))
    }

    /// Refuses futures that were made before and cannot cross.
    fn check_kept_futures(&mut self, what: &'p Awaitable) {
        match &what.kind {
            AwaitableKind::Future(e) if !self.is_plain_future(e) => {
                let what = "spawning a future that was made before and holds references";
                self.cx.unsupported(e.span, what, "write the call itself: `spawn f(x)`");
            }
            AwaitableKind::Join(list) => list.iter().for_each(|a| self.check_kept_futures(a)),
            AwaitableKind::Timeout { of, .. } => self.check_kept_futures(of),
            _ => {}
        }
    }

    /// Whether a future is that of a known procedure whose arguments are plain data: these need
    /// not cross.
    fn is_plain_future(&self, e: &Expr) -> bool {
        let ExprKind::Load { place, .. } = &e.kind else { return false };
        let Some(id) = Self::whole_local(place) else { return false };
        let [Store::Future(_, _, func)] = self.stores(id)[..] else { return false };
        // An address is that of another future's frame, which belongs to this task.
        let is_plain = |ty: Ty| !self.cx.m.needs_drop(ty) && ty != Ty::Value(Type::Ptr);
        self.cx.m.funcs[func].sig.params.iter().all(|p| is_plain(p.ty))
    }

    /// Makes owned arguments ready for another task.
    fn cross(&mut self, func: Func, args: Vec<Arg>) -> Vec<Arg> {
        let params: Vec<Ty> = self.cx.m.funcs[func].sig.params.iter().map(|p| p.ty).collect();
        // What an operation takes by address crosses where it lies, and has an entry until all has
        // crossed.
        let mut moved = Vec::new();
        for arg in &args {
            if let Arg::Move(slot) = *arg
                && let Ty::Struct(s) = self.e.func.slots[slot].ty
                && self.cx.m.needs_drop(Ty::Struct(s))
            {
                moved.push((slot, s));
                self.push(Action::Drop(slot));
            }
        }
        for &(slot, s) in &moved {
            let desc = self.cx.struct_desc(s);
            self.cross_slot(slot, desc);
        }
        let args = self.cross_values(&params, args);
        moved.iter().for_each(|&(slot, _)| self.forget_entry(slot));
        args
    }

    /// Makes the arguments that are values ready for another task.
    fn cross_values(&mut self, params: &[Ty], args: Vec<Arg>) -> Vec<Arg> {
        if !params.iter().any(|t| t.as_value().is_some_and(Type::is_ref)) {
            return args;
        }
        // A structure as the parameters lie in sequence.
        let (s, desc) = self.cx.args_struct(params);
        let slot = self.e.slot(Ty::Struct(s), "", Span::NONE);
        self.e.effect(InstKind::SlotLive(slot));
        let fields: Vec<(u32, Type)> = self.cx.m.structs[s]
            .fields
            .iter()
            .map(|f| (f.offset, f.ty.as_value().unwrap_or(Type::Ptr)))
            .collect();
        let mut at = fields.iter();
        for arg in &args {
            let Arg::Value(value) = *arg else { continue };
            let Some(&(offset, _)) = at.next() else { continue };
            self.e.effect(InstKind::SlotStore { slot, offset, value });
        }
        self.e.effect(InstKind::SlotInit(slot));
        self.push(Action::Drop(slot));
        self.cross_slot(slot, desc);
        let mut at = fields.iter();
        let mut out = Vec::new();
        for arg in args {
            out.push(match arg {
                Arg::Value(v) => match at.next() {
                    Some(&(offset, ty)) => {
                        Arg::Value(self.e.value(InstKind::SlotLoad { slot, offset, ty }, ty))
                    }
                    None => Arg::Value(v),
                },
                moved @ Arg::Move(_) => moved,
            });
        }
        self.e.effect(InstKind::SlotForget(slot));
        self.e.effect(InstKind::SlotDead(slot));
        self.forget_entry(slot);
        out
    }

    /// Makes what lies in a slot that has an entry ready for another task.
    fn cross_slot(&mut self, slot: Slot, desc: Data) {
        let addr = self.e.value(InstKind::SlotAddr { slot, offset: 0 }, Type::Ptr);
        let desc = self.e.value(InstKind::DataAddr(desc, 0), Type::Ptr);
        let ok = self.import_value("vitte_cross", &[addr, desc]);
        let bad = self.e.unary(crate::ir::UnaryOp::Not, ok);
        self.fault_if(bad, vitte_abi::fault_code::MEMORY, None);
    }
}
