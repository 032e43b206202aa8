//! Lists.

use crate::host::count::{drop_value, release};
use crate::host::list::List;
use crate::host::object::{Obj, TypeDesc};
use crate::host::string::text_of;
use std::ptr::null_mut;
use vitte_abi::vt_ctx;

/// The list behind an address.
///
/// # Safety
///
/// `address` is a living list.
pub(crate) unsafe fn list_of(address: *mut u8) -> List {
    // SAFETY: the caller vouches for the address.
    let obj = unsafe { Obj::from_raw(address) };
    List::new(obj.expect("I: a list argument is not null"))
}

/// An empty list with room; null if memory is short.
///
/// # Safety
///
/// `desc` describes a list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_new(
    _ctx: *mut vt_ctx,
    desc: *const TypeDesc,
    capacity: i64,
) -> *mut u8 {
    let capacity = usize::try_from(capacity).unwrap_or(0);
    List::with_capacity(desc, capacity).map_or(null_mut(), |list| list.obj().as_ptr())
}

/// Makes the list one element longer and answers the address of that element, which is zero; null
/// if memory is short.
///
/// # Safety
///
/// `list` is a living list that the caller may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_push(_ctx: *mut vt_ctx, list: *mut u8) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    if !list.reserve(1) {
        return null_mut();
    }
    let len = list.len();
    let place = list.element(len);
    // SAFETY: there is room for one more element.
    unsafe { place.write_bytes(0, list.elem().size as usize) };
    list.set_len(len + 1);
    place
}

/// The list itself if it is unique, else a copy of it that is; with room for `extra` more elements.
/// Does not release anything. `None` if memory is short.
fn owned(list: List, extra: usize) -> Option<List> {
    if list.obj().count() == 1 {
        return list.reserve(extra).then_some(list);
    }
    let new = List::with_capacity(list.obj().desc(), list.len().checked_add(extra)?)?;
    let copied = new.extend_from(list, 0, list.len());
    debug_assert!(copied, "I: the room was made before");
    Some(new)
}

/// Ends an import that takes `list` on success: releases it if `new` is another list.
///
/// # Safety
///
/// The caller owns a count of `list`.
unsafe fn taken(list: List, new: Option<List>) -> *mut u8 {
    let Some(new) = new else { return null_mut() };
    if new != list {
        // SAFETY: the caller gives up its count.
        unsafe { release(list.obj()) };
    }
    new.obj().as_ptr()
}

/// A list that may be changed in place of `list`, with room for more; takes `list` on success. Null
/// if memory is short.
///
/// # Safety
///
/// `list` is a living list of which the caller owns a count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_own(_ctx: *mut vt_ctx, list: *mut u8, extra: i64) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let new = owned(list, usize::try_from(extra).unwrap_or(0));
    // SAFETY: as above.
    unsafe { taken(list, new) }
}

/// `a` with the elements of `b` after its own; takes `a` on success. Null if memory is short.
///
/// # Safety
///
/// Both are living lists of one type; the caller owns a count of `a`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_concat(_ctx: *mut vt_ctx, a: *mut u8, b: *mut u8) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    let a = unsafe { list_of(a) };
    // SAFETY: the caller vouches for the list.
    let b = unsafe { list_of(b) };
    let n = b.len();
    let new = owned(a, n).inspect(|new| {
        let copied = new.extend_from(b, 0, n);
        debug_assert!(copied, "I: the room was made before");
    });
    // SAFETY: as above.
    unsafe { taken(a, new) }
}

/// Makes room for one element before the one at `index` and answers its address; null if memory is
/// short.
///
/// # Safety
///
/// `list` is a living list that the caller may change; `index` is at most its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_insert(ctx: *mut vt_ctx, list: *mut u8, index: i64) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    if unsafe { vitte_list_push(ctx, list) }.is_null() {
        return null_mut();
    }
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let size = list.elem().size as usize;
    let last = list.len() - 1;
    let index = usize::try_from(index).unwrap_or(0).min(last);
    let place = list.element(index);
    // SAFETY: the elements from `index` move up by one, into room that has been made.
    unsafe { std::ptr::copy(place, list.element(index + 1), (last - index) * size) };
    // SAFETY: the place is an element's.
    unsafe { place.write_bytes(0, size) };
    place
}

/// Closes the gap of the element at `index`, which the caller has taken out.
///
/// # Safety
///
/// `list` is a living list that the caller may change; `index` is below its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_remove(_ctx: *mut vt_ctx, list: *mut u8, index: i64) {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let (index, len) = (index as usize, list.len());
    let bytes = (len - index - 1) * list.elem().size as usize;
    // SAFETY: the elements behind the gap move down by one.
    unsafe { std::ptr::copy(list.element(index + 1), list.element(index), bytes) };
    list.set_len(len - 1);
}

/// Reverses in place.
///
/// # Safety
///
/// `list` is a living list that the caller may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_reverse(_ctx: *mut vt_ctx, list: *mut u8) {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let (size, len) = (list.elem().size as usize, list.len());
    for i in 0..len / 2 {
        let (a, b) = (list.element(i), list.element(len - 1 - i));
        // SAFETY: two elements, which are different because `i` is below the middle.
        unsafe { std::ptr::swap_nonoverlapping(a, b, size) };
    }
}

/// How elements compare in a sort; as in the compiler's host table.
mod sort_kind {
    pub(super) const SIGNED: u32 = 0;
    pub(super) const UNSIGNED: u32 = 1;
    pub(super) const FLOAT: u32 = 2;
}

/// Sorts in place, stable, ascending.
///
/// # Safety
///
/// `list` is a living list that the caller may change; `kind` fits its elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_sort(_ctx: *mut vt_ctx, list: *mut u8, kind: u32) {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    match (kind, list.elem().size) {
        (sort_kind::SIGNED, 1) => sort::<i8>(list, i8::cmp),
        (sort_kind::SIGNED, 2) => sort::<i16>(list, i16::cmp),
        (sort_kind::SIGNED, 4) => sort::<i32>(list, i32::cmp),
        (sort_kind::SIGNED, 8) => sort::<i64>(list, i64::cmp),
        (sort_kind::UNSIGNED, 1) => sort::<u8>(list, u8::cmp),
        (sort_kind::UNSIGNED, 2) => sort::<u16>(list, u16::cmp),
        (sort_kind::UNSIGNED, 4) => sort::<u32>(list, u32::cmp),
        (sort_kind::UNSIGNED, 8) => sort::<u64>(list, u64::cmp),
        (sort_kind::FLOAT, 4) => sort::<f32>(list, f32::total_cmp),
        (sort_kind::FLOAT, 8) => sort::<f64>(list, f64::total_cmp),
        (_, 8) => sort::<*mut u8>(list, |a, b| {
            // SAFETY: elements of a list of strings are living strings.
            let a = unsafe { text_of(*a) };
            // SAFETY: as above.
            let b = unsafe { text_of(*b) };
            a.cmp(b)
        }),
        _ => {}
    }
}

/// Sorts the elements of a list of `T`.
fn sort<T>(list: List, compare: impl FnMut(&T, &T) -> std::cmp::Ordering) {
    if list.len() < 2 {
        return;
    }
    // SAFETY: the list has so many elements of this type, aligned for it, and nobody else uses them.
    let items = unsafe { std::slice::from_raw_parts_mut(list.data().cast::<T>(), list.len()) };
    items.sort_by(compare);
}

/// The elements `from..to` as a new list; the range has been checked. Null if memory is short.
///
/// # Safety
///
/// `list` is a living list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_slice(
    _ctx: *mut vt_ctx,
    list: *mut u8,
    from: i64,
    to: i64,
) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let (from, to) = (from as usize, to as usize);
    let new = List::with_capacity(list.obj().desc(), to.saturating_sub(from));
    match new.filter(|new| new.extend_from(list, from, to)) {
        Some(new) => new.obj().as_ptr(),
        None => null_mut(),
    }
}

/// Drops the elements from `length` on.
///
/// # Safety
///
/// `list` is a living list that the caller may change.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_truncate(_ctx: *mut vt_ctx, list: *mut u8, length: i64) {
    // SAFETY: the caller vouches for the list.
    let list = unsafe { list_of(list) };
    let len = list.len();
    let keep = usize::try_from(length).unwrap_or(0).min(len);
    list.set_len(keep);
    let elem = list.elem();
    if elem.n_refs == 0 {
        return;
    }
    for i in keep..len {
        // SAFETY: the element was part of the list and is no more.
        unsafe { drop_value(list.element(i), elem) };
    }
}
