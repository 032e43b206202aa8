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
    ///
    /// Rounded up to a quarter of a power of two, so that a text which grows by appending moves to
    /// new memory only when it has grown by about a fifth.
    pub(crate) fn object_bytes(len: usize) -> Option<usize> {
        let bytes = TEXT.checked_add(len)?;
        let step = (1usize << (usize::BITS - 1 - bytes.leading_zeros())) / 4;
        bytes.checked_next_multiple_of(step.max(16))
    }

    /// Appends in place; false if others hold the string or it has no room.
    pub(crate) fn push(self, tail: &str) -> bool {
        let len = self.len();
        let room = Self::object_bytes(len).filter(|_| self.0.count() == 1);
        let Some(total) = len.checked_add(tail.len()) else { return false };
        if room.is_none() || Self::object_bytes(total) != room {
            return false;
        }
        // SAFETY: the object has room for both; `tail` is another string, or this one's text, which
        // ends where the copy begins.
        unsafe { std::ptr::copy_nonoverlapping(tail.as_ptr(), self.0.at(TEXT + len), tail.len()) };
        self.0.set_word(HEADER_BYTES, total as u64);
        true
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

/// Makes a string of `n` copies of a text that is not empty; `None` if memory is short.
pub fn repeat(text: &str, n: usize) -> Option<Obj> {
    let len = text.len().checked_mul(n).filter(|&len| isize::try_from(len).is_ok())?;
    if len == 0 {
        return from_str("");
    }
    let obj = new_object(&raw const STRING, Str::object_bytes(len)?)?;
    for i in 0..n {
        let place = obj.at(TEXT + i * text.len());
        // SAFETY: the object has room for all copies.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), place, text.len()) };
    }
    obj.set_word(HEADER_BYTES, len as u64);
    Some(obj)
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
