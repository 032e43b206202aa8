//! Forms and picks: what the macro makes structs and enums of.
//!
//! A form is an object with its fields from offset 16 on; a pick with a payload anywhere has its tag
//! at 16 and the fields of the arm from 24 on. A pick without any payload is an `i32`, which the macro
//! writes itself.

use super::value::{made, object_of};
use crate::__private::{Parts, Places, Reader, Value, Writer};
use crate::host::object::{
    HEADER_BYTES, Obj, PICK_FIELDS, TypeDesc, VariantDesc, kind, new_object,
};
use std::marker::PhantomData;
use std::ptr::null;

/// The parts of a form, or of a pick with a payload: one reference.
pub const OBJECT: Parts = Parts::one(8, true);

/// A struct that stands for a form.
pub trait Form: Sized {
    /// Name in Vitte.
    const NAME: &'static str;
    /// The fields in order, as nested pairs.
    type Fields: Value;

    /// Takes it apart.
    fn into_fields(self) -> Self::Fields;

    /// Puts it together.
    fn from_fields(fields: Self::Fields) -> Self;
}

struct FormOf<F>(PhantomData<F>);

impl<F: Form> FormOf<F> {
    const PLACES: &'static Places = &<F::Fields as Value>::PARTS.places(HEADER_BYTES as u32);
    const ARM: &'static [VariantDesc] = &[variant(Self::PLACES)];
    const DESC: &'static TypeDesc = &TypeDesc {
        kind: kind::FORM,
        flags: 0,
        size: Self::PLACES.size.next_multiple_of(8) as u64,
        name: F::NAME.as_ptr(),
        name_len: F::NAME.len() as u64,
        elem: null(),
        variants: Self::ARM.as_ptr(),
        n_variants: 1,
    };
}

const fn variant(places: &'static Places) -> VariantDesc {
    VariantDesc { n_refs: places.n_refs as u32, reserved: 0, ref_offsets: places.refs.as_ptr() }
}

/// Writes a form.
pub fn store_form<F: Form>(form: F, to: &mut Writer<'_>) {
    let obj = object(FormOf::<F>::DESC);
    // SAFETY: the object has its fields at these places.
    let mut fields = unsafe { Writer::new(obj.as_ptr(), FormOf::<F>::PLACES.offsets()) };
    form.into_fields().store(&mut fields);
    to.put(obj.as_ptr());
}

/// Reads a form.
pub fn load_form<F: Form>(from: &mut Reader<'_>) -> F {
    let obj = object_of(from);
    let mut fields = from.inside(obj.as_ptr(), FormOf::<F>::PLACES.offsets());
    F::from_fields(F::Fields::load(&mut fields))
}

fn object(desc: &'static TypeDesc) -> Obj {
    made(new_object(desc, desc.size as usize))
}

/// An enum that stands for a pick with a payload in some arm.
pub trait Pick: Sized {
    /// Name in Vitte.
    const NAME: &'static str;
    /// The arms, made by [`arm_desc`].
    const ARMS: &'static [ArmOf];
}

/// What the host has to know of an arm.
#[derive(Debug)]
pub struct ArmOf {
    desc: VariantDesc,
    size: u32,
}

/// The arm with these fields.
pub const fn arm_desc<Fields: Value>() -> ArmOf {
    let places = ArmFields::<Fields>::PLACES;
    ArmOf { desc: variant(places), size: places.size }
}

/// Bytes of the largest of some arms.
pub const fn largest_arm(arms: &[ArmOf]) -> u64 {
    let (mut size, mut i) = (PICK_FIELDS as u32, 0);
    while i < arms.len() {
        if arms[i].size > size {
            size = arms[i].size;
        }
        i += 1;
    }
    size.next_multiple_of(8) as u64
}

struct ArmFields<T>(PhantomData<T>);

impl<T: Value> ArmFields<T> {
    const PLACES: &'static Places = &T::PARTS.places(PICK_FIELDS as u32);
}

/// Most arms of a pick that crosses.
const MAX_ARMS: usize = 256;

struct PickOf<P>(PhantomData<P>);

impl<P: Pick> PickOf<P> {
    const VARIANTS: &'static [VariantDesc; MAX_ARMS] = &{
        assert!(P::ARMS.len() <= MAX_ARMS, "a pick that crosses has at most 256 arms");
        let mut all =
            [const { VariantDesc { n_refs: 0, reserved: 0, ref_offsets: null() } }; MAX_ARMS];
        let mut i = 0;
        while i < P::ARMS.len() {
            let VariantDesc { n_refs, reserved, ref_offsets } = P::ARMS[i].desc;
            all[i] = VariantDesc { n_refs, reserved, ref_offsets };
            i += 1;
        }
        all
    };
    const DESC: &'static TypeDesc = &TypeDesc {
        kind: kind::PICK,
        flags: 0,
        size: largest_arm(P::ARMS),
        name: P::NAME.as_ptr(),
        name_len: P::NAME.len() as u64,
        elem: null(),
        variants: Self::VARIANTS.as_ptr(),
        n_variants: P::ARMS.len() as u64,
    };
}

/// Writes a pick whose arm number `tag` is in force.
pub fn store_arm<P: Pick, Fields: Value>(tag: u32, fields: Fields, to: &mut Writer<'_>) {
    let obj = object(PickOf::<P>::DESC);
    obj.set_word(HEADER_BYTES, u64::from(tag));
    // SAFETY: the object is as large as its largest arm, whose fields have these places.
    let mut writer = unsafe { Writer::new(obj.as_ptr(), ArmFields::<Fields>::PLACES.offsets()) };
    fields.store(&mut writer);
    to.put(obj.as_ptr());
}

/// A pick that is being read.
#[derive(Debug)]
pub struct PickArm<'a> {
    obj: Obj,
    from: Reader<'a>,
}

/// Reads a pick.
pub fn load_pick<'a>(from: &mut Reader<'_>) -> PickArm<'a> {
    let obj = object_of(from);
    PickArm { obj, from: from.inside(obj.as_ptr(), &[]) }
}

impl PickArm<'_> {
    /// Number of the arm.
    pub fn tag(&self) -> u32 {
        self.obj.tag()
    }

    /// The fields of the arm, which are of this type.
    pub fn fields<Fields: Value>(&self) -> Fields {
        let offsets = ArmFields::<Fields>::PLACES.offsets();
        Fields::load(&mut self.from.inside(self.obj.as_ptr(), offsets))
    }
}
