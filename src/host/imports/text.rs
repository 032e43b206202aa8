//! Text.

use super::lists::list_of;
use super::string_imports;
use crate::host::count::release;
use crate::host::format;
use crate::host::list::List;
use crate::host::object::{Obj, TypeDesc};
use crate::host::string::{self, Str, text_of};
use std::ptr::null_mut;
use vitte_abi::{fault_code, vt_ctx};

/// Fault code of a slice off a character boundary (as in the compiler's host table).
pub(crate) const FAULT_BOUNDARY: u32 = fault_code::FIRST_FRONTEND;

string_imports! {
    /// Joins two strings; null if memory is short.
    fn vitte_str_concat(a, b) -> *mut u8 {
        string::concat(&[a, b]).map_or(null_mut(), Obj::as_ptr)
    }
    /// Whether the bytes are equal.
    fn vitte_str_eq(a, b) -> u8 {
        u8::from(a == b)
    }
    /// Compares by bytes: −1, 0 or 1.
    fn vitte_str_cmp(a, b) -> i32 {
        a.as_bytes().cmp(b.as_bytes()) as i32
    }
    /// Whether `part` occurs in `s`.
    fn vitte_str_contains(s, part) -> u8 {
        u8::from(s.contains(part))
    }
    /// Whether `s` begins with `part`.
    fn vitte_str_starts_with(s, part) -> u8 {
        u8::from(s.starts_with(part))
    }
    /// Whether `s` ends with `part`.
    fn vitte_str_ends_with(s, part) -> u8 {
        u8::from(s.ends_with(part))
    }
    /// Offset of the first occurrence, or −1.
    fn vitte_str_find(s, part) -> i64 {
        s.find(part).map_or(-1, |at| at as i64)
    }
    /// Without white space at both ends; null if memory is short.
    fn vitte_str_trim(s) -> *mut u8 {
        string::raw(s.trim())
    }
    /// In upper case; null if memory is short.
    fn vitte_str_to_upper(s) -> *mut u8 {
        string::raw(&s.to_uppercase())
    }
    /// In lower case; null if memory is short.
    fn vitte_str_to_lower(s) -> *mut u8 {
        string::raw(&s.to_lowercase())
    }
    /// Each occurrence of `from` by `to`; null if memory is short.
    fn vitte_str_replace(s, from, to) -> *mut u8 {
        let n = s.matches(from).count();
        let mut parts: Vec<&str> = Vec::new();
        if parts.try_reserve(2 * n + 1).is_err() {
            return null_mut();
        }
        for (i, part) in s.split(from).enumerate() {
            // An empty pattern matches at every boundary, and `split` gives what lies between.
            if i > 0 {
                parts.push(to);
            }
            parts.push(part);
        }
        string::concat(&parts).map_or(null_mut(), Obj::as_ptr)
    }
}

/// 0, or the fault code: out of range, or off a character boundary.
///
/// # Safety
///
/// `s` is null or a living string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_slice_check(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    from: i64,
    to: i64,
) -> u32 {
    // SAFETY: the caller lends a living string.
    let text = unsafe { text_of(s) };
    let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
        return fault_code::BOUNDS;
    };
    if from > to || to > text.len() {
        fault_code::BOUNDS
    } else if text.is_char_boundary(from) && text.is_char_boundary(to) {
        0
    } else {
        FAULT_BOUNDARY
    }
}

/// The bytes `from..to` as a new string; the range has been checked. Null if memory is short.
///
/// # Safety
///
/// `s` is null or a living string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_slice(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    from: i64,
    to: i64,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    let text = unsafe { text_of(s) };
    string::raw(text.get(from as usize..to as usize).unwrap_or(""))
}

/// Decimal text; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_int(_ctx: *mut vt_ctx, n: i64) -> *mut u8 {
    decimal(n)
}

/// Decimal text of the bits read as unsigned; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_uint(_ctx: *mut vt_ctx, n: i64) -> *mut u8 {
    decimal(n.cast_unsigned())
}

/// Text of an integer, without memory beside the string's.
fn decimal(n: impl std::fmt::Display) -> *mut u8 {
    let mut digits = [0u8; 20]; // `i64::MIN` and `u64::MAX` have 20 characters
    let mut free = &mut digits[..];
    let written = std::io::Write::write_fmt(&mut free, format_args!("{n}"));
    let n_free = free.len();
    debug_assert!(written.is_ok(), "I: 20 characters are enough");
    string::raw(std::str::from_utf8(&digits[..20 - n_free]).unwrap_or(""))
}

/// Text of an `f32`; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_f32(_ctx: *mut vt_ctx, x: f32) -> *mut u8 {
    string::raw(&format::f32(x))
}

/// Text of an `f64`; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_f64(_ctx: *mut vt_ctx, x: f64) -> *mut u8 {
    string::raw(&format::f64(x))
}

/// `true` or `false`.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_bool(_ctx: *mut vt_ctx, b: u32) -> *mut u8 {
    string::raw(if b & 1 == 1 { "true" } else { "false" })
}

/// One character; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_char(_ctx: *mut vt_ctx, c: u32) -> *mut u8 {
    string::raw(format::char(c).encode_utf8(&mut [0; 4]))
}

/// Reads a decimal integer; false: it is none.
///
/// # Safety
///
/// `s` is null or a living string; `out` points to 8 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_to_int(_ctx: *mut vt_ctx, s: *mut u8, out: *mut i64) -> u8 {
    // SAFETY: the caller lends a living string.
    let Some(n) = format::parse_int(unsafe { text_of(s) }) else { return 0 };
    // SAFETY: the caller vouches for `out`.
    unsafe { out.write_unaligned(n) };
    1
}

/// Reads a float; false: it is none.
///
/// # Safety
///
/// `s` is null or a living string; `out` points to 8 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_to_float(_ctx: *mut vt_ctx, s: *mut u8, out: *mut f64) -> u8 {
    // SAFETY: the caller lends a living string.
    let Some(x) = format::parse_float(unsafe { text_of(s) }) else { return 0 };
    // SAFETY: the caller vouches for `out`.
    unsafe { out.write_unaligned(x) };
    1
}

/// Joins two strings, in place if `a` is unique and has room; takes `a` on success. Null if memory is
/// short.
///
/// # Safety
///
/// Both are null or living strings; the caller owns a count of `a`, and gives it up on success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_append(_ctx: *mut vt_ctx, a: *mut u8, b: *mut u8) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    let tail = unsafe { text_of(b) };
    // SAFETY: the caller lends a living string.
    let Some(obj) = (unsafe { Obj::from_raw(a) }) else { return string::raw(tail) };
    if Str::new(obj).push(tail) {
        return a;
    }
    let Some(new) = string::concat(&[Str::new(obj).text(), tail]) else { return null_mut() };
    // SAFETY: the caller gives up its count.
    unsafe { release(obj) };
    new.as_ptr()
}

/// The character that begins at a byte; −1 out of range, −2 inside a character.
///
/// # Safety
///
/// `s` is null or a living string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_char_at(_ctx: *mut vt_ctx, s: *mut u8, at: i64) -> i64 {
    // SAFETY: the caller lends a living string.
    let text = unsafe { text_of(s) };
    match usize::try_from(at) {
        Ok(at) if at < text.len() => {
            let rest = text.get(at..);
            rest.and_then(|r| r.chars().next()).map_or(-2, |c| i64::from(u32::from(c)))
        }
        _ => -1,
    }
}

/// `n` times the text, none if negative; null if memory is short.
///
/// # Safety
///
/// `s` is null or a living string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_repeat(_ctx: *mut vt_ctx, s: *mut u8, n: i64) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    let text = unsafe { text_of(s) };
    let n = if text.is_empty() { 0 } else { usize::try_from(n).unwrap_or(0) };
    string::repeat(text, n).map_or(null_mut(), Obj::as_ptr)
}

/// A list of strings; null if memory is short.
fn list_of_texts<'a>(
    desc: *const TypeDesc,
    texts: impl Iterator<Item = &'a str> + Clone,
) -> *mut u8 {
    let Some(list) = List::with_capacity(desc, texts.clone().count()) else { return null_mut() };
    for text in texts {
        let element: *mut u8 = string::raw(text);
        // SAFETY: a reference is an element of this list; the list takes the count over.
        if element.is_null() || !unsafe { list.push((&raw const element).cast()) } {
            // SAFETY: nobody else knows the new list.
            unsafe { release(list.obj()) };
            return null_mut();
        }
    }
    list.obj().as_ptr()
}

/// A list of scalars; null if memory is short.
fn list_of_scalars<T: Copy>(
    desc: *const TypeDesc,
    items: impl Iterator<Item = T> + Clone,
) -> *mut u8 {
    let Some(list) = List::with_capacity(desc, items.clone().count()) else { return null_mut() };
    for item in items {
        // SAFETY: the element type of this list is `T`; the room has been made.
        unsafe { list.push((&raw const item).cast()) };
    }
    list.obj().as_ptr()
}

/// The parts between separators, or each character if that is empty; null if memory is short.
///
/// # Safety
///
/// Strings are null or alive; `desc` describes a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_split(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    separator: *mut u8,
    desc: *const TypeDesc,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    let text = unsafe { text_of(s) };
    // SAFETY: the caller lends a living string.
    let separator = unsafe { text_of(separator) };
    if separator.is_empty() {
        let chars = text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()]);
        return list_of_texts(desc, chars);
    }
    list_of_texts(desc, text.split(separator))
}

/// The lines without their breaks; null if memory is short.
///
/// # Safety
///
/// `s` is null or a living string; `desc` describes a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_lines(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    desc: *const TypeDesc,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    list_of_texts(desc, unsafe { text_of(s) }.lines())
}

/// The characters; null if memory is short.
///
/// # Safety
///
/// `s` is null or a living string; `desc` describes a list of characters.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_chars(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    desc: *const TypeDesc,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    list_of_scalars(desc, unsafe { text_of(s) }.chars().map(u32::from))
}

/// The bytes; null if memory is short.
///
/// # Safety
///
/// `s` is null or a living string; `desc` describes a list of bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_to_bytes(
    _ctx: *mut vt_ctx,
    s: *mut u8,
    desc: *const TypeDesc,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    list_of_scalars(desc, unsafe { text_of(s) }.bytes())
}

/// The strings of a list with a separator between; null if memory is short.
///
/// # Safety
///
/// `list` is a living list of strings, `separator` null or a living string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_join(
    _ctx: *mut vt_ctx,
    list: *mut u8,
    separator: *mut u8,
) -> *mut u8 {
    // SAFETY: the caller lends a living string.
    let separator = unsafe { text_of(separator) };
    // SAFETY: the caller lends a living list.
    let list = unsafe { list_of(list) };
    let mut parts: Vec<&str> = Vec::new();
    if parts.try_reserve(2 * list.len()).is_err() {
        return null_mut();
    }
    for i in 0..list.len() {
        if i > 0 {
            parts.push(separator);
        }
        // SAFETY: an element of this list is a reference.
        let element = unsafe { list.element(i).cast::<*mut u8>().read() };
        // SAFETY: it leads to a living string.
        parts.push(unsafe { text_of(element) });
    }
    string::concat(&parts).map_or(null_mut(), Obj::as_ptr)
}

/// A list of bytes as UTF-8, with U+FFFD where it is none; null if memory is short.
///
/// # Safety
///
/// `list` is a living list of bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_str_from_bytes(_ctx: *mut vt_ctx, list: *mut u8) -> *mut u8 {
    // SAFETY: the caller lends a living list.
    let list = unsafe { list_of(list) };
    string::raw(&String::from_utf8_lossy(list.bytes()))
}
