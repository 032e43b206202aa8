//! Retain and release.
//!
//! Releasing the last count of an object frees it and releases what it refers to, *iteratively*: a
//! dead object's count becomes the link of a list of objects still to be taken apart, so a list of
//! 100,000 nodes needs neither stack nor memory to be dropped. The list is per thread; a release
//! that happens while another is at work (a channel's destructor, say) only adds to it.
//!
//! Cost: one load and store while others hold the object; O(1) per reference once it is dead.

use super::handle;
use super::list::List;
use super::object::{
    HEADER_BYTES, IMMORTAL, Obj, ValueDesc, deallocate, kind, live, load_ref, object_layout, ref_at,
};
use super::string::Str;
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::atomic::Ordering;

std::thread_local! {
    /// Head of the list of dead objects (linked through their counts).
    static DEAD: Cell<*mut u8> = const { Cell::new(null_mut()) };
    /// Whether a release on this thread is taking objects apart.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// Adds a count.
pub fn retain(obj: Obj) {
    let count = obj.count_cell();
    let now = count.load(Ordering::Relaxed);
    if now >= IMMORTAL {
        return;
    }
    if obj.desc().is_handle() {
        // Relaxed: whoever adds a count holds one already, so nothing needs to be ordered.
        count.fetch_add(1, Ordering::Relaxed);
    } else {
        count.store(now + 1, Ordering::Relaxed);
    }
}

/// Takes a count off, and frees the object with all that only it refers to if that was the last.
///
/// # Safety
///
/// The caller owns a count of the object and gives it up (I3).
pub unsafe fn release(obj: Obj) {
    let count = obj.count_cell();
    let now = count.load(Ordering::Relaxed);
    if now >= IMMORTAL {
        return;
    }
    let dead = if obj.desc().is_handle() {
        // AcqRel: the last release sees what the others did before theirs.
        count.fetch_sub(1, Ordering::AcqRel) == 1
    } else {
        count.store(now - 1, Ordering::Relaxed);
        now == 1
    };
    if dead {
        bury(obj);
    }
}

/// Takes apart a dead object and all that die with it.
fn bury(obj: Obj) {
    push_dead(obj);
    if AT_WORK.replace(true) {
        return;
    }
    while let Some(next) = pop_dead() {
        take_apart(next);
    }
    AT_WORK.set(false);
}

fn push_dead(obj: Obj) {
    let head = DEAD.replace(obj.as_ptr());
    obj.count_cell().store(head.expose_provenance() as i64, Ordering::Relaxed);
}

fn pop_dead() -> Option<Obj> {
    // SAFETY: what is on the list is dead but not freed yet.
    let obj = unsafe { Obj::from_raw(DEAD.get()) }?;
    DEAD.set(std::ptr::with_exposed_provenance_mut(obj.count() as usize));
    Some(obj)
}

/// Releases the references of a dead object and frees its memory.
fn take_apart(obj: Obj) {
    let desc = obj.desc();
    if desc.is_handle() {
        // SAFETY: the object is dead and was made by `handle`.
        unsafe { handle::free(obj) };
        return;
    }
    obj.each_ref(|place| {
        // SAFETY: `each_ref` gives places of references; the dead object owned their counts.
        unsafe { release_at(place) }
    });
    let bytes = match desc.kind {
        kind::STRING => Str::object_bytes(Str::new(obj).len()),
        kind::LIST => {
            List::new(obj).free_elements();
            Some(List::OBJECT_BYTES)
        }
        _ => Some(desc.size as usize),
    };
    let layout = object_layout(bytes.unwrap_or(HEADER_BYTES));
    let layout = layout.expect("I: an object that was allocated has a layout");
    live::add(-1);
    if desc.is_recursive() {
        super::leaks::note(desc, -1);
    }
    // SAFETY: allocated by `new_object` with the same number of bytes; nobody refers to it.
    unsafe { deallocate(obj.as_ptr(), layout) }
}

/// Releases the reference at `place`, if it is not null.
///
/// # Safety
///
/// `place` holds null or a reference whose count the caller gives up.
pub(crate) unsafe fn release_at(place: *mut *mut u8) {
    // SAFETY: the caller vouches for `place`.
    if let Some(obj) = unsafe { load_ref(place) } {
        // SAFETY: the caller gives the count up.
        unsafe { release(obj) }
    }
}

/// Releases every reference of a flattened value.
///
/// # Safety
///
/// `value` points to a value as `desc` says, which is dead afterwards.
pub(crate) unsafe fn drop_value(value: *mut u8, desc: &ValueDesc) {
    for &offset in desc.refs() {
        // SAFETY: the value owns the counts of its references and is given up.
        unsafe { release_at(ref_at(value, offset)) }
    }
}

/// Retains every reference of a flattened value: the value may then be copied bit by bit.
///
/// # Safety
///
/// `value` points to a living value as `desc` says.
pub(crate) unsafe fn retain_value(value: *mut u8, desc: &ValueDesc) {
    for &offset in desc.refs() {
        // SAFETY: descriptors list the places of references.
        if let Some(obj) = unsafe { load_ref(ref_at(value, offset)) } {
            retain(obj);
        }
    }
}
