//! Counted objects: header, descriptors, allocation.
//!
//! In: descriptors that the compiler lays out as static data, and requests of generated code.
//! Out: objects with a header of 16 bytes, which generated code reads at fixed offsets.
//!
//! ```text
//!            0         8          16
//! object     ┌─────────┬──────────┬───────────────────────────────────────────────
//!            │ count   │ desc ─┐  │ payload
//!            └─────────┴───────┼──┴───────────────────────────────────────────────
//! string                       │    len, bytes…
//! list                         │    len, cap, data ─► elements, `elem.size` apart
//! form                         │    fields
//! pick                         │    tag (i32), at 24 the fields of the variant
//! handle                       │    shared body of the host (task, channel, socket …)
//!                              ▼
//!                          TypeDesc
//! ```
//!
//! Invariants:
//!
//! * **I1** A count is at least 1 while anybody holds the object; from [`IMMORTAL`] up it is never
//!   changed, and the object is never freed or written to.
//! * **I2** Objects that are not handles are reachable from one task only, so their counts change
//!   by plain loads and stores (of an atomic, which costs nothing and keeps Rust's rules); handles
//!   are shared between tasks and count atomically.
//! * **I3** An [`Obj`] is held only as long as somebody owns a count of the object.
//! * **I4** A descriptor lives as long as any object that names it.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counts from here up mean: never freed, never written.
pub const IMMORTAL: i64 = 1 << 62;
/// Bytes of the header; the payload starts here.
pub const HEADER_BYTES: usize = 16;
/// Offset of a pick's fields.
pub const PICK_FIELDS: usize = 24;

/// `TypeDesc.kind`: what an object is.
pub mod kind {
    /// Immutable UTF-8 text.
    pub const STRING: u32 = 0;
    /// Growable list.
    pub const LIST: u32 = 1;
    /// Record.
    pub const FORM: u32 = 2;
    /// Sum type with payload.
    pub const PICK: u32 = 3;
    /// Handle of a task.
    pub const TASK: u32 = 4;
    /// Handle of a channel.
    pub const CHANNEL: u32 = 5;
    /// Any other handle of the host.
    pub const OTHER: u32 = 6;
}

/// Description of an object type; static data made by the compiler.
#[derive(Debug)]
#[repr(C)]
pub struct TypeDesc {
    /// One of [`kind`].  offset 0
    pub kind: u32,
    /// [`RECURSIVE`](super::leaks::RECURSIVE) or 0.  offset 4
    pub flags: u32,
    /// Bytes of a form or pick, header included.  offset 8
    pub size: u64,
    /// UTF-8 name.  offset 16
    pub name: *const u8,
    /// Bytes of the name.  offset 24
    pub name_len: u64,
    /// List, task, channel: what it holds.  offset 32
    pub elem: *const ValueDesc,
    /// Form: one; pick: one per tag.  offset 40
    pub variants: *const VariantDesc,
    /// Number of variants.  offset 48
    pub n_variants: u64,
}

/// Description of a flattened value in memory.
#[derive(Debug)]
#[repr(C)]
pub struct ValueDesc {
    /// Bytes.
    pub size: u32,
    /// Alignment, a power of two.
    pub align: u32,
    /// Number of references in it.
    pub n_refs: u32,
    /// Zero.
    pub reserved: u32,
    /// Their offsets.
    pub ref_offsets: *const u32,
}

/// Where the references of one variant lie, from the start of the object.
#[derive(Debug)]
#[repr(C)]
pub struct VariantDesc {
    /// Number of references.
    pub n_refs: u32,
    /// Zero.
    pub reserved: u32,
    /// Their offsets.
    pub ref_offsets: *const u32,
}

// SAFETY: descriptors are immutable, and so is what they point to (I4).
unsafe impl Sync for TypeDesc {}
// SAFETY: as above.
unsafe impl Sync for ValueDesc {}
// SAFETY: as above.
unsafe impl Sync for VariantDesc {}
// SAFETY: as above.
unsafe impl Send for TypeDesc {}
// SAFETY: as above.
unsafe impl Send for ValueDesc {}
// SAFETY: as above.
unsafe impl Send for VariantDesc {}

const _: () = {
    assert!(size_of::<TypeDesc>() == 56);
    assert!(size_of::<ValueDesc>() == 24);
    assert!(size_of::<VariantDesc>() == 16);
    assert!(size_of::<Header>() == HEADER_BYTES);
};

impl TypeDesc {
    /// Whether objects of this type are handles: shared between tasks, counted atomically.
    pub fn is_handle(&self) -> bool {
        self.kind >= kind::TASK
    }

    /// Whether objects of this type can be in a cycle.
    pub(crate) fn is_recursive(&self) -> bool {
        self.flags & super::leaks::RECURSIVE != 0
    }

    /// Its name in the source; empty if it has none.
    pub(crate) fn name(&self) -> &'static str {
        if self.name.is_null() {
            return "";
        }
        // SAFETY: a name is that long, in static data (I4).
        let bytes = unsafe { std::slice::from_raw_parts(self.name, self.name_len as usize) };
        std::str::from_utf8(bytes).unwrap_or("")
    }

    /// What a list, task or channel holds.
    pub(crate) fn elem(&self) -> &'static ValueDesc {
        assert!(!self.elem.is_null(), "I: kind {} has an element descriptor", self.kind);
        // SAFETY: not null, and static data (I4).
        unsafe { &*self.elem }
    }

    /// Offsets of the references of variant `tag`; empty for a tag that is not described.
    fn variant_refs(&self, tag: u64) -> &'static [u32] {
        if tag >= self.n_variants {
            return &[];
        }
        // SAFETY: `variants` points to `n_variants` descriptors and `tag` is below.
        let variant = unsafe { self.variants.add(tag as usize) };
        // SAFETY: as above; static data (I4).
        let variant = unsafe { &*variant };
        offsets(variant.ref_offsets, variant.n_refs)
    }
}

impl ValueDesc {
    /// Offsets of the references in a value.
    pub(crate) fn refs(&self) -> &'static [u32] {
        offsets(self.ref_offsets, self.n_refs)
    }

    /// Memory layout of `n` values one after the other; `None` if that is too much.
    pub(crate) fn layout_of(&self, n: usize) -> Option<Layout> {
        let bytes = (self.size as usize).checked_mul(n)?;
        Layout::from_size_align(bytes, (self.align as usize).max(1)).ok()
    }
}

fn offsets(first: *const u32, n: u32) -> &'static [u32] {
    if n == 0 {
        return &[];
    }
    // SAFETY: a descriptor points to as many offsets as it says, in static data (I4).
    unsafe { std::slice::from_raw_parts(first, n as usize) }
}

/// What every object starts with.
#[derive(Debug)]
#[repr(C)]
pub struct Header {
    /// Number of owners (I1).
    pub count: AtomicI64,
    /// What the object is.
    pub desc: *const TypeDesc,
}

/// An object that is alive (I3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Obj(NonNull<u8>);

impl Obj {
    /// The object at an address, or `None` for null.
    ///
    /// # Safety
    ///
    /// `address` is null or points to an object that stays alive while the `Obj` is used (I3).
    pub unsafe fn from_raw(address: *mut u8) -> Option<Self> {
        NonNull::new(address).map(Self)
    }

    /// Its address.
    pub fn as_ptr(self) -> *mut u8 {
        self.0.as_ptr()
    }

    fn header(&self) -> &Header {
        // SAFETY: an object starts with its header and is alive (I3); headers are only changed
        // through their atomic.
        unsafe { self.0.cast().as_ref() }
    }

    /// What it is.
    pub fn desc(self) -> &'static TypeDesc {
        // SAFETY: the descriptor of a living object is valid (I4).
        unsafe { &*self.header().desc }
    }

    /// Current count.
    pub fn count(self) -> i64 {
        self.header().count.load(Ordering::Relaxed)
    }

    /// The atomic count.
    pub(crate) fn count_cell(&self) -> &AtomicI64 {
        &self.header().count
    }

    /// The address `offset` bytes in.
    pub(crate) fn at(self, offset: usize) -> *mut u8 {
        // SAFETY: callers stay inside the object, whose size its type decides.
        unsafe { self.as_ptr().add(offset) }
    }

    /// Reads the 64-bit word at `offset`.
    pub(crate) fn word(self, offset: usize) -> u64 {
        // SAFETY: callers read words that the layout of the object's kind has; they are aligned.
        unsafe { self.at(offset).cast::<u64>().read() }
    }

    /// Writes the 64-bit word at `offset`.
    pub(crate) fn set_word(self, offset: usize, value: u64) {
        // SAFETY: as for `word`; only the owner of a mutable object writes to it (I2).
        unsafe { self.at(offset).cast::<u64>().write(value) }
    }

    /// Tag of a pick.
    pub(crate) fn tag(self) -> u32 {
        // SAFETY: a pick has its tag at this offset.
        unsafe { self.at(HEADER_BYTES).cast::<u32>().read() }
    }

    /// Calls `f` with the address of each reference in the object, in order.
    pub(crate) fn each_ref(self, mut f: impl FnMut(*mut *mut u8)) {
        let desc = self.desc();
        match desc.kind {
            kind::LIST => {
                let elem = desc.elem();
                if elem.n_refs == 0 {
                    return;
                }
                let list = super::list::List::new(self);
                for i in 0..list.len() {
                    let first = list.element(i);
                    elem.refs().iter().for_each(|&o| f(ref_at(first, o)));
                }
            }
            kind::FORM | kind::PICK => {
                let tag = if desc.kind == kind::FORM { 0 } else { u64::from(self.tag()) };
                let refs = desc.variant_refs(tag);
                refs.iter().for_each(|&o| f(ref_at(self.as_ptr(), o)));
            }
            _ => {}
        }
    }
}

/// Address of the reference `offset` bytes into a value or object.
pub(crate) fn ref_at(base: *mut u8, offset: u32) -> *mut *mut u8 {
    // SAFETY: descriptors list offsets inside the thing they describe.
    unsafe { base.add(offset as usize) }.cast()
}

/// Reads the reference at `place`.
///
/// # Safety
///
/// `place` is the address of a reference in a living value or object.
pub(crate) unsafe fn load_ref(place: *mut *mut u8) -> Option<Obj> {
    // SAFETY: the caller vouches for `place`.
    let address = unsafe { place.read() };
    // SAFETY: references are null or lead to living objects.
    unsafe { Obj::from_raw(address) }
}

/// Allocates bytes; `None` if memory is short. Zero bytes give a dangling, aligned address.
pub(crate) fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    if layout.size() == 0 {
        return NonNull::new(std::ptr::without_provenance_mut(layout.align()));
    }
    // SAFETY: the layout has a size.
    NonNull::new(unsafe { std::alloc::alloc(layout) })
}

/// Frees what [`allocate`] gave for the same layout.
///
/// # Safety
///
/// `address` came from [`allocate`] with `layout` and is not used again.
pub(crate) unsafe fn deallocate(address: *mut u8, layout: Layout) {
    if layout.size() != 0 {
        // SAFETY: the caller vouches for address and layout.
        unsafe { std::alloc::dealloc(address, layout) }
    }
}

/// Allocates an object of `bytes` bytes with a count of 1; the payload is undefined.
pub(crate) fn new_object(desc: *const TypeDesc, bytes: usize) -> Option<Obj> {
    let address = allocate(object_layout(bytes)?)?;
    let header = Header { count: AtomicI64::new(1), desc };
    // SAFETY: the allocation is at least a header long and aligned for it.
    unsafe { address.cast::<Header>().write(header) };
    live::add(1);
    // SAFETY: the descriptor of a new object is valid (I4).
    let desc = unsafe { &*desc };
    if desc.is_recursive() {
        super::leaks::note(desc, 1);
    }
    Some(Obj(address))
}

/// Layout of an object of `bytes` bytes. References inside a frame may be 16-aligned (`i128`).
pub(crate) fn object_layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(HEADER_BYTES), HEADER_BYTES).ok()
}

/// How many objects this thread allocated and did not free; counted in tests only.
pub(crate) mod live {
    #[cfg(test)]
    std::thread_local! {
        static LIVE: std::cell::Cell<i64> = const { std::cell::Cell::new(0) };
    }

    /// Notes an allocation (1) or a release of memory (−1).
    #[cfg(test)]
    pub(crate) fn add(n: i64) {
        LIVE.with(|live| live.set(live.get() + n));
    }

    /// As above: nothing is counted.
    #[cfg(not(test))]
    pub(crate) fn add(_: i64) {}

    /// The difference on this thread.
    #[cfg(test)]
    pub(crate) fn count() -> i64 {
        LIVE.with(std::cell::Cell::get)
    }
}
