//! Typed indices and the vectors they index.
//!
//! Every entity is a `u32` newtype. Its printed prefix is the prefix the text form parses:
//! `v7 block3 slot1 sp0 fn2 imp4 op1 ty5 class0 data9 file0`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// An index into one kind of table.
pub trait EntityRef: Copy + Eq + Ord + fmt::Debug + fmt::Display {
    /// The entity with this index.
    fn new(index: usize) -> Self;
    /// Its index.
    fn index(self) -> usize;
}

macro_rules! entities {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// Printed and parsed prefix.
            pub const PREFIX: &'static str = $prefix;

            /// The entity with this number.
            pub const fn from_u32(n: u32) -> Self {
                Self(n)
            }
            /// Its number.
            pub const fn as_u32(self) -> u32 {
                self.0
            }
        }

        impl EntityRef for $name {
            fn new(index: usize) -> Self {
                Self(u32::try_from(index).expect("I: fewer than 2^32 entities of a kind"))
            }
            fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

entities! {
    /// An SSA value.
    Value = "v";
    /// A basic block.
    Block = "block";
    /// An instruction.
    Inst = "inst";
    /// A slot: a local with an address, several fields or an owner.
    Slot = "slot";
    /// A suspend point.
    Suspend = "sp";
    /// A function of the module.
    Func = "fn";
    /// A synchronous host function.
    Import = "imp";
    /// An asynchronous host operation.
    HostOp = "op";
    /// A structure type.
    Struct = "ty";
    /// A class of counted references.
    Class = "class";
    /// A static data object.
    Data = "data";
    /// A source file.
    File = "file";
}

/// A vector indexed by one kind of entity, which it hands out in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EntityVec<K, T> {
    items: Vec<T>,
    key: PhantomData<K>,
}

impl<K, T> Default for EntityVec<K, T> {
    fn default() -> Self {
        Self { items: Vec::new(), key: PhantomData }
    }
}

impl<K: EntityRef, T> EntityVec<K, T> {
    /// An empty vector.
    pub fn new() -> Self {
        Self::default()
    }
    /// Adds an item and hands out its entity.
    pub fn push(&mut self, item: T) -> K {
        let key = K::new(self.items.len());
        self.items.push(item);
        key
    }
    /// The entity that the next `push` will hand out.
    pub fn next_key(&self) -> K {
        K::new(self.items.len())
    }
    /// The item, or `None` if there is no such entity.
    pub fn get(&self, key: K) -> Option<&T> {
        self.items.get(key.index())
    }
    /// The item, or `None` if there is no such entity.
    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        self.items.get_mut(key.index())
    }
    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// All entities, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator + use<K, T> {
        (0..self.items.len()).map(K::new)
    }
    /// All items, in order.
    pub fn values(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }
    /// All items, in order.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }
    /// All pairs, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (K, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(i, t)| (K::new(i), t))
    }
    /// All pairs, in order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.items.iter_mut().enumerate().map(|(i, t)| (K::new(i), t))
    }
}

impl<K: EntityRef, T> Index<K> for EntityVec<K, T> {
    type Output = T;
    fn index(&self, key: K) -> &T {
        &self.items[key.index()]
    }
}

impl<K: EntityRef, T> IndexMut<K> for EntityVec<K, T> {
    fn index_mut(&mut self, key: K) -> &mut T {
        &mut self.items[key.index()]
    }
}

impl<K: EntityRef, T> FromIterator<T> for EntityVec<K, T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self { items: iter.into_iter().collect(), key: PhantomData }
    }
}
