//! What the lowering knows of the coroutine ABI: sizes and offsets, as one value.

use std::mem::offset_of;
use vitte_abi::{
    VT_RECORD_FLAGS, VT_RECORD_LEAF, VT_RECORD_SHIELD, vt_ctx, vt_leaf, vt_machine, vt_prefix,
    vt_record,
};

/// Sizes and offsets of the ABI in bytes. The transform and the interpreter use these numbers only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each field is the field of that name in `vitte_abi`")]
pub struct FrameAbi {
    pub ctx_leaf: i32,
    pub ctx_mode: i32,
    pub ctx_child_status: i32,
    pub ctx_coop: i32,
    pub ctx_requeue: i32,
    pub ctx_abort: i32,
    pub ctx_winner: i32,
    pub ctx_budget: i32,
    pub leaf_bytes: u32,
    pub leaf_resume: i32,
    pub leaf_frame: i32,
    pub leaf_cancel: i32,
    pub leaf_root: i32,
    pub leaf_status: i32,
    pub leaf_phase: i32,
    pub leaf_running: i32,
    pub leaf_shield: i32,
    /// Bytes of a branch's record up to `shield`, up to `resume`, and in all.
    pub record_bytes: [u32; 3],
    pub record_shield: i32,
    pub record_resume: i32,
    pub record_frame: i32,
    pub prefix_bytes: u32,
    /// Offset of the parent pointer, relative to the frame: negative.
    pub prefix_parent: i32,
    /// Offset of the machine pointer, relative to the frame: negative.
    pub prefix_machine: i32,
    pub machine_resume: i32,
    pub machine_result_offset: i32,
    pub machine_tag_offset: i32,
    pub machine_tag_bytes: i32,
    /// Offset of the link, relative to the frame: negative, and the same for every frame that is
    /// awaited.
    pub prefix_link: i32,
    /// Bytes of the link before a frame.
    pub link_bytes: u32,
}

impl FrameAbi {
    /// The ABI of `vitte_abi` on 64-bit targets.
    pub const fn host() -> Self {
        let prefix = size_of::<vt_prefix>();
        Self {
            ctx_leaf: offset_of!(vt_ctx, leaf) as i32,
            ctx_mode: offset_of!(vt_ctx, mode) as i32,
            ctx_child_status: offset_of!(vt_ctx, child_status) as i32,
            ctx_coop: offset_of!(vt_ctx, coop) as i32,
            ctx_requeue: offset_of!(vt_ctx, requeue) as i32,
            ctx_abort: offset_of!(vt_ctx, abort) as i32,
            ctx_winner: offset_of!(vt_ctx, winner) as i32,
            ctx_budget: offset_of!(vt_ctx, budget) as i32,
            leaf_bytes: size_of::<vt_leaf>() as u32,
            leaf_resume: offset_of!(vt_leaf, resume) as i32,
            leaf_frame: offset_of!(vt_leaf, frame) as i32,
            leaf_cancel: offset_of!(vt_leaf, cancel) as i32,
            leaf_root: offset_of!(vt_leaf, root) as i32,
            leaf_status: offset_of!(vt_leaf, status) as i32,
            leaf_phase: offset_of!(vt_leaf, phase) as i32,
            leaf_running: offset_of!(vt_leaf, running) as i32,
            leaf_shield: offset_of!(vt_leaf, shield) as i32,
            record_bytes: [VT_RECORD_FLAGS, VT_RECORD_SHIELD, VT_RECORD_LEAF],
            record_shield: offset_of!(vt_record, shield) as i32,
            record_resume: offset_of!(vt_record, resume) as i32,
            record_frame: offset_of!(vt_record, frame) as i32,
            prefix_bytes: prefix as u32,
            prefix_parent: offset_of!(vt_prefix, parent) as i32 - prefix as i32,
            prefix_machine: offset_of!(vt_prefix, machine) as i32 - prefix as i32,
            prefix_link: offset_of!(vt_prefix, link) as i32 - prefix as i32,
            machine_resume: offset_of!(vt_machine, resume) as i32,
            machine_result_offset: offset_of!(vt_machine, result_offset) as i32,
            machine_tag_offset: offset_of!(vt_machine, tag_offset) as i32,
            machine_tag_bytes: offset_of!(vt_machine, tag_bytes) as i32,
            link_bytes: 8,
        }
    }
}
