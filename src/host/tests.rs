//! Values: counts, iterative drops, crossing. Descriptors are written by hand as the compiler
//! would lay them out. Every test ends with as many objects as it began with.

use super::count::{release, retain};
use super::cross::{copy_value, cross};
use super::imports::*;
use super::list::List;
use super::object::*;
use super::string::{self, Str};
use std::ptr::{null, null_mut};

static AT_0: [u32; 1] = [0];
static NODE_REFS: [u32; 2] = [16, 24];

static REF: ValueDesc =
    ValueDesc { size: 8, align: 8, n_refs: 1, reserved: 0, ref_offsets: AT_0.as_ptr() };
static INT: ValueDesc =
    ValueDesc { size: 8, align: 8, n_refs: 0, reserved: 0, ref_offsets: null() };
static NODE_VARIANT: VariantDesc =
    VariantDesc { n_refs: 2, reserved: 0, ref_offsets: NODE_REFS.as_ptr() };
static PICK_VARIANTS: [VariantDesc; 2] = [
    VariantDesc { n_refs: 0, reserved: 0, ref_offsets: null() },
    VariantDesc { n_refs: 1, reserved: 0, ref_offsets: AT_24.as_ptr() },
];
static AT_24: [u32; 1] = [24];

const fn desc(kind: u32, size: u64, elem: *const ValueDesc) -> TypeDesc {
    let name = "test".as_ptr();
    TypeDesc { kind, flags: 0, size, name, name_len: 4, elem, variants: null(), n_variants: 0 }
}

/// `form Node { left: Node, right: Node, value: int }`
static NODE: TypeDesc =
    TypeDesc { variants: &raw const NODE_VARIANT, n_variants: 1, ..desc(kind::FORM, 40, null()) };
/// `pick P { A(int), B(string) }`
static PICK: TypeDesc =
    TypeDesc { variants: PICK_VARIANTS.as_ptr(), n_variants: 2, ..desc(kind::PICK, 32, null()) };
static INTS: TypeDesc = desc(kind::LIST, 40, &raw const INT);
static REFS: TypeDesc = desc(kind::LIST, 40, &raw const REF);

/// Runs a test and proves that it freed all its objects.
fn balanced(test: impl FnOnce()) {
    let before = object::live::count();
    test();
    assert_eq!(object::live::count(), before, "objects leaked");
}

use super::object;

fn node(left: *mut u8, right: *mut u8) -> Obj {
    // SAFETY: a descriptor of a form.
    let address = unsafe { vitte_new(null_mut(), &raw const NODE) };
    // SAFETY: a new object.
    let obj = unsafe { Obj::from_raw(address) }.unwrap();
    obj.set_word(16, left.expose_provenance() as u64);
    obj.set_word(24, right.expose_provenance() as u64);
    obj
}

fn child(obj: Obj, offset: u32) -> Option<Obj> {
    // SAFETY: a node has references at 16 and 24.
    unsafe { load_ref(ref_at(obj.as_ptr(), offset)) }
}

fn drop_obj(obj: Obj) {
    // SAFETY: tests own one count.
    unsafe { release(obj) }
}

fn crossed(obj: Obj) -> Obj {
    let mut value = obj.as_ptr();
    // SAFETY: a value of one reference.
    assert!(unsafe { cross((&raw mut value).cast(), &REF) });
    // SAFETY: the crossed reference is alive.
    unsafe { Obj::from_raw(value) }.unwrap()
}

fn list_of(elements: &[i64]) -> List {
    let list = List::with_capacity(&raw const INTS, 0).unwrap();
    for e in elements {
        // SAFETY: an element of this list is an `i64`.
        assert!(unsafe { list.push((&raw const *e).cast()) });
    }
    list
}

fn ints(list: List) -> Vec<i64> {
    let words = list.bytes().chunks_exact(8);
    words.map(|w| i64::from_le_bytes(w.try_into().unwrap())).collect()
}

#[test]
fn hundred_thousand_nodes_are_dropped_without_stack() {
    balanced(|| {
        let mut head = null_mut();
        for _ in 0..100_000 {
            head = node(head, null_mut()).as_ptr();
        }
        // SAFETY: the test owns the head.
        let drop_it = move |p: usize| unsafe {
            vitte_release(null_mut(), std::ptr::with_exposed_provenance_mut(p));
        };
        drop_it(head.expose_provenance());
    });
}

#[test]
fn shared_nodes_live_as_long_as_their_last_owner() {
    balanced(|| {
        let leaf = node(null_mut(), null_mut());
        retain(leaf);
        let top = node(leaf.as_ptr(), null_mut());
        drop_obj(top);
        assert_eq!(leaf.count(), 1);
        drop_obj(leaf);
    });
}

#[test]
fn null_and_immortal_objects_are_left_alone() {
    let empty = string::from_str("").unwrap();
    assert!(empty.count() >= IMMORTAL);
    drop_obj(empty);
    retain(empty);
    assert_eq!(empty.count(), IMMORTAL);
    // SAFETY: null is allowed.
    unsafe { vitte_release(null_mut(), null_mut()) };
}

#[test]
fn unique_values_cross_by_being_handed_over() {
    balanced(|| {
        let tree = node(node(null_mut(), null_mut()).as_ptr(), null_mut());
        let there = crossed(tree);
        assert_eq!(there, tree);
        drop_obj(there);
    });
}

#[test]
fn shared_values_cross_as_copies_that_keep_their_shape() {
    balanced(|| {
        let shared = node(null_mut(), null_mut());
        retain(shared);
        let top = node(shared.as_ptr(), shared.as_ptr());
        top.set_word(32, 7);
        retain(top);
        let there = crossed(top);
        assert_ne!(there, top);
        assert_eq!((top.count(), shared.count(), there.count()), (1, 2, 1));
        assert_eq!(there.word(32), 7);
        let (left, right) = (child(there, 16).unwrap(), child(there, 24).unwrap());
        assert!(left == right && left != shared, "sharing is kept inside the copy only");
        assert_eq!(left.count(), 2);
        drop_obj(there);
        drop_obj(top);
    });
}

#[test]
fn cycles_are_copied_as_cycles() {
    let a = node(null_mut(), null_mut());
    retain(a);
    a.set_word(16, a.as_ptr().expose_provenance() as u64);
    let b = crossed(a);
    assert_ne!(a, b);
    assert_eq!(child(b, 16), Some(b));
    for obj in [a, b] {
        obj.set_word(16, 0);
        obj.count_cell().store(1, std::sync::atomic::Ordering::Relaxed);
        drop_obj(obj);
    }
}

#[test]
fn a_long_list_is_copied_without_stack() {
    balanced(|| {
        let last = node(null_mut(), null_mut());
        retain(last);
        let mut head = last;
        for _ in 0..100_000 {
            head = node(head.as_ptr(), null_mut());
        }
        let there = crossed(head);
        assert_ne!(there, head);
        drop_obj(there);
        drop_obj(last);
    });
}

#[test]
fn picks_are_dropped_and_copied_by_their_variant() {
    balanced(|| {
        // SAFETY: a descriptor of a pick.
        let address = unsafe { vitte_new(null_mut(), &raw const PICK) };
        // SAFETY: a new object.
        let pick = unsafe { Obj::from_raw(address) }.unwrap();
        pick.set_word(16, 1);
        pick.set_word(24, string::raw("text").expose_provenance() as u64);
        retain(pick);
        let there = crossed(pick);
        let text = child(there, 24).unwrap();
        assert_eq!(Str::new(text).text(), "text");
        assert_ne!(Some(text), child(pick, 24));
        // A variant without references leaves its payload alone.
        drop_obj(there);
        drop_obj(child(pick, 24).unwrap());
        pick.set_word(16, 0);
        drop_obj(pick);
    });
}

#[test]
fn copy_value_leaves_the_original_alone() {
    balanced(|| {
        let list = List::with_capacity(&raw const REFS, 2).unwrap();
        for text in ["a", "b"] {
            let s: *mut u8 = string::raw(text);
            // SAFETY: an element is a reference, which the list takes over.
            assert!(unsafe { list.push((&raw const s).cast()) });
        }
        let (from, mut to) = (list.obj().as_ptr(), null_mut::<u8>());
        // SAFETY: both are values of one reference.
        let done = unsafe { copy_value((&raw const from).cast(), (&raw mut to).cast(), &REF) };
        assert!(done && list.obj().count() == 1);
        // SAFETY: the copy is alive.
        let copy = List::new(unsafe { Obj::from_raw(to) }.unwrap());
        assert_eq!((copy.len(), copy.obj().count()), (2, 1));
        assert_ne!(copy.obj(), list.obj());
        drop_obj(copy.obj());
        drop_obj(list.obj());
    });
}

#[test]
fn concat_is_in_place_only_for_a_unique_list() {
    balanced(|| {
        let (a, b) = (list_of(&[1, 2]), list_of(&[3]));
        retain(a.obj());
        // SAFETY: two lists; one of two counts of `a` is given up.
        let c = unsafe { vitte_list_concat(null_mut(), a.obj().as_ptr(), b.obj().as_ptr()) };
        assert_ne!(c, a.obj().as_ptr());
        assert_eq!((ints(a), a.obj().count()), (vec![1, 2], 1));
        // SAFETY: `a` is given up.
        let d = unsafe { vitte_list_concat(null_mut(), a.obj().as_ptr(), b.obj().as_ptr()) };
        assert_eq!(d, a.obj().as_ptr());
        assert_eq!(ints(a), [1, 2, 3]);
        for address in [c, d, b.obj().as_ptr()] {
            // SAFETY: owned above.
            unsafe { vitte_release(null_mut(), address) };
        }
    });
}

#[test]
fn appending_is_amortised() {
    balanced(|| {
        let list = list_of(&[]);
        let mut moves = 0;
        let mut at = list.data();
        for i in 0..100_000i64 {
            // SAFETY: the list is alive and ours.
            let place = unsafe { vitte_list_push(null_mut(), list.obj().as_ptr()) };
            // SAFETY: the place of a new element.
            unsafe { place.cast::<i64>().write(i) };
            moves += usize::from(list.data() != at);
            at = list.data();
        }
        assert!(moves <= 20, "{moves} moves");
        assert_eq!(ints(list).last(), Some(&99_999));
        // SAFETY: the list is alive and ours.
        unsafe { vitte_list_truncate(null_mut(), list.obj().as_ptr(), 3) };
        assert_eq!(ints(list), [0, 1, 2]);
        drop_obj(list.obj());
    });
}

#[test]
fn a_list_too_large_for_memory_is_an_answer() {
    balanced(|| {
        for capacity in [i64::MAX, 1 << 60, 1 << 47] {
            // SAFETY: a descriptor of a list.
            let list = unsafe { vitte_list_new(null_mut(), &raw const INTS, capacity) };
            assert!(list.is_null(), "{capacity}");
        }
    });
}

#[test]
fn slices_are_checked_for_range_and_boundaries() {
    balanced(|| {
        let s = string::raw("aé");
        let bounds = vitte_abi::fault_code::BOUNDS;
        for (from, to, code) in [
            (0, 3, 0),
            (0, 1, 0),
            (3, 3, 0),
            (1, 2, FAULT_BOUNDARY),
            (0, 4, bounds),
            (-1, 1, bounds),
            (2, 1, bounds),
        ] {
            // SAFETY: a living string.
            let got = unsafe { vitte_str_slice_check(null_mut(), s, from, to) };
            assert_eq!(got, code, "{from}..{to}");
        }
        // SAFETY: a living string.
        let part = unsafe { vitte_str_slice(null_mut(), s, 1, 3) };
        // SAFETY: a living string.
        assert_eq!(unsafe { string::text_of(part) }, "é");
        for s in [s, part] {
            // SAFETY: owned above.
            unsafe { vitte_release(null_mut(), s) };
        }
    });
}

#[test]
fn list_slices_own_what_they_share() {
    balanced(|| {
        let list = List::with_capacity(&raw const REFS, 0).unwrap();
        let text = string::raw("shared");
        // SAFETY: an element is a reference, which the list takes over.
        assert!(unsafe { list.push((&raw const text).cast()) });
        // SAFETY: a living list.
        let slice = unsafe { vitte_list_slice(null_mut(), list.obj().as_ptr(), 0, 1) };
        drop_obj(list.obj());
        // SAFETY: the slice still holds the string.
        assert_eq!(unsafe { string::text_of(text) }, "shared");
        // SAFETY: owned above.
        unsafe { vitte_release(null_mut(), slice) };
    });
}
