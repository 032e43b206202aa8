//! Blocks, definitions and uses of a function: SSA form.

use super::{Entity, Report, insts};
use crate::ir::cfg::Cfg;
use crate::ir::entity::{Block, EntityVec, Value};
use crate::ir::function::{Function, ValueDef};
use crate::ir::inst::Terminator;
use crate::ir::types::{Ty, Type};

/// Place of a definition: block, and 0 for parameters or 1 + the instruction's position.
type Place = (Block, usize);

/// Reports what breaks SSA form; answers whether nothing does.
pub(super) fn check(r: &mut Report<'_>, func: &Function, cfg: &Cfg) -> bool {
    let mark = r.mark();
    entry(r, func);
    suspends(r, func);
    let defs = definitions(r, func);
    for (block, data) in func.blocks.iter() {
        let at = Entity::Block(block);
        let Some(term) = &data.term else {
            r.push("IR0120", at, "has no terminator");
            continue;
        };
        if !cfg.is_reachable(block) {
            continue;
        }
        let mut used = |v: Value, position: usize, entity: Entity| {
            let ok = defs[v].is_some_and(|(def, place)| {
                if def == block { place < position } else { cfg.dominates(def, block) }
            });
            if !ok {
                r.push("IR0123", entity, format!("{v} is not defined on every path to this use"));
            }
        };
        for (position, (inst, data)) in insts(func, block).enumerate() {
            data.kind.for_each_use(|v| used(v, position + 1, Entity::Inst(block, inst)));
        }
        term.for_each_use(|v| used(v, usize::MAX, at));
    }
    r.mark() == mark
}

fn definitions(r: &mut Report<'_>, func: &Function) -> EntityVec<Value, Option<Place>> {
    let mut defs: EntityVec<Value, Option<Place>> = (0..func.values.len()).map(|_| None).collect();
    let mut placed = vec![false; func.insts.len()];
    for (block, data) in func.blocks.iter() {
        let mut define = |v: Value, place: Place, def: ValueDef| {
            if defs[v].replace(place).is_some() {
                r.push("IR0122", Entity::Value(v), format!("is defined again in {block}"));
            } else if func.values[v].def != def {
                r.push("IR0122", Entity::Value(v), format!("has its definition in {block}"));
            }
        };
        for (n, &v) in (0u32..).zip(&data.params) {
            define(v, (block, 0), ValueDef::Param(block, n));
        }
        for (position, (inst, data)) in insts(func, block).enumerate() {
            for (n, &v) in (0u32..).zip(&data.results) {
                define(v, (block, position + 1), ValueDef::Inst(inst, n));
            }
        }
        for &inst in &data.insts {
            let placed = &mut placed[crate::ir::EntityRef::index(inst)];
            if std::mem::replace(placed, true) {
                r.push("IR0121", Entity::Inst(block, inst), "stands in two places");
            }
        }
    }
    defs
}

/// The entry block has the value parameters, slots have the others.
fn entry(r: &mut Report<'_>, func: &Function) {
    let at = Entity::Block(func.entry);
    let want: Vec<Type> = func.sig.params.iter().filter_map(|p| p.ty.as_value()).collect();
    let have: Vec<Type> =
        func.blocks[func.entry].params.iter().map(|&v| func.value_type(v)).collect();
    if want != have {
        let list =
            |types: &[Type]| types.iter().map(Type::to_string).collect::<Vec<_>>().join(", ");
        let message = format!("the entry has parameters ({}), not ({})", list(&have), list(&want));
        r.push("IR0110", at, message);
    }
    let mut arrived = vec![false; func.sig.params.len()];
    for (k, slot) in func.slots.iter() {
        let Some(index) = slot.param else { continue };
        let at = Entity::Slot(k);
        match func.sig.params.get(index as usize).map(|p| p.ty) {
            Some(Ty::Value(_)) | None => {
                r.push("IR0110", at, format!("parameter {index} does not arrive in a slot"));
            }
            Some(ty) if ty != slot.ty => {
                let message = format!("parameter {index} is of type {ty}, the slot {}", slot.ty);
                r.push("IR0110", at, message);
            }
            Some(_) => {
                if std::mem::replace(&mut arrived[index as usize], true) {
                    r.push("IR0110", at, format!("parameter {index} arrives in two slots"));
                }
            }
        }
    }
    for (index, p) in func.sig.params.iter().enumerate() {
        if p.ty.as_value().is_none() && !arrived[index] {
            r.push("IR0110", at, format!("parameter {index} arrives in no slot"));
        }
    }
}

/// Each suspend point is named once.
fn suspends(r: &mut Report<'_>, func: &Function) {
    let mut named = vec![0u32; func.suspends.len()];
    for data in func.blocks.values() {
        if let Some(point) = data.term.as_ref().and_then(Terminator::suspend_point) {
            named[crate::ir::EntityRef::index(point)] += 1;
        }
    }
    for (point, n) in func.suspends.keys().zip(named) {
        // A machine keeps the names of its states.
        if n > 1 || (n == 0 && func.kind.is_async()) {
            r.push("IR0142", Entity::Suspend(point), format!("is named by {n} terminators"));
        }
    }
}
