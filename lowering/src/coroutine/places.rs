//! Liveness of places: slots of the IR, or locals of a Rust body.
//!
//! In: a [`Body`], which says per block what happens to which place. Out: where a place's bytes
//! matter, at every point.
//!
//! A place is **live** at a point if it may hold something (it was written or escaped on some path
//! to the point) and that something may be looked at on some path from the point. So a place that is
//! filled piecewise is live from its first write on, and one that is written but never read is not
//! live at all. A place whose address **escapes** (is used for anything but direct loads, stores and
//! copies) is live from there until its storage ends.
//!
//! Two dataflow problems over bit sets, forward (may hold) and backward (may be looked at), then
//! their intersection. Cost: blocks × places / 64 per sweep, a few sweeps.

/// What happens to a place at a point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Its contents are looked at.
    Read(usize),
    /// Its contents are looked at and are gone afterwards: moved out, dropped.
    Take(usize),
    /// Part of it is written.
    Write(usize),
    /// The whole of it is written.
    Fill(usize),
    /// Its storage begins or ends: contents are gone.
    Reset(usize),
    /// Its address is taken and may be used any time later.
    Escape(usize),
}

impl Event {
    /// The place it happens to.
    pub fn place(self) -> usize {
        match self {
            Event::Read(p) | Event::Take(p) | Event::Write(p) | Event::Fill(p) => p,
            Event::Reset(p) | Event::Escape(p) => p,
        }
    }
}

/// What the analysis needs to know of a body. Blocks and places are dense indices.
pub trait Body {
    /// Number of blocks.
    fn n_blocks(&self) -> usize;
    /// The first block.
    fn entry(&self) -> usize;
    /// Successors of a block.
    fn successors(&self, block: usize) -> Vec<usize>;
    /// Number of places.
    fn n_places(&self) -> usize;
    /// Places that hold something when the body starts.
    fn params(&self) -> Vec<usize>;
    /// Events of a block in order.
    fn events(&self, block: usize) -> &[Event];
}

/// A set of places. The first 64 need no allocation: most bodies have no more.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlaceSet {
    first: u64,
    rest: Vec<u64>,
}

impl PlaceSet {
    /// Of a body with `n` places, none of which is in it.
    pub(super) fn new(n: usize) -> Self {
        Self { first: 0, rest: vec![0; n.div_ceil(64).saturating_sub(1)] }
    }
    /// Whether it has the place.
    pub fn contains(&self, p: usize) -> bool {
        let word = if p < 64 { Some(&self.first) } else { self.rest.get(p / 64 - 1) };
        word.is_some_and(|w| w >> (p % 64) & 1 != 0)
    }
    fn word(&mut self, p: usize) -> &mut u64 {
        if p < 64 { &mut self.first } else { &mut self.rest[p / 64 - 1] }
    }
    pub(super) fn insert(&mut self, p: usize) {
        *self.word(p) |= 1 << (p % 64);
    }
    fn remove(&mut self, p: usize) {
        *self.word(p) &= !(1 << (p % 64));
    }
    fn set(&mut self, p: usize, there: bool) {
        if there {
            self.insert(p);
        } else {
            self.remove(p);
        }
    }
    fn words(&self) -> impl Iterator<Item = u64> {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }
    fn words_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        std::iter::once(&mut self.first).chain(&mut self.rest)
    }
    fn unite(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (a, b) in self.words_mut().zip(other.words()) {
            changed |= b & !*a != 0;
            *a |= b;
        }
        changed
    }
    fn intersect(&mut self, other: &Self) {
        self.words_mut().zip(other.words()).for_each(|(a, b)| *a &= b);
    }
    /// Its places, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words().enumerate().flat_map(|(i, w)| {
            std::iter::successors((w != 0).then_some(w), |&w| {
                let rest = w & (w - 1);
                (rest != 0).then_some(rest)
            })
            .map(move |w| i * 64 + w.trailing_zeros() as usize)
        })
    }
}

/// The answer.
#[derive(Debug)]
pub struct PlaceLiveness {
    /// May hold something, at the start of each block.
    holds: Vec<PlaceSet>,
    /// Has escaped, at the start of each block.
    escaped: Vec<PlaceSet>,
    /// May be looked at, at the end of each block.
    wanted_out: Vec<PlaceSet>,
    live_in: Vec<PlaceSet>,
    live_out: Vec<PlaceSet>,
}

impl PlaceLiveness {
    /// Analyses a body.
    pub fn new(body: &impl Body) -> Self {
        let n = body.n_places();
        let succs: Vec<Vec<usize>> = (0..body.n_blocks()).map(|b| body.successors(b)).collect();
        let (holds, escaped) = forward(body, &succs, n);
        let wanted_out = backward(body, &succs, n);
        let (live_in, live_out) = (Vec::new(), Vec::new());
        let mut this = Self { holds, escaped, wanted_out, live_in, live_out };
        for b in 0..body.n_blocks() {
            let (mut first, mut last) = (PlaceSet::new(n), PlaceSet::new(n));
            this.walk(body, b, |i, live| {
                if i == body.events(b).len() {
                    last = live.clone();
                }
                if i == 0 {
                    first = live.clone();
                }
            });
            this.live_in.push(first);
            this.live_out.push(last);
        }
        this
    }

    /// Places live into a block.
    pub fn live_in(&self, block: usize) -> &PlaceSet {
        &self.live_in[block]
    }

    /// Places live at the end of a block, ascending.
    pub fn live_out(&self, block: usize) -> Vec<usize> {
        self.live_out[block].iter().collect()
    }

    /// Visits the points of a block backwards: `visit(i, live)` gets the places live just before
    /// event `i`, first with `i` = number of events (the end of the block), last with 0.
    pub fn walk(&self, body: &impl Body, block: usize, mut visit: impl FnMut(usize, &PlaceSet)) {
        let events = body.events(block);
        // Forward once, remembering how to undo each event.
        let (mut holds, mut escaped) = (self.holds[block].clone(), self.escaped[block].clone());
        let mut undo = Vec::with_capacity(events.len());
        for &event in events {
            let p = event.place();
            undo.push((holds.contains(p), escaped.contains(p)));
            apply_forward(event, &mut holds, &mut escaped);
        }
        let mut wanted = self.wanted_out[block].clone();
        let mut live = wanted.clone();
        live.intersect(&holds);
        live.unite(&escaped);
        visit(events.len(), &live);
        for (i, &event) in events.iter().enumerate().rev() {
            // Nothing but the place of the event changes.
            let p = event.place();
            let (held, was_escaped) = undo[i];
            apply_backward(event, &mut wanted);
            live.set(p, wanted.contains(p) && held || was_escaped);
            visit(i, &live);
        }
    }
}

fn apply_forward(event: Event, holds: &mut PlaceSet, escaped: &mut PlaceSet) {
    match event {
        Event::Read(_) => {}
        Event::Take(p) => holds.remove(p),
        Event::Write(p) | Event::Fill(p) => holds.insert(p),
        Event::Reset(p) => {
            holds.remove(p);
            escaped.remove(p);
        }
        Event::Escape(p) => {
            holds.insert(p);
            escaped.insert(p);
        }
    }
}

fn apply_backward(event: Event, wanted: &mut PlaceSet) {
    match event {
        // Through its address its contents, older than that, may be looked at.
        Event::Read(p) | Event::Take(p) | Event::Escape(p) => wanted.insert(p),
        Event::Write(_) => {}
        Event::Fill(p) | Event::Reset(p) => wanted.remove(p),
    }
}

fn forward(body: &impl Body, succs: &[Vec<usize>], n: usize) -> (Vec<PlaceSet>, Vec<PlaceSet>) {
    let mut holds = vec![PlaceSet::new(n); body.n_blocks()];
    let mut escaped = holds.clone();
    for p in body.params() {
        holds[body.entry()].insert(p);
    }
    let mut seen = vec![false; body.n_blocks()];
    let mut work = vec![body.entry()];
    while let Some(b) = work.pop() {
        seen[b] = true;
        let (mut h, mut e) = (holds[b].clone(), escaped[b].clone());
        for &event in body.events(b) {
            apply_forward(event, &mut h, &mut e);
        }
        for &s in &succs[b] {
            let changed = holds[s].unite(&h) | escaped[s].unite(&e);
            if changed || !seen[s] {
                seen[s] = true;
                work.push(s);
            }
        }
    }
    (holds, escaped)
}

fn backward(body: &impl Body, succs: &[Vec<usize>], n: usize) -> Vec<PlaceSet> {
    let blocks = body.n_blocks();
    let mut preds = vec![Vec::new(); blocks];
    for (b, list) in succs.iter().enumerate() {
        list.iter().for_each(|&s| preds[s].push(b));
    }
    let mut wanted_out = vec![PlaceSet::new(n); blocks];
    let mut work: Vec<usize> = (0..blocks).collect();
    let mut queued = vec![true; blocks];
    while let Some(b) = work.pop() {
        queued[b] = false;
        let mut wanted = wanted_out[b].clone();
        for &event in body.events(b).iter().rev() {
            apply_backward(event, &mut wanted);
        }
        for &p in &preds[b] {
            if wanted_out[p].unite(&wanted) && !queued[p] {
                queued[p] = true;
                work.push(p);
            }
        }
    }
    wanted_out
}
