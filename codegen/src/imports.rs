//! The import table: host functions by name.
//!
//! A JIT-compiled module calls sync imports, `{op}_start` and `{op}_poll` of its host operations,
//! and nothing else. Their addresses come from an [`ImportTable`]; symbols of the process are not
//! looked up, so that a module can call only what its host offers.
//!
//! C types of parameters and results:
//!
//! | IR | C | Rust |
//! | --- | --- | --- |
//! | `bool` | `bool` | `bool` |
//! | `i8`, `i16` | `uint8_t`, `uint16_t` | `u8`, `u16` (signed hosts cast) |
//! | `i32`, `i64` | either signedness | either |
//! | `i128` | `__int128` | `i128` or `u128` |
//! | `f32`, `f64` | `float`, `double` | `f32`, `f64` |
//! | `ptr`, `ref(class)`, slots | pointer | pointer |
//!
//! The order of parameters and the form of the results are described at
//! [`vitte_lowering::ir::ImportData`].

use std::collections::BTreeMap;

/// An address of a host function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Address(*const u8);

// SAFETY: the address of a function may be called from every thread (contract of `register`).
unsafe impl Send for Address {}
// SAFETY: as above.
unsafe impl Sync for Address {}

/// Host functions by symbol.
#[derive(Clone, Default, Debug)]
pub struct ImportTable {
    entries: BTreeMap<String, Address>,
}

impl ImportTable {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a host function; a later registration of the same name wins.
    ///
    /// # Safety
    ///
    /// Wherever a module that is compiled with this table declares the import `name` (or a host
    /// operation with the symbol prefix of `name`), the function at `address`
    ///
    /// * has exactly the C signature of that declaration,
    /// * may be called from every thread that runs the module's code,
    /// * never unwinds,
    /// * stays at that address until the last [`crate::Code`] that was compiled with it is gone.
    pub unsafe fn register(&mut self, name: impl Into<String>, address: *const u8) -> &mut Self {
        self.entries.insert(name.into(), Address(address));
        self
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// Takes over all entries of another table; those of `other` win.
    pub fn extend(&mut self, other: &ImportTable) -> &mut Self {
        self.entries.extend(other.entries.iter().map(|(k, v)| (k.clone(), *v)));
        self
    }

    /// The address of a function, or `None` if it is not registered.
    pub fn get(&self, name: &str) -> Option<*const u8> {
        self.entries.get(name).map(|a| a.0)
    }
}
