//! Static descriptions that a compiled coroutine carries: machine, sites, states, spans.

use crate::ctx::{vt_ctx, vt_resume};
use core::ffi::c_void;

/// `vt_site.offset` of a child that is not inside its parent: the parent is in the [`vt_prefix`].
pub const VT_ARENA: u32 = u32::MAX;
/// `alloc_frame`: a frame of the task's arena (recursive callee, boxed future).
pub const VT_FRAME_ARENA: u32 = 0;
/// `alloc_frame`: the root frame of a new task, in one allocation with its cell.
pub const VT_FRAME_TASK: u32 = 1;

/// Where a child frame returns to; static data of the awaiting machine.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_site {
    /// Resume function of the awaiter.
    pub resume: vt_resume,
    /// The awaiter's frame is at child − `offset`; or [`VT_ARENA`].
    pub offset: u32,
    /// State of the awaiter (3 + i), for dumps.
    pub state: u32,
    /// The awaiter, for dumps; null if unknown.
    pub machine: *const vt_machine,
}

/// The 24 bytes before a frame that was allocated on its own. Of the root of a task only `machine`
/// and `link` need exist.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_prefix {
    /// The awaiting frame, or null.
    pub parent: *mut u8,
    /// What the frame is.
    pub machine: *const vt_machine,
    /// Where the frame returns to; null while nobody awaits it.
    pub link: *const vt_site,
}

/// A source position.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_span {
    /// UTF-8 path, not terminated.
    pub file: *const u8,
    /// Bytes of `file`.
    pub file_len: u32,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// Column in characters, from 1; 0 if unknown.
    pub column: u32,
    /// Zero.
    pub reserved: u32,
}

/// What a suspended coroutine awaits: the one thing of an await, or a branch of a join or select.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_awaitee {
    /// The coroutine, or null: then it is an operation, or a boxed future, whose frame says what it is.
    pub machine: *const vt_machine,
    /// UTF-8 name of the operation, not terminated; null if it is none.
    pub name: *const u8,
    /// Bytes of `name`.
    pub name_len: u32,
    /// Of a branch: offset of its outermost frame or its operation's storage in the awaiter's frame;
    /// [`VT_ARENA`] for a boxed future, and in an await.
    pub offset: u32,
    /// Of a branch: offset of its record in the awaiter's frame.
    pub record: u32,
    /// Of a branch: bytes of its record: one of `VT_RECORD_*`, so that it is the beginning of a
    /// [`crate::vt_record`], or the [`crate::vt_leaf`] itself. 0 in an await.
    pub record_bytes: u32,
}

/// Name and place of one state.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_state {
    /// UTF-8 name, not terminated.
    pub name: *const u8,
    /// Bytes of `name`.
    pub name_len: u32,
    /// Line of the suspend point, from 1; 0 if unknown.
    pub line: u32,
    /// What is awaited, for dumps; null if unknown or nothing.
    pub awaitees: *const vt_awaitee,
    /// Number of entries of `awaitees`.
    pub n_awaitees: u32,
    /// Zero.
    pub reserved: u32,
}

/// Static description of a compiled coroutine.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct vt_machine {
    /// Resume function for every state.  offset 0
    pub resume: vt_resume,
    /// Bytes of the frame.  offset 8
    pub size: u32,
    /// Alignment of the frame, a power of two.  offset 12
    pub align: u32,
    /// Offset of the state tag.  offset 16
    pub tag_offset: u32,
    /// Bytes of the state tag: 1, 2 or 4.  offset 20
    pub tag_bytes: u32,
    /// Offset of the result, valid once DONE or ITEM was answered.  offset 24
    pub result_offset: u32,
    /// Bytes of the result.  offset 28
    pub result_bytes: u32,
    /// UTF-8 name, not terminated.  offset 32
    pub name: *const u8,
    /// Bytes of `name`.  offset 40
    pub name_len: u32,
    /// Number of entries of `states` (suspended states only: state 3 + i is entry i).  offset 44
    pub n_states: u32,
    /// Names of the suspended states.  offset 48
    pub states: *const vt_state,
    /// Hash of the layout record.  offset 56
    pub layout_hash: u64,
    /// Source file of the coroutine, for dumps.  offset 64
    pub span: *const vt_span,
    /// Free for the frontend (Vitte: descriptor of the result type).  offset 72
    pub user: *const c_void,
}

// SAFETY: all pointers of a `vt_machine` lead to immutable static data.
unsafe impl Sync for vt_machine {}
// SAFETY: as above.
unsafe impl Send for vt_machine {}

// SAFETY: the pointers of a `vt_span` lead to immutable static data.
unsafe impl Sync for vt_span {}
// SAFETY: as above.
unsafe impl Send for vt_span {}

// SAFETY: the pointers of a `vt_site` lead to immutable static data.
unsafe impl Sync for vt_site {}
// SAFETY: as above.
unsafe impl Send for vt_site {}

// SAFETY: the pointers of a `vt_awaitee` lead to immutable static data.
unsafe impl Sync for vt_awaitee {}
// SAFETY: as above.
unsafe impl Send for vt_awaitee {}

// SAFETY: the pointers of a `vt_state` lead to immutable static data.
unsafe impl Sync for vt_state {}
// SAFETY: as above.
unsafe impl Send for vt_state {}

/// Builds a host operation in `storage` from its arguments. The real function takes the
/// operation's arguments after `storage`, each in its C type; slots come by pointer and are moved
/// out of. It does not poll: the caller resumes the operation next through its `vt_resume`, which
/// answers `VT_YIELDED`, `VT_DONE` (result at the operation's result offset, future dropped),
/// `VT_FAULTED`, or, in `VT_MODE_CANCEL`, drops the future, sets the mode back and answers
/// `VT_CANCELLED`.
#[allow(non_camel_case_types, reason = "C names are the ABI")]
pub type vt_op_start = unsafe extern "C" fn(ctx: *mut vt_ctx, storage: *mut u8);

const _: () = {
    assert!(size_of::<vt_site>() == 24);
    assert!(size_of::<vt_prefix>() == 24);
    assert!(size_of::<vt_span>() == 24);
    assert!(size_of::<vt_awaitee>() == 32);
    assert!(size_of::<vt_state>() == 32);
    assert!(size_of::<vt_machine>() == 80);
};
