//! Whether everything that a function names exists.

use super::{Entity, Report, tables};
use crate::ir::entity::{Block, EntityRef};
use crate::ir::function::Function;
use crate::ir::inst::{Awaitee, Callee, Held, InstKind, Terminator};
use crate::ir::module::Module;
use crate::ir::types::{Ty, Type};

/// Reports what does not exist; answers whether everything does.
pub(super) fn check(r: &mut Report<'_>, m: &Module, func: &Function) -> bool {
    let mark = r.mark();
    for (k, slot) in func.slots.iter() {
        tables::types(r, m, Entity::Slot(k), [slot.ty]);
    }
    let mut b = Bounds { r, m, func, at: Entity::Module };
    if func.blocks.get(func.entry).is_none() {
        b.at = Entity::Block(func.entry);
        b.missing(func.entry);
    }
    for (k, value) in func.values.iter() {
        b.at = Entity::Value(k);
        b.ty(value.ty);
    }
    for (k, block) in func.blocks.iter() {
        b.at = Entity::Block(k);
        for &v in &block.params {
            b.exists(v, func.values.get(v).is_some());
        }
        for &inst in &block.insts {
            b.at = Entity::Inst(k, inst);
            let Some(data) = func.insts.get(inst) else {
                b.missing(inst);
                continue;
            };
            for &v in &data.results {
                b.exists(v, func.values.get(v).is_some());
            }
            b.inst(&data.kind);
        }
        b.at = Entity::Block(k);
        if let Some(term) = &block.term {
            b.term(term, k);
        }
    }
    r.mark() == mark
}

struct Bounds<'a, 'r> {
    r: &'a mut Report<'r>,
    m: &'a Module,
    func: &'a Function,
    at: Entity,
}

impl Bounds<'_, '_> {
    fn missing(&mut self, entity: impl EntityRef) {
        self.r.push("IR0100", self.at, format!("{entity} does not exist"));
    }

    fn exists(&mut self, entity: impl EntityRef, exists: bool) {
        if !exists {
            self.missing(entity);
        }
    }

    fn ty(&mut self, ty: Type) {
        if let Type::Ref(class) = ty {
            self.exists(class, self.m.classes.get(class).is_some());
        }
    }

    fn callee(&mut self, callee: Callee) {
        match callee {
            Callee::Func(f) => self.exists(f, self.m.funcs.get(f).is_some()),
            Callee::Import(i) => self.exists(i, self.m.imports.get(i).is_some()),
        }
    }

    fn inst(&mut self, kind: &InstKind) {
        let (m, func) = (self.m, self.func);
        kind.for_each_use(|v| self.exists(v, func.values.get(v).is_some()));
        kind.for_each_slot_use(|s, _| self.exists(s, func.slots.get(s).is_some()));
        match *kind {
            InstKind::Const { ty, .. }
            | InstKind::Null { ty }
            | InstKind::Convert { ty, .. }
            | InstKind::SlotLoad { ty, .. }
            | InstKind::Load { ty, .. } => self.ty(ty),
            InstKind::FuncAddr(f)
            | InstKind::MachineAddr(f)
            | InstKind::ResumeAddr(f)
            | InstKind::Future { func: f, .. }
            | InstKind::Box { func: f, .. }
            | InstKind::ResumeFunc { func: f, .. } => self.exists(f, m.funcs.get(f).is_some()),
            InstKind::DataAddr(d, _) => self.exists(d, m.data.get(d).is_some()),
            InstKind::DataRef(d, class) => {
                self.exists(d, m.data.get(d).is_some());
                self.exists(class, m.classes.get(class).is_some());
            }
            InstKind::Call { callee, .. } => self.callee(callee),
            InstKind::PollAddr(op) | InstKind::OpStart { op, .. } | InstKind::OpPoll { op, .. } => {
                self.exists(op, m.ops.get(op).is_some());
            }
            _ => {}
        }
    }

    fn awaitee(&mut self, awaitee: &Awaitee) {
        match awaitee {
            Awaitee::Call { func, .. } => self.exists(*func, self.m.funcs.get(*func).is_some()),
            Awaitee::Op { op, .. } => self.exists(*op, self.m.ops.get(*op).is_some()),
            Awaitee::Future(held) | Awaitee::Next(held) | Awaitee::Drain(held) => {
                if let Held::Boxed { results, .. } = held {
                    for ty in results {
                        self.held_type(*ty);
                    }
                }
            }
            Awaitee::GiveWay => {}
        }
    }

    fn held_type(&mut self, ty: Ty) {
        tables::types(self.r, self.m, self.at, [ty]);
    }

    fn term(&mut self, term: &Terminator, block: Block) {
        let func = self.func;
        term.for_each_use(|v| self.exists(v, func.values.get(v).is_some()));
        term.for_each_slot_use(|s, _| self.exists(s, func.slots.get(s).is_some()));
        term.for_each_target(|to, _| self.exists(to.block, func.blocks.get(to.block).is_some()));
        if let Some(point) = term.suspend_point() {
            self.exists(point, func.suspends.get(point).is_some());
        }
        self.at = Entity::Block(block);
        match term {
            Terminator::Call { callee, .. } => self.callee(*callee),
            Terminator::Await { awaitee, .. } => self.awaitee(awaitee),
            Terminator::Join { branches, .. } => {
                for branch in branches {
                    self.awaitee(&branch.awaitee);
                }
            }
            Terminator::Select { arms, .. } => {
                for arm in arms {
                    self.awaitee(&arm.awaitee);
                }
            }
            _ => {}
        }
    }
}
