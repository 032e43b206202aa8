//! The vocabulary of the Vitte host: every import and every host operation that generated code
//! names, in one table.
//!
//! In: nothing. Out: [`IMPORTS`] and [`OPS`], which `build` turns into entries of the module and
//! `src/host` of the façade implements; a test there proves that both sides agree.
//!
//! # Conventions
//!
//! * Objects look as the table of object layouts in [`super::layout`] says: a 16-byte header
//!   {count i64, `*const TypeDesc`}, then the payload. A count of 2^62 or more means immortal.
//! * Imports *borrow* the references they are given and hand out owned ones, unless the contract
//!   says "takes" (the callee releases it) or "borrowed" (the result is not counted).
//! * No import faults. One that can fail answers null (memory is short) or a fault code (0 is
//!   success), and the generated code raises the fault, because it knows the source position.
//! * `Ptr` stands for a reference of any class, or for the address of a value or descriptor.
//!   Parameters whose address is passed are only read or written during the call.
//! * Booleans are `I8`/`Bool` 0 or 1. Strings are UTF-8.
//!
//! # Storage of an operation
//!
//! ```text
//! 0                         R = fixed size rounded up to 8
//! ├ the host's future ──────┼ variable area: max(results, value parameter) bytes ┤
//! ```
//!
//! The results lie at R in sequence. What stands before a [`HostTy::T`] fills a multiple of 8 bytes, so
//! that its parts lie as its `ValueDesc` says (hence the `I64` tag of `recv`). Where the signature has [`HostTy::T`] the area has the size of
//! that instance; the operation knows it from the descriptor of the object it works on. An operation
//! may keep a value parameter in the variable area until it has been taken.
//!
//! Operations borrow the references they are given: the awaiting frame keeps them until the
//! operation is finished. A cancelled operation leaves no trace.

use std::collections::BTreeMap;

/// Type of a parameter or result of the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HostTy {
    /// Truth value.
    Bool,
    /// 8-bit integer; as a result before others often the tag of an option or result.
    I8,
    /// 32-bit integer, also `char`.
    I32,
    /// 64-bit integer, also `int` and `usize`.
    I64,
    /// Single.
    F32,
    /// Double.
    F64,
    /// Address, or a reference of any class.
    Ptr,
    /// Reference to a string.
    Str,
    /// The flattened parts of the element type. As a parameter: by address, moved from.
    T,
}

/// A synchronous import.
#[derive(Clone, Copy, Debug)]
pub struct ImportSpec {
    /// Symbol.
    pub symbol: &'static str,
    /// Parameters after the context.
    pub params: &'static [(&'static str, HostTy)],
    /// Result, if any.
    pub result: Option<HostTy>,
    /// What it does.
    pub contract: &'static str,
}

/// An asynchronous operation.
#[derive(Clone, Copy, Debug)]
pub struct OpSpec {
    /// Symbol prefix: `{symbol}_start` and `{symbol}_poll`.
    pub symbol: &'static str,
    /// Name in dumps and suspend states.
    pub name: &'static str,
    /// Parameters after context and storage.
    pub params: &'static [(&'static str, HostTy)],
    /// Results in sequence.
    pub results: &'static [HostTy],
    /// What it does.
    pub contract: &'static str,
}

/// Fault codes of Vitte, above those of the ABI.
pub mod fault {
    /// A slice does not begin and end at character boundaries; the payload is the offset.
    pub const BOUNDARY: u32 = vitte_abi::fault_code::FIRST_FRONTEND;
    /// `unreachable` was reached.
    pub const UNREACHABLE: u32 = BOUNDARY + 1;
    /// A null option was unwrapped; the payload is 0.
    pub const NULL: u32 = BOUNDARY + 2;
    /// No arm of a `match` fits.
    pub const NO_ARM: u32 = BOUNDARY + 3;
    /// A shift count is negative or not below the width; the payload is the count.
    pub const SHIFT: u32 = BOUNDARY + 4;
    /// An integer that is no character; the payload is the integer.
    pub const CHAR: u32 = BOUNDARY + 5;
    /// A negative count or capacity; the payload is the count.
    pub const NEGATIVE: u32 = BOUNDARY + 6;
}

/// `flags` of `vitte_spawn`: the spawner does not wait for the task.
pub const SPAWN_DETACHED: u32 = 1;

/// Final states of a task as `vitte_task_await` answers them.
pub mod task_end {
    /// The result is there.
    pub const OK: u32 = 0;
    /// It panicked: message and place are there.
    pub const PANICKED: u32 = 1;
    /// It was cancelled.
    pub const CANCELLED: u32 = 2;
}

/// `kind` of `vitte_list_sort`: how elements compare; their width is in the descriptor.
pub mod sort_kind {
    /// Signed integers.
    pub const SIGNED: u32 = 0;
    /// Unsigned integers, characters, truth values.
    pub const UNSIGNED: u32 = 1;
    /// Floats, in their total order.
    pub const FLOAT: u32 = 2;
    /// Strings, by bytes.
    pub const STRING: u32 = 3;
}

use HostTy::{Bool, F32, F64, I8, I32, I64, Ptr, Str, T};

const fn import(
    symbol: &'static str,
    params: &'static [(&'static str, HostTy)],
    result: Option<HostTy>,
    contract: &'static str,
) -> ImportSpec {
    ImportSpec { symbol, params, result, contract }
}

/// Every import, in the order in which dumps list them.
#[rustfmt::skip]
pub static IMPORTS: &[ImportSpec] = &[
    // ---- objects ----
    import("vitte_retain", &[("object", Ptr)], None, "Adds one to the count; null and immortal objects are left alone. Dispatches on the descriptor's kind: counts of tasks, channels and handles are atomic."),
    import("vitte_release", &[("object", Ptr)], None, "Takes one off the count and frees, iteratively, whatever reaches zero; null and immortal objects are left alone."),
    import("vitte_new", &[("desc", Ptr)], Some(Ptr), "Allocates a form or pick of `desc.size` bytes, zeroed after the header, with count 1. Null: memory is short."),
    import("vitte_cross", &[("value", Ptr), ("desc", Ptr)], Some(Bool), "Makes the value at `value` (described by a ValueDesc) ready to cross to another task: left alone if everything reachable is unique, else replaced by a deep copy (sharing and cycles kept) and the original released. False: memory is short, nothing has changed."),
    // ---- strings ----
    import("vitte_str_concat", &[("a", Str), ("b", Str)], Some(Str), "A new string. Null: memory is short."),
    import("vitte_str_eq", &[("a", Str), ("b", Str)], Some(Bool), "Whether the bytes are equal."),
    import("vitte_str_cmp", &[("a", Str), ("b", Str)], Some(I32), "-1, 0 or 1 by bytes."),
    import("vitte_str_slice_check", &[("s", Str), ("from", I64), ("to", I64)], Some(I32), "0, or the fault code: BOUNDS unless 0 <= from <= to <= len, BOUNDARY off a character boundary."),
    import("vitte_str_slice", &[("s", Str), ("from", I64), ("to", I64)], Some(Str), "The bytes from..to as a new string; the range has been checked. Null: memory is short."),
    import("vitte_str_append", &[("a", Str), ("b", Str)], Some(Str), "As `vitte_str_concat`, in place if `a` is unique and has room. Takes `a` on success. `b` may be `a`. Null: memory is short, nothing has changed."),
    import("vitte_str_contains", &[("s", Str), ("part", Str)], Some(Bool), "Whether `part` occurs in `s`."),
    import("vitte_str_starts_with", &[("s", Str), ("part", Str)], Some(Bool), "Whether `s` begins with `part`."),
    import("vitte_str_ends_with", &[("s", Str), ("part", Str)], Some(Bool), "Whether `s` ends with `part`."),
    import("vitte_str_find", &[("s", Str), ("part", Str)], Some(I64), "Offset of the first occurrence, or -1."),
    import("vitte_str_char_at", &[("s", Str), ("at", I64)], Some(I64), "The character that begins at a byte; -1: out of range; -2: not at a boundary."),
    import("vitte_str_split", &[("s", Str), ("separator", Str), ("desc", Ptr)], Some(Ptr), "A list of strings (`desc`): the parts between separators, or each character if it is empty. Null: memory is short."),
    import("vitte_str_lines", &[("s", Str), ("desc", Ptr)], Some(Ptr), "A list of strings (`desc`): the lines without their breaks. Null: memory is short."),
    import("vitte_str_trim", &[("s", Str)], Some(Str), "Without white space at both ends. Null: memory is short."),
    import("vitte_str_to_upper", &[("s", Str)], Some(Str), "In upper case. Null: memory is short."),
    import("vitte_str_to_lower", &[("s", Str)], Some(Str), "In lower case. Null: memory is short."),
    import("vitte_str_replace", &[("s", Str), ("from", Str), ("to", Str)], Some(Str), "Each occurrence of `from` by `to`. Null: memory is short."),
    import("vitte_str_repeat", &[("s", Str), ("n", I64)], Some(Str), "`n` times; none if negative. Null: memory is short."),
    import("vitte_str_chars", &[("s", Str), ("desc", Ptr)], Some(Ptr), "A list of characters (`desc`). Null: memory is short."),
    import("vitte_str_to_bytes", &[("s", Str), ("desc", Ptr)], Some(Ptr), "A list of bytes (`desc`). Null: memory is short."),
    import("vitte_str_join", &[("list", Ptr), ("separator", Str)], Some(Str), "The strings of a list with a separator between. Null: memory is short."),
    import("vitte_str_from_bytes", &[("list", Ptr)], Some(Str), "A list of bytes as UTF-8, with U+FFFD where it is none. Null: memory is short."),
    import("vitte_str_from_int", &[("n", I64)], Some(Str), "Decimal. Null: memory is short."),
    import("vitte_str_from_uint", &[("n", I64)], Some(Str), "Decimal of the bits read as unsigned. Null: memory is short."),
    import("vitte_str_from_f32", &[("x", F32)], Some(Str), "Shortest text that reads back as the same `f32`, with a fraction (`1.0`). Null: memory is short."),
    import("vitte_str_from_f64", &[("x", F64)], Some(Str), "Shortest text that reads back as the same `f64`, with a fraction (`1.0`). Null: memory is short."),
    import("vitte_str_from_bool", &[("b", Bool)], Some(Str), "`true` or `false`."),
    import("vitte_str_from_char", &[("c", I32)], Some(Str), "One character. Null: memory is short."),
    import("vitte_str_to_int", &[("s", Str), ("out", Ptr)], Some(Bool), "Parses a decimal i64 (optional sign) into `*out`; false: none, or it does not fit."),
    import("vitte_str_to_float", &[("s", Str), ("out", Ptr)], Some(Bool), "Parses an f64 into `*out`; false: not a number."),
    // ---- printing ----
    import("vitte_print", &[("s", Str)], None, "Writes to stdout."),
    import("vitte_println", &[("s", Str)], None, "Writes to stdout with a line end."),
    import("vitte_eprint", &[("s", Str)], None, "Writes to stderr."),
    import("vitte_eprintln", &[("s", Str)], None, "Writes to stderr with a line end."),
    // ---- lists ----
    import("vitte_list_new", &[("desc", Ptr), ("capacity", I64)], Some(Ptr), "An empty list of count 1 with room for `capacity` elements. Null: memory is short."),
    import("vitte_list_own", &[("list", Ptr), ("extra", I64)], Some(Ptr), "A list that may be changed in place of `list`, with room for `extra` more elements: the list itself if it is unique, else a copy of count 1 (elements retained) and `list` is released. Takes `list` on success. Null: memory is short, nothing has changed."),
    import("vitte_list_push", &[("list", Ptr)], Some(Ptr), "Makes the list one element longer and answers the address of the new element, whose bytes are zero and which the caller fills at once. Null: memory is short, the list is unchanged."),
    import("vitte_list_insert", &[("list", Ptr), ("index", I64)], Some(Ptr), "As `vitte_list_push`, before the element at `index`, which is at most the length."),
    import("vitte_list_remove", &[("list", Ptr), ("index", I64)], None, "Closes the gap of the element at `index`, which the caller has taken out."),
    import("vitte_list_concat", &[("a", Ptr), ("b", Ptr)], Some(Ptr), "Appends the elements of `b` (retained) to `a`: in place if it is unique, else to a copy of count 1, and `a` is released. Takes `a` on success. `b` may be `a`. Null: memory is short, nothing has changed."),
    import("vitte_list_slice", &[("list", Ptr), ("from", I64), ("to", I64)], Some(Ptr), "A new list of the elements from..to, which has been checked. Null: memory is short."),
    import("vitte_list_truncate", &[("list", Ptr), ("length", I64)], None, "Drops the elements from `length` on; no effect on a shorter list."),
    import("vitte_list_reverse", &[("list", Ptr)], None, "Reverses in place."),
    import("vitte_list_sort", &[("list", Ptr), ("kind", I32)], None, "Sorts in place, stable, ascending; see [`sort_kind`]."),
    // ---- arithmetic ----
    import("vitte_fmod", &[("a", F64), ("b", F64)], Some(F64), "Remainder of the truncated quotient (C `fmod`)."),
    // ---- tasks ----
    import("vitte_spawn", &[("frame", Ptr), ("desc", Ptr), ("flags", I32)], Some(Ptr), "Takes a frame made by `Box` with kind Task and submits it as a task; `desc` is the TypeDesc of `Task[T]`, whose `elem` describes the result. Answers the handle. Unless SPAWN_DETACHED, the task is a child of the spawner. When the task ends, the host crosses the result (`vitte_cross`). Null: memory is short, the frame has been dropped."),
    import("vitte_scope_new", &[("desc", Ptr)], Some(Ptr), "A task scope. Null: memory is short."),
    import("vitte_scope_spawn", &[("scope", Ptr), ("frame", Ptr), ("desc", Ptr)], Some(Ptr), "As `vitte_spawn`, as a child of the scope; the first child that fails cancels its siblings."),
    import("vitte_scope_cancel", &[("scope", Ptr)], None, "Asks every child of the scope to cancel."),
    import("vitte_task_cancel", &[("task", Ptr)], None, "Asks the task to cancel."),
    import("vitte_task_state", &[("task", Ptr)], Some(I32), "Tag of `TaskState`: 0 running (or not begun), 1 done, 2 failed, 3 cancelled."),
    // ---- channels ----
    import("vitte_channel_new", &[("desc", Ptr), ("capacity", I64)], Some(Ptr), "A channel; `desc` is the TypeDesc of `Channel[T]`; a capacity of 0 is unbounded, it is not negative. Null: memory is short."),
    import("vitte_channel_close", &[("channel", Ptr)], None, "Closes the channel: sends fail, receives drain what is left."),
    import("vitte_channel_len", &[("channel", Ptr)], Some(I64), "Number of values waiting."),
    // ---- sockets ----
    import("vitte_handle_close", &[("handle", Ptr)], None, "Closes a listener or stream (both directions); further operations on it fail."),
    import("vitte_listener_port", &[("listener", Ptr)], Some(I64), "Port the listener is bound to."),
    import("vitte_local_address", &[("handle", Ptr)], Some(Str), "Local `host:port` of a listener or stream. Null: memory is short."),
    import("vitte_peer_address", &[("stream", Ptr)], Some(Str), "Peer's `host:port`. Null: memory is short."),
    // ---- the world ----
    import("vitte_now_ms", &[], Some(I64), "Milliseconds since 1970; virtual in seeded runs."),
    import("vitte_monotonic_ns", &[], Some(I64), "Nanoseconds of a clock that never goes back; virtual in seeded runs."),
    import("vitte_args", &[("desc", Ptr)], Some(Ptr), "The program's arguments as a list of strings; `desc` is the TypeDesc of that list. Null: memory is short."),
];

const fn op(
    symbol: &'static str,
    name: &'static str,
    params: &'static [(&'static str, HostTy)],
    results: &'static [HostTy],
    contract: &'static str,
) -> OpSpec {
    OpSpec { symbol, name, params, results, contract }
}

/// Every operation, in the order in which dumps list them.
#[rustfmt::skip]
pub static OPS: &[OpSpec] = &[
    op("vitte_op_sleep", "sleep", &[("ms", I64)], &[], "Done after so many milliseconds; 0 or less suspends once."),
    op("vitte_op_task_await", "task", &[("task", Ptr)], &[I8, Str, Str, T], "Waits for the task: (end, message, place, result). `end` is one of `task_end`; message and place (`file:line:column`) are null unless it panicked; the result is zero unless it is OK. Every await gets a result of its own: the last user's is moved out, others are deep copies."),
    op("vitte_op_children_wait", "children", &[("cancel", Bool)], &[], "Waits for all children that the current task spawned (detached ones and those of scopes excepted); if `cancel`, asks them to cancel first."),
    op("vitte_op_scope_wait", "task_scope", &[("scope", Ptr)], &[], "Waits for all children of the scope."),
    op("vitte_op_channel_send", "send", &[("channel", Ptr), ("value", T)], &[I8, I32], "Sends the value, which it owns from its start and which it crosses (`vitte_cross`): (0, 0) sent; (1, 0) closed, the value has been dropped."),
    op("vitte_op_channel_recv", "recv", &[("channel", Ptr)], &[I64, T], "Receives: (1, value), or (0, zero) once closed and drained. Cancelled after it was handed a value it puts it back in front."),
    op("vitte_op_tcp_listen", "tcp_listen", &[("address", Str), ("desc", Ptr)], &[I8, Ptr, Str], "Binds and listens: (0, listener, null) or (1, null, message); `desc` is the TypeDesc of the handle."),
    op("vitte_op_tcp_accept", "accept", &[("listener", Ptr), ("desc", Ptr)], &[I8, Ptr, Str], "Accepts: (0, stream, null) or (1, null, message); `desc` is the TypeDesc of the stream."),
    op("vitte_op_tcp_connect", "tcp_connect", &[("address", Str), ("desc", Ptr)], &[I8, Ptr, Str], "Connects: (0, stream, null) or (1, null, message); `desc` is the TypeDesc of the stream."),
    op("vitte_op_tcp_read", "read", &[("stream", Ptr), ("max", I64)], &[I8, Str, Str], "Reads at most `max` bytes, an empty text at the end: (0, text, null) or (1, null, message). A character cut in two is kept for the next read; bytes that are no UTF-8 become U+FFFD."),
    op("vitte_op_tcp_write", "write", &[("stream", Ptr), ("text", Str)], &[I8, I64, Str], "Writes everything: (0, bytes, null) or (1, 0, message)."),
    op("vitte_op_read_line", "read_line", &[], &[I8, Str], "A line of stdin without its break: (1, line), or (0, null) at the end of input."),
    op("vitte_op_read_file", "read_file", &[("path", Str)], &[I8, Str, Str], "Reads a whole text file: (0, text, null) or (1, null, message)."),
    op("vitte_op_write_file", "write_file", &[("path", Str), ("text", Str)], &[I8, I64, Str], "Replaces a file: (0, bytes, null) or (1, 0, message)."),
];

/// Finds an import by symbol.
pub fn find_import(symbol: &str) -> Option<&'static ImportSpec> {
    IMPORTS.iter().find(|i| i.symbol == symbol)
}

/// Finds an operation by symbol prefix.
pub fn find_op(symbol: &str) -> Option<&'static OpSpec> {
    OPS.iter().find(|o| o.symbol == symbol)
}

/// Fixed size and alignment of each operation's storage, as the host gives them.
///
/// # Examples
///
/// ```
/// use vitte_lowering::build::OpSizes;
/// let mut sizes = OpSizes::default();
/// sizes.set("vitte_op_sleep", 24, 8);
/// assert_eq!(sizes.get("vitte_op_sleep"), (24, 8));
/// assert_eq!(sizes.get("vitte_op_tcp_read"), OpSizes::DEFAULT);
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpSizes {
    sizes: BTreeMap<String, (u32, u32)>,
}

impl OpSizes {
    /// Size and alignment of an operation that the host said nothing about.
    pub const DEFAULT: (u32, u32) = (64, 8);

    /// Sets the fixed part of an operation's storage: bytes and alignment (at most 8 is usual).
    pub fn set(&mut self, symbol: &str, size: u32, align: u32) {
        self.sizes.insert(symbol.to_owned(), (size, align));
    }

    /// Bytes and alignment of the fixed part.
    pub fn get(&self, symbol: &str) -> (u32, u32) {
        self.sizes.get(symbol).copied().unwrap_or(Self::DEFAULT)
    }

    /// Offset of the variable area: the fixed size rounded up to 8.
    pub fn result_offset(&self, symbol: &str) -> u32 {
        self.get(symbol).0.next_multiple_of(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn symbols_are_unique_and_contracts_written() {
        let mut seen = BTreeSet::new();
        for i in IMPORTS {
            assert!(seen.insert(i.symbol), "{} twice", i.symbol);
            assert!(!i.contract.is_empty() && i.result != Some(HostTy::T), "{}", i.symbol);
        }
        for o in OPS {
            assert!(seen.insert(o.symbol), "{} twice", o.symbol);
            assert!(!o.contract.is_empty() && !o.name.is_empty(), "{}", o.symbol);
            let n_values = o.params.iter().filter(|(_, t)| *t == HostTy::T).count();
            assert!(n_values <= 1, "{}: one value parameter at most", o.symbol);
        }
    }
}
