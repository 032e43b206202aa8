//! What a macro knows of an async function, as static data, and the layout record made of it.

use crate::rt::task::SuspendSite;
use vitte_abi::{AwaiteeRecord, LayoutRecord, RecordSpan, SlotRecord, SlotRole, StateRecord};

/// Whose machine a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An enum with a variant per state.
    Explicit,
    /// rustc's.
    Native,
    /// Machine code that was made at the first call.
    Jit,
}

impl Kind {
    /// The word used in records.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Explicit => "explicit",
            Kind::Native => "native",
            Kind::Jit => "jit",
        }
    }
}

/// The result of a function, as a type: `<fn() -> ! as Returns>::Output` is `!`, which stable Rust
/// does not take between `<` and `>`.
pub trait Returns {
    /// What it returns.
    type Output;
}

impl<R> Returns for fn() -> R {
    type Output = R;
}

/// An async function, as its attribute saw it.
#[derive(Debug)]
pub struct Task {
    /// Name of the function.
    pub name: &'static str,
    /// Whose machine it is.
    pub kind: Kind,
    /// Its suspend points, in source order.
    pub sites: &'static [SuspendSite],
    /// Names of everything that some state keeps (explicit machines).
    pub slots: &'static [&'static str],
    /// Per suspend point, indices into `slots` of what its state keeps.
    pub live: &'static [&'static [u32]],
}

impl Task {
    /// The record of a future of `size` bytes, aligned to `align`.
    pub(super) fn record(&self, size: usize, align: usize) -> LayoutRecord {
        let slots = self.slots.iter().map(|name| SlotRecord {
            name: (*name).into(),
            ty: String::new(),
            role: SlotRole::Saved,
            offset: 0,
            size: 0,
            align: 0,
            refs: Vec::new(),
            drop: String::new(),
        });
        let states = self.sites.iter().enumerate().map(|(i, site)| StateRecord {
            id: 3 + i as u32,
            name: site.state.into(),
            span: RecordSpan { file: site.file.into(), line: site.line, column: site.column },
            awaitee: AwaiteeRecord::Child(site.awaitee.into()),
            live: self.live.get(i).map_or_else(Vec::new, |live| live.to_vec()),
            dead: Vec::new(),
        });
        LayoutRecord {
            name: self.name.into(),
            kind: self.kind.name().into(),
            used: size as u64,
            size: size as u64,
            align: align as u64,
            slots: slots.collect(),
            states: states.collect(),
            ..LayoutRecord::default()
        }
    }
}
