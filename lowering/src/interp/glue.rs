//! Glue: drop actions, argument and result sequences in memory.
//!
//! Orders that the transform must keep: fields of a structure are dropped in order; the arguments of
//! a future that never started are dropped in reverse order of the parameters, as the locals they
//! would have become; results that nobody wants are dropped in order.

use super::engine::{Act, Engine, Res};
use super::value::Datum;
use crate::ir::{DropAction, Func, StructData, Ty, Type, Value};

impl Engine<'_> {
    pub(super) fn count(&mut self, ty: Type, bits: u128, retain: bool) -> Res<()> {
        let Type::Ref(class) = ty else { return Err(format!("{ty} is not counted")) };
        if bits == 0 {
            return Ok(());
        }
        let class = self.module.classes.get(class).ok_or_else(|| format!("there is no {class}"))?;
        let import = if retain { class.retain } else { class.release };
        let done = self.import(import, &[bits])?;
        done.map(|_| ()).map_err(|_| "counting faulted".to_string())
    }

    /// Runs the drop action of a thing in memory; its bytes are undefined afterwards.
    ///
    /// Fields are dropped in order, arguments of an unstarted future in reverse.
    pub(crate) fn drop_at(&mut self, addr: u64, ty: Ty) -> Res<()> {
        let module = self.module;
        if !module.needs_drop(ty) {
            return Ok(());
        }
        match ty {
            Ty::Bytes { .. } => {}
            Ty::Value(t) => {
                let val = self.world.memory.load(addr, t)?;
                let bits = val.known().ok_or("dropping an undefined reference")?;
                self.count(t, bits, false)?;
            }
            Ty::Struct(s) => self.drop_struct(addr, &module.structs[s])?,
            Ty::Future(f) => match self.started.remove(&addr) {
                Some(true) => {}
                Some(false) => return Err("dropping a started generator: drain it".into()),
                None => {
                    let types: Vec<Ty> = module.funcs[f].sig.params.iter().map(|p| p.ty).collect();
                    let seq = module.sequence(types.iter().copied());
                    let seq = seq.ok_or("arguments too large")?;
                    for (ty, offset) in types.into_iter().zip(seq.offsets).rev() {
                        self.drop_at(addr + u64::from(offset), ty)?;
                    }
                }
            },
        }
        self.world.memory.forget(addr, module.size_align(ty).0 as usize)
    }

    fn drop_struct(&mut self, addr: u64, data: &StructData) -> Res<()> {
        match data.drop {
            DropAction::None => return Ok(()),
            DropAction::Call(import) => {
                let done = self.import(import, &[addr.into()])?;
                return done.map(|_| ()).map_err(|_| "a drop action faulted".to_string());
            }
            DropAction::Fields => {}
        }
        let alive: Vec<u32> = match &data.tag {
            None => (0..data.fields.len() as u32).collect(),
            Some(tag) => {
                let field = &data.fields[tag.field as usize];
                let ty = field.ty.as_value().ok_or("a tag is no value")?;
                let val = self.world.memory.load(addr + u64::from(field.offset), ty)?;
                let bits = val.known().ok_or("dropping a structure with an undefined tag")?;
                let mut variants = tag.variants.iter();
                let fields = variants.find(|(n, _)| u128::from(*n) == bits).map(|(_, f)| f);
                fields.cloned().unwrap_or_default()
            }
        };
        for i in alive {
            let field = data.fields.get(i as usize).ok_or("a variant names no field")?;
            self.drop_at(addr + u64::from(field.offset), field.ty)?;
        }
        Ok(())
    }

    /// Drops a datum that lies in no slot.
    pub(crate) fn drop_datum(&mut self, ty: Ty, datum: &Datum) -> Res<()> {
        if !self.module.needs_drop(ty) {
            return Ok(());
        }
        match (ty, datum) {
            (Ty::Value(t), Datum::Val(v)) => {
                let bits = v.known().ok_or("dropping an undefined reference")?;
                self.count(t, bits, false)
            }
            (ty, Datum::Bytes(bytes)) => {
                let (size, align) = self.module.size_align(ty);
                let addr = self.world.memory.alloc(size, align, 0, "temporary");
                self.world.memory.write(addr, bytes)?;
                self.drop_at(addr, ty)?;
                self.world.memory.free(addr)
            }
            _ => Err("dropping a value as a slot".into()),
        }
    }

    /// Drops data in the order given.
    pub(crate) fn drop_data(&mut self, types: &[Ty], data: &[Datum]) -> Res<()> {
        for (ty, d) in types.iter().zip(data) {
            self.drop_datum(*ty, d)?;
        }
        Ok(())
    }

    /// Drops the arguments of an activation that never ran, the last first.
    pub(crate) fn drop_params(&mut self, act: &mut Act) -> Res<()> {
        let f = &self.module.funcs[act.func];
        let mut values: Vec<Value> = f.blocks[f.entry].params.clone();
        for (i, p) in f.sig.params.iter().enumerate().rev() {
            if let Ty::Value(t) = p.ty {
                let v = values.pop().ok_or("entry block lacks a parameter")?;
                if t.is_ref() {
                    let bits = act.known(v)?;
                    self.count(t, bits, false)?;
                }
            } else {
                let slot = f.slots.iter().find(|(_, s)| s.param == Some(i as u32));
                let (slot, _) = slot.ok_or("a parameter lacks its slot")?;
                if self.module.needs_drop(p.ty) {
                    self.disown(act, slot)?;
                    let addr = self.slot_addr(act, slot);
                    self.drop_at(addr, p.ty)?;
                }
            }
        }
        Ok(())
    }

    // ---- arguments of futures ----------------------------------------------------------------

    /// Writes the arguments of a future at an address, in sequence.
    pub(crate) fn write_args(&mut self, addr: u64, func: Func, args: Vec<Datum>) -> Res<()> {
        let types: Vec<Ty> = self.module.funcs[func].sig.params.iter().map(|p| p.ty).collect();
        self.write_sequence(addr, &types, args)
    }

    pub(crate) fn write_sequence(&mut self, addr: u64, types: &[Ty], data: Vec<Datum>) -> Res<()> {
        let seq = self.module.sequence(types.iter().copied()).ok_or("sequence too large")?;
        if data.len() != types.len() {
            return Err(format!("{} things where {} belong", data.len(), types.len()));
        }
        for ((ty, offset), datum) in types.iter().zip(seq.offsets).zip(data) {
            let at = addr + u64::from(offset);
            match (ty, datum) {
                (Ty::Value(t), Datum::Val(v)) => self.world.memory.store(at, *t, v)?,
                (_, Datum::Bytes(b)) => self.world.memory.write(at, &b)?,
                _ => return Err("a value where a slot belongs".into()),
            }
        }
        Ok(())
    }

    /// Reads a sequence of things from an address.
    pub(crate) fn read_sequence(&self, addr: u64, types: &[Ty]) -> Res<Vec<Datum>> {
        let seq = self.module.sequence(types.iter().copied()).ok_or("sequence too large")?;
        let one = |(ty, offset): (&Ty, u32)| {
            let at = addr + u64::from(offset);
            Ok(match ty {
                Ty::Value(t) => Datum::Val(self.world.memory.load(at, *t)?),
                ty => {
                    let len = self.module.size_align(*ty).0 as usize;
                    Datum::Bytes(self.world.memory.read(at, len)?)
                }
            })
        };
        types.iter().zip(seq.offsets).map(one).collect()
    }

    /// Moves the arguments of an unstarted future out of memory.
    pub(crate) fn read_args(&mut self, addr: u64, func: Func) -> Res<Vec<Datum>> {
        let types: Vec<Ty> = self.module.funcs[func].sig.params.iter().map(|p| p.ty).collect();
        let data = self.read_sequence(addr, &types)?;
        let len = self.module.size_align(Ty::Future(func)).0 as usize;
        self.world.memory.forget(addr, len)?;
        Ok(data)
    }
}
