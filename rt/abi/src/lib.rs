//! The coroutine ABI: what a suspended coroutine looks like in memory and how it is resumed.
//!
//! Everything that runs coroutines (the runtime, generated code, C callbacks, tests) agrees on this
//! crate and on nothing else. It has no dependency and knows no thread, no allocator and no I/O.
//!
//! # A frame
//!
//! A **frame** is the memory of one suspended coroutine. Child frames of known, non-recursive
//! callees lie inside it, so that a whole task is one block of memory:
//!
//! ```text
//! offset 0           16           24                    40
//!        ├ saved … ──┼ child link ┼ child's saved … tag ┼ tag ┤
//!        │           │            │                     └─ state: 0 unresumed, 1 returned,
//!        │           │            │                        2 poisoned, 3+i suspended at sp i
//!        │           │            └─ frame of the child awaited in this state
//!        │           └─ `vt_site` of the awaiter: its resume function, the child's offset in its
//!        │              frame, its state and machine; in the 8 bytes before it
//!        └─ slots and values of the state, placed by the layout
//! ```
//!
//! A frame that is allocated on its own (recursive callee, boxed future, root of a task) has a
//! [`vt_prefix`] *before* it: its parent frame, its [`vt_machine`], and its link. The outermost frame
//! of a task or of a branch is awaited by nobody: it is the `root` of the leaf, and its link, if it
//! has one, is never followed. A branch's frame has none.
//!
//! # A wake-up
//!
//! ```text
//!  waker ─► scheduler ─► vt_run(ctx, leaf)
//!                          │  leaf = {resume, frame}: the innermost suspended coroutine
//!                          ▼
//!                 leaf.resume(ctx, leaf.frame) ── YIELDED ──► back to the scheduler
//!                          │ DONE / FAULTED / CANCELLED / ITEM
//!                          ▼
//!                 link of the frame ─► parent becomes the leaf, ctx.child_status says how
//!                          └────────── and is resumed in the same loop; the root: the task is over
//! ```
//!
//! The cost of a wake-up is therefore the same at every await depth.
//!
//! # Invariants
//!
//! * **I1** At most one resume of a leaf is in progress at a time.
//! * **I2** `leaf.frame` is always the frame that would be resumed next: the innermost one that
//!   suspended, or the one that `vt_run` just popped to.
//! * **I3** A cancel is delivered by [`vt_run`] only, to a suspended leaf, once, with shield 0.
//! * **I4** Nothing touches a frame after the resume that suspended or finished it returned, until
//!   the next resume.
//! * **I5** No panic and no unwinding crosses a function of this ABI.
#![no_std]
#![allow(
    clippy::cast_ptr_alignment,
    reason = "frames are byte pointers; their alignment is in `vt_machine` and kept by `alloc_frame`"
)]

extern crate alloc;

mod branches;
mod ctx;
mod json;
mod machine;
mod record;
mod run;
mod stack;
mod status;

pub use branches::{VT_JOIN, VT_SELECT, VT_SELECT_NOW, vt_branches};
pub use ctx::{
    VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_CANCEL_TAKEN, VT_MODE_CANCEL, VT_MODE_RESUME,
    VT_RECORD_FLAGS, VT_RECORD_IS_LEAF, VT_RECORD_LEAF, VT_RECORD_SHIELD, vt_ctx, vt_fns, vt_leaf,
    vt_record, vt_resume,
};
pub use json::JsonWriter;
pub use machine::{
    VT_ARENA, VT_FRAME_ARENA, VT_FRAME_TASK, vt_awaitee, vt_machine, vt_op_start, vt_prefix,
    vt_site, vt_span, vt_state,
};
pub use record::{AwaiteeRecord, LayoutRecord, RecordSpan, SlotRecord, SlotRole, StateRecord};
pub use run::{run, vt_run};
pub use stack::stack_pointer;
pub use status::{
    VT_CANCELLED, VT_DONE, VT_FAULTED, VT_ITEM, VT_NONE, VT_RUNNING, VT_YIELDED, fault_code,
    vt_status,
};
