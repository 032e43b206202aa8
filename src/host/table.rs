//! The import table: every symbol that generated code may ask for, with its address.
//!
//! A test compares the list with the compiler's host table: same names, same parameters.

#![allow(clippy::wildcard_imports, reason = "the table lists everything that these modules export")]

use super::channel::{self, *};
use super::imports::*;
use super::io;
use super::net::{self, *};
use super::object::{TypeDesc, ValueDesc};
use super::op::OpEntry;
use super::task::{self, *};
use super::time::{self, *};
use vitte_abi::vt_ctx;

/// What a parameter or result is for the C calling convention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scalar {
    /// An integer of at most 32 bits.
    Small,
    /// A 64-bit integer.
    I64,
    /// A float.
    F32,
    /// A double.
    F64,
    /// An address.
    Ptr,
}

/// A Rust type that travels as one scalar.
pub(crate) trait IsScalar {
    /// Which.
    const SCALAR: Scalar;
}

macro_rules! scalars {
    ($($ty:ty => $scalar:ident),* $(,)?) => {$(
        impl IsScalar for $ty {
            const SCALAR: Scalar = Scalar::$scalar;
        }
    )*};
}
scalars! {
    u8 => Small, i32 => Small, u32 => Small, i64 => I64, f32 => F32, f64 => F64,
    *mut u8 => Ptr, *mut i64 => Ptr, *mut f64 => Ptr, *const TypeDesc => Ptr, *const ValueDesc => Ptr,
}

/// Result of an import.
trait IsResult {
    const RESULT: Option<Scalar>;
}

impl IsResult for () {
    const RESULT: Option<Scalar> = None;
}

impl<T: IsScalar> IsResult for T {
    const RESULT: Option<Scalar> = Some(T::SCALAR);
}

/// A host function that generated code may call.
#[derive(Clone, Debug)]
pub struct ImportEntry {
    /// Symbol.
    pub symbol: &'static str,
    /// Address.
    pub address: *const u8,
    /// Parameters after the context.
    pub params: Vec<Scalar>,
    /// Result.
    pub result: Option<Scalar>,
}

/// A function type whose signature can be read.
trait Import {
    fn entry(self, symbol: &'static str) -> ImportEntry;
}

macro_rules! import_types {
    ($(($($arg:ident),*))*) => {$(
        impl<R: IsResult, $($arg: IsScalar),*> Import
            for unsafe extern "C" fn(*mut vt_ctx, $($arg),*) -> R
        {
            fn entry(self, symbol: &'static str) -> ImportEntry {
                let params = vec![$($arg::SCALAR),*];
                ImportEntry { symbol, address: self as *const u8, params, result: R::RESULT }
            }
        }
    )*};
}
import_types! { () (A) (A, B) (A, B, C) (A, B, C, D) }

macro_rules! entries {
    ($($name:ident($($arg:ty),*) $(-> $result:ty)?;)*) => {
        vec![$({
            let function: unsafe extern "C" fn(*mut vt_ctx, $($arg),*) $(-> $result)? = $name;
            function.entry(stringify!($name))
        }),*]
    };
}

type Obj = *mut u8;
type Desc = *const TypeDesc;

/// Every import.
pub fn imports() -> Vec<ImportEntry> {
    entries! {
        vitte_retain(Obj);
        vitte_release(Obj);
        vitte_new(Desc) -> Obj;
        vitte_cross(Obj, *const ValueDesc) -> u8;
        vitte_str_concat(Obj, Obj) -> Obj;
        vitte_str_eq(Obj, Obj) -> u8;
        vitte_str_cmp(Obj, Obj) -> i32;
        vitte_str_slice_check(Obj, i64, i64) -> u32;
        vitte_str_slice(Obj, i64, i64) -> Obj;
        vitte_str_append(Obj, Obj) -> Obj;
        vitte_str_contains(Obj, Obj) -> u8;
        vitte_str_starts_with(Obj, Obj) -> u8;
        vitte_str_ends_with(Obj, Obj) -> u8;
        vitte_str_find(Obj, Obj) -> i64;
        vitte_str_char_at(Obj, i64) -> i64;
        vitte_str_split(Obj, Obj, Desc) -> Obj;
        vitte_str_lines(Obj, Desc) -> Obj;
        vitte_str_trim(Obj) -> Obj;
        vitte_str_to_upper(Obj) -> Obj;
        vitte_str_to_lower(Obj) -> Obj;
        vitte_str_replace(Obj, Obj, Obj) -> Obj;
        vitte_str_repeat(Obj, i64) -> Obj;
        vitte_str_chars(Obj, Desc) -> Obj;
        vitte_str_to_bytes(Obj, Desc) -> Obj;
        vitte_str_join(Obj, Obj) -> Obj;
        vitte_str_from_bytes(Obj) -> Obj;
        vitte_str_from_int(i64) -> Obj;
        vitte_str_from_uint(i64) -> Obj;
        vitte_str_from_f32(f32) -> Obj;
        vitte_str_from_f64(f64) -> Obj;
        vitte_str_from_bool(u32) -> Obj;
        vitte_str_from_char(u32) -> Obj;
        vitte_str_to_int(Obj, *mut i64) -> u8;
        vitte_str_to_float(Obj, *mut f64) -> u8;
        vitte_print(Obj);
        vitte_println(Obj);
        vitte_eprint(Obj);
        vitte_eprintln(Obj);
        vitte_list_new(Desc, i64) -> Obj;
        vitte_list_own(Obj, i64) -> Obj;
        vitte_list_push(Obj) -> Obj;
        vitte_list_insert(Obj, i64) -> Obj;
        vitte_list_remove(Obj, i64);
        vitte_list_concat(Obj, Obj) -> Obj;
        vitte_list_slice(Obj, i64, i64) -> Obj;
        vitte_list_truncate(Obj, i64);
        vitte_list_reverse(Obj);
        vitte_list_sort(Obj, u32);
        vitte_fmod(f64, f64) -> f64;
        vitte_spawn(Obj, Desc, u32) -> Obj;
        vitte_scope_new(Desc) -> Obj;
        vitte_scope_spawn(Obj, Obj, Desc) -> Obj;
        vitte_scope_cancel(Obj);
        vitte_task_cancel(Obj);
        vitte_task_state(Obj) -> i32;
        vitte_channel_new(Desc, i64) -> Obj;
        vitte_channel_close(Obj);
        vitte_channel_len(Obj) -> i64;
        vitte_handle_close(Obj);
        vitte_listener_port(Obj) -> i64;
        vitte_local_address(Obj) -> Obj;
        vitte_peer_address(Obj) -> Obj;
        vitte_now_ms() -> i64;
        vitte_monotonic_ns() -> i64;
        vitte_args(Desc) -> Obj;
    }
}

/// Every operation.
pub fn operations() -> Vec<OpEntry> {
    [task::table(), time::table(), channel::table(), net::table(), io::table()].concat()
}

#[cfg(all(test, feature = "vitte"))]
mod tests {
    use super::Scalar;
    use vitte_lowering::build::host_table::{HostTy, IMPORTS, OPS};

    fn scalar(ty: HostTy) -> Scalar {
        match ty {
            HostTy::Bool | HostTy::I8 | HostTy::I32 => Scalar::Small,
            HostTy::I64 => Scalar::I64,
            HostTy::F32 => Scalar::F32,
            HostTy::F64 => Scalar::F64,
            HostTy::Ptr | HostTy::Str | HostTy::T => Scalar::Ptr,
        }
    }

    fn scalars(params: &[(&str, HostTy)]) -> Vec<Scalar> {
        params.iter().map(|(_, ty)| scalar(*ty)).collect()
    }

    #[test]
    fn every_import_of_the_compiler_is_here_with_its_signature() {
        let ours = super::imports();
        for spec in IMPORTS {
            let entry = ours.iter().find(|e| e.symbol == spec.symbol);
            let entry = entry.unwrap_or_else(|| panic!("{} is not implemented", spec.symbol));
            assert_eq!(entry.params, scalars(spec.params), "{}", spec.symbol);
            assert_eq!(entry.result, spec.result.map(scalar), "{}", spec.symbol);
        }
        assert_eq!(ours.len(), IMPORTS.len(), "an import that the compiler does not know");
    }

    #[test]
    fn every_operation_of_the_compiler_is_here_with_its_parameters() {
        let ours = super::operations();
        for spec in OPS {
            let entry = ours.iter().find(|e| e.symbol == spec.symbol);
            let entry = entry.unwrap_or_else(|| panic!("{} is not implemented", spec.symbol));
            assert_eq!(entry.params, scalars(spec.params), "{}", spec.symbol);
            assert!(entry.align <= 8 && entry.size % 8 == 0, "{entry:?}");
        }
        assert_eq!(ours.len(), OPS.len(), "an operation that the compiler does not know");
    }
}
