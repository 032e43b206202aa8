//! Frames of generated code: allocated exactly, poisoned before use and where they are dead.
//!
//! A frame ends where its block ends and begins where its prefix ends, so that valgrind and
//! AddressSanitizer see a store beside it. Bytes that no state keeps hold poison.

#![allow(
    clippy::cast_ptr_alignment,
    reason = "frames are byte pointers; their alignment is in `vt_machine` and kept here"
)]

use super::world::{POISON, World, world};
use std::alloc::{Layout, alloc, dealloc};
use std::ptr::{null, null_mut};
use vitte_abi::{LayoutRecord, SlotRole, vt_ctx, vt_machine, vt_prefix, vt_site};

/// A block with a frame in it.
#[derive(Debug)]
pub(super) struct Frame {
    block: *mut u8,
    layout: Layout,
    /// Bytes of the frame.
    size: usize,
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: the block was allocated with this layout and is owned by this record.
        unsafe { dealloc(self.block, self.layout) };
    }
}

impl World {
    /// Allocates a frame, unresumed.
    ///
    /// # Safety
    ///
    /// `machine` is valid and lives as long as the frame.
    pub(super) unsafe fn alloc_frame(&mut self, machine: *const vt_machine) -> *mut u8 {
        // SAFETY: the machine is valid (caller).
        let m = unsafe { &*machine };
        let head = size_of::<vt_prefix>().next_multiple_of((m.align as usize).max(8));
        let size = m.size as usize;
        let layout = Layout::from_size_align(head + size, (m.align as usize).max(16));
        let layout = layout.expect("I: frames are smaller than 2 GiB");
        // SAFETY: the layout has a size.
        let block = unsafe { alloc(layout) };
        assert!(!block.is_null(), "the tests' frames fit into memory");
        // SAFETY: the block is that large.
        unsafe { block.write_bytes(POISON, layout.size()) };
        // SAFETY: the head lies in the block.
        let frame = unsafe { block.add(head) };
        // SAFETY: the prefix lies in the head.
        let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
        // SAFETY: as above; it is aligned to 8.
        unsafe { prefix.write(vt_prefix { parent: null_mut(), machine, link: null() }) };
        // SAFETY: the tag lies in the frame.
        let tag = unsafe { frame.add(m.tag_offset as usize) };
        // SAFETY: as above.
        unsafe { tag.write_bytes(0, m.tag_bytes as usize) };
        self.n_frames += 1;
        self.frames.insert(frame.addr(), Frame { block, layout, size });
        frame
    }

    /// Frees a frame, or complains.
    pub(super) fn free_frame(&mut self, frame: *mut u8) {
        let start = frame.addr();
        let Some(record) = self.frames.remove(&start) else {
            return self.violate("what is freed is no frame");
        };
        if let Some(n) = self.op_within(start..start + record.size) {
            self.violate(format!("a frame is freed while op{n} runs in it"));
        }
    }
}

pub(super) unsafe extern "C" fn alloc_frame(
    ctx: *mut vt_ctx,
    machine: *const vt_machine,
    _kind: u32,
) -> *mut u8 {
    // SAFETY: generated code passes the context of its run on.
    let world = unsafe { world(ctx) };
    // SAFETY: generated code passes a static machine.
    unsafe { world.alloc_frame(machine) }
}

pub(super) unsafe extern "C" fn free_frame(ctx: *mut vt_ctx, frame: *mut u8) {
    // SAFETY: generated code passes the context of its run on.
    unsafe { world(ctx) }.free_frame(frame);
}

/// Reads an unsigned number of 1, 2, 4 or 8 bytes.
///
/// # Safety
///
/// The bytes can be read.
pub(super) unsafe fn read_number(at: *const u8, bytes: usize) -> u64 {
    let mut le = [0; 8];
    // SAFETY: the caller vouches for the source; the target holds 8 bytes.
    unsafe { at.copy_to_nonoverlapping(le.as_mut_ptr(), bytes.min(8)) };
    u64::from_le_bytes(le)
}

/// The awaiter of a suspended frame: address of its resume function, and its frame.
///
/// # Safety
///
/// `frame` is a suspended frame of a living coroutine.
pub(super) unsafe fn awaiter(frame: *mut u8) -> Option<(usize, *mut u8)> {
    // SAFETY: the link lies before the frame.
    let link = unsafe { frame.cast::<*const vt_site>().sub(1) };
    // SAFETY: as above.
    let link = unsafe { link.read() };
    if link.is_null() {
        return None;
    }
    // SAFETY: a link leads to a static site.
    let site = unsafe { *link };
    let parent = if site.offset == vitte_abi::VT_ARENA {
        // SAFETY: such a frame was allocated on its own and has a prefix.
        let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
        // SAFETY: as above.
        unsafe { (*prefix).parent }
    } else {
        // SAFETY: the child lies that far inside its parent.
        unsafe { frame.sub(site.offset as usize) }
    };
    Some((site.resume as usize, parent))
}

/// Poisons all bytes of a suspended frame that its layout record does not call live.
///
/// # Safety
///
/// `frame` is a suspended frame with that layout.
pub(super) unsafe fn poison_dead(record: &LayoutRecord, frame: *mut u8) -> Result<(), String> {
    // SAFETY: the tag lies in the frame.
    let tag = unsafe { frame.add(record.tag_offset as usize) };
    // SAFETY: as above.
    let tag = unsafe { read_number(tag, record.tag_bytes as usize) };
    let mut live = vec![(record.tag_offset, record.tag_offset + record.tag_bytes)];
    let state = tag.checked_sub(3).and_then(|i| record.states.get(i as usize));
    let slots = &record.slots;
    match state {
        Some(state) => {
            live.extend(
                state
                    .live
                    .iter()
                    .map(|&i| &slots[i as usize])
                    .map(|s| (s.offset, s.offset + s.size)),
            );
        }
        // A child that was made the leaf before it started.
        None if tag == 0 => {
            let params = slots.iter().filter(|s| s.role == SlotRole::Param);
            live.extend(params.map(|s| (s.offset, s.offset + s.size)));
        }
        None => return Err(format!("{} suspends in state {tag}", record.name)),
    }
    live.sort_unstable();
    let end = record.used.max(record.result_offset + record.result_bytes);
    live.push((end, end));
    let mut at = 0;
    for (from, to) in live {
        if from > at {
            // SAFETY: the bytes lie in the frame.
            let dead = unsafe { frame.add(at as usize) };
            // SAFETY: as above; nobody reads them.
            unsafe { dead.write_bytes(POISON, (from - at) as usize) };
        }
        at = at.max(to);
    }
    Ok(())
}
