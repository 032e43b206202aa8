//! Objects: counts, forms and picks, crossing.

use crate::host::count::{release, retain};
use crate::host::cross;
use crate::host::object::{HEADER_BYTES, Obj, TypeDesc, ValueDesc, kind, new_object};
use crate::host::string::Str;
use std::ptr::null_mut;
use vitte_abi::vt_ctx;

/// Adds a count; null is left alone.
///
/// # Safety
///
/// `object` is null or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_retain(_ctx: *mut vt_ctx, object: *mut u8) {
    // SAFETY: the caller vouches for the object.
    if let Some(obj) = unsafe { Obj::from_raw(object) } {
        retain(obj);
    }
}

/// Takes a count off and frees what nobody holds any more; null is left alone.
///
/// # Safety
///
/// `object` is null or a living object of which the caller owns a count.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_release(_ctx: *mut vt_ctx, object: *mut u8) {
    // SAFETY: the caller vouches for the object.
    if let Some(obj) = unsafe { Obj::from_raw(object) } {
        // SAFETY: the caller gives up its count.
        unsafe { release(obj) }
    }
}

/// A new form or pick, zero after its header; null if memory is short.
///
/// # Safety
///
/// `desc` describes a form or pick.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_new(_ctx: *mut vt_ctx, desc: *const TypeDesc) -> *mut u8 {
    // SAFETY: the caller vouches for the descriptor.
    let bytes = unsafe { &*desc }.size as usize;
    let Some(obj) = new_object(desc, bytes) else { return null_mut() };
    let payload = bytes.saturating_sub(HEADER_BYTES);
    // SAFETY: the object is new and has `bytes` bytes.
    unsafe { obj.at(HEADER_BYTES).write_bytes(0, payload) };
    obj.as_ptr()
}

/// See [`cross::cross`].
///
/// # Safety
///
/// `value` points to a living value as `desc` says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_cross(
    _ctx: *mut vt_ctx,
    value: *mut u8,
    desc: *const ValueDesc,
) -> u8 {
    // SAFETY: the caller vouches for the descriptor.
    let desc = unsafe { &*desc };
    // SAFETY: the caller vouches for the value.
    u8::from(unsafe { cross::cross(value, desc) })
}

/// Reads a string object, for messages: the text of `object`, or nothing if it is null or no
/// string.
///
/// # Safety
///
/// `object` is null or a living object.
pub unsafe fn message_of(object: *mut u8) -> Option<String> {
    // SAFETY: the caller vouches for the object.
    let obj = unsafe { Obj::from_raw(object) }?;
    (obj.desc().kind == kind::STRING).then(|| Str::new(obj).text().to_owned())
}
