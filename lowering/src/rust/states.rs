//! Which states a body has, and what each of them keeps.
//!
//! In: a control-flow graph. Out: a [`Plan`]: one state per await, one per block that several ways
//! lead to, and for each the locals that it keeps, oldest first. A state keeps
//!
//! * what is read on some way from it (the liveness is [`super::places`], shared with the IR), and
//! * what must be dropped later: a local of a type that is not known to be without drop, in scope
//!   and not moved.
//!
//! A macro sees no types. A local that is moved and then used again is taken to be `Copy`, for
//! rustc would refuse it otherwise; one that is moved on some ways only, and still in scope at a
//! state, is refused.

use super::cfg::{Cfg, End, Op};
use super::names::Reference;
use super::places::{Body, Event, PlaceLiveness};
use super::refusal::Refusal;
use super::stay::{self, Stay};
use super::uses::{Hold, Kind, Use};
use proc_macro2::Span;
use std::collections::{BTreeMap, BTreeSet};

/// States and what they keep.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Blocks that are states of their own, with what they keep.
    pub(super) joins: BTreeMap<usize, Vec<usize>>,
    /// Per suspend point, what its state keeps.
    pub(super) awaits: Vec<Vec<usize>>,
    /// Per `Leave` (block, op), the locals that are dropped there.
    pub(super) dropped: BTreeMap<(usize, usize), Vec<usize>>,
    /// Loops whose state is used in place, by suspend point.
    pub(super) stays: BTreeMap<usize, Stay>,
    /// Per block that such a loop leads out to, what is there at its start, oldest first.
    pub(super) exits: BTreeMap<usize, Vec<usize>>,
    /// Per island, by suspend point, what it gives back.
    pub(super) back: BTreeMap<usize, Vec<usize>>,
    /// Blocks in reverse postorder.
    pub(super) order: Vec<usize>,
}

/// What is done at a point; one per event.
#[derive(Clone, Copy)]
enum Step {
    Use(Use),
    Bind(usize),
    /// It is there, without a value.
    Declare(usize),
    /// An island gives it back, if it is read later; the suspend point.
    Back(usize, usize),
    Leave(usize, usize),
}

struct Steps {
    per_block: Vec<Vec<Step>>,
    events: Vec<Vec<Event>>,
    successors: Vec<Vec<usize>>,
    params: Vec<usize>,
    n_vars: usize,
}

impl Body for Steps {
    fn n_blocks(&self) -> usize {
        self.events.len()
    }
    fn entry(&self) -> usize {
        0
    }
    fn successors(&self, block: usize) -> Vec<usize> {
        self.successors[block].clone()
    }
    fn n_places(&self) -> usize {
        self.n_vars
    }
    fn params(&self) -> Vec<usize> {
        self.params.clone()
    }
    fn events(&self, block: usize) -> &[Event] {
        &self.events[block]
    }
}

impl Steps {
    fn new(cfg: &Cfg) -> Self {
        let mut steps: Vec<Vec<Step>> = vec![vec![]; cfg.blocks.len()];
        for block in &cfg.blocks {
            match &block.end {
                End::Match { arms, .. } => {
                    for arm in arms {
                        steps[arm.block].extend(arm.binds.iter().map(|v| Step::Bind(*v)));
                    }
                }
                End::Await { into, next, point, island, .. } => {
                    steps[*next].extend(into.map(Step::Bind));
                    let back = island.iter().flat_map(|i| &i.owned);
                    steps[*next].extend(back.map(|v| Step::Back(*v, *point)));
                }
                _ => {}
            }
        }
        for (b, block) in cfg.blocks.iter().enumerate() {
            let out = &mut steps[b];
            for (i, op) in block.ops.iter().enumerate() {
                match op {
                    Op::Code { uses, binds, .. } => {
                        out.extend(uses.iter().map(|u| Step::Use(*u)));
                        out.extend(binds.iter().map(|v| Step::Bind(*v)));
                    }
                    Op::Declare(v) => out.push(Step::Declare(*v)),
                    Op::Leave(vars) => out.extend(vars.iter().map(|v| Step::Leave(*v, i))),
                }
            }
            match &block.end {
                End::Branch { uses, .. } | End::Await { uses, .. } | End::Return { uses, .. } => {
                    out.extend(uses.iter().map(|u| Step::Use(*u)));
                }
                End::Match { uses, arms, .. } => {
                    out.extend(uses.iter().map(|u| Step::Use(*u)));
                    out.extend(arms.iter().flat_map(|a| &a.uses).map(|u| Step::Use(*u)));
                }
                End::Never | End::Goto(_) => {}
            }
        }
        let event = |step: &Step| match step {
            Step::Use(u) => u.event(),
            Step::Bind(v) | Step::Back(v, _) => Event::Fill(*v),
            Step::Declare(v) | Step::Leave(v, _) => Event::Reset(*v),
        };
        Steps {
            events: steps.iter().map(|s| s.iter().map(event).collect()).collect(),
            successors: cfg.blocks.iter().map(super::cfg::Block::successors).collect(),
            params: cfg.params.clone(),
            n_vars: cfg.vars.list.len(),
            per_block: steps,
        }
    }
}

/// Whether a local is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Status {
    Out,
    Alive,
    /// In scope and empty: moved, or without a value yet.
    Moved,
    Maybe,
}

impl Status {
    fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Status::Out, Status::Moved) | (Status::Moved, Status::Out) => Status::Moved,
            _ => Status::Maybe,
        }
    }
}

/// Plans the states of a body. `confident`: where the words leave it open, what rustc would accept
/// is assumed.
pub(super) fn plan(cfg: &Cfg, confident: bool) -> Result<Plan, Vec<Refusal>> {
    let steps = Steps::new(cfg);
    let live = PlaceLiveness::new(&steps);
    let mut planner = Planner {
        cfg,
        confident,
        no_drop: cfg
            .vars
            .list
            .iter()
            .map(|v| v.no_drop || v.scalar || v.reference.is_some())
            .collect(),
        unsure: BTreeSet::new(),
        steps: &steps,
        live_before: vec![],
        plan: Plan { awaits: vec![vec![]; cfg.awaits.len()], ..Plan::default() },
        refusals: BTreeMap::new(),
    };
    planner.plan.order = reverse_postorder(&steps);
    planner.walk_liveness(&live);
    planner.find_back();
    planner.find_copies();
    let statuses = planner.statuses();
    planner.find_unsure(&statuses);
    planner.keep(&live, &statuses);
    planner.check();
    planner.stay(&live, &statuses);
    if planner.refusals.is_empty() {
        Ok(planner.plan)
    } else {
        Err(planner.refusals.into_values().collect())
    }
}

struct Planner<'a> {
    cfg: &'a Cfg,
    confident: bool,
    no_drop: Vec<bool>,
    /// Locals that code may have given a new value: too much is left open for a cautious reading.
    unsure: BTreeSet<usize>,
    steps: &'a Steps,
    /// Per block and point, the locals that are live just before it; one more for the end.
    live_before: Vec<Vec<BTreeSet<usize>>>,
    plan: Plan,
    /// By local, then by temporary: one reason each.
    refusals: BTreeMap<usize, Refusal>,
}

impl Planner<'_> {
    fn walk_liveness(&mut self, live: &PlaceLiveness) {
        for b in 0..self.cfg.blocks.len() {
            let mut points = vec![BTreeSet::new(); self.steps.events[b].len() + 1];
            live.walk(self.steps, b, |i, set| points[i] = set.iter().collect());
            self.live_before.push(points);
        }
    }

    fn live_after(&self, block: usize, step: usize, v: usize) -> bool {
        self.live_before[block][step + 1].contains(&v)
    }

    /// What an island owned and is read later comes back.
    fn find_back(&mut self) {
        for &b in &self.plan.order {
            for (i, step) in self.steps.per_block[b].iter().enumerate() {
                if let Step::Back(v, point) = *step
                    && self.live_before[b][i + 1].contains(&v)
                {
                    self.plan.back.entry(point).or_default().push(v);
                }
            }
        }
    }

    /// What is moved and used again has no drop, unless code may have given it a new value in between.
    fn find_copies(&mut self) {
        let given = |step: &Step| match step {
            Step::Use(u) if u.kind == Kind::Assign && u.conditional => Some(u.var),
            _ => None,
        };
        let given: BTreeSet<usize> =
            self.steps.per_block.iter().flatten().filter_map(given).collect();
        for b in self.plan.order.clone() {
            for i in 0..self.steps.per_block[b].len() {
                let Step::Use(Use { var, kind: Kind::Move, .. }) = self.steps.per_block[b][i]
                else {
                    continue;
                };
                if self.no_drop[var] || !self.live_after(b, i, var) {
                    continue;
                }
                self.no_drop[var] = true;
                if given.contains(&var) {
                    self.unsure.insert(var);
                }
            }
        }
    }

    /// Of what is empty, and given a value on some ways of code, only the code knows whether it is there.
    fn find_unsure(&mut self, statuses: &[Option<Vec<Status>>]) {
        for &b in &self.plan.order {
            let Some(mut s) = statuses[b].clone() else { continue };
            for (i, step) in self.steps.per_block[b].iter().enumerate() {
                if let Step::Use(Use { var, kind: Kind::Assign, conditional: true, .. }) = *step
                    && s[var] != Status::Alive
                {
                    self.unsure.insert(var);
                }
                self.apply(b, i, *step, &mut s);
            }
        }
    }

    fn apply(&self, block: usize, i: usize, step: Step, s: &mut [Status]) {
        match step {
            Step::Bind(v) => s[v] = Status::Alive,
            Step::Back(v, point) if self.plan.back.get(&point).is_some_and(|b| b.contains(&v)) => {
                s[v] = Status::Alive;
            }
            Step::Back(..) => {}
            Step::Declare(v) => s[v] = Status::Moved,
            Step::Leave(v, _) => s[v] = Status::Out,
            Step::Use(u) => {
                let v = u.var;
                let copy = self.no_drop[v];
                match u.kind {
                    Kind::Move if !copy && s[v] != Status::Out => s[v] = Status::Moved,
                    Kind::Apart
                        if !copy
                            && s[v] == Status::Alive
                            && (self.confident || self.cfg.vars.list[v].owned)
                            && !self.live_after(block, i, v) =>
                    {
                        s[v] = Status::Moved;
                    }
                    // Taken to be copied, or lent: rustc sees if it was moved.
                    Kind::Part if self.confident => {}
                    Kind::Capture | Kind::Opaque | Kind::Part | Kind::Apart | Kind::MaybeMove
                        if !copy && s[v] == Status::Alive =>
                    {
                        s[v] = Status::Maybe;
                    }
                    Kind::Receive | Kind::Call
                        if !copy
                            && !self.confident
                            && s[v] == Status::Alive
                            && !self.live_after(block, i, v) =>
                    {
                        s[v] = Status::Maybe;
                    }
                    // What is read later has a value on each way, or rustc says so.
                    Kind::Assign if !u.conditional || self.live_after(block, i, v) => {
                        s[v] = Status::Alive;
                    }
                    Kind::Assign if s[v] == Status::Moved => s[v] = Status::Maybe,
                    _ => {}
                }
            }
        }
    }

    /// Statuses at the start of each block.
    fn statuses(&self) -> Vec<Option<Vec<Status>>> {
        let mut at: Vec<Option<Vec<Status>>> = vec![None; self.cfg.blocks.len()];
        let mut first = vec![Status::Out; self.steps.n_vars];
        self.cfg.params.iter().for_each(|&v| first[v] = Status::Alive);
        at[0] = Some(first);
        let mut work = vec![0];
        while let Some(b) = work.pop() {
            let Some(mut s) = at[b].clone() else { continue };
            for (i, step) in self.steps.per_block[b].iter().enumerate() {
                self.apply(b, i, *step, &mut s);
            }
            for &next in &self.steps.successors[b] {
                let joined = match &at[next] {
                    None => s.clone(),
                    Some(old) => old.iter().zip(&s).map(|(a, b)| a.join(*b)).collect(),
                };
                if at[next].as_ref() != Some(&joined) {
                    at[next] = Some(joined);
                    work.push(next);
                }
            }
        }
        at
    }

    fn kept(&mut self, live: &BTreeSet<usize>, s: &[Status], but: Option<usize>) -> Vec<usize> {
        let mut out = vec![];
        for (v, &status) in s.iter().enumerate() {
            if Some(v) == but {
                continue;
            }
            // What is empty is given a value before it is read.
            let is_live = live.contains(&v) && status != Status::Moved;
            let owed = !self.no_drop[v] && matches!(status, Status::Alive | Status::Maybe);
            let unsure = !self.confident && self.unsure.contains(&v);
            if (owed && status == Status::Maybe && !is_live) || (unsure && (owed || is_live)) {
                self.refuse_maybe(v);
            }
            if is_live || owed {
                out.push(v);
            }
        }
        out.sort_by_key(|v| self.cfg.order[*v]);
        out
    }

    /// Nobody knows whether it is there where a state would keep it, or a scope drop it.
    fn refuse_maybe(&mut self, v: usize) {
        let var = &self.cfg.vars.list[v];
        let mut steps = self.steps.per_block.iter().flatten();
        let refusal = if steps.any(|step| matches!(step, Step::Declare(w) if *w == v)) {
            Refusal::maybe_empty(&var.word(), var.span)
        } else {
            Refusal::maybe_moved(&var.word(), var.span)
        };
        self.refusals.entry(v).or_insert(refusal);
    }

    fn keep(&mut self, live: &PlaceLiveness, statuses: &[Option<Vec<Status>>]) {
        let mut n_before = vec![0; self.cfg.blocks.len()];
        for &b in &self.plan.order {
            self.steps.successors[b].iter().for_each(|&s| n_before[s] += 1);
        }
        for b in self.plan.order.clone() {
            let Some(mut s) = statuses[b].clone() else { continue };
            if n_before[b] > 1 {
                let set: BTreeSet<usize> = live.live_in(b).iter().collect();
                let kept = self.kept(&set, &s, None);
                self.plan.joins.insert(b, kept);
            }
            for (i, step) in self.steps.per_block[b].clone().into_iter().enumerate() {
                if let Step::Leave(v, op) = step
                    && !self.no_drop[v]
                {
                    match s[v] {
                        Status::Alive => self.plan.dropped.entry((b, op)).or_default().push(v),
                        Status::Maybe => self.refuse_maybe(v),
                        Status::Out | Status::Moved => {}
                    }
                }
                self.apply(b, i, step, &mut s);
            }
            if let End::Await { point, into, .. } = &self.cfg.blocks[b].end {
                let set = self.live_before[b].last().cloned().unwrap_or_default();
                let kept = self.kept(&set, &s, *into);
                self.plan.awaits[*point] = kept;
            }
        }
    }

    /// Finds the loops whose state is used in place, and what leaves them.
    fn stay(&mut self, live: &PlaceLiveness, statuses: &[Option<Vec<Status>>]) {
        let live_in = |b| live.live_in(b).iter().collect();
        self.plan.stays = stay::find(self.cfg, &self.plan, &self.no_drop, live_in);
        for s in self.plan.stays.values() {
            for to in s.blocks.iter().flat_map(|b| &self.steps.successors[*b]) {
                let Some(status) = statuses[*to].as_ref().filter(|_| !s.blocks.contains(to)) else {
                    continue;
                };
                let there = |v: &usize| {
                    let owed = !self.no_drop[*v] && status[*v] == Status::Alive;
                    let full = matches!(status[*v], Status::Alive | Status::Maybe);
                    owed || (full && live.live_in(*to).contains(*v))
                };
                let mut vars: Vec<usize> = (0..status.len()).filter(there).collect();
                vars.sort_by_key(|v| self.cfg.order[*v]);
                self.plan.exits.insert(*to, vars);
            }
        }
    }

    /// What the words of the body leave open, for locals that some state keeps.
    fn check(&mut self) {
        let kept: BTreeSet<usize> =
            self.plan.awaits.iter().chain(self.plan.joins.values()).flatten().copied().collect();
        let awaits_later = self.awaits_later();
        for (i, (b, span)) in self.cfg.temporaries.iter().enumerate() {
            if awaits_later.contains(b) {
                self.refusals.insert(self.steps.n_vars + i, Refusal::temporary(*span));
            }
        }
        for &b in &self.plan.order {
            let is_await = matches!(self.cfg.blocks[b].end, End::Await { .. });
            let n_operand = match &self.cfg.blocks[b].end {
                End::Await { uses, .. } => uses.len(),
                _ => 0,
            };
            let n = self.steps.per_block[b].len();
            for (i, step) in self.steps.per_block[b].iter().enumerate() {
                let Step::Use(u) = step else { continue };
                // Nothing is awaited after a `return`: what it lends ends with the function.
                let returns = matches!(&self.cfg.blocks[b].end, End::Return { uses, .. }
                    if i + uses.len() >= n);
                // What is lent must be there as long as who holds it, which may be kept.
                let lends =
                    matches!(u.kind, Kind::Borrow | Kind::Capture | Kind::Opaque | Kind::Call)
                        || (u.kind == Kind::Receive && self.cfg.vars.list[u.var].array);
                if returns || !(kept.contains(&u.var) || (lends && awaits_later.contains(&b))) {
                    continue;
                }
                let in_operand = is_await && i >= n - n_operand;
                let after = self.live_before[b][i + 1].contains(&u.var);
                if let Some(refusal) = self.judge(u, in_operand, after, b) {
                    self.refusals.entry(u.var).or_insert(refusal);
                }
            }
        }
    }

    /// Blocks that an await ends or follows.
    fn awaits_later(&self) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        loop {
            let before = found.len();
            for &b in self.plan.order.iter().rev() {
                let here = matches!(self.cfg.blocks[b].end, End::Await { .. });
                if here || self.steps.successors[b].iter().any(|s| found.contains(s)) {
                    found.insert(b);
                }
            }
            if found.len() == before {
                return found;
            }
        }
    }

    fn judge(&self, u: &Use, in_operand: bool, after: bool, block: usize) -> Option<Refusal> {
        let var = &self.cfg.vars.list[u.var];
        let name = var.word();
        let shared = var.reference == Some(Reference::Shared);
        let wait = match &self.cfg.blocks[block].end {
            End::Await { point, .. } => Some(self.cfg.awaits[*point].span),
            _ => None,
        };
        let later = || {
            let all = self.plan.order.iter().flat_map(|b| &self.steps.per_block[*b]);
            let uses = all.filter_map(|s| match s {
                Step::Use(w) if w.var == u.var => Some(w.span),
                _ => None,
            });
            let here = u.span.start().line;
            // In a loop it may stand before.
            let by_line = |span: &Span| (span.start().line <= here, span.start().line);
            uses.filter(|span| after || span.start().line > here).min_by_key(by_line)
        };
        let borrow = || Some(Refusal::borrow(&name, u.span, wait, later()));
        if self.confident {
            let handed = match &self.cfg.blocks[block].end {
                End::Await { point, .. } if in_operand => {
                    self.cfg.awaits[*point].handed.contains(&u.var)
                }
                _ => false,
            };
            let mutable = var.reference == Some(Reference::Mutable);
            return match u.kind {
                Kind::Borrow if in_operand && !shared => borrow(),
                // Naming a mutable reference lends it on, and so does a method of it.
                Kind::Move | Kind::Receive if handed && mutable && after => borrow(),
                _ => None,
            };
        }
        let lent = u.hold > Hold::No || in_operand;
        match u.kind {
            Kind::Capture if u.hold == Hold::No && !in_operand => None,
            Kind::Capture | Kind::Opaque => Some(Refusal::capture(&name, u.span)),
            Kind::Part => Some(Refusal::part(&name, u.span)),
            Kind::Apart if !var.owned => Some(Refusal::part(&name, u.span)),
            // An async closure may lend itself to the future.
            Kind::Call if in_operand => Some(Refusal::capture(&name, u.span)),
            // A method of a number gives a number.
            Kind::Receive if var.scalar && !var.array => None,
            Kind::Borrow | Kind::Receive if lent => borrow(),
            // A mutable reference may be lent on by naming it.
            Kind::Move if !var.scalar && !var.owned && !shared && after && u.hold == Hold::Yes => {
                borrow()
            }
            _ => None,
        }
    }
}

fn reverse_postorder(body: &Steps) -> Vec<usize> {
    let mut order = vec![];
    let mut seen = vec![false; body.n_blocks()];
    let mut stack = vec![(0, 0)];
    seen[0] = true;
    while let Some((b, i)) = stack.pop() {
        // Later successors first, so that the order is that of the source.
        let successors = &body.successors[b];
        match successors.len().checked_sub(i + 1).map(|k| successors[k]) {
            Some(next) => {
                stack.push((b, i + 1));
                if !std::mem::replace(&mut seen[next], true) {
                    stack.push((next, 0));
                }
            }
            None => order.push(b),
        }
    }
    order.reverse();
    order
}
