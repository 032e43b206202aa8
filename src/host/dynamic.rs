//! Values of types that are known when the program runs only: JSON into a frame, and out of one.
//!
//! In: types of a checked procedure. Out: a [`Shape`] for each, which says whether a JSON value fits,
//! writes it as generated code expects it, and reads results back.
//!
//! | Vitte | JSON |
//! | --- | --- |
//! | `unit`, `?T` without a value | `null` |
//! | `bool` | `true`, `false` |
//! | integers, `f32 f64` | numbers in range; results that are no numbers (NaN) are `null` |
//! | `char` | a string of one character |
//! | `string` | a string |
//! | `[T]`, `[T; N]`, `bytes`, tuples | an array |
//! | `?T` with a value | the value |
//! | `Result[T, E]` | `{"ok": …}`, `{"err": …}` |
//! | a form | an object with its fields; options among them may be left out |
//! | an arm of a pick | its name; with a payload `{"Arm": value}`, `{"Arm": [first, second …]}` |
//!
//! Handles (tasks, channels, sockets), futures, streams and procedures do not cross.
//!
//! * **D1** A shape writes exactly the parts that its `parts` say, in order, and reads as many.
//! * **D2** Descriptors are made once per shape and live as long as the program: objects name them.
//! * **D3** `store` is called with values that `check` accepted.
//! * **D4** The object of a form or pick is there when its [`Shapes`] has answered: types that contain
//!   themselves find it while it is being made, and look into it later.

use super::list::List;
use super::object::{
    HEADER_BYTES, Obj, PICK_FIELDS, TypeDesc, ValueDesc, VariantDesc, kind, new_object,
};
use super::string::{self, Str};
use crate::__private::{MAX_PARTS, Parts, Places, Reader, Writer};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt;
use std::ptr::null;
use std::sync::OnceLock;
use vitte_lowering::sema::hir::{Adt, AdtKind, Field, Program};
use vitte_lowering::sema::types::{IntTy, TyId, TyKind, Types};

/// How values of a type cross.
#[derive(Debug)]
pub(crate) enum Shape {
    Unit,
    Bool,
    Char,
    Int(IntTy),
    F32,
    F64,
    String,
    List(Box<Items>),
    Tuple(Vec<Shape>),
    Option(Box<Shape>),
    Result(Box<Shape>, Box<Shape>),
    /// A pick without any payload: the names of its arms.
    Words(Vec<String>),
    /// A form, or a pick with a payload (D4).
    Object(&'static OnceLock<Object>),
}

/// What a list holds.
#[derive(Debug)]
pub(crate) struct Items {
    shape: Shape,
    /// Of an array.
    len: Option<u64>,
    places: Places,
    desc: &'static TypeDesc,
}

/// A form, or a pick some arm of which has a payload.
pub(crate) struct Object {
    name: String,
    is_pick: bool,
    /// The arms of a pick; of a form one, with its fields.
    arms: Vec<Arm>,
    desc: &'static TypeDesc,
}

struct Arm {
    name: String,
    fields: Vec<(String, Shape)>,
    places: Places,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what it holds: that may be itself.
        write!(f, "Object({})", self.name)
    }
}

/// Makes the shapes of a program's types.
pub(crate) struct Shapes<'a> {
    adts: &'a [Adt],
    /// With the types of fields of generic forms and picks added.
    types: Types,
    objects: BTreeMap<TyId, &'static OnceLock<Object>>,
}

impl<'a> Shapes<'a> {
    pub(crate) fn of(program: &'a Program) -> Self {
        Self { adts: &program.adts, types: program.types.clone(), objects: BTreeMap::new() }
    }

    /// The shape of a type.
    ///
    /// # Errors
    ///
    /// The name of a type that does not cross, or is too large to.
    pub(crate) fn shape(&mut self, ty: TyId) -> Result<Shape, String> {
        let shape = match self.types.kind(ty).clone() {
            TyKind::Unit => Shape::Unit,
            TyKind::Bool => Shape::Bool,
            TyKind::Char => Shape::Char,
            TyKind::String => Shape::String,
            TyKind::Int(int) => Shape::Int(int),
            TyKind::F32 => Shape::F32,
            TyKind::F64 => Shape::F64,
            TyKind::List(item) => self.list(item, None)?,
            TyKind::Array(item, n) => self.list(item, Some(n))?,
            TyKind::Tuple(all) => {
                Shape::Tuple(all.into_iter().map(|t| self.shape(t)).collect::<Result<_, _>>()?)
            }
            TyKind::Option(inner) => Shape::Option(Box::new(self.shape(inner)?)),
            TyKind::Result(ok, err) => {
                let (ok, err) = (self.shape(ok)?, self.shape(err)?);
                Shape::Result(Box::new(ok), Box::new(err))
            }
            TyKind::Adt(adt, args) => {
                let adts = self.adts;
                match &adts[adt.0 as usize].kind {
                    AdtKind::Pick(arms) if arms.iter().all(|arm| arm.payload.is_empty()) => {
                        Shape::Words(arms.iter().map(|arm| arm.name.clone()).collect())
                    }
                    kind => Shape::Object(self.object(ty, kind, &args)?),
                }
            }
            _ => return Err(self.types.name(ty)),
        };
        if shape.n_parts() > MAX_PARTS { Err(self.types.name(ty)) } else { Ok(shape) }
    }

    fn list(&mut self, item: TyId, len: Option<u64>) -> Result<Shape, String> {
        let shape = self.shape(item)?;
        let places = shape.parts().places(0);
        let desc = Box::leak(Box::new(TypeDesc {
            kind: kind::LIST,
            flags: 0,
            size: 0,
            name: "list".as_ptr(),
            name_len: 4,
            elem: describe(&places),
            variants: null(),
            n_variants: 0,
        }));
        Ok(Shape::List(Box::new(Items { shape, len, places, desc })))
    }

    fn object(
        &mut self,
        ty: TyId,
        kind: &AdtKind,
        args: &[TyId],
    ) -> Result<&'static OnceLock<Object>, String> {
        if let Some(known) = self.objects.get(&ty) {
            return Ok(known);
        }
        let place: &'static OnceLock<Object> = Box::leak(Box::default());
        self.objects.insert(ty, place);
        let name = self.types.name(ty);
        let (is_pick, arms) = match kind {
            AdtKind::Form(fields) => (false, vec![self.arm(&name, fields, args, HEADER_BYTES)?]),
            AdtKind::Pick(arms) => {
                let arms = arms.iter().map(|a| self.arm(&a.name, &a.payload, args, PICK_FIELDS));
                (true, arms.collect::<Result<Vec<_>, _>>()?)
            }
        };
        let least = if is_pick { PICK_FIELDS } else { HEADER_BYTES };
        let size = arms.iter().map(|arm| arm.places.size).max().unwrap_or(0).max(least as u32);
        let variants: Vec<_> = arms.iter().map(|arm| variant(&arm.places)).collect();
        let variants: &'static [VariantDesc] = Box::leak(variants.into_boxed_slice());
        let shown: &'static str = Box::leak(name.clone().into_boxed_str());
        let desc = Box::leak(Box::new(TypeDesc {
            kind: if is_pick { kind::PICK } else { kind::FORM },
            flags: 0,
            size: u64::from(size.next_multiple_of(8)),
            name: shown.as_ptr(),
            name_len: shown.len() as u64,
            elem: null(),
            variants: variants.as_ptr(),
            n_variants: variants.len() as u64,
        }));
        let made = place.set(Object { name, is_pick, arms, desc });
        made.expect("D4: an object is made once");
        Ok(place)
    }

    /// The fields of a form or of an arm, from offset `base` of their object on.
    fn arm(
        &mut self,
        name: &str,
        fields: &[Field],
        args: &[TyId],
        base: usize,
    ) -> Result<Arm, String> {
        let mut shapes = Vec::with_capacity(fields.len());
        for field in fields {
            let ty = self.types.subst(field.ty, args);
            shapes.push((field.name.clone(), self.shape(ty)?));
        }
        if shapes.iter().map(|(_, shape)| shape.n_parts()).sum::<usize>() > MAX_PARTS {
            return Err(name.to_owned());
        }
        let parts = shapes.iter().fold(Parts::NONE, |sum, (_, s)| sum.then(&s.parts()));
        let places = parts.places(base as u32);
        Ok(Arm { name: name.to_owned(), fields: shapes, places })
    }
}

/// Where the references of an arm lie (D2).
fn variant(places: &Places) -> VariantDesc {
    let refs: &'static [u32] = Box::leak(places.refs[..places.n_refs].into());
    VariantDesc { n_refs: places.n_refs as u32, reserved: 0, ref_offsets: refs.as_ptr() }
}

impl Shape {
    fn n_parts(&self) -> usize {
        match self {
            Shape::Unit => 0,
            Shape::Tuple(all) => all.iter().map(Shape::n_parts).sum(),
            Shape::Option(inner) => 1 + inner.n_parts(),
            Shape::Result(ok, err) => 1 + ok.n_parts() + err.n_parts(),
            _ => 1,
        }
    }

    /// The parts of a value.
    pub(crate) fn parts(&self) -> Parts {
        match self {
            Shape::Unit => Parts::NONE,
            Shape::Bool => Parts::one(1, false),
            Shape::Char | Shape::F32 | Shape::Words(_) => Parts::one(4, false),
            Shape::Int(int) => Parts::one(int.bits() as usize / 8, false),
            Shape::F64 => Parts::one(8, false),
            Shape::String | Shape::List(_) | Shape::Object(_) => Parts::one(8, true),
            Shape::Tuple(all) => all.iter().fold(Parts::NONE, |sum, s| sum.then(&s.parts())),
            Shape::Option(inner) => Parts::one(1, false).then(&inner.parts()),
            Shape::Result(ok, err) => Parts::one(1, false).then(&ok.parts()).then(&err.parts()),
        }
    }

    /// Whether a value fits; if not, what is wanted and what there is.
    pub(crate) fn check(&self, value: &Json) -> Result<(), String> {
        let wrong = |wanted: &str| Err(format!("{wanted} is wanted, this is {}", name_of(value)));
        match (self, value) {
            (Shape::Unit | Shape::Option(_), Json::Null)
            | (Shape::Bool, Json::Bool(_))
            | (Shape::String, Json::String(_))
            | (Shape::F32 | Shape::F64, Json::Number(_)) => Ok(()),
            (Shape::Int(int), Json::Number(n)) => match whole(n) {
                Some(n) if ((*int).min()..=(*int).max()).contains(&n) => Ok(()),
                Some(n) => Err(format!("{n} does not fit into `{}`", int.name())),
                None => wrong("a whole number"),
            },
            (Shape::Char, Json::String(s)) if s.chars().count() == 1 => Ok(()),
            (Shape::List(items), Json::Array(all)) => match items.len {
                Some(n) if n != all.len() as u64 => {
                    Err(format!("a list of {n} is wanted, this has {}", all.len()))
                }
                _ => each(all.iter().map(|item| (&items.shape, item))),
            },
            (Shape::Tuple(shapes), Json::Array(all)) if shapes.len() == all.len() => {
                each(shapes.iter().zip(all))
            }
            (Shape::Option(inner), value) => inner.check(value),
            (Shape::Result(ok, err), Json::Object(map)) if map.len() == 1 => {
                match (map.get("ok"), map.get("err")) {
                    (Some(value), _) => ok.check(value),
                    (_, Some(value)) => err.check(value),
                    _ => wrong("`ok` or `err`"),
                }
            }
            (Shape::Words(arms), Json::String(word)) if arms.contains(word) => Ok(()),
            (Shape::Words(arms), value) => Err(none_of(arms.iter(), value)),
            (Shape::Object(object), value) => made(object).check(value),
            (Shape::Unit, _) => wrong("nothing"),
            (Shape::Bool, _) => wrong("true or false"),
            (Shape::Char, _) => wrong("a single character"),
            (Shape::Int(_), _) => wrong("a whole number"),
            (Shape::F32 | Shape::F64, _) => wrong("a number"),
            (Shape::String, _) => wrong("a string"),
            (Shape::List(_), _) => wrong("a list"),
            (Shape::Tuple(all), _) => wrong(&format!("a list of {}", all.len())),
            (Shape::Result(..), _) => wrong("`ok` or `err`"),
        }
    }

    /// Writes a value that fits (D3).
    ///
    /// # Panics
    ///
    /// If memory is short, or the value does not fit.
    pub(crate) fn store(&self, value: &Json, to: &mut Writer<'_>) {
        match (self, value) {
            (Shape::Unit, _) => {}
            (Shape::Bool, value) => to.put(u8::from(value.as_bool() == Some(true))),
            (Shape::Char, value) => {
                to.put(text(value).chars().next().map_or(0, u32::from));
            }
            (Shape::Int(int), Json::Number(n)) => {
                let n = whole(n).expect("D3: a whole number");
                match int.bits() {
                    8 => to.put(n as u8),
                    16 => to.put(n as u16),
                    32 => to.put(n as u32),
                    _ => to.put(n as u64),
                }
            }
            (Shape::F32, value) => to.put(value.as_f64().expect("D3: a number") as f32),
            (Shape::F64, value) => to.put(value.as_f64().expect("D3: a number")),
            (Shape::String, value) => {
                let text = string::raw(text(value));
                assert!(!text.is_null(), "out of memory for a value that enters Vitte");
                to.put(text);
            }
            (Shape::List(items), Json::Array(all)) => to.put(items.store(all)),
            (Shape::Tuple(shapes), Json::Array(all)) => {
                shapes.iter().zip(all).for_each(|(shape, value)| shape.store(value, to));
            }
            (Shape::Option(inner), Json::Null) => {
                to.put(0_u8);
                to.zeros(&inner.parts());
            }
            (Shape::Option(inner), value) => {
                to.put(1_u8);
                inner.store(value, to);
            }
            (Shape::Result(ok, err), Json::Object(map)) => match map.get("ok") {
                Some(value) => {
                    to.put(0_u8);
                    ok.store(value, to);
                    to.zeros(&err.parts());
                }
                None => {
                    to.put(1_u8);
                    to.zeros(&ok.parts());
                    err.store(&map["err"], to);
                }
            },
            (Shape::Words(arms), value) => {
                let tag = arms.iter().position(|arm| arm == text(value));
                to.put(tag.expect("D3: an arm") as u32);
            }
            (Shape::Object(object), value) => to.put(made(object).store(value)),
            _ => unreachable!("D3: the value fits"),
        }
    }

    /// Reads a value.
    pub(crate) fn load(&self, from: &mut Reader<'_>) -> Json {
        match self {
            Shape::Unit => Json::Null,
            Shape::Bool => json!(from.take::<u8>() != 0),
            Shape::Char => {
                let c = char::from_u32(from.take()).unwrap_or(char::REPLACEMENT_CHARACTER);
                json!(c)
            }
            Shape::Int(IntTy::I8) => json!(from.take::<i8>()),
            Shape::Int(IntTy::I16) => json!(from.take::<i16>()),
            Shape::Int(IntTy::I32) => json!(from.take::<i32>()),
            Shape::Int(IntTy::I64) => json!(from.take::<i64>()),
            Shape::Int(IntTy::U8) => json!(from.take::<u8>()),
            Shape::Int(IntTy::U16) => json!(from.take::<u16>()),
            Shape::Int(IntTy::U32) => json!(from.take::<u32>()),
            Shape::Int(IntTy::U64 | IntTy::Usize) => json!(from.take::<u64>()),
            Shape::F32 => json!(from.take::<f32>()),
            Shape::F64 => json!(from.take::<f64>()),
            Shape::String => json!(Str::new(object_of(from)).text()),
            Shape::List(items) => {
                let list = List::new(object_of(from));
                let offsets = items.places.offsets();
                let item = |i| items.shape.load(&mut from.inside(list.element(i), offsets));
                Json::Array((0..list.len()).map(item).collect())
            }
            Shape::Tuple(all) => Json::Array(all.iter().map(|shape| shape.load(from)).collect()),
            Shape::Option(inner) => {
                if from.take::<u8>() == 0 {
                    from.skip(&inner.parts());
                    Json::Null
                } else {
                    inner.load(from)
                }
            }
            Shape::Result(ok, err) => {
                let is_err = from.take::<u8>() != 0;
                let (value, name) = if is_err {
                    from.skip(&ok.parts());
                    (err.load(from), "err")
                } else {
                    let value = ok.load(from);
                    from.skip(&err.parts());
                    (value, "ok")
                };
                Json::Object([(name.to_owned(), value)].into_iter().collect())
            }
            Shape::Words(arms) => json!(arms[from.take::<u32>() as usize]),
            Shape::Object(object) => made(object).load(from),
        }
    }
}

/// The object of a form or pick.
fn made(object: &'static OnceLock<Object>) -> &'static Object {
    object.get().expect("D4: whoever has a value has all shapes")
}

impl Object {
    /// Whether a value fits.
    fn check(&self, value: &Json) -> Result<(), String> {
        if self.is_pick {
            let Some((arm, payload)) = self.arm_of(value) else {
                return Err(none_of(self.arms.iter().map(|arm| &arm.name), value));
            };
            let inside = |why| format!("`{}`: {why}", arm.name);
            return match (&arm.fields[..], payload) {
                ([], None) => Ok(()),
                ([], Some(_)) => Err(inside("it has no payload: write its name alone".to_owned())),
                ([(_, shape)], Some(value)) => shape.check(value).map_err(inside),
                (fields, Some(Json::Array(all))) if fields.len() == all.len() => {
                    each(fields.iter().map(|(_, shape)| shape).zip(all)).map_err(inside)
                }
                (fields, _) => Err(inside(format!("a payload of {} is wanted", fields.len()))),
            };
        }
        let Json::Object(map) = value else {
            return Err(format!("a `{}` is wanted, this is {}", self.name, name_of(value)));
        };
        let fields = &self.arms[0].fields;
        if let Some(other) = map.keys().find(|key| !fields.iter().any(|(name, _)| name == *key)) {
            return Err(format!("`{}` has no field `{other}`", self.name));
        }
        for (name, shape) in fields {
            match map.get(name) {
                Some(value) => {
                    shape.check(value).map_err(|why| format!("field `{name}`: {why}"))?;
                }
                None if matches!(shape, Shape::Option(_)) => {}
                None => return Err(format!("the field `{name}` of `{}` is missing", self.name)),
            }
        }
        Ok(())
    }

    /// The arm that a value names, and its payload.
    fn arm_of<'v>(&self, value: &'v Json) -> Option<(&Arm, Option<&'v Json>)> {
        let (word, payload) = match value {
            Json::String(word) => (word, None),
            Json::Object(map) if map.len() == 1 => {
                let (word, payload) = map.iter().next()?;
                (word, Some(payload))
            }
            _ => return None,
        };
        Some((self.arms.iter().find(|arm| arm.name == *word)?, payload))
    }

    /// An object with this value, which fits.
    fn store(&self, value: &Json) -> *mut u8 {
        let obj = new_object(self.desc, self.desc.size as usize);
        let obj = obj.expect("out of memory for a value that enters Vitte");
        let (arm, payload) = if self.is_pick {
            self.arm_of(value).expect("D3: an arm")
        } else {
            (&self.arms[0], Some(value))
        };
        if self.is_pick {
            let tag = self.arms.iter().position(|a| std::ptr::eq(a, arm));
            obj.set_word(HEADER_BYTES, tag.expect("it is one of them") as u64);
        }
        // SAFETY: the object is as large as its largest arm, whose fields have these places.
        let mut to = unsafe { Writer::new(obj.as_ptr(), arm.places.offsets()) };
        for (i, (name, shape)) in arm.fields.iter().enumerate() {
            let field = match payload {
                Some(whole) if self.is_pick && arm.fields.len() == 1 => whole,
                Some(Json::Array(all)) => &all[i],
                Some(Json::Object(map)) => map.get(name).unwrap_or(&Json::Null),
                _ => unreachable!("D3: the value fits"),
            };
            shape.store(field, &mut to);
        }
        obj.as_ptr()
    }

    fn load(&self, from: &mut Reader<'_>) -> Json {
        let obj = object_of(from);
        let arm = if self.is_pick { &self.arms[obj.tag() as usize] } else { &self.arms[0] };
        let mut inner = from.inside(obj.as_ptr(), arm.places.offsets());
        let mut fields = arm.fields.iter().map(|(name, shape)| (name, shape.load(&mut inner)));
        if !self.is_pick {
            return Json::Object(fields.map(|(name, value)| (name.clone(), value)).collect());
        }
        let payload = match arm.fields.len() {
            0 => return json!(arm.name),
            1 => fields.next().map(|(_, value)| value).unwrap_or_default(),
            _ => Json::Array(fields.map(|(_, value)| value).collect()),
        };
        Json::Object([(arm.name.clone(), payload)].into_iter().collect())
    }
}

/// What is said of a value that names none of these.
fn none_of<'a>(arms: impl Iterator<Item = &'a String>, value: &Json) -> String {
    let names: Vec<_> = arms.map(|name| format!("`{name}`")).collect();
    let found = match value {
        Json::String(word) => format!("`{word}`"),
        other => name_of(other).to_owned(),
    };
    format!("one of {} is wanted, this is {found}", names.join(", "))
}

impl Items {
    /// A list with these elements.
    fn store(&self, all: &[Json]) -> *mut u8 {
        let list = List::with_capacity(self.desc, all.len());
        let list = list.expect("out of memory for a value that enters Vitte");
        for (i, item) in all.iter().enumerate() {
            // SAFETY: the list has room for so many elements with parts at these places.
            let mut place = unsafe { Writer::new(list.element(i), self.places.offsets()) };
            self.shape.store(item, &mut place);
            list.set_len(i + 1);
        }
        list.obj().as_ptr()
    }
}

/// A descriptor of values whose parts lie there (D2).
pub(crate) fn describe(places: &Places) -> &'static ValueDesc {
    let refs: &'static [u32] = Box::leak(places.refs[..places.n_refs].into());
    Box::leak(Box::new(ValueDesc {
        size: places.size,
        align: places.align,
        n_refs: places.n_refs as u32,
        reserved: 0,
        ref_offsets: refs.as_ptr(),
    }))
}

/// The object of a reference that is not null.
fn object_of(from: &mut Reader<'_>) -> Obj {
    let address = from.take::<*mut u8>();
    // SAFETY: a reference in a living value.
    let obj = unsafe { Obj::from_raw(address) };
    obj.expect("I: a reference outside of an option is not null")
}

/// The first that does not fit, with its position.
fn each<'a>(all: impl Iterator<Item = (&'a Shape, &'a Json)>) -> Result<(), String> {
    for (i, (shape, value)) in all.enumerate() {
        shape.check(value).map_err(|why| format!("element {i}: {why}"))?;
    }
    Ok(())
}

fn whole(n: &serde_json::Number) -> Option<i128> {
    n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from))
}

fn text(value: &Json) -> &str {
    value.as_str().expect("D3: a string")
}

fn name_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "true or false",
        Json::Number(n) if whole(n).is_some() => "a whole number",
        Json::Number(_) => "a number with a fraction",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "a table",
    }
}
