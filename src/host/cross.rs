//! Crossing: how a value goes from one task to another.
//!
//! Tasks are islands: no two share memory that one of them may write. A value whose every node has
//! one owner is simply handed over. Any other is copied as a whole, with an identity map, so that
//! sharing and cycles within it are kept. Immortal objects and handles are shared as they are.
//!
//! * **I1** A tree of nodes with count 1 reached from one value is reachable from nowhere else: a
//!   second way to a node would be a second count. So the check needs no set of visited nodes.
//! * **I2** Until a copy is complete, the nodes of `made` that still wait in `todo` hold references
//!   of their originals that they do not own.
//!
//! Cost: linear in what is reachable; a value without references costs nothing, strings cost their
//! copies and no more. Both walks are iterative; the check allocates only for values nested deeper, or
//! wider, than its short list. Memory that runs short leaves the original untouched.

use super::count::{drop_value, release, release_at, retain};
use super::list::List;
use super::object::{HEADER_BYTES, IMMORTAL, Obj, ValueDesc, kind, load_ref, new_object, ref_at};
use super::string::{Str, concat};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ptr::null_mut;

/// Makes the value at `value` ready to cross; false if memory is short (then nothing has changed).
///
/// # Safety
///
/// `value` points to a living value as `desc` says, which the caller owns.
pub unsafe fn cross(value: *mut u8, desc: &ValueDesc) -> bool {
    // SAFETY: as the caller vouches.
    match unsafe { is_unique(value, desc) } {
        Some(true) => true,
        None => false,
        // SAFETY: as the caller vouches.
        Some(false) => unsafe { replace_by_copy(value, desc) },
    }
}

/// Copies the value at `from` to `to` (undefined before) so that the two share nothing mutable;
/// false if memory is short. The original and its counts are only read, so several tasks may do this
/// at the same time.
///
/// # Safety
///
/// `from` points to a living value as `desc` says, which nobody changes meanwhile; `to` points to as
/// many bytes; they do not overlap.
pub unsafe fn copy_value(from: *const u8, to: *mut u8, desc: &ValueDesc) -> bool {
    // SAFETY: the caller vouches for the value; it is only read.
    if unsafe { is_flat(from.cast_mut(), desc) } {
        // SAFETY: as above; flat.
        return unsafe { copy_flat(from.cast_mut(), to, desc) };
    }
    // SAFETY: the caller vouches for the value; it is only read.
    let Some(copies) = (unsafe { deep_copy(from.cast_mut(), desc) }) else { return false };
    // SAFETY: the caller vouches for both.
    unsafe { std::ptr::copy_nonoverlapping(from, to, desc.size as usize) };
    // SAFETY: `to` is of this shape; its references are not owned yet.
    unsafe { write_refs(to, desc, copies) };
    true
}

/// Whether a value leads to strings and shared objects only.
///
/// # Safety
///
/// `value` points to a living value as `desc` says.
unsafe fn is_flat(value: *mut u8, desc: &ValueDesc) -> bool {
    desc.refs().iter().all(|&offset| {
        // SAFETY: descriptors list the places of references.
        let obj = unsafe { load_ref(ref_at(value, offset)) };
        obj.is_none_or(|o| o.desc().kind == kind::STRING || is_shared(o))
    })
}

/// [`copy_value`] of a flat value: each reference by itself. That a string is held twice does not show.
///
/// # Safety
///
/// As [`copy_value`]; the value is flat.
unsafe fn copy_flat(from: *mut u8, to: *mut u8, desc: &ValueDesc) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe { std::ptr::copy_nonoverlapping(from, to, desc.size as usize) };
    for (n, &offset) in desc.refs().iter().enumerate() {
        // SAFETY: descriptors list the places of references.
        let Some(obj) = (unsafe { load_ref(ref_at(to, offset)) }) else { continue };
        if is_shared(obj) {
            retain(obj);
            continue;
        }
        let Some(copy) = shallow(obj) else {
            for &done in &desc.refs()[..n] {
                // SAFETY: as above; these are ours.
                unsafe { release_at(ref_at(to, done)) };
            }
            // SAFETY: the caller vouches for the target.
            unsafe { to.write_bytes(0, desc.size as usize) };
            return false;
        };
        // SAFETY: as above.
        unsafe { ref_at(to, offset).write(copy.as_ptr()) };
    }
    true
}

/// Objects still to be looked at: the first few without an allocation.
struct Todo {
    few: [Option<Obj>; 16],
    n_few: usize,
    more: Vec<Obj>,
}

impl Todo {
    /// False if memory is short.
    fn push(&mut self, obj: Obj) -> bool {
        if let Some(place) = self.few.get_mut(self.n_few) {
            *place = Some(obj);
            self.n_few += 1;
            return true;
        }
        let has_room = self.more.try_reserve(1).is_ok();
        if has_room {
            self.more.push(obj);
        }
        has_room
    }

    fn pop(&mut self) -> Option<Obj> {
        if let Some(obj) = self.more.pop() {
            return Some(obj);
        }
        self.n_few = self.n_few.checked_sub(1)?;
        self.few[self.n_few]
    }
}

/// Whether everything reachable has one owner; `None` if memory for the walk is short.
unsafe fn is_unique(value: *mut u8, desc: &ValueDesc) -> Option<bool> {
    let mut todo = Todo { few: [None; 16], n_few: 0, more: Vec::new() };
    let mut unique = true;
    let mut short = false;
    let mut visit = |place: *mut *mut u8, todo: &mut Todo| {
        // SAFETY: `each_ref` and descriptors give places of references.
        let Some(obj) = (unsafe { load_ref(place) }) else { return };
        if is_shared(obj) {
            return;
        }
        unique &= obj.count() == 1;
        if obj.desc().kind != kind::STRING {
            short |= !short && !todo.push(obj);
        }
    };
    for &offset in desc.refs() {
        visit(ref_at(value, offset), &mut todo);
    }
    while let Some(obj) = todo.pop() {
        // A node with a second owner ends the walk: what follows would be copied anyway, and a
        // cycle always has such a node (I1).
        if obj.count() != 1 {
            return Some(false);
        }
        obj.each_ref(|place| visit(place, &mut todo));
    }
    if short { None } else { Some(unique) }
}

/// Whether all tasks may hold the object: immortal ones and handles.
fn is_shared(obj: Obj) -> bool {
    obj.count() >= IMMORTAL || obj.desc().is_handle()
}

/// Replaces the references of a value by deep copies and releases the originals.
unsafe fn replace_by_copy(value: *mut u8, desc: &ValueDesc) -> bool {
    // SAFETY: as the caller vouches.
    let Some(copies) = (unsafe { deep_copy(value, desc) }) else { return false };
    // SAFETY: the value is alive and owned; its references are replaced at once.
    unsafe { drop_value(value, desc) };
    // SAFETY: as above.
    unsafe { write_refs(value, desc, copies) };
    true
}

/// Deep copies of the references of a value, in order.
unsafe fn deep_copy(value: *mut u8, desc: &ValueDesc) -> Option<Vec<*mut u8>> {
    let mut copier = Copier::default();
    let mut roots: Vec<*mut u8> = Vec::new();
    roots.try_reserve(desc.refs().len()).ok()?;
    for &offset in desc.refs() {
        // SAFETY: the value is alive and of this shape.
        let Some(copy) = copier.copy(unsafe { ref_at(value, offset).read() }) else {
            copier.undo(&roots);
            return None;
        };
        roots.push(copy);
    }
    if !copier.fill() {
        copier.undo(&roots);
        return None;
    }
    Some(roots)
}

/// Writes the references of a value, in order.
unsafe fn write_refs(value: *mut u8, desc: &ValueDesc, refs: Vec<*mut u8>) {
    for (&offset, reference) in desc.refs().iter().zip(refs) {
        // SAFETY: the value is of this shape (caller).
        unsafe { ref_at(value, offset).write(reference) };
    }
}

/// A deep copy under way.
#[derive(Default)]
struct Copier {
    /// Original → copy. Only looked up, never listed: its order does not show.
    known: HashMap<usize, Obj, BuildHasherDefault<AddressHasher>>,
    /// Copies, in the order in which they were made.
    made: Vec<Obj>,
    /// How many of `made` have their references replaced.
    n_filled: usize,
}

impl Copier {
    /// The copy of what a reference leads to, as a reference with a count of its own; `None` if
    /// memory is short.
    fn copy(&mut self, original: *mut u8) -> Option<*mut u8> {
        // SAFETY: references of living objects are null or lead to living objects.
        let Some(obj) = (unsafe { Obj::from_raw(original) }) else { return Some(null_mut()) };
        if is_shared(obj) {
            retain(obj);
            return Some(original);
        }
        if let Some(&copy) = self.known.get(&original.addr()) {
            retain(copy);
            return Some(copy.as_ptr());
        }
        self.known.try_reserve(1).ok()?;
        self.made.try_reserve(1).ok()?;
        let copy = shallow(obj)?;
        if is_shared(copy) {
            return Some(copy.as_ptr()); // an empty string
        }
        self.known.insert(original.addr(), copy);
        self.made.push(copy);
        Some(copy.as_ptr())
    }

    /// Replaces the references of all copies made, and of those made by that.
    fn fill(&mut self) -> bool {
        while let Some(&obj) = self.made.get(self.n_filled) {
            let mut complete = true;
            obj.each_ref(|place| {
                // SAFETY: `each_ref` gives places of references.
                let original = unsafe { place.read() };
                let copy = if complete { self.copy(original) } else { None };
                complete &= copy.is_some();
                // SAFETY: as above; the copy is ours alone.
                unsafe { place.write(copy.unwrap_or(null_mut())) };
            });
            self.n_filled += 1;
            if !complete {
                return false;
            }
        }
        true
    }

    /// Frees everything made so far.
    fn undo(&mut self, roots: &[*mut u8]) {
        for &root in roots {
            // SAFETY: roots are null, shared, or copies that are still alive here.
            let root = unsafe { Obj::from_raw(root) };
            if let Some(shared) = root.filter(|&o| is_shared(o)) {
                // SAFETY: `copy` retained it.
                unsafe { release(shared) }
            }
        }
        for (i, &obj) in self.made.iter().enumerate() {
            obj.each_ref(|place| {
                // SAFETY: `each_ref` gives places of references.
                let target = unsafe { load_ref(place) };
                // SAFETY: as above.
                unsafe { place.write(null_mut()) };
                if let Some(shared) = target.filter(|&o| i < self.n_filled && is_shared(o)) {
                    // SAFETY: `copy` retained it for this place.
                    unsafe { release(shared) }
                }
            });
        }
        for obj in self.made.drain(..) {
            obj.count_cell().store(1, std::sync::atomic::Ordering::Relaxed);
            // SAFETY: no copy refers to another any more, and nobody else knows them.
            unsafe { release(obj) }
        }
    }
}

/// A bitwise copy with a count of 1, whose references are still those of the original.
fn shallow(obj: Obj) -> Option<Obj> {
    let desc = obj.desc();
    match desc.kind {
        kind::STRING => {
            let copy = concat(&[Str::new(obj).text()])?;
            Some(copy)
        }
        kind::LIST => {
            let from = List::new(obj);
            let copy = List::with_capacity(desc, from.len())?;
            let bytes = from.bytes();
            if !bytes.is_empty() {
                // SAFETY: the copy has room for as many elements and is new memory.
                unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy.data(), bytes.len()) };
            }
            copy.set_len(from.len());
            Some(copy.obj())
        }
        _ => {
            let bytes = desc.size as usize;
            let copy = new_object(desc, bytes)?;
            let n = bytes.saturating_sub(HEADER_BYTES);
            // SAFETY: both objects have `bytes` bytes; the copy is new memory.
            unsafe {
                std::ptr::copy_nonoverlapping(obj.at(HEADER_BYTES), copy.at(HEADER_BYTES), n);
            };
            Some(copy)
        }
    }
}

/// Spreads addresses over the table; the same in every run.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_usize(b as usize);
        }
    }
    fn write_usize(&mut self, n: usize) {
        let mixed = (self.0 ^ n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
    fn finish(&self) -> u64 {
        self.0
    }
}
