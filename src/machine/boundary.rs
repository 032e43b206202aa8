//! Rust values as flattened scalars, and back: what crosses between Rust and generated code.
//!
//! A value of generated code is a list of scalar *parts*; a Rust type knows its parts as a constant.
//!
//! * **V1** `store` writes exactly the parts of [`Value::PARTS`], in order; `load` reads as many.
//! * **V2** `load` owns nothing of what it reads: whoever gave the value releases it afterwards.

/// Most parts of one value.
pub(crate) const MAX_PARTS: usize = 64;
/// Deepest nesting of objects that is read; what is deeper is taken for a cycle.
#[cfg(feature = "embed")]
const MAX_DEPTH: u32 = 1_000;

/// One scalar of a value.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Size and alignment.
    bytes: u8,
    /// Whether it is a counted reference.
    counted: bool,
}

/// The parts of a value.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    n: usize,
    list: [Part; MAX_PARTS],
}

impl Parts {
    /// No part.
    pub const NONE: Parts = Parts { n: 0, list: [Part { bytes: 1, counted: false }; MAX_PARTS] };

    pub(crate) const fn one(bytes: usize, counted: bool) -> Parts {
        let mut parts = Parts::NONE;
        parts.list[0] = Part { bytes: bytes as u8, counted };
        parts.n = 1;
        parts
    }

    /// These parts, then those of another value.
    ///
    /// # Panics
    ///
    /// At compile time, if there are more than 64.
    #[must_use]
    pub const fn then(mut self, other: &Parts) -> Parts {
        assert!(self.n + other.n <= MAX_PARTS, "a value that crosses has at most 64 parts");
        let mut i = 0;
        while i < other.n {
            self.list[self.n] = other.list[i];
            self.n += 1;
            i += 1;
        }
        self
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Where the parts lie in memory from `base` on (a multiple of 8), as a C structure would have
    /// them.
    pub(crate) const fn places(&self, base: u32) -> Places {
        let mut p = Places {
            n: self.n,
            offsets: [0; MAX_PARTS],
            n_refs: 0,
            refs: [0; MAX_PARTS],
            size: 0,
            align: 1,
        };
        let (mut end, mut i) = (base, 0);
        while i < self.n {
            let bytes = self.list[i].bytes as u32;
            end = end.next_multiple_of(bytes);
            p.offsets[i] = end;
            if self.list[i].counted {
                p.refs[p.n_refs] = end;
                p.n_refs += 1;
            }
            end += bytes;
            if bytes > p.align {
                p.align = bytes;
            }
            i += 1;
        }
        p.size = base + (end - base).next_multiple_of(p.align);
        p
    }
}

/// Where parts lie.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "embed"), allow(dead_code, reason = "for objects that hold values"))]
pub(crate) struct Places {
    n: usize,
    offsets: [u32; MAX_PARTS],
    pub(crate) n_refs: usize,
    pub(crate) refs: [u32; MAX_PARTS],
    /// End of the last part, from offset 0.
    pub(crate) size: u32,
    pub(crate) align: u32,
}

impl Places {
    /// Offset of each part.
    pub(crate) fn offsets(&self) -> &[u32] {
        &self.offsets[..self.n]
    }
}

/// Writes the parts of values, one after the other.
#[derive(Debug)]
pub struct Writer<'a> {
    base: *mut u8,
    places: &'a [u32],
}

impl<'a> Writer<'a> {
    /// Writes at offsets from an address.
    ///
    /// # Safety
    ///
    /// At each of `places`, in order, there is room for the part that will be written there.
    pub(crate) unsafe fn new(base: *mut u8, places: &'a [u32]) -> Self {
        Writer { base, places }
    }

    fn next_place(&mut self) -> *mut u8 {
        let (&place, rest) = self.places.split_first().expect("V1: a place for each part");
        self.places = rest;
        self.base.wrapping_add(place as usize)
    }

    pub(crate) fn put<T: Copy>(&mut self, part: T) {
        let place = self.next_place();
        // SAFETY: there is room for the part (contract of `new`, V1).
        unsafe { place.cast::<T>().write_unaligned(part) }
    }

    /// Writes zero parts, for the side that is not there.
    pub(crate) fn zeros(&mut self, parts: &Parts) {
        for part in &parts.list[..parts.n] {
            let place = self.next_place();
            // SAFETY: as in `put`.
            unsafe { place.write_bytes(0, part.bytes as usize) }
        }
    }
}

/// Reads the parts of values, one after the other.
#[derive(Debug)]
pub struct Reader<'a> {
    base: *const u8,
    places: &'a [u32],
    /// Of objects in objects, which only Vitte has.
    #[cfg(feature = "embed")]
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Reads at offsets from an address.
    ///
    /// # Safety
    ///
    /// At each of `places`, in order, there is the part that will be read there; what the references
    /// among them lead to stays alive and unchanged meanwhile.
    pub(crate) unsafe fn new(base: *const u8, places: &'a [u32]) -> Self {
        Reader {
            base,
            places,
            #[cfg(feature = "embed")]
            depth: 0,
        }
    }

    /// Reads inside of an object that this reader came upon.
    ///
    /// # Panics
    ///
    /// If objects are nested too deeply.
    #[cfg(feature = "embed")]
    pub(crate) fn inside<'b>(&self, base: *const u8, places: &'b [u32]) -> Reader<'b> {
        let depth = self.depth + 1;
        assert!(
            depth <= MAX_DEPTH,
            "a value that leaves Vitte is nested more than {MAX_DEPTH} deep, or refers to itself"
        );
        Reader { base, places, depth }
    }

    fn next_place(&mut self) -> *const u8 {
        let (&place, rest) = self.places.split_first().expect("V1: a place for each part");
        self.places = rest;
        self.base.wrapping_add(place as usize)
    }

    pub(crate) fn take<T: Copy>(&mut self) -> T {
        let place = self.next_place();
        // SAFETY: the part is there (contract of `new`, V1).
        unsafe { place.cast::<T>().read_unaligned() }
    }

    pub(crate) fn skip(&mut self, parts: &Parts) {
        self.places = self.places.get(parts.n..).unwrap_or_default();
    }
}

/// A Rust type that crosses between Rust and generated code.
pub trait Value: Sized {
    /// The parts of a value.
    const PARTS: Parts;

    /// Writes the parts.
    fn store(self, to: &mut Writer<'_>);

    /// Reads the parts.
    fn load(from: &mut Reader<'_>) -> Self;
}

macro_rules! scalars {
    ($($ty:ty)*) => {$(
        impl Value for $ty {
            const PARTS: Parts = Parts::one(size_of::<$ty>(), false);

            fn store(self, to: &mut Writer<'_>) {
                to.put(self);
            }

            fn load(from: &mut Reader<'_>) -> Self {
                from.take()
            }
        }
    )*};
}
scalars! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 }

impl Value for bool {
    const PARTS: Parts = Parts::one(1, false);

    fn store(self, to: &mut Writer<'_>) {
        to.put(u8::from(self));
    }

    fn load(from: &mut Reader<'_>) -> Self {
        from.take::<u8>() != 0
    }
}

impl Value for char {
    const PARTS: Parts = Parts::one(4, false);

    fn store(self, to: &mut Writer<'_>) {
        to.put(u32::from(self));
    }

    fn load(from: &mut Reader<'_>) -> Self {
        char::from_u32(from.take()).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

impl<T: Value, const N: usize> Value for [T; N] {
    const PARTS: Parts = {
        let (mut parts, mut i) = (Parts::NONE, 0);
        while i < N {
            parts = parts.then(&T::PARTS);
            i += 1;
        }
        parts
    };

    fn store(self, to: &mut Writer<'_>) {
        self.into_iter().for_each(|item| item.store(to));
    }

    fn load(from: &mut Reader<'_>) -> Self {
        std::array::from_fn(|_| T::load(from))
    }
}

impl Value for () {
    const PARTS: Parts = Parts::NONE;

    fn store(self, _: &mut Writer<'_>) {}

    fn load(_: &mut Reader<'_>) -> Self {}
}

macro_rules! tuples {
    ($(($($name:ident),+))*) => {$(
        impl<$($name: Value),+> Value for ($($name,)+) {
            const PARTS: Parts = Parts::NONE$(.then(&$name::PARTS))+;

            #[allow(non_snake_case, reason = "each value is named as its type")]
            fn store(self, to: &mut Writer<'_>) {
                let ($($name,)+) = self;
                $($name.store(to);)+
            }

            fn load(from: &mut Reader<'_>) -> Self {
                ($($name::load(from),)+)
            }
        }
    )*};
}
tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G)
    (A, B, C, D, E, F, G, H) (A, B, C, D, E, F, G, H, I) (A, B, C, D, E, F, G, H, I, J)
    (A, B, C, D, E, F, G, H, I, J, K) (A, B, C, D, E, F, G, H, I, J, K, L)
}

impl<T: Value> Value for Option<T> {
    const PARTS: Parts = Parts::one(1, false).then(&T::PARTS);

    fn store(self, to: &mut Writer<'_>) {
        match self {
            None => {
                to.put(0u8);
                to.zeros(&T::PARTS);
            }
            Some(value) => {
                to.put(1u8);
                value.store(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Self {
        if from.take::<u8>() == 0 {
            from.skip(&T::PARTS);
            None
        } else {
            Some(T::load(from))
        }
    }
}

impl<T: Value, E: Value> Value for Result<T, E> {
    const PARTS: Parts = Parts::one(1, false).then(&T::PARTS).then(&E::PARTS);

    fn store(self, to: &mut Writer<'_>) {
        match self {
            Ok(value) => {
                to.put(0u8);
                value.store(to);
                to.zeros(&E::PARTS);
            }
            Err(error) => {
                to.put(1u8);
                to.zeros(&T::PARTS);
                error.store(to);
            }
        }
    }

    fn load(from: &mut Reader<'_>) -> Self {
        if from.take::<u8>() == 0 {
            let value = T::load(from);
            from.skip(&E::PARTS);
            Ok(value)
        } else {
            from.skip(&T::PARTS);
            Err(E::load(from))
        }
    }
}
