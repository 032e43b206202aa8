//! The frames of a suspended coroutine task, from the outermost one down to the leaf.
//!
//! In: a task that is held, so that nobody runs it. Out: per frame its name and state, and below a
//! join or select the same for each branch that is not over.
//!
//! ```text
//! leaf ─ link ─► vt_site {awaiter's machine, state, offset} ─► awaiter's frame ─ link ─► … root
//!                        └ states[state].awaitees[0].machine: what the leaf is
//! ```
//!
//! * **I1** A suspended frame that is not the outermost one has its link, whose site and machine are
//!   static: the pop loop would follow it when the frame ends.
//! * **I2** A frame says itself in which state it is: its tag is stored before the resume returns.
//! * **I3** A branch that is not over has in its record what `vt_state.awaitees` says.
//!
//! Accepted: of a long chain the outermost frame and the innermost ones are told, of many branches the
//! first ones; the links in between are only counted. Machines written by hand that say nothing of
//! their awaitees are named where they were allocated on their own, and `?` elsewhere.

use std::mem::offset_of;

use vitte_abi::{
    VT_ARENA, VT_NONE, VT_RECORD_IS_LEAF, VT_RECORD_LEAF, vt_awaitee, vt_leaf, vt_machine,
    vt_prefix, vt_record, vt_site, vt_state,
};

use super::fault::text;
use crate::dump::FrameInfo;

/// Frames of one chain that are told beside its outermost one.
const MAX_INNER: usize = 8;
/// Frames and operations that are told of one task.
const MAX_TOLD: usize = 64;

/// A frame and what it is; the machine is null if that is unknown.
type Found = (*const vt_machine, *mut u8);

/// The frames of a task: those of the chain to its leaf.
///
/// # Safety
///
/// `leaf` is the leaf of a task that is held and not over, and `machine` that of its root frame.
pub(super) unsafe fn chain(leaf: &vt_leaf, machine: *const vt_machine) -> Vec<FrameInfo> {
    let mut left = MAX_TOLD;
    // SAFETY: the caller's.
    unsafe { chain_to(leaf.frame, Some((machine, leaf.root)), &mut left) }
}

/// The innermost frame of a task alone.
///
/// # Safety
///
/// As [`chain`].
pub(super) unsafe fn innermost(leaf: &vt_leaf, machine: *const vt_machine) -> FrameInfo {
    if leaf.frame == leaf.root {
        // SAFETY: the caller's.
        return unsafe { told(machine, leaf.frame) }.0;
    }
    // SAFETY: the frame is suspended and not the outermost (I1).
    let machine = unsafe { awaiter(leaf.frame) }.map_or(std::ptr::null(), |(machine, _)| machine);
    // SAFETY: the caller's; the machine is that of the frame.
    unsafe { told(machine, leaf.frame) }.0
}

/// The frames from `root`, or from the one that nobody awaits, to `leaf`.
///
/// # Safety
///
/// `leaf` is a suspended or unresumed frame that nobody runs; `root` the outermost frame above it.
unsafe fn chain_to(leaf: *mut u8, root: Option<Found>, left: &mut usize) -> Vec<FrameInfo> {
    let mut inner: Vec<Found> = Vec::new();
    let mut n_skipped = 0;
    let mut frame = leaf;
    let outermost = loop {
        if let Some(root) = root.filter(|root| root.1 == frame) {
            break root;
        }
        // SAFETY: the frame is suspended and not the outermost (I1), or was allocated on its own.
        let Some((machine, parent)) = (unsafe { awaiter(frame) }) else {
            let machine = match root {
                Some(_) => std::ptr::null(),
                // SAFETY: only a boxed branch has no known root: it was allocated on its own.
                None => unsafe { own_machine(frame) },
            };
            break (machine, frame);
        };
        if inner.len() < MAX_INNER {
            inner.push((machine, frame));
        } else {
            n_skipped += 1;
        }
        frame = parent;
    };
    let mut frames = Vec::new();
    let mut innermost = None;
    for (machine, frame) in std::iter::once(outermost).chain(inner.into_iter().rev()) {
        // SAFETY: the frame is suspended, the machine its own or null.
        let (mut info, state) = unsafe { told(machine, frame) };
        if frames.len() == 1 {
            info.n_skipped = n_skipped;
        }
        *left = left.saturating_sub(1);
        frames.push(info);
        innermost = state.map(|state| (state, frame));
    }
    if let (Some((state, frame)), Some(info)) = (innermost, frames.last_mut()) {
        // SAFETY: the frame is suspended in that state.
        unsafe { branches(state, frame, info, left) };
    }
    frames
}

/// Tells the branches of a frame that waits in a join or select.
///
/// # Safety
///
/// `frame` is suspended in `state` and nobody runs it.
unsafe fn branches(state: &vt_state, frame: *mut u8, info: &mut FrameInfo, left: &mut usize) {
    for i in 0..state.n_awaitees as usize {
        // SAFETY: the state has that many awaitees.
        let awaitee = unsafe { state.awaitees.add(i) };
        // SAFETY: they are static data.
        let awaitee = unsafe { &*awaitee };
        if awaitee.record_bytes == 0 {
            return; // an await has no records
        }
        let record = frame.wrapping_add(awaitee.record as usize);
        let status_at = match awaitee.record_bytes {
            VT_RECORD_IS_LEAF => offset_of!(vt_leaf, status),
            _ => offset_of!(vt_record, status),
        };
        // SAFETY: the record lies in the frame (I3).
        if u32::from(unsafe { read::<u8>(record.wrapping_add(status_at)) }) != VT_NONE {
            continue;
        }
        if *left == 0 {
            info.n_more += 1;
            continue;
        }
        if let Some(name) = op_name(awaitee) {
            *left -= 1;
            info.branches.push(vec![FrameInfo { name, ..FrameInfo::default() }]);
            continue;
        }
        let inside = (awaitee.machine, frame.wrapping_add(awaitee.offset as usize));
        let root = (awaitee.offset != VT_ARENA).then_some(inside);
        let leaf = match awaitee.record_bytes {
            // SAFETY: such a record is a leaf (I3).
            VT_RECORD_IS_LEAF => unsafe { read::<vt_leaf>(record) }.frame,
            // SAFETY: such a record is a whole one (I3).
            VT_RECORD_LEAF => unsafe { read::<vt_record>(record) }.frame,
            _ => inside.1,
        };
        // SAFETY: the leaf of a branch that is not over is suspended or unresumed.
        info.branches.push(unsafe { chain_to(leaf, root, left) });
    }
}

/// What awaits a frame: its own machine, as the awaiter knows it, and the awaiter's frame; `None` if
/// nobody does.
///
/// # Safety
///
/// A link lies before the frame, which is null or was stored when the frame was awaited.
unsafe fn awaiter(frame: *mut u8) -> Option<Found> {
    // SAFETY: the link lies before the frame (caller).
    let link = unsafe { read::<*const vt_site>(frame.wrapping_sub(size_of::<*const vt_site>())) };
    // SAFETY: null, or leads to static data (I1).
    let site = unsafe { link.as_ref() }?;
    if site.offset == VT_ARENA {
        // SAFETY: such a frame was allocated on its own.
        let prefix = unsafe { read::<vt_prefix>(frame.wrapping_sub(size_of::<vt_prefix>())) };
        return Some((prefix.machine, prefix.parent));
    }
    let parent = frame.wrapping_sub(site.offset as usize);
    // SAFETY: null, or leads to static data.
    let state = unsafe { site.machine.as_ref() }.and_then(|m| state_of(m, site.state));
    // SAFETY: as above.
    let awaitee = state.and_then(|s| unsafe { s.awaitees.as_ref() });
    Some((awaitee.map_or(std::ptr::null(), |a| a.machine), parent))
}

/// The machine of a frame that was allocated on its own.
///
/// # Safety
///
/// The frame has a prefix.
unsafe fn own_machine(frame: *mut u8) -> *const vt_machine {
    // SAFETY: the prefix lies before the frame (caller).
    unsafe { read::<vt_prefix>(frame.wrapping_sub(size_of::<vt_prefix>())) }.machine
}

/// Name and state of a frame, and its description.
///
/// # Safety
///
/// `machine` is null or that of the frame, which nobody runs.
unsafe fn told(
    machine: *const vt_machine,
    frame: *mut u8,
) -> (FrameInfo, Option<&'static vt_state>) {
    // SAFETY: null, or static data as long as the task lives.
    let Some(machine) = (unsafe { machine.as_ref() }) else {
        return (FrameInfo { name: "?".into(), ..FrameInfo::default() }, None);
    };
    // SAFETY: a static text of the machine.
    let name = unsafe { text(machine.name, machine.name_len) }.to_string();
    // SAFETY: the tag lies inside the frame, which nobody changes (I2).
    let tag = unsafe { tag_of(machine, frame) };
    let state = state_of(machine, tag);
    let said = match (tag, state) {
        (0, _) => "unresumed".into(),
        (1, _) => "returned".into(),
        (2, _) => "poisoned".into(),
        (_, Some(state)) => {
            // SAFETY: a static text of the machine.
            let name = unsafe { text(state.name, state.name_len) };
            if state.line == 0 { name.to_string() } else { format!("{name} (line {})", state.line) }
        }
        (tag, None) => format!("state {tag}"),
    };
    // SAFETY: null, or static data.
    let awaitee = state.and_then(|state| unsafe { state.awaitees.as_ref() });
    let awaits = awaitee.filter(|a| a.record_bytes == 0).and_then(op_name).unwrap_or_default();
    (FrameInfo { name, state: said, awaits, ..FrameInfo::default() }, state)
}

/// The number of the state that a frame is in.
///
/// # Safety
///
/// `machine` is that of the frame, which nobody runs.
unsafe fn tag_of(machine: &vt_machine, frame: *mut u8) -> u32 {
    let tag = frame.wrapping_add(machine.tag_offset as usize);
    match machine.tag_bytes {
        // SAFETY: the tag lies inside the frame (caller).
        1 => u32::from(unsafe { read::<u8>(tag) }),
        // SAFETY: as above.
        2 => u32::from(unsafe { read::<u16>(tag) }),
        // SAFETY: as above.
        _ => unsafe { read::<u32>(tag) },
    }
}

/// The description of a suspended state.
fn state_of(machine: &vt_machine, tag: u32) -> Option<&'static vt_state> {
    let i = tag.checked_sub(3).filter(|&i| i < machine.n_states)?;
    // SAFETY: a machine has `n_states` states.
    let state = unsafe { machine.states.add(i as usize) };
    // SAFETY: they are static data.
    Some(unsafe { &*state })
}

/// Name of an operation; `None` if the awaitee is a coroutine.
fn op_name(awaitee: &vt_awaitee) -> Option<String> {
    // SAFETY: a static text of the machine.
    (!awaitee.name.is_null()).then(|| unsafe { text(awaitee.name, awaitee.name_len) }.to_string())
}

/// Reads what lies at an address, aligned or not.
///
/// # Safety
///
/// A `T` lies there, and nobody writes it.
unsafe fn read<T: Copy>(at: *mut u8) -> T {
    // SAFETY: the caller's.
    unsafe { at.cast::<T>().read_unaligned() }
}
