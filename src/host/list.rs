//! Lists: growable arrays of flattened values.
//!
//! Growth doubles, so appending is amortised O(1). Running out of memory, or of address space, is
//! an answer (`None`), never an abort.

use super::count::retain_value;
use super::object::{
    HEADER_BYTES, Obj, TypeDesc, ValueDesc, allocate, deallocate, kind, new_object,
};

const LEN: usize = HEADER_BYTES;
const CAP: usize = HEADER_BYTES + 8;
const DATA: usize = HEADER_BYTES + 16;

/// A list object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct List(Obj);

impl List {
    /// Bytes of the object; elements lie elsewhere.
    pub(crate) const OBJECT_BYTES: usize = HEADER_BYTES + 24;

    /// Reads an object as a list.
    pub fn new(obj: Obj) -> Self {
        debug_assert_eq!(obj.desc().kind, kind::LIST, "I: a list");
        Self(obj)
    }

    /// Makes an empty list with room for `cap` elements; `None` if memory is short.
    pub fn with_capacity(desc: *const TypeDesc, cap: usize) -> Option<Self> {
        let obj = new_object(desc, Self::OBJECT_BYTES)?;
        obj.set_word(LEN, 0);
        obj.set_word(CAP, 0);
        obj.set_word(DATA, 0);
        let list = Self(obj);
        if list.reserve(cap) {
            return Some(list);
        }
        // SAFETY: the new object has no other owner.
        unsafe { super::count::release(obj) };
        None
    }

    /// The object.
    pub fn obj(self) -> Obj {
        self.0
    }

    /// What an element is.
    pub(crate) fn elem(self) -> &'static ValueDesc {
        self.0.desc().elem()
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        self.0.word(LEN) as usize
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Sets the number of elements; those up to `len` must be written.
    pub(crate) fn set_len(self, len: usize) {
        self.0.set_word(LEN, len as u64);
    }

    /// Room for elements.
    pub fn capacity(self) -> usize {
        self.0.word(CAP) as usize
    }

    /// Address of the elements; null while there is no room for any.
    pub(crate) fn data(self) -> *mut u8 {
        // SAFETY: a list has the address at this offset.
        unsafe { self.0.at(DATA).cast::<*mut u8>().read() }
    }

    fn set_data(self, data: *mut u8) {
        // SAFETY: as in `data`.
        unsafe { self.0.at(DATA).cast::<*mut u8>().write(data) }
    }

    /// Address of element `i`, which must be below the capacity.
    pub(crate) fn element(self, i: usize) -> *mut u8 {
        self.data().wrapping_add(i * self.elem().size as usize)
    }

    /// The elements' bytes.
    pub fn bytes<'a>(self) -> &'a [u8] {
        let n = self.len() * self.elem().size as usize;
        if n == 0 {
            return &[];
        }
        // SAFETY: the first `len` elements are written; callers do not change the list meanwhile.
        unsafe { std::slice::from_raw_parts(self.data(), n) }
    }

    /// Makes room for `extra` more elements; false if memory is short.
    pub fn reserve(self, extra: usize) -> bool {
        let cap = self.capacity();
        let Some(need) = self.len().checked_add(extra) else { return false };
        if need <= cap {
            return true;
        }
        let elem = self.elem();
        let doubled = need.max(cap.saturating_mul(2)).max(4);
        let Some((new_cap, layout)) =
            [doubled, need].into_iter().find_map(|n| elem.layout_of(n).map(|layout| (n, layout)))
        else {
            return false;
        };
        let Some(data) = allocate(layout) else { return false };
        let used = self.len() * elem.size as usize;
        if used > 0 {
            // SAFETY: both hold at least `used` bytes; the new memory overlaps nothing.
            unsafe { std::ptr::copy_nonoverlapping(self.data(), data.as_ptr(), used) };
        }
        self.free_elements();
        self.set_data(data.as_ptr());
        self.0.set_word(CAP, new_cap as u64);
        true
    }

    /// Appends a bitwise copy of a value, taking over its counts; false if memory is short.
    ///
    /// # Safety
    ///
    /// `value` points to a value of the element type, whose counts the caller gives up.
    pub unsafe fn push(self, value: *const u8) -> bool {
        if !self.reserve(1) {
            return false;
        }
        let size = self.elem().size as usize;
        let len = self.len();
        // SAFETY: there is room for one more element of `size` bytes.
        unsafe { std::ptr::copy_nonoverlapping(value, self.element(len), size) };
        self.set_len(len + 1);
        true
    }

    /// Appends copies of elements `from..to` of another list of the same type (or of itself);
    /// false if memory is short.
    pub fn extend_from(self, other: List, from: usize, to: usize) -> bool {
        let to = to.min(other.len());
        let n = to.saturating_sub(from);
        if !self.reserve(n) {
            return false;
        }
        let elem = self.elem();
        let len = self.len();
        if n > 0 {
            let bytes = n * elem.size as usize;
            // SAFETY: the source has `n` elements from `from`; there is room for as many. In a list
            // that is extended from itself they lie before its end, so nothing overlaps.
            unsafe { std::ptr::copy_nonoverlapping(other.element(from), self.element(len), bytes) };
        }
        if elem.n_refs > 0 {
            for i in len..len + n {
                // SAFETY: the copied elements are values; the list becomes one more owner.
                unsafe { retain_value(self.element(i), elem) };
            }
        }
        self.set_len(len + n);
        true
    }

    /// Frees the memory of the elements; their references are somebody else's by now.
    pub(crate) fn free_elements(self) {
        let cap = self.capacity();
        if cap == 0 {
            return;
        }
        let layout = self.elem().layout_of(cap).expect("I: allocated with this capacity");
        // SAFETY: allocated in `reserve` with this capacity.
        unsafe { deallocate(self.data(), layout) }
    }
}
