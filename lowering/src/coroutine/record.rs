//! The layout record of a machine: names and places for debuggers, dumps and snapshots.

use super::layout::{FrameLayout, Kept, MAX_COMPACT_BRANCHES, awaitees, slot_extent};
use super::live::Live;
use crate::FrameAbi;
use crate::ir::{
    Awaitee, EntityVec, Func, FuncKind, Function, Held, Module, Slot, Span, Struct, Terminator, Ty,
    Type, Value,
};
use std::collections::BTreeMap;
use vitte_abi::{AwaiteeRecord, LayoutRecord, RecordSpan, SlotRecord, SlotRole, StateRecord};

/// Collects the slots of a record and where each thing is listed.
struct Table<'a> {
    module: &'a Module,
    slots: Vec<SlotRecord>,
}

impl Table<'_> {
    fn add(&mut self, name: String, ty: Ty, role: SlotRole, offset: u32) -> u32 {
        let (size, align) = self.module.size_align(ty);
        let mut refs = Vec::new();
        reference_offsets(self.module, ty, 0, &mut refs);
        let drop =
            if self.module.needs_drop(ty) { drop_name(self.module, ty) } else { String::new() };
        self.push(SlotRecord {
            name,
            ty: type_name(self.module, ty),
            role,
            offset: offset.into(),
            size: size.into(),
            align: align.into(),
            refs,
            drop,
        })
    }

    fn plain(
        &mut self,
        name: &str,
        ty: &str,
        role: SlotRole,
        offset: u32,
        size: u32,
        align: u32,
    ) -> u32 {
        self.push(SlotRecord {
            name: name.to_owned(),
            ty: ty.to_owned(),
            role,
            offset: offset.into(),
            size: size.into(),
            align: align.into(),
            refs: Vec::new(),
            drop: String::new(),
        })
    }

    /// The link before a child's frame at `at`.
    fn link(&mut self, child: &str, at: u32, abi: &FrameAbi) -> u32 {
        let bytes = abi.link_bytes;
        self.plain(&format!("{child}.link"), "ptr", SlotRole::Link, at - bytes, bytes, bytes)
    }

    fn push(&mut self, slot: SlotRecord) -> u32 {
        self.slots.push(slot);
        self.slots.len() as u32 - 1
    }
}

/// Writes the record of one coroutine.
pub(crate) fn record(
    module: &Module,
    func: Func,
    f: &Function,
    live: &Live,
    layout: &FrameLayout,
    layouts: &BTreeMap<Func, FrameLayout>,
    abi: &FrameAbi,
) -> LayoutRecord {
    let mut t = Table { module, slots: Vec::new() };
    t.plain("state", "tag", SlotRole::Tag, layout.tag_offset, layout.tag_bytes, layout.tag_bytes);
    let mut param_value = f.blocks[f.entry].params.iter();
    let mut values: BTreeMap<(Value, u32), u32> = BTreeMap::new();
    let mut slots: BTreeMap<Slot, u32> = BTreeMap::new();
    for (i, p) in f.sig.params.iter().enumerate() {
        let at = layout.params[i];
        let index = t.add(p.name.clone(), p.ty, SlotRole::Param, at);
        if p.ty.as_value().is_some() {
            if let Some(&v) = param_value.next() {
                values.insert((v, at), index);
            }
        } else if let Some((slot, _)) = f.slots.iter().find(|(_, s)| s.param == Some(i as u32)) {
            slots.insert(slot, index);
        }
    }
    if let Some(results) = &layout.results {
        for (i, (&ty, &offset)) in f.sig.results.iter().zip(&results.offsets).enumerate() {
            let name =
                if f.sig.results.len() == 1 { "result".to_owned() } else { format!("result{i}") };
            t.add(name, ty, SlotRole::Result, layout.result_offset + offset);
        }
    }
    for (&slot, &offset) in &layout.slots {
        let data = &f.slots[slot];
        slots.entry(slot).or_insert_with(|| {
            let name = named(&data.name, || slot.to_string());
            let index = t.add(name, data.ty, SlotRole::Slot, offset);
            if let Some((size, align)) = slot_extent(module, layouts, data.ty) {
                let record = &mut t.slots[index as usize];
                (record.size, record.align) = (size.into(), align.into());
            }
            index
        });
    }
    let states = states(f, live, layout, layouts, &mut t, &mut values, &slots, abi);
    LayoutRecord {
        name: module.funcs[func].name.clone(),
        kind: "machine".to_owned(),
        used: layout.used.into(),
        size: layout.size.into(),
        align: layout.align.into(),
        floor: layout.floor.into(),
        clique: layout.clique.into(),
        copies: layout.copies.into(),
        tag_offset: layout.tag_offset.into(),
        tag_bytes: layout.tag_bytes.into(),
        result_offset: layout.result_offset.into(),
        result_bytes: layout.results.as_ref().map_or(0, |r| r.size.into()),
        slots: t.slots,
        states,
    }
}

#[allow(clippy::too_many_arguments, reason = "one table filled from all facts of a coroutine")]
fn states(
    f: &Function,
    live: &Live,
    layout: &FrameLayout,
    layouts: &BTreeMap<Func, FrameLayout>,
    t: &mut Table<'_>,
    values: &mut BTreeMap<(Value, u32), u32>,
    slots: &BTreeMap<Slot, u32>,
    abi: &FrameAbi,
) -> Vec<StateRecord> {
    let mut terms: EntityVec<crate::ir::Suspend, Option<&Terminator>> =
        f.suspends.keys().map(|_| None).collect();
    for block in f.blocks.values() {
        if let Some(term) = &block.term
            && let Some(point) = term.suspend_point()
        {
            terms[point] = Some(term);
        }
    }
    let all_names = variable_names(f);
    let mut generator_links: BTreeMap<Slot, u32> = BTreeMap::new();
    for (&slot, &at) in &layout.slots {
        let Ty::Future(func) = f.slots[slot].ty else { continue };
        if t.module.funcs[func].kind == FuncKind::Generator {
            let name = named(&f.slots[slot].name, || slot.to_string());
            generator_links.insert(slot, t.link(&name, at, abi));
        }
    }
    let mut out = Vec::new();
    for (point, data) in f.suspends.iter() {
        let mut alive: Vec<u32> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for slot in &live.slots_across[point] {
            alive.extend(slots.get(slot));
            alive.extend(generator_links.get(slot));
            names.push(&f.slots[*slot].name);
        }
        let homes = live.values_across[point]
            .iter()
            .filter_map(|v| layout.homes.get(v).map(|&at| (*v, at)));
        for (v, at) in homes.chain(layout.saved[point].iter().copied()) {
            let index = *values.entry((v, at)).or_insert_with(|| {
                let name = named(&f.values[v].name, || v.to_string());
                t.add(name, Ty::Value(f.value_type(v)), SlotRole::Saved, at)
            });
            alive.push(index);
            names.push(&f.values[v].name);
        }
        let term = terms[point];
        let bound = &layout.bound[point];
        let all = term.map(awaitees).unwrap_or_default();
        if let (&[at], true) = (&*bound.records, all.len() > MAX_COMPACT_BRANCHES) {
            let (name, bytes) = (format!("{point}.branches"), abi.leaf_bytes * all.len() as u32);
            alive.push(t.plain(&name, "vt_leaf", SlotRole::Branches, at, bytes, 8));
        } else {
            for (i, ((awaitee, _), &at)) in all.iter().zip(&bound.records).enumerate() {
                let kept = Kept::of(f, layouts, awaitee);
                let name = format!("{point}.{i}.branch");
                let (bytes, align) = kept.extent(abi);
                alive.push(t.plain(&name, "branch", SlotRole::Branches, at, bytes, align));
            }
        }
        for (i, ((awaitee, _), place)) in all.iter().zip(&bound.places).enumerate() {
            let Some(at) = *place else { continue };
            let name = format!("{point}.{i}");
            if !matches!(awaitee, Awaitee::Op { .. })
                && matches!(term, Some(Terminator::Await { .. }))
            {
                alive.push(t.link(&name, at, abi));
            }
            alive.push(match awaitee {
                Awaitee::Op { op, .. } => {
                    let op = &t.module.ops[*op];
                    t.plain(&name, &op.name.clone(), SlotRole::Op, at, op.size, op.align)
                }
                awaitee => {
                    let callee = callee(f, awaitee);
                    let (size, align) =
                        callee.map_or((0, 1), |c| (layouts[&c].used, layouts[&c].align));
                    let ty = callee.map_or(String::new(), |c| t.module.funcs[c].name.clone());
                    t.plain(&name, &ty, SlotRole::Child, at, size, align)
                }
            });
        }
        alive.sort_unstable();
        alive.dedup();
        out.push(StateRecord {
            id: 3 + point.as_u32(),
            name: named(&data.name, || format!("suspend {}", point.as_u32())),
            span: position(t.module, data.span),
            awaitee: term.map_or(AwaiteeRecord::Nothing, |term| awaited(t.module, f, term)),
            live: alive,
            dead: dead_names(&all_names, &names),
        });
    }
    out
}

/// Most entries of all `dead` lists of a record together; a record that would have more has none, or
/// it would be quadratic in a function of ten thousand locals and suspends.
const MAX_DEAD: usize = 1 << 20;

/// Names of all variables, ascending; none if the `dead` lists would be too long.
fn variable_names(f: &Function) -> Vec<&str> {
    let named = f.slots.values().map(|s| &s.name).chain(f.values.values().map(|v| &v.name));
    let mut names: Vec<&str> = named.map(String::as_str).filter(|n| !n.is_empty()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len().saturating_mul(f.suspends.len()) > MAX_DEAD {
        names.clear();
    }
    names
}

/// Named variables that are not among the live ones.
fn dead_names(all: &[&str], live: &[&str]) -> Vec<String> {
    let live: std::collections::BTreeSet<&str> = live.iter().copied().collect();
    all.iter().filter(|n| !live.contains(*n)).map(|&n| n.to_owned()).collect()
}

fn named(name: &str, other: impl FnOnce() -> String) -> String {
    if name.is_empty() { other() } else { name.to_owned() }
}

fn callee(f: &Function, awaitee: &Awaitee) -> Option<Func> {
    match awaitee {
        Awaitee::Call { func, .. } => Some(*func),
        Awaitee::Future(Held::Slot(s))
        | Awaitee::Next(Held::Slot(s))
        | Awaitee::Drain(Held::Slot(s)) => match f.slots[*s].ty {
            Ty::Future(func) => Some(func),
            _ => None,
        },
        _ => None,
    }
}

fn awaited(module: &Module, f: &Function, term: &Terminator) -> AwaiteeRecord {
    let one = |awaitee: &Awaitee| match awaitee {
        Awaitee::Op { op, .. } => AwaiteeRecord::Op(module.ops[*op].name.clone()),
        Awaitee::GiveWay => AwaiteeRecord::Nothing,
        other => match callee(f, other) {
            Some(func) => AwaiteeRecord::Child(module.funcs[func].name.clone()),
            None => AwaiteeRecord::Boxed,
        },
    };
    let all = || awaitees(term).into_iter().map(|(a, _)| one(a)).collect();
    match term {
        Terminator::Await { awaitee, .. } => one(awaitee),
        Terminator::Join { .. } => AwaiteeRecord::Join(all()),
        Terminator::Select { .. } => AwaiteeRecord::Select(all()),
        Terminator::Yield { .. } => AwaiteeRecord::Consumer,
        _ => AwaiteeRecord::Nothing,
    }
}

fn position(module: &Module, span: Span) -> RecordSpan {
    if !span.is_known() {
        return RecordSpan::default();
    }
    let file = module.files.get(span.file).cloned().unwrap_or_default();
    RecordSpan { file, line: span.line, column: span.column }
}

fn reference_offsets(module: &Module, ty: Ty, base: u64, out: &mut Vec<u64>) {
    match ty {
        Ty::Value(Type::Ref(_)) => out.push(base),
        Ty::Struct(s) => fields(module, s, base, out),
        Ty::Future(func) => {
            let types = module.funcs[func].sig.params.iter().map(|p| p.ty);
            if let Some(seq) = module.sequence(types) {
                for (p, &o) in module.funcs[func].sig.params.iter().zip(&seq.offsets) {
                    reference_offsets(module, p.ty, base + u64::from(o), out);
                }
            }
        }
        Ty::Value(_) | Ty::Bytes { .. } => {}
    }
}

fn fields(module: &Module, s: Struct, base: u64, out: &mut Vec<u64>) {
    for field in module.structs.get(s).iter().flat_map(|d| &d.fields) {
        reference_offsets(module, field.ty, base + u64::from(field.offset), out);
    }
}

fn type_name(module: &Module, ty: Ty) -> String {
    match ty {
        Ty::Value(Type::Ref(c)) => module.classes.get(c).map_or(ty.to_string(), |d| d.name.clone()),
        Ty::Struct(s) => module.structs.get(s).map_or(ty.to_string(), |d| d.name.clone()),
        Ty::Future(f) => {
            module.funcs.get(f).map_or(ty.to_string(), |d| format!("future {}", d.name))
        }
        ty => ty.to_string(),
    }
}

fn drop_name(module: &Module, ty: Ty) -> String {
    match ty {
        Ty::Value(Type::Ref(c)) => module
            .classes
            .get(c)
            .and_then(|d| module.imports.get(d.release))
            .map_or("release".to_owned(), |i| i.name.clone()),
        Ty::Future(_) => "arguments".to_owned(),
        _ => "fields".to_owned(),
    }
}
