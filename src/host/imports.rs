//! Synchronous imports: values, text, printing, time.
//!
//! In: calls of generated code, in the C signatures of the host table. Out: values. None of them
//! unwinds or faults; a failure is an answer (null, false, a code) that generated code acts upon.
//!
//! Small integers arrive as `u32` of which only the low bits count: the C convention leaves it to
//! the caller whether to extend them, and not every backend does.

use super::count::{drop_value, release, retain};
use super::list::List;
use super::object::{HEADER_BYTES, Obj, TypeDesc, ValueDesc, kind, new_object};
use super::string::{self, Str, text_of};
use super::{cross, format};
use std::io::Write as _;
use std::ptr::null_mut;
use vitte_abi::{fault_code, vt_ctx};

/// Fault code of a slice off a character boundary (as in the compiler's host table).
pub(crate) const FAULT_BOUNDARY: u32 = fault_code::FIRST_FRONTEND;

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

macro_rules! string_imports {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident),*) -> $result:ty $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        ///
        /// String arguments are null or living strings.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(_ctx: *mut vt_ctx, $($arg: *mut u8),*) -> $result {
            $(
                // SAFETY: the caller lends living strings.
                let $arg = unsafe { text_of($arg) };
            )*
            $body
        }
    )*};
}

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
    /// Writes to stdout.
    fn vitte_print(s) -> () {
        write_to(&mut std::io::stdout().lock(), &[s]);
    }
    /// Writes to stdout with a line end.
    fn vitte_println(s) -> () {
        write_to(&mut std::io::stdout().lock(), &[s, "\n"]);
    }
    /// Writes to stderr.
    fn vitte_eprint(s) -> () {
        write_to(&mut std::io::stderr().lock(), &[s]);
    }
    /// Writes to stderr with a line end.
    fn vitte_eprintln(s) -> () {
        write_to(&mut std::io::stderr().lock(), &[s, "\n"]);
    }
}

/// Writes all parts; an output that is gone is no reason to fail.
fn write_to(out: &mut dyn std::io::Write, parts: &[&str]) {
    for part in parts {
        let _ = out.write_all(part.as_bytes());
    }
}

/// Flushes what was printed.
pub fn flush() {
    let _ = std::io::stdout().lock().flush();
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
    string::raw(&n.to_string())
}

/// Decimal text of the bits read as unsigned; null if memory is short.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_str_from_uint(_ctx: *mut vt_ctx, n: i64) -> *mut u8 {
    string::raw(&n.cast_unsigned().to_string())
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

/// The list behind an address.
///
/// # Safety
///
/// `address` is a living list.
unsafe fn list_of(address: *mut u8) -> List {
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

/// `a` with the elements of `b` after its own, in place if `a` is unique; null if memory is short.
///
/// # Safety
///
/// Both are living lists of one type; the caller gives up its count of `a`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_list_concat(_ctx: *mut vt_ctx, a: *mut u8, b: *mut u8) -> *mut u8 {
    // SAFETY: the caller vouches for the list.
    let a = unsafe { list_of(a) };
    // SAFETY: the caller vouches for the list.
    let b = unsafe { list_of(b) };
    let result = if a.obj().count() == 1 {
        a.extend_from(b, 0, b.len()).then_some(a)
    } else {
        let room = a.len().saturating_add(b.len());
        List::with_capacity(a.obj().desc(), room).map(|new| {
            let whole = new.extend_from(a, 0, a.len()) && new.extend_from(b, 0, b.len());
            debug_assert!(whole, "I: the room was made before");
            new
        })
    };
    if result != Some(a) {
        // SAFETY: the caller gives up its count.
        unsafe { release(a.obj()) };
    }
    result.map_or(null_mut(), |list| list.obj().as_ptr())
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

/// Remainder of the truncated quotient.
#[unsafe(no_mangle)]
pub extern "C" fn vitte_fmod(_ctx: *mut vt_ctx, a: f64, b: f64) -> f64 {
    a % b
}

/// The program's arguments, set once before it runs.
static ARGS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();

/// Sets what `main(args)` gets. Only the first call counts.
pub fn set_args(args: Vec<String>) {
    let _ = ARGS.set(args);
}

/// The program's arguments as a list of strings; null if memory is short.
///
/// # Safety
///
/// `desc` describes a list of strings.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_args(_ctx: *mut vt_ctx, desc: *const TypeDesc) -> *mut u8 {
    let args = ARGS.get().map_or(&[][..], Vec::as_slice);
    let Some(list) = List::with_capacity(desc, args.len()) else { return null_mut() };
    for arg in args {
        let text: *mut u8 = string::raw(arg);
        // SAFETY: a reference is an element of this list; the list takes the count over.
        if text.is_null() || !unsafe { list.push((&raw const text).cast()) } {
            // SAFETY: nobody else knows the new list.
            unsafe { release(list.obj()) };
            return null_mut();
        }
    }
    list.obj().as_ptr()
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
