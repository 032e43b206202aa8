//! The tables of a module and the signatures of its functions.

use super::{Entity, Report};
use crate::ir::entity::{EntityRef, EntityVec, Func};
use crate::ir::function::{FuncKind, Function};
use crate::ir::module::{MAX_BYTES, Module, Reloc};
use crate::ir::types::{DropAction, Signature, StructData, Ty, Type};
use std::collections::BTreeSet;

/// Largest alignment of anything.
const MAX_ALIGN: u32 = 1 << 16;

pub(super) fn check(r: &mut Report<'_>, m: &Module) {
    names(r, &m.imports, |i| &i.name, Entity::Import);
    names(r, &m.ops, |o| &o.name, Entity::HostOp);
    names(r, &m.data, |d| &d.name, Entity::Data);
    names(r, &m.funcs, |f| &f.name, Entity::Func);
    classes(r, m);
    for (k, data) in m.structs.iter() {
        structure(r, m, k, data);
    }
    data(r, m);
    for (k, import) in m.imports.iter() {
        let entity = Entity::Import(k);
        types(r, m, entity, import.sig.params.iter().map(|p| p.ty));
        types(r, m, entity, import.sig.results.iter().copied());
    }
    for (k, op) in m.ops.iter() {
        let entity = Entity::HostOp(k);
        types(r, m, entity, op.params.iter().map(|p| p.ty));
        types(r, m, entity, op.results.iter().copied());
        size_align(r, entity, op.size, op.align);
        if let Some(results) = m.sequence(op.results.iter().copied()) {
            let end = op.result_offset.checked_add(results.size);
            let fits = end.is_some_and(|end| end <= op.size)
                && op.result_offset.is_multiple_of(results.align)
                && results.align <= op.align;
            if !fits && results.size > 0 {
                let message = format!(
                    "results of {} bytes (align {}) at {} in storage of {} bytes (align {})",
                    results.size, results.align, op.result_offset, op.size, op.align
                );
                r.push("IR0108", entity, message);
            }
        }
    }
}

fn names<K: EntityRef, T>(
    r: &mut Report<'_>,
    table: &EntityVec<K, T>,
    name: impl Fn(&T) -> &str,
    entity: impl Fn(K) -> Entity,
) {
    let mut seen = BTreeSet::new();
    for (k, item) in table.iter() {
        if !seen.insert(name(item)) {
            r.push("IR0101", entity(k), format!("the name `{}` is taken", name(item)));
        }
    }
}

fn classes(r: &mut Report<'_>, m: &Module) {
    for (k, class) in m.classes.iter() {
        for (what, import) in [("retain", class.retain), ("release", class.release)] {
            match m.imports.get(import) {
                None => r.push("IR0100", Entity::Class(k), format!("{import} does not exist")),
                // One import may serve all classes: then it takes an address.
                Some(data) if !takes(&data.sig, Type::Ref(k)) && !takes(&data.sig, Type::Ptr) => {
                    let message = format!("{what} is {import} with signature {}", data.sig);
                    r.push("IR0105", Entity::Class(k), message);
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether a signature is `(ty)`.
fn takes(sig: &Signature, ty: Type) -> bool {
    sig.params.len() == 1
        && sig.params[0].ty == Ty::Value(ty)
        && sig.results.is_empty()
        && !sig.faults
}

fn structure(r: &mut Report<'_>, m: &Module, k: crate::ir::Struct, data: &StructData) {
    let entity = Entity::Struct(k);
    size_align(r, entity, data.size, data.align);
    if data.align != 0 && !data.size.is_multiple_of(data.align) {
        let message = format!("size {} is no multiple of align {}", data.size, data.align);
        r.push("IR0102", entity, message);
    }
    let mut ranges = Vec::new();
    for (i, field) in data.fields.iter().enumerate() {
        match field.ty {
            Ty::Struct(s) if s >= k => {
                let message = format!("field {i} holds {s}, which is not before {k}");
                r.push("IR0102", entity, message);
                continue;
            }
            Ty::Future(_) => {
                r.push("IR0102", entity, format!("field {i} holds a future"));
                continue;
            }
            ty => types(r, m, entity, [ty]),
        }
        let (size, align) = m.size_align(field.ty);
        let end = u64::from(field.offset) + u64::from(size);
        if end > u64::from(data.size) {
            let message = format!("field {i} ends at {end}, behind the size {}", data.size);
            r.push("IR0102", entity, message);
        }
        if align != 0 && (!field.offset.is_multiple_of(align) || align > data.align) {
            let message = format!("field {i} needs align {align} at offset {}", field.offset);
            r.push("IR0102", entity, message);
        }
        if size > 0 {
            ranges.push((field.offset, end, i));
        }
    }
    if data.tag.is_none() {
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if u64::from(pair[1].0) < pair[0].1 {
                let message = format!("fields {} and {} share bytes", pair[0].2, pair[1].2);
                r.push("IR0102", entity, message);
            }
        }
    }
    tag(r, entity, data);
    if let DropAction::Call(import) = data.drop {
        match m.imports.get(import) {
            None => r.push("IR0100", entity, format!("{import} does not exist")),
            Some(i) if !takes(&i.sig, Type::Ptr) => {
                let message = format!("the drop action is {import} with signature {}", i.sig);
                r.push("IR0106", entity, message);
            }
            Some(_) => {}
        }
    }
}

fn tag(r: &mut Report<'_>, entity: Entity, data: &StructData) {
    let Some(tag) = &data.tag else { return };
    match data.fields.get(tag.field as usize).map(|f| f.ty) {
        Some(Ty::Value(t)) if t == Type::Bool || (t.is_int() && t != Type::I128) => {}
        _ => r.push("IR0104", entity, format!("field {} is no tag", tag.field)),
    }
    let mut seen = BTreeSet::new();
    for (value, fields) in &tag.variants {
        if !seen.insert(*value) {
            r.push("IR0104", entity, format!("tag value {value} stands twice"));
        }
        for &field in fields {
            if field as usize >= data.fields.len() {
                let message = format!("variant {value} names field {field}, which does not exist");
                r.push("IR0104", entity, message);
            }
        }
    }
}

fn data(r: &mut Report<'_>, m: &Module) {
    for (k, object) in m.data.iter() {
        let entity = Entity::Data(k);
        let size = u32::try_from(object.bytes.len()).unwrap_or(u32::MAX);
        size_align(r, entity, size, object.align);
        let mut at: Vec<u32> = object.relocs.iter().map(|(at, _)| *at).collect();
        at.sort_unstable();
        if at.windows(2).any(|w| u64::from(w[1]) < u64::from(w[0]) + 8) {
            r.push("IR0107", entity, "two addresses overlap");
        }
        if at.last().is_some_and(|&last| u64::from(last) + 8 > u64::from(size)) {
            r.push("IR0107", entity, "an address lies behind the end");
        }
        for (at, reloc) in &object.relocs {
            let (exists, fits) = match *reloc {
                Reloc::Data(data, offset) => {
                    let target = m.data.get(data);
                    (target.is_some(), target.is_none_or(|d| offset as usize <= d.bytes.len()))
                }
                Reloc::Func(func) => {
                    let target = m.funcs.get(func);
                    (target.is_some(), target.is_none_or(|f| !f.kind.is_async()))
                }
                Reloc::Import(import) => (m.imports.get(import).is_some(), true),
                Reloc::Machine(func) => {
                    let target = m.funcs.get(func);
                    (target.is_some(), target.is_none_or(|f| f.kind != FuncKind::Sync))
                }
            };
            if !exists {
                r.push("IR0100", entity, format!("the target at {at} does not exist"));
            } else if !fits {
                let message = format!("the target at {at} is of the wrong kind, or behind its end");
                r.push("IR0107", entity, message);
            }
        }
    }
}

fn size_align(r: &mut Report<'_>, entity: Entity, size: u32, align: u32) {
    if size > MAX_BYTES {
        r.push("IR0103", entity, format!("size {size} is more than {MAX_BYTES}"));
    }
    if !align.is_power_of_two() || align > MAX_ALIGN {
        let message = format!("align {align} is no power of two up to {MAX_ALIGN}");
        r.push("IR0103", entity, message);
    }
}

/// Types that are laid out one after the other.
pub(super) fn types(
    r: &mut Report<'_>,
    m: &Module,
    entity: Entity,
    all: impl IntoIterator<Item = Ty>,
) {
    let mark = r.mark();
    let all: Vec<Ty> = all.into_iter().collect();
    for &ty in &all {
        one_type(r, m, entity, ty);
    }
    if r.mark() == mark && m.sequence(all).is_none() {
        r.push(
            "IR0103",
            entity,
            format!("together more than {MAX_BYTES} bytes, or futures without end"),
        );
    }
}

fn one_type(r: &mut Report<'_>, m: &Module, entity: Entity, ty: Ty) {
    match ty {
        Ty::Value(Type::Ref(class)) if m.classes.get(class).is_none() => {
            r.push("IR0100", entity, format!("{class} does not exist"));
        }
        Ty::Value(_) => {}
        Ty::Struct(s) if m.structs.get(s).is_none() => {
            r.push("IR0100", entity, format!("{s} does not exist"));
        }
        Ty::Struct(_) => {}
        Ty::Bytes { size, align } => size_align(r, entity, size, align),
        Ty::Future(func) => match m.funcs.get(func) {
            None => r.push("IR0100", entity, format!("{func} does not exist")),
            Some(f) if f.kind == FuncKind::Sync => {
                r.push("IR0109", entity, format!("{func} is not async and has no future"));
            }
            Some(_) => {}
        },
    }
}

/// The signature of a function, and that futures do not hold themselves.
pub(super) fn signature(r: &mut Report<'_>, m: &Module, id: Func, func: &Function) {
    let entity = Entity::Func(id);
    types(r, m, entity, func.sig.params.iter().map(|p| p.ty));
    types(r, m, entity, func.sig.results.iter().copied());
    let ptr = Ty::Value(Type::Ptr);
    if func.kind == FuncKind::Machine {
        let params: Vec<Ty> = func.sig.params.iter().map(|p| p.ty).collect();
        if params != [ptr, ptr] || func.sig.results != [Ty::Value(Type::I32)] {
            r.push("IR0109", entity, format!("a machine has the signature {}", func.sig));
        }
    }
    if func.sig.params.iter().any(|p| p.ty == Ty::Future(id)) {
        r.push("IR0109", entity, "a parameter is a future of the function itself");
    }
}
