//! The pop loop: resumes a leaf, and its awaiters as their children finish.

use crate::ctx::{
    VT_CANCEL_ASKED, VT_CANCEL_NONE, VT_CANCEL_TAKEN, VT_MODE_CANCEL, VT_MODE_RESUME, vt_ctx,
    vt_leaf,
};
use crate::machine::{VT_ARENA, vt_prefix, vt_site};
use crate::status::{VT_FAULTED, VT_NONE, VT_RUNNING, VT_YIELDED, vt_status};

/// Runs `leaf` until the coroutine it belongs to suspends (`VT_YIELDED`) or its outermost frame
/// answers `VT_DONE`, `VT_FAULTED`, `VT_CANCELLED` or `VT_ITEM`.
///
/// A cancel that was asked for is delivered here and nowhere else: to a suspended (or unresumed)
/// leaf, never between two pops, once, with shield 0. A coroutine that suspends while a cancel is
/// waiting gets it at once.
///
/// A leaf that is being run (a body that resumes itself, directly or through what it calls) is not
/// touched: the answer is `VT_FAULTED`.
///
/// The loop nests only where a join runs its branches. After `ctx.abort` it pops no further. It
/// leaves `ctx.leaf` as `leaf`: [`crate::vt_branches`] puts back what it found.
///
/// # Safety
///
/// * `ctx` and `leaf` are valid and not used by another thread during the call (**I1**).
/// * `leaf.resume` and `leaf.frame` belong together; unless the leaf is being run, the frame is
///   unresumed or suspended, and every awaiter up the chain of links is alive and suspended on it.
/// * `ctx.mode` is RESUME and `ctx.child_status` NONE.
/// * `leaf.root` is the outermost frame, or the storage of the operation that is the whole branch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vt_run(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status {
    // SAFETY: as the caller's.
    unsafe { run(ctx, leaf) }
}

/// [`vt_run`] for a caller in Rust, which may have the ordinary resume inline.
///
/// # Safety
///
/// As [`vt_run`].
#[inline]
pub unsafe fn run(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status {
    // The two rare cases: the leaf is being run, or a cancel was asked for.
    // SAFETY: `leaf` is valid (caller).
    let status = if unsafe { is_plain(leaf) } {
        // SAFETY: as above.
        unsafe { (*leaf).running = 1 };
        // SAFETY: the caller vouches for `ctx`; nobody else uses it during the call.
        unsafe { (*ctx).leaf = leaf };
        // SAFETY: the caller vouches for `ctx` and `leaf`, of which no cancel is asked.
        unsafe { resume_leaf(ctx, leaf) }
    } else {
        // SAFETY: `leaf` is valid (caller).
        if unsafe { (*leaf).running } != 0 {
            return VT_FAULTED;
        }
        // SAFETY: as above.
        unsafe { (*leaf).running = 1 };
        // SAFETY: the caller vouches for `ctx`; nobody else uses it during the call.
        unsafe { (*ctx).leaf = leaf };
        // SAFETY: the caller vouches for `ctx` and `leaf`.
        unsafe { resume_suspended(ctx, leaf) }
    };
    // SAFETY: `leaf` is valid and no resume is in progress.
    let status = if status == VT_YIELDED && !deliverable(unsafe { &*leaf }) {
        VT_YIELDED
    } else {
        // SAFETY: as the caller's; `status` is what the leaf has just answered.
        unsafe { settle(ctx, leaf, status) }
    };
    // SAFETY: `leaf` is valid (caller).
    unsafe { (*leaf).running = 0 };
    status
}

/// Whether a leaf is not being run and nobody asked it to cancel. Two loads of a byte, not one of the
/// word around both: `running` was stored a moment ago, and a wider load would wait for the store.
///
/// # Safety
///
/// `leaf` is valid.
#[inline]
unsafe fn is_plain(leaf: *mut vt_leaf) -> bool {
    // SAFETY: `leaf` is valid (caller).
    let running = unsafe { (*leaf).running };
    // SAFETY: as above.
    let cancel = unsafe { (*leaf).cancel };
    running == 0 && cancel == VT_CANCEL_NONE
}

/// Resumes and pops until there is an answer; a leaf that just suspends again never comes here.
/// Between resumes the mode is RESUME and the child status NONE; both are set only around the resume
/// that they are for.
///
/// # Safety
///
/// As [`vt_run`].
#[inline(never)]
unsafe fn settle(ctx: *mut vt_ctx, leaf: *mut vt_leaf, first: vt_status) -> vt_status {
    let mut status = first;
    loop {
        status = match status {
            VT_YIELDED => {
                // SAFETY: `leaf` is valid (caller).
                if !deliverable(unsafe { &*leaf }) {
                    return VT_YIELDED;
                }
                // SAFETY: as the caller's; the leaf is suspended.
                unsafe { resume_suspended(ctx, leaf) }
            }
            // SAFETY: as the caller's; a child was made the leaf.
            VT_RUNNING => unsafe { resume_leaf(ctx, leaf) },
            _ => {
                // SAFETY: `leaf` is valid and no resume is in progress.
                let l = unsafe { &mut *leaf };
                // SAFETY: as above, for `ctx`.
                if l.frame == l.root || unsafe { (*ctx).abort } != 0 {
                    return status;
                }
                // SAFETY: the frame that answered is the leaf's (I2), and not the outermost.
                if !unsafe { pop(l) } {
                    return status;
                }
                // SAFETY: `ctx` is valid and no resume is in progress.
                unsafe { (*ctx).child_status = status };
                // SAFETY: as the caller's; the parent is suspended on the child that was popped.
                let next = unsafe { resume_leaf(ctx, leaf) };
                // SAFETY: the resume is over.
                unsafe { (*ctx).child_status = VT_NONE };
                next
            }
        }
    }
}

/// Resumes a leaf that is suspended or unresumed, delivering a cancel if one is deliverable.
///
/// # Safety
///
/// As [`vt_run`].
#[inline]
unsafe fn resume_suspended(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status {
    // SAFETY: `leaf` is valid and no resume is in progress.
    let l = unsafe { &mut *leaf };
    if !deliverable(l) {
        // SAFETY: as the caller's.
        return unsafe { resume_leaf(ctx, leaf) };
    }
    // SAFETY: as the caller's.
    unsafe { resume_to_cancel(ctx, leaf) }
}

/// Delivers a cancel.
///
/// # Safety
///
/// As [`vt_run`]; a cancel is deliverable.
#[cold]
unsafe fn resume_to_cancel(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status {
    // SAFETY: `leaf` is valid and no resume is in progress.
    unsafe { (*leaf).cancel = VT_CANCEL_TAKEN };
    // SAFETY: `ctx` is valid and no resume is in progress.
    unsafe { (*ctx).mode = VT_MODE_CANCEL };
    // SAFETY: as the caller's.
    let status = unsafe { resume_leaf(ctx, leaf) };
    // SAFETY: the resume is over.
    unsafe { (*ctx).mode = VT_MODE_RESUME };
    status
}

/// Resumes the frame of a leaf.
///
/// # Safety
///
/// As [`vt_run`].
#[inline]
unsafe fn resume_leaf(ctx: *mut vt_ctx, leaf: *mut vt_leaf) -> vt_status {
    // SAFETY: `leaf` is valid (caller).
    let vt_leaf { resume, frame, .. } = unsafe { *leaf };
    // SAFETY: `resume` and `frame` belong together (I2) and the frame may be resumed.
    unsafe { resume(ctx, frame) }
}

/// Whether a cancel waits and nothing shields the leaf from it.
fn deliverable(leaf: &vt_leaf) -> bool {
    leaf.cancel == VT_CANCEL_ASKED && leaf.shield == 0
}

/// Makes the awaiter of the leaf's frame the leaf; false if the frame has none.
///
/// # Safety
///
/// `leaf.frame` is a frame with a link before it that is null or leads to a living awaiter.
unsafe fn pop(leaf: &mut vt_leaf) -> bool {
    let frame = leaf.frame;
    // SAFETY: the link lies before the frame.
    let link = unsafe { frame.cast::<*const vt_site>().sub(1) };
    // SAFETY: as above; it was stored when the frame was awaited.
    let link = unsafe { link.read() };
    if link.is_null() {
        return false;
    }
    // SAFETY: a link that is not null leads to a static site.
    let site = unsafe { *link };
    leaf.resume = site.resume;
    leaf.frame = if site.offset == VT_ARENA {
        // SAFETY: an arena frame has its prefix before it.
        let prefix = unsafe { frame.cast::<vt_prefix>().sub(1) };
        // SAFETY: the prefix was filled in when the frame was allocated and awaited.
        unsafe { (*prefix).parent }
    } else {
        // SAFETY: an inline child lies `offset` bytes into its parent's frame.
        unsafe { frame.sub(site.offset as usize) }
    };
    true
}
