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
//!
//! Forms, picks and handles do not cross.
//!
//! * **D1** A shape writes exactly the parts that its `parts` say, in order, and reads as many.
//! * **D2** Descriptors are made once per shape and live as long as the program: objects name them.
//! * **D3** `store` is called with values that `check` accepted.

use super::list::List;
use super::object::{Obj, TypeDesc, ValueDesc, kind};
use super::string::{self, Str};
use crate::__private::{Parts, Places, Reader, Writer};
use serde_json::{Value as Json, json};
use std::ptr::null;
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

impl Shape {
    /// The shape of a type.
    ///
    /// # Errors
    ///
    /// The name of a type that does not cross, or is too large to.
    pub(crate) fn new(types: &Types, ty: TyId) -> Result<Self, String> {
        let shape = match types.kind(ty) {
            TyKind::Unit => Shape::Unit,
            TyKind::Bool => Shape::Bool,
            TyKind::Char => Shape::Char,
            TyKind::String => Shape::String,
            TyKind::Int(int) => Shape::Int(*int),
            TyKind::F32 => Shape::F32,
            TyKind::F64 => Shape::F64,
            TyKind::List(item) => Shape::list(types, *item, None)?,
            TyKind::Array(item, n) => Shape::list(types, *item, Some(*n))?,
            TyKind::Tuple(all) => {
                let all = all.iter().map(|&t| Shape::new(types, t));
                Shape::Tuple(all.collect::<Result<_, _>>()?)
            }
            TyKind::Option(inner) => Shape::Option(Box::new(Shape::new(types, *inner)?)),
            TyKind::Result(ok, err) => {
                let (ok, err) = (Shape::new(types, *ok)?, Shape::new(types, *err)?);
                Shape::Result(Box::new(ok), Box::new(err))
            }
            _ => return Err(types.name(ty)),
        };
        if shape.n_parts() > crate::__private::MAX_PARTS { Err(types.name(ty)) } else { Ok(shape) }
    }

    fn list(types: &Types, item: TyId, len: Option<u64>) -> Result<Self, String> {
        let shape = Shape::new(types, item)?;
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
            Shape::Char | Shape::F32 => Parts::one(4, false),
            Shape::Int(int) => Parts::one(int.bits() as usize / 8, false),
            Shape::F64 => Parts::one(8, false),
            Shape::String | Shape::List(_) => Parts::one(8, true),
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
        }
    }
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
