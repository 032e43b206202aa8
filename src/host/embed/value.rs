//! Strings, lists and boxes across the boundary; see `machine/boundary.rs` for the rest.
//!
//! What is made here has the host's own descriptors, constants per Rust type: nothing compares the
//! addresses of descriptors.
//!
//! | Vitte | Rust |
//! | --- | --- |
//! | `bool char i8 … u64 usize f32 f64` (`int` is `i64`) | the same |
//! | `string` | `String` |
//! | `[T]`, `bytes` | `Vec<T>`, `Vec<u8>` |
//! | `(A, B)`, `unit` | `(A, B)`, `()` |
//! | `?T`, `Result[T, E]` | `Option<T>`, `Result<T, E>` |
//! | `form`, `pick` | a struct, an enum, made by the macro |

use crate::__private::{Parts, Places, Reader, Value, Writer};
use crate::host::list::List;
use crate::host::object::{Obj, TypeDesc, ValueDesc, kind};
use crate::host::string::{self, Str};
use std::marker::PhantomData;
use std::ptr::null;

/// Descriptors of lists of `T`, and of `T` itself.
pub(super) struct Described<T>(PhantomData<T>);

impl<T: Value> Described<T> {
    pub(super) const PLACES: &'static Places = &T::PARTS.places(0);
    pub(super) const VALUE: &'static ValueDesc = &ValueDesc {
        size: Self::PLACES.size,
        align: Self::PLACES.align,
        n_refs: Self::PLACES.n_refs as u32,
        reserved: 0,
        ref_offsets: Self::PLACES.refs.as_ptr(),
    };
    const LIST: &'static TypeDesc = &TypeDesc {
        kind: kind::LIST,
        flags: 0,
        size: 0,
        name: "list".as_ptr(),
        name_len: 4,
        elem: Self::VALUE,
        variants: null(),
        n_variants: 0,
    };
}

/// The object of a reference that is not null.
pub(super) fn object_of(from: &mut Reader<'_>) -> Obj {
    let address = from.take::<*mut u8>();
    // SAFETY: a reference in a living value.
    let obj = unsafe { Obj::from_raw(address) };
    obj.expect("I: a reference outside of an option is not null")
}

/// Where a Rust type would contain itself.
impl<T: Value> Value for Box<T> {
    const PARTS: Parts = T::PARTS;

    fn store(self, to: &mut Writer<'_>) {
        (*self).store(to);
    }

    fn load(from: &mut Reader<'_>) -> Self {
        Box::new(T::load(from))
    }
}

impl Value for String {
    const PARTS: Parts = Parts::one(8, true);

    fn store(self, to: &mut Writer<'_>) {
        to.put(made(string::from_str(&self)).as_ptr());
    }

    fn load(from: &mut Reader<'_>) -> Self {
        Str::new(object_of(from)).text().to_owned()
    }
}

impl<T: Value> Value for Vec<T> {
    const PARTS: Parts = Parts::one(8, true);

    fn store(self, to: &mut Writer<'_>) {
        let n = self.len();
        let list = made(List::with_capacity(Described::<T>::LIST, n));
        for (i, item) in self.into_iter().enumerate() {
            let offsets = Described::<T>::PLACES.offsets();
            // SAFETY: the list has room for `n` elements with parts at these places.
            item.store(&mut unsafe { Writer::new(list.element(i), offsets) });
            list.set_len(i + 1);
        }
        to.put(list.obj().as_ptr());
    }

    fn load(from: &mut Reader<'_>) -> Self {
        let list = List::new(object_of(from));
        let offsets = Described::<T>::PLACES.offsets();
        let item = |i| T::load(&mut from.inside(list.element(i), offsets));
        (0..list.len()).map(item).collect()
    }
}

/// What was allocated.
///
/// # Panics
///
/// If memory is short: Rust has no value for that.
pub(super) fn made<T>(made: Option<T>) -> T {
    made.expect("out of memory for a value that enters Vitte")
}
