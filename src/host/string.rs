//! Strings: immutable UTF-8 text with its length before it.

use super::object::{HEADER_BYTES, Header, IMMORTAL, Obj, TypeDesc, kind, new_object};
use std::ptr::{null, null_mut};
use std::sync::atomic::AtomicI64;

/// Offset of the text.
const TEXT: usize = HEADER_BYTES + 8;

/// Descriptor of the strings that the host makes.
pub static STRING: TypeDesc = TypeDesc {
    kind: kind::STRING,
    flags: 0,
    size: 0,
    name: "string".as_ptr(),
    name_len: 6,
    elem: null(),
    variants: null(),
    n_variants: 0,
};

#[repr(C)]
struct EmptyString {
    header: Header,
    len: u64,
}
// SAFETY: immortal and never written to (I1).
unsafe impl Sync for EmptyString {}

static EMPTY: EmptyString = EmptyString {
    header: Header { count: AtomicI64::new(IMMORTAL), desc: &raw const STRING },
    len: 0,
};

/// A string object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Str(Obj);

impl Str {
    /// Reads an object as a string.
    pub fn new(obj: Obj) -> Self {
        debug_assert_eq!(obj.desc().kind, kind::STRING, "I: a string");
        Self(obj)
    }

    /// Bytes of an object with a text of `len` bytes; `None` if that overflows.
    pub(crate) fn object_bytes(len: usize) -> Option<usize> {
        TEXT.checked_add(len)
    }

    /// Length in bytes.
    pub fn len(self) -> usize {
        self.0.word(HEADER_BYTES) as usize
    }

    /// Whether there is no text.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes. They live as long as the object (I3), which callers see to.
    pub fn bytes<'a>(self) -> &'a [u8] {
        // SAFETY: a string has `len` immutable bytes after its length.
        unsafe { std::slice::from_raw_parts(self.0.at(TEXT), self.len()) }
    }

    /// The text. It lives as long as the object (I3), which callers see to.
    pub fn text<'a>(self) -> &'a str {
        // SAFETY: strings are made from `str` only, by the host and by the compiler.
        unsafe { std::str::from_utf8_unchecked(self.bytes()) }
    }
}

/// Makes a string of the concatenated parts; `None` if memory is short.
pub fn concat(parts: &[&str]) -> Option<Obj> {
    let len = parts.iter().try_fold(0usize, |n, p| n.checked_add(p.len()))?;
    if len == 0 {
        let empty = (&raw const EMPTY).cast_mut().cast();
        // SAFETY: a static object.
        return unsafe { Obj::from_raw(empty) };
    }
    let obj = new_object(&raw const STRING, Str::object_bytes(len)?)?;
    obj.set_word(HEADER_BYTES, len as u64);
    let mut end = TEXT;
    for part in parts {
        // SAFETY: the object has room for all parts; a new object overlaps none of them.
        unsafe { std::ptr::copy_nonoverlapping(part.as_ptr(), obj.at(end), part.len()) };
        end += part.len();
    }
    Some(obj)
}

/// Makes a string; `None` if memory is short.
pub fn from_str(text: &str) -> Option<Obj> {
    concat(&[text])
}

/// The address of a new string, or null if memory is short.
pub(crate) fn raw(text: &str) -> *mut u8 {
    from_str(text).map_or(null_mut(), Obj::as_ptr)
}

/// Reads a string argument. Null reads as the empty string.
///
/// # Safety
///
/// `address` is null or a living string; the text is not used after it dies (I3).
pub(crate) unsafe fn text_of<'a>(address: *mut u8) -> &'a str {
    // SAFETY: the caller vouches for the address.
    unsafe { Obj::from_raw(address) }.map_or("", |obj| Str::new(obj).text())
}
