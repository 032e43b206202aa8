//! Static data: machines, sites, spans, file names, and the data objects of the module.
//!
//! ```text
//! machine of a coroutine (one object):  vt_machine │ vt_span │ vt_state … │ vt_awaitee … │ names
//! vitte.sites:  vt_site …   one per (machine, offset, state), in order of first use
//! vitte.spans:  vt_span …   one per position
//! ```

use crate::error::CodegenError;
use crate::unit::{Site, Unit};
use cranelift_codegen::ir::{FuncRef, GlobalValue};
use cranelift_module::{DataDescription, DataId, Linkage, Module as Output};
use std::collections::BTreeMap;
use std::mem::offset_of;
use vitte_abi::{
    AwaiteeRecord, LayoutRecord, SlotRole, StateRecord, VT_ARENA, VT_RECORD_IS_LEAF, vt_awaitee,
    vt_machine, vt_site, vt_span, vt_state,
};
use vitte_lowering::ir::{Data, DataObject, File, Func, Reloc, Span};

/// Largest alignment of a data object: a page.
const MAX_ALIGN: u32 = 4096;

/// Equal items share one place in an array. Once that is defined, the next items go to a new one.
pub(crate) struct Pool<K> {
    symbol: &'static str,
    /// Number of arrays that were defined.
    n_defined: u32,
    data: Option<DataId>,
    index: BTreeMap<K, u32>,
    items: Vec<K>,
}

impl<K: Ord + Copy> Pool<K> {
    pub(crate) fn new(symbol: &'static str) -> Self {
        Self { symbol, n_defined: 0, data: None, index: BTreeMap::new(), items: Vec::new() }
    }

    /// Symbol of the array in the making.
    fn symbol(&self) -> String {
        match self.n_defined {
            0 => self.symbol.to_owned(),
            n => format!("{}.{n}", self.symbol),
        }
    }

    /// Ends the array in the making: its data object and items, or `None` if there are no items.
    fn take(&mut self) -> Option<(DataId, Vec<K>)> {
        let data = self.data.take()?;
        self.n_defined += 1;
        self.index.clear();
        Some((data, std::mem::take(&mut self.items)))
    }

    fn place(&mut self, item: K) -> u32 {
        *self.index.entry(item).or_insert_with(|| {
            self.items.push(item);
            self.items.len() as u32 - 1
        })
    }
}

/// Data objects that hold the names of source files.
#[derive(Default)]
pub(crate) struct FileNames {
    declared: BTreeMap<File, DataId>,
    undefined: Vec<File>,
}

/// Bytes with addresses in them, in the making.
struct Image {
    desc: DataDescription,
    bytes: Vec<u8>,
    funcs: BTreeMap<Func, FuncRef>,
    data: BTreeMap<DataId, GlobalValue>,
}

impl Image {
    fn new(len: usize) -> Self {
        let (funcs, data) = (BTreeMap::new(), BTreeMap::new());
        Self { desc: DataDescription::new(), bytes: vec![0; len], funcs, data }
    }

    fn put_u32(&mut self, at: usize, n: u32) {
        self.bytes[at..at + 4].copy_from_slice(&n.to_le_bytes());
    }

    fn put_u64(&mut self, at: usize, n: u64) {
        self.bytes[at..at + 8].copy_from_slice(&n.to_le_bytes());
    }

    fn put_data<M: Output>(&mut self, unit: &Unit<'_, M>, at: usize, to: DataId, offset: u32) {
        let desc = &mut self.desc;
        let gv = self.data.entry(to).or_insert_with(|| unit.out.declare_data_in_data(to, desc));
        self.desc.write_data_addr(at as u32, *gv, i64::from(offset));
    }

    fn put_func<M: Output>(&mut self, unit: &Unit<'_, M>, at: usize, to: Func) -> bool {
        let Some((id, _)) = unit.func(to) else { return false };
        let desc = &mut self.desc;
        let func = self.funcs.entry(to).or_insert_with(|| unit.out.declare_func_in_data(id, desc));
        self.desc.write_function_addr(at as u32, *func);
        true
    }

    fn define<M: Output>(
        mut self,
        unit: &mut Unit<'_, M>,
        id: DataId,
        name: &str,
        align: u32,
    ) -> Result<(), CodegenError> {
        self.desc.set_align(u64::from(align));
        if self.bytes.is_empty() {
            self.bytes.push(0);
        }
        self.desc.define(self.bytes.into_boxed_slice());
        unit.out.define_data(id, &self.desc).map_err(|e| CodegenError::from_module(name, e))
    }
}

impl<M: Output> Unit<'_, M> {
    /// Place of a site: data object and offset.
    pub(crate) fn site(&mut self, site: Site) -> Result<(DataId, u32), CodegenError> {
        let place = self.sites.place(site) * size_of::<vt_site>() as u32;
        if self.sites.data.is_none() {
            let symbol = self.sites.symbol();
            self.sites.data = Some(self.declare_data(&symbol, Linkage::Local, false)?);
        }
        Ok((self.sites.data.expect("I: declared just now"), place))
    }

    /// Place of a span: data object and offset.
    pub(crate) fn span(&mut self, span: Span) -> Result<(DataId, u32), CodegenError> {
        let place = self.spans.place(span) * size_of::<vt_span>() as u32;
        if self.spans.data.is_none() {
            let symbol = self.spans.symbol();
            self.spans.data = Some(self.declare_data(&symbol, Linkage::Local, false)?);
        }
        Ok((self.spans.data.expect("I: declared just now"), place))
    }

    /// Defines the data objects of the module and its machines.
    pub(crate) fn define_objects(&mut self) -> Result<(), CodegenError> {
        for (id, object) in self.module.data.iter() {
            self.define_object(id, object)?;
        }
        let machines: Vec<_> = self.machine_ids().collect();
        let by_name = machines.iter().map(|&(f, id)| (&*self.module.funcs[f].name, id)).collect();
        for (func, id) in machines {
            self.define_machine(func, id, &by_name)?;
        }
        Ok(())
    }

    /// Defines the sites, spans and file names that were used since the last time.
    pub(crate) fn define_pools(&mut self) -> Result<(), CodegenError> {
        self.define_sites()?;
        self.define_spans()?;
        self.define_files()
    }

    fn define_object(&mut self, id: Data, object: &DataObject) -> Result<(), CodegenError> {
        let malformed = |what: String| CodegenError::malformed(&object.name, what);
        if !object.align.is_power_of_two() {
            return Err(malformed(format!("its alignment {} is no power of two", object.align)));
        }
        if object.align > MAX_ALIGN {
            let what = format!("alignment {} of {MAX_ALIGN} at most", object.align);
            return Err(CodegenError::Limit { item: object.name.clone(), what });
        }
        let mut image = Image::new(0);
        image.bytes.clone_from(&object.bytes);
        for &(offset, reloc) in &object.relocs {
            let at = offset as usize;
            if at.checked_add(8).is_none_or(|end| end > object.bytes.len()) {
                return Err(malformed(format!("the relocation at {offset} passes its end")));
            }
            image.put_u64(at, 0);
            let missing = || malformed(format!("the relocation at {offset} leads nowhere"));
            match reloc {
                Reloc::Data(to, addend) => {
                    let to = self.data_id(to).ok_or_else(missing)?;
                    image.put_data(self, at, to, addend);
                }
                Reloc::Func(to) => {
                    if !image.put_func(self, at, to) {
                        return Err(missing());
                    }
                }
                Reloc::Import(to) => {
                    let (to, _) = self.import(to)?.ok_or_else(missing)?;
                    let func = self.out.declare_func_in_data(to, &mut image.desc);
                    image.desc.write_function_addr(offset, func);
                }
                Reloc::Machine(to) => {
                    let to = self.machine_data(to).ok_or_else(missing)?;
                    image.put_data(self, at, to, 0);
                }
            }
        }
        let data = self.data_id(id).expect("I: all data is declared");
        image.define(self, data, &object.name, object.align)
    }

    fn define_machine(
        &mut self,
        func: Func,
        id: DataId,
        by_name: &BTreeMap<&str, DataId>,
    ) -> Result<(), CodegenError> {
        let function = &self.module.funcs[func];
        let name = function.name.clone();
        let record = self.machines.get(&func).ok_or_else(|| {
            CodegenError::malformed(&name, "it is a machine without a layout record")
        })?;
        let numbers = MachineNumbers::new(record)?;
        let span_at = size_of::<vt_machine>();
        let states_at = span_at + size_of::<vt_span>();
        let mut awaitees_at = states_at + record.states.len() * size_of::<vt_state>();
        let awaitees: Vec<_> = record.states.iter().map(|s| awaitees(record, s)).collect();
        let n_awaitees: usize = awaitees.iter().map(Vec::len).sum();
        let mut image = Image::new(awaitees_at + n_awaitees * size_of::<vt_awaitee>());

        for (at, n) in [
            (offset_of!(vt_machine, size), numbers.size),
            (offset_of!(vt_machine, align), numbers.align),
            (offset_of!(vt_machine, tag_offset), numbers.tag_offset),
            (offset_of!(vt_machine, tag_bytes), numbers.tag_bytes),
            (offset_of!(vt_machine, result_offset), numbers.result_offset),
            (offset_of!(vt_machine, result_bytes), numbers.result_bytes),
            (offset_of!(vt_machine, n_states), record.states.len() as u32),
        ] {
            image.put_u32(at, n);
        }
        image.put_u64(offset_of!(vt_machine, layout_hash), record.layout_hash());
        image.put_func(self, offset_of!(vt_machine, resume), func);
        image.put_data(self, offset_of!(vt_machine, span), id, span_at as u32);
        image.put_data(self, offset_of!(vt_machine, states), id, states_at as u32);
        self.put_name(&mut image, id, offset_of!(vt_machine, name), &record.name);
        image.put_u32(offset_of!(vt_machine, name_len), record.name.len() as u32);
        for (i, (state, awaitees)) in record.states.iter().zip(awaitees).enumerate() {
            let at = states_at + i * size_of::<vt_state>();
            self.put_name(&mut image, id, at + offset_of!(vt_state, name), &state.name);
            image.put_u32(at + offset_of!(vt_state, name_len), state.name.len() as u32);
            image.put_u32(at + offset_of!(vt_state, line), state.span.line);
            if !awaitees.is_empty() {
                image.put_data(self, at + offset_of!(vt_state, awaitees), id, awaitees_at as u32);
                image.put_u32(at + offset_of!(vt_state, n_awaitees), awaitees.len() as u32);
            }
            for awaitee in awaitees {
                self.put_awaitee(&mut image, id, awaitees_at, &awaitee, by_name);
                awaitees_at += size_of::<vt_awaitee>();
            }
        }
        self.put_span(&mut image, span_at, function.span)?;
        if let Some(&user) = self.options.user.get(&func) {
            let user = self.data_id(user).ok_or_else(|| {
                CodegenError::malformed(&name, format!("its user data {user} does not exist"))
            })?;
            image.put_data(self, offset_of!(vt_machine, user), user, 0);
        }
        image.define(self, id, &name, align_of::<vt_machine>() as u32)
    }

    fn put_awaitee(
        &self,
        image: &mut Image,
        id: DataId,
        at: usize,
        awaitee: &Awaited<'_>,
        by_name: &BTreeMap<&str, DataId>,
    ) {
        match awaitee.what {
            AwaiteeRecord::Child(name) => {
                if let Some(&machine) = by_name.get(&**name) {
                    image.put_data(self, at + offset_of!(vt_awaitee, machine), machine, 0);
                }
            }
            AwaiteeRecord::Op(name) => {
                self.put_name(image, id, at + offset_of!(vt_awaitee, name), name);
                image.put_u32(at + offset_of!(vt_awaitee, name_len), name.len() as u32);
            }
            _ => {}
        }
        image.put_u32(at + offset_of!(vt_awaitee, offset), awaitee.offset);
        image.put_u32(at + offset_of!(vt_awaitee, record), awaitee.record);
        image.put_u32(at + offset_of!(vt_awaitee, record_bytes), awaitee.record_bytes);
    }

    /// Appends a name to the image and points to it.
    fn put_name(&self, image: &mut Image, id: DataId, at: usize, name: &str) {
        let offset = image.bytes.len() as u32;
        image.bytes.extend_from_slice(name.as_bytes());
        image.put_data(self, at, id, offset);
    }

    fn put_span(&mut self, image: &mut Image, at: usize, span: Span) -> Result<(), CodegenError> {
        let known = span.is_known();
        let Some(file) = self.module.files.get(span.file).filter(|_| known) else { return Ok(()) };
        let data = match self.files.declared.get(&span.file) {
            Some(&data) => data,
            None => {
                let symbol = format!("vitte.{}", span.file);
                let data = self.declare_data(&symbol, Linkage::Local, false)?;
                self.files.declared.insert(span.file, data);
                self.files.undefined.push(span.file);
                data
            }
        };
        image.put_data(self, at + offset_of!(vt_span, file), data, 0);
        image.put_u32(at + offset_of!(vt_span, file_len), file.len() as u32);
        image.put_u32(at + offset_of!(vt_span, line), span.line);
        image.put_u32(at + offset_of!(vt_span, column), span.column);
        Ok(())
    }

    fn define_sites(&mut self) -> Result<(), CodegenError> {
        let symbol = self.sites.symbol();
        let Some((id, items)) = self.sites.take() else { return Ok(()) };
        let mut image = Image::new(items.len() * size_of::<vt_site>());
        for (i, &(func, offset, state)) in items.iter().enumerate() {
            let at = i * size_of::<vt_site>();
            image.put_func(self, at + offset_of!(vt_site, resume), func);
            image.put_u32(at + offset_of!(vt_site, offset), offset);
            image.put_u32(at + offset_of!(vt_site, state), state);
            if let Some(machine) = self.machine_data(func) {
                image.put_data(self, at + offset_of!(vt_site, machine), machine, 0);
            }
        }
        image.define(self, id, &symbol, align_of::<vt_site>() as u32)
    }

    fn define_spans(&mut self) -> Result<(), CodegenError> {
        let symbol = self.spans.symbol();
        let Some((id, items)) = self.spans.take() else { return Ok(()) };
        let mut image = Image::new(items.len() * size_of::<vt_span>());
        for (i, &span) in items.iter().enumerate() {
            self.put_span(&mut image, i * size_of::<vt_span>(), span)?;
        }
        image.define(self, id, &symbol, align_of::<vt_span>() as u32)
    }

    fn define_files(&mut self) -> Result<(), CodegenError> {
        for file in std::mem::take(&mut self.files.undefined) {
            let id = self.files.declared[&file];
            let name = &self.module.files[file];
            let mut image = Image::new(0);
            image.bytes.extend_from_slice(name.as_bytes());
            image.define(self, id, name, 1)?;
        }
        Ok(())
    }
}

/// An entry of a state's awaitees.
struct Awaited<'a> {
    what: &'a AwaiteeRecord,
    offset: u32,
    record: u32,
    record_bytes: u32,
}

/// What a state awaits, and where its branches lie.
fn awaitees<'a>(record: &'a LayoutRecord, state: &'a StateRecord) -> Vec<Awaited<'a>> {
    let one = |what| Awaited { what, offset: VT_ARENA, record: 0, record_bytes: 0 };
    let mut all: Vec<Awaited<'_>> = match &state.awaitee {
        AwaiteeRecord::Join(branches) | AwaiteeRecord::Select(branches) => {
            branches.iter().map(one).collect()
        }
        AwaiteeRecord::Consumer | AwaiteeRecord::Nothing => return Vec::new(),
        what => return vec![one(what)],
    };
    // Slots of branches are named `sp0.1`, their records `sp0.1.branch`, or all `sp0.branches`.
    let prefix = format!("sp{}.", state.id.saturating_sub(3));
    for slot in state.live.iter().filter_map(|&i| record.slots.get(i as usize)) {
        let Some(name) = slot.name.strip_prefix(&prefix) else { continue };
        let (offset, size) = (slot.offset as u32, slot.size as u32);
        let index = name.strip_suffix(".branch").unwrap_or(name).parse::<usize>().ok();
        match (slot.role, index.and_then(|i| all.get_mut(i))) {
            (SlotRole::Branches, Some(one)) => (one.record, one.record_bytes) = (offset, size),
            (SlotRole::Branches, None) => {
                let each = VT_RECORD_IS_LEAF;
                for (one, at) in all.iter_mut().zip((offset..).step_by(each as usize)) {
                    (one.record, one.record_bytes) = (at, each);
                }
            }
            (SlotRole::Child | SlotRole::Op, Some(one)) => one.offset = offset,
            _ => {}
        }
    }
    all
}

/// The numbers of a record that a `vt_machine` holds, checked to fit.
struct MachineNumbers {
    size: u32,
    align: u32,
    tag_offset: u32,
    tag_bytes: u32,
    result_offset: u32,
    result_bytes: u32,
}

impl MachineNumbers {
    fn new(record: &LayoutRecord) -> Result<Self, CodegenError> {
        let fit = |n: u64, what: &str| {
            i32::try_from(n).map(|n| n as u32).map_err(|_| CodegenError::Limit {
                item: record.name.clone(),
                what: format!("its {what} of {n} bytes; box some of its children"),
            })
        };
        Ok(Self {
            size: fit(record.size, "frame")?,
            align: fit(record.align, "alignment")?,
            tag_offset: fit(record.tag_offset, "tag offset")?,
            tag_bytes: fit(record.tag_bytes, "tag")?,
            result_offset: fit(record.result_offset, "result offset")?,
            result_bytes: fit(record.result_bytes, "result")?,
        })
    }
}
