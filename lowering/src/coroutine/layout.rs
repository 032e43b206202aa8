//! Frame layout: an offset for everything that must survive a suspend.
//!
//! In: a normalised coroutine, its liveness, the layouts of its callees. Out: a [`FrameLayout`].
//!
//! ```text
//!                 lives in the frame                          placed
//! params          state 0; a slot parameter while it is live  packed, one offset
//! result          from return (or yield) on                   packed, one offset
//! slots           while live, if live across a suspend        packed, one offset (they are pinned)
//! children, ops   at their suspend point                      packed, one offset; a child that is
//!                                                             awaited alone has its link before it
//! branch records  at their suspend point                      packed, one offset (see [`Kept`])
//! home values     while live (see below)                      packed, one offset
//! saved values    at one suspend point                        into its holes, per suspend point
//! tag             always                                      in the first hole of all states
//! ```
//!
//! A value that is live across a suspend is **saved**: stored when the suspend happens, loaded when
//! it is over; a ready await touches the frame not at all. It may lie at different offsets in
//! different states, but gets the same one where that costs nothing. A parameter, or a value that
//! is live through a loop that suspends but defined before it, has a **home** instead: it is stored
//! once where it is defined and loaded where it is used, so that a resume does not copy what it does
//! not touch. If homes would make the frame larger, there are none.
//!
//! # Invariants
//!
//! * **L1** Things live at the same point share no byte; but one moved slot may overlap the child
//!   frame that it is moved into, or out of (`memmove`).
//! * **L2** Nothing overlaps the tag.
//! * **L3** All offsets and sizes are at most `MAX_BYTES`.

mod place;
mod relate;

use super::live::Live;
use super::order::CallOrder;
use crate::FrameAbi;
use crate::ir::{
    Awaitee, EntityVec, Func, FuncKind, Function, Held, InstKind, Module, Sequence, Slot, Suspend,
    Terminator, Ty, Value,
};
use relate::Planner;
use std::collections::BTreeMap;

/// Where everything lies in the frame of one coroutine. Bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameLayout {
    /// Bytes up to the end of the last thing.
    pub(crate) used: u32,
    /// `used`, rounded up to `align`.
    pub(crate) size: u32,
    pub(crate) align: u32,
    pub(crate) tag_offset: u32,
    pub(crate) tag_bytes: u32,
    /// Whenever it is suspended, it is the leaf itself: it awaits no coroutine.
    pub(crate) own_leaf: bool,
    /// It may hold the shield of its leaf while it is suspended.
    pub(crate) shields: bool,
    pub(crate) result_offset: u32,
    /// Results relative to `result_offset`.
    pub(crate) results: Option<Sequence>,
    /// Offset of each parameter in state 0.
    pub(crate) params: Vec<u32>,
    /// Slots that live in the frame.
    pub(crate) slots: BTreeMap<Slot, u32>,
    /// Values with a home.
    pub(crate) homes: BTreeMap<Value, u32>,
    /// Values saved at each suspend point.
    pub(crate) saved: EntityVec<Suspend, Vec<(Value, u32)>>,
    /// What belongs to each suspend point.
    pub(crate) bound: EntityVec<Suspend, Bound>,
    /// Floor before rounding.
    pub(crate) floor_bytes: u32,
    pub(crate) floor: u32,
    pub(crate) clique: u32,
    pub(crate) copies: u32,
}

/// Storage that belongs to one suspend point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bound {
    /// What a join or select keeps of its branches: one record each, or (more than
    /// [`MAX_COMPACT_BRANCHES`]) one array of leaves.
    pub(crate) records: Vec<u32>,
    /// Per awaitee, in order: its child frame or operation, unless that lies elsewhere.
    pub(crate) places: Vec<Option<u32>>,
}

/// Joins and selects with more branches have their leaves in the frame; the leaves of all others are
/// on the native stack while they run, and only what can change is kept.
pub(crate) const MAX_COMPACT_BRANCHES: usize = 64;

/// What the record of a branch keeps of its leaf while the join is suspended; see `vt_branches`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// `cancel`, `status` and `phase`: an operation, or a coroutine that awaits operations only.
    Flags,
    /// And `shield`: it may be suspended inside cleanup.
    Shield,
    /// And `resume` and `frame`: another coroutine may be its leaf.
    Leaf,
}

impl Kept {
    pub(crate) fn of(
        f: &Function,
        layouts: &BTreeMap<Func, FrameLayout>,
        awaitee: &Awaitee,
    ) -> Self {
        let func = match awaitee {
            Awaitee::Op { .. } => return Self::Flags,
            Awaitee::Call { func, .. } => *func,
            Awaitee::Future(Held::Slot(slot)) => match f.slots[*slot].ty {
                Ty::Future(func) => func,
                _ => return Self::Leaf,
            },
            _ => return Self::Leaf,
        };
        match &layouts[&func] {
            FrameLayout { own_leaf: false, .. } => Self::Leaf,
            FrameLayout { shields: true, .. } => Self::Shield,
            _ => Self::Flags,
        }
    }

    /// Bytes and alignment of the record.
    pub(crate) fn extent(self, abi: &FrameAbi) -> (u32, u32) {
        let [flags, shield, leaf] = abi.record_bytes;
        let bytes = match self {
            Self::Flags => flags,
            Self::Shield => shield,
            Self::Leaf => leaf,
        };
        (bytes, bytes.min(8))
    }
}

/// See [`FrameLayout::own_leaf`].
fn own_leaf(f: &Function) -> bool {
    let alone = |term: &Terminator| match term {
        Terminator::Await { awaitee, .. } => {
            matches!(awaitee, Awaitee::Op { .. } | Awaitee::GiveWay)
        }
        _ => true,
    };
    f.blocks.values().filter_map(|b| b.term.as_ref()).all(alone)
}

/// See [`FrameLayout::shields`]: joins hold it while they drain.
fn shields(f: &Function) -> bool {
    let holds = |term: &Terminator| match term {
        Terminator::Await { awaitee, .. } => matches!(awaitee, Awaitee::Drain(_)),
        term => matches!(term, Terminator::Join { .. } | Terminator::Select { .. }),
    };
    f.blocks.values().filter_map(|b| b.term.as_ref()).any(holds)
        || f.insts.values().any(|i| matches!(i.kind, InstKind::Shield(_)))
}

/// Why a layout is impossible.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LayoutError {
    /// An offset or size passes `MAX_BYTES`.
    TooLarge,
    /// A slot holds a generator that contains the coroutine itself.
    RecursiveGenerator(Slot),
}

/// Awaitees of a suspending terminator, in order.
pub(crate) fn awaitees(term: &Terminator) -> Vec<(&Awaitee, &[Slot])> {
    match term {
        Terminator::Await { awaitee, dests, .. } => vec![(awaitee, dests)],
        Terminator::Join { branches, .. } => {
            branches.iter().map(|b| (&b.awaitee, &*b.dests)).collect()
        }
        Terminator::Select { arms, .. } => arms.iter().map(|a| (&a.awaitee, &*a.dests)).collect(),
        _ => Vec::new(),
    }
}

/// Size and alignment of a slot in the frame: a generator's slot is its whole frame.
pub(crate) fn slot_extent(
    module: &Module,
    layouts: &BTreeMap<Func, FrameLayout>,
    ty: Ty,
) -> Option<(u32, u32)> {
    match ty {
        Ty::Future(func) if module.funcs[func].kind == FuncKind::Generator => {
            layouts.get(&func).map(|l| (l.used, l.align))
        }
        ty => Some(module.size_align(ty)),
    }
}

/// Lays out one coroutine.
pub(crate) fn lay_out(
    module: &Module,
    func: Func,
    f: &Function,
    live: &Live,
    layouts: &BTreeMap<Func, FrameLayout>,
    order: &CallOrder,
    abi: &FrameAbi,
) -> Result<FrameLayout, LayoutError> {
    for (slot, data) in f.slots.iter() {
        if let Ty::Future(callee) = data.ty
            && module.funcs[callee].kind == FuncKind::Generator
            && !order.is_inline(func, callee)
        {
            return Err(LayoutError::RecursiveGenerator(slot));
        }
    }
    let mut best: Option<FrameLayout> = None;
    for plan in Plan::ALL {
        let layout = Planner::new(module, f, live, layouts, abi, plan)?.finish()?;
        let at_floor = layout.size <= layout.floor;
        if best.as_ref().is_none_or(|b| layout.size < b.size) {
            best = Some(layout);
        }
        if at_floor {
            break;
        }
    }
    Ok(best.expect("I: there is at least one plan"))
}

/// A way to lay out: the first that reaches the floor is taken, else the smallest.
#[derive(Clone, Copy)]
struct Plan {
    /// Values that loops do not change have homes.
    homes: bool,
    /// Room for the saved values of a suspend point is kept in one piece, rather than made of what
    /// holes the rest leaves.
    room: bool,
}

impl Plan {
    const ALL: [Plan; 4] = [
        Plan { homes: true, room: false },
        Plan { homes: true, room: true },
        Plan { homes: false, room: true },
        Plan { homes: false, room: false },
    ];
}
