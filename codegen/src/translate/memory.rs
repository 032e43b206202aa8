//! Slots, loads, stores and copies.

use super::{MEM, Result, Translator};
use crate::signature::clif_type;
use cranelift_codegen::ir::{self as clif, InstBuilder, StackSlotData, StackSlotKind, types};
use cranelift_module::Module as Output;
use vitte_lowering::ir::{EntityRef, Slot, Type, Value};

/// Alignment that stack slots can have without being moved.
const STACK_ALIGN: u32 = 16;

/// Largest copy that is written out.
const INLINE_COPY: u32 = 128;

/// Where a slot is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Not used so far.
    None,
    /// In the frame of this call.
    Stack(clif::StackSlot),
    /// In the frame of this call, at the first multiple of an alignment over [`STACK_ALIGN`].
    Aligned(clif::StackSlot, u32),
    /// Where a pointer leads: the caller's memory.
    Pointer(clif::Value),
}

/// A place in memory: an address and an offset from it.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) base: clif::Value,
    pub(super) offset: i32,
}

impl<M: Output> Translator<'_, '_, M> {
    /// A new place on the stack.
    pub(super) fn stack_place(&mut self, size: u32, align: u32) -> Result<Place> {
        if !align.is_power_of_two() || align > 1 << 20 {
            return Err(self.malformed(format!("a slot has alignment {align}")));
        }
        let pad = align.saturating_sub(STACK_ALIGN);
        let bytes = size
            .max(1)
            .checked_add(pad)
            .filter(|&n| n <= vitte_lowering::ir::MAX_BYTES)
            .ok_or_else(|| self.malformed(format!("a slot has {size} bytes")))?;
        let shift = align.min(STACK_ALIGN).trailing_zeros() as u8;
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, shift);
        let slot = self.b.create_sized_stack_slot(data);
        Ok(if pad == 0 { Place::Stack(slot) } else { Place::Aligned(slot, align) })
    }

    /// A place at an offset of another one.
    pub(super) fn at(&mut self, place: Place, offset: u32) -> At {
        let offset = offset as i32;
        match place {
            Place::None => unreachable!("I: the place was made"),
            Place::Pointer(base) => At { base, offset },
            Place::Stack(slot) => {
                At { base: self.b.ins().stack_addr(types::I64, slot, offset), offset: 0 }
            }
            Place::Aligned(slot, align) => {
                let start = self.b.ins().stack_addr(types::I64, slot, 0);
                let end = self.b.ins().iadd_imm_s(start, i64::from(align) - 1);
                let base = self.b.ins().band_imm_s(end, -i64::from(align));
                At { base, offset }
            }
        }
    }

    /// Where bytes of a slot are, checked to lie inside of it.
    pub(super) fn slot_at(&mut self, slot: Slot, offset: u32, bytes: u32) -> Result<At> {
        let Some(data) = self.func.slots.get(slot) else {
            return Err(self.malformed(format!("{slot} does not exist")));
        };
        let (size, align) = self.module.size_align(data.ty);
        if offset.checked_add(bytes).is_none_or(|end| end > size) {
            let what = format!("{bytes} bytes at {offset} of {slot}, which has {size}");
            return Err(self.malformed(what));
        }
        if let Place::None = self.slots[slot.index()] {
            self.slots[slot.index()] = self.stack_place(size, align)?;
        }
        Ok(self.at(self.slots[slot.index()], offset))
    }

    /// A place as an address.
    pub(super) fn address(&mut self, at: At) -> clif::Value {
        if at.offset == 0 {
            return at.base;
        }
        self.b.ins().iadd_imm_s(at.base, i64::from(at.offset))
    }

    pub(super) fn slot_address(&mut self, slot: Slot, offset: u32) -> Result<clif::Value> {
        let at = self.slot_at(slot, offset, 0)?;
        Ok(self.address(at))
    }

    pub(super) fn slot_load(&mut self, slot: Slot, offset: u32, ty: Type) -> Result<clif::Value> {
        let at = self.slot_at(slot, offset, ty.bytes())?;
        Ok(self.load_at(at, ty))
    }

    pub(super) fn slot_store(
        &mut self,
        slot: Slot,
        offset: u32,
        value: Value,
    ) -> Result<Vec<clif::Value>> {
        let v = self.value(value)?;
        let at = self.slot_at(slot, offset, self.type_of(v).bytes())?;
        self.b.ins().store(MEM, v, at.base, at.offset);
        Ok(Vec::new())
    }

    pub(super) fn load_at(&mut self, at: At, ty: Type) -> clif::Value {
        self.b.ins().load(clif_type(ty), MEM, at.base, at.offset)
    }

    pub(super) fn load(&mut self, ty: Type, addr: Value, offset: i32) -> Result<clif::Value> {
        let base = self.pointer(addr)?;
        Ok(self.load_at(At { base, offset }, ty))
    }

    pub(super) fn store(
        &mut self,
        addr: Value,
        offset: i32,
        value: Value,
    ) -> Result<Vec<clif::Value>> {
        let (base, v) = (self.pointer(addr)?, self.value(value)?);
        self.b.ins().store(MEM, v, base, offset);
        Ok(Vec::new())
    }

    pub(super) fn ptr_offset(&mut self, base: Value, offset: i32) -> Result<clif::Value> {
        let base = self.pointer(base)?;
        Ok(self.address(At { base, offset }))
    }

    /// A value that is an address.
    pub(super) fn pointer(&self, value: Value) -> Result<clif::Value> {
        let v = self.value(value)?;
        if self.type_of(v) != types::I64 {
            return Err(self.malformed(format!("{value} is used as an address")));
        }
        Ok(v)
    }

    pub(super) fn copy_inst(
        &mut self,
        dst: Value,
        src: Value,
        bytes: u32,
    ) -> Result<Vec<clif::Value>> {
        let (dst, src) = (self.pointer(dst)?, self.pointer(src)?);
        self.copy(At { base: dst, offset: 0 }, At { base: src, offset: 0 }, bytes);
        Ok(Vec::new())
    }

    /// Copies bytes between places that may overlap: everything is loaded before anything is
    /// stored.
    pub(super) fn copy(&mut self, dst: At, src: At, bytes: u32) {
        if bytes > INLINE_COPY {
            let config = self.unit.out.target_config();
            let (dst, src) = (self.address(dst), self.address(src));
            let n = self.iconst(types::I64, i64::from(bytes));
            self.b.call_memmove(config, dst, src, n);
            return;
        }
        let parts = copy_parts(bytes);
        let loaded: Vec<_> = parts
            .into_iter()
            .map(|(at, ty)| (at, self.b.ins().load(ty, MEM, src.base, src.offset + at)))
            .collect();
        for (at, v) in loaded {
            self.b.ins().store(MEM, v, dst.base, dst.offset + at);
        }
    }
}

/// Splits a copy into loads: 16 bytes each, then a rest that may overlap what went before.
fn copy_parts(bytes: u32) -> Vec<(i32, clif::Type)> {
    let n = bytes as i32;
    let mut parts = Vec::new();
    let mut at = 0;
    while n - at >= 16 {
        parts.push((at, types::I8X16));
        at += 16;
    }
    for ty in [types::I64, types::I32, types::I16, types::I8] {
        let size = ty.bytes() as i32;
        let rest = n - at;
        if rest >= size {
            parts.push((at, ty));
            at += size;
        }
        // A rest that is larger than half of this part is done at once, reaching back.
        let rest = n - at;
        if rest > size / 2 && n >= size {
            parts.push((n - size, ty));
            at = n;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::copy_parts;

    #[test]
    fn parts_of_a_copy_cover_it_and_stay_inside() {
        for bytes in 0..=200u32 {
            let parts = copy_parts(bytes);
            let mut covered = vec![false; bytes as usize];
            for (at, ty) in &parts {
                for i in 0..ty.bytes() {
                    covered[*at as usize + i as usize] = true;
                }
            }
            assert!(covered.iter().all(|c| *c), "{bytes}: {parts:?}");
            assert!(parts.len() <= bytes as usize / 16 + 3, "{bytes}: {parts:?}");
        }
    }
}
