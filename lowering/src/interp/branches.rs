//! Joins and selects of the source form: strands inside a coroutine.
//!
//! Every branch is set up in order (operations start, calls get their arguments) before any runs.
//! Each round runs the unfinished branches in order, a select from where the script says. The first
//! that wins, faults or ends cancelled stops the round: the others are asked to cancel, in order, and
//! drained under the shield.

use super::engine::{Finish, Res};
use super::source::{Source, Strand, Then, Wait};
use super::value::Datum;
use crate::ir::{Awaitee, Terminator, Ty};
use vitte_abi::{VT_CANCELLED, VT_DONE, VT_FAULTED};

/// Joins that may run inside each other; each takes native stack here and in the runtime.
pub(super) const MAX_NESTING: u32 = 64;

/// What a join is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Branches run.
    Run,
    /// There is a winner; the others are drained under the shield.
    Drain,
    /// A branch failed; the others are drained under the shield.
    Fail,
    /// The whole is being cancelled.
    Cancel,
}

/// The branches of a suspended join or select.
#[derive(Debug)]
pub(super) struct Join {
    branches: Vec<Branch>,
    phase: Phase,
    winner: Option<usize>,
    /// `Some(now)` for a select, which with `now` does not wait.
    select: Option<bool>,
}

#[derive(Debug)]
struct Branch {
    strand: Strand,
    types: Vec<Ty>,
    end: Option<Finish>,
}

impl Join {
    fn enter(&mut self, s: &mut Strand, phase: Phase) {
        let shielded = |p| matches!(p, Phase::Drain | Phase::Fail);
        s.shield += u32::from(shielded(phase));
        s.shield -= u32::from(shielded(self.phase));
        self.phase = phase;
        self.branches.iter_mut().filter(|b| b.end.is_none()).for_each(|b| b.strand.ask());
    }
}

impl Source<'_> {
    /// Sets up the branches and runs the first round.
    pub(super) fn start_join(
        &mut self,
        s: &mut Strand,
        awaitees: Vec<&Awaitee>,
        select: Option<bool>,
    ) -> Res<Then> {
        let mut branches = Vec::new();
        for awaitee in awaitees {
            let (strand, types) = self.branch(s, awaitee)?;
            branches.push(Branch { strand, types, end: None });
        }
        let join = Join { branches, phase: Phase::Run, winner: None, select };
        let over = self.run_join(s, Box::new(join), false)?;
        Ok(if over { Then::Go } else { Then::Suspend })
    }

    fn branch(&mut self, s: &mut Strand, awaitee: &Awaitee) -> Res<(Strand, Vec<Ty>)> {
        let (func, args) = match awaitee {
            Awaitee::Op { op, args } => {
                let n = self.begin_op(s, *op, args)?;
                let strand = Strand { op: Some((n, *op)), ..Strand::default() };
                return Ok((strand, self.e.module.ops[*op].results.clone()));
            }
            Awaitee::Call { func, args } => {
                let top = s.stack.last_mut().ok_or("nothing ran")?;
                (*func, self.e.args(&mut top.act, args)?)
            }
            Awaitee::Future(held) => self.consume(s, held)?,
            _ => return Err("a branch that cannot be joined".into()),
        };
        Ok((self.strand(func, args)?, self.e.module.funcs[func].sig.results.clone()))
    }

    /// Runs the branches; true once the join is over and its edge is taken.
    pub(super) fn run_join(
        &mut self,
        s: &mut Strand,
        mut join: Box<Join>,
        cancel: bool,
    ) -> Res<bool> {
        if self.nesting >= MAX_NESTING {
            return Err("joins are nested too deeply".into());
        }
        self.nesting += 1;
        if cancel {
            join.enter(s, Phase::Cancel);
        }
        let over = self.rounds(s, &mut join)?;
        self.nesting -= 1;
        if self.e.abort {
            return Ok(true);
        }
        if over {
            self.end_join(s, *join)?;
        } else if let Some(top) = s.stack.last_mut() {
            top.wait = Wait::Join(join);
        }
        Ok(over)
    }

    fn rounds(&mut self, s: &mut Strand, join: &mut Join) -> Res<bool> {
        loop {
            let before = join.phase;
            self.round(s, join)?;
            if self.e.abort {
                return Ok(true);
            }
            if join.phase != before {
                continue;
            }
            // A select of nothing waits for ever, unless it is cancelled or does not wait.
            let unfinished = join.branches.iter().any(|b| b.end.is_none());
            let stuck =
                join.branches.is_empty() && join.select == Some(false) && join.phase == Phase::Run;
            if !unfinished && !stuck {
                return Ok(true);
            }
            if join.select == Some(true) && before == Phase::Run {
                join.enter(s, Phase::Drain);
                continue;
            }
            return Ok(false);
        }
    }

    /// Runs every unfinished branch once, until one changes the phase.
    fn round(&mut self, s: &mut Strand, join: &mut Join) -> Res<()> {
        let n = join.branches.len();
        let chosen = join.select.is_some() && join.phase == Phase::Run && n >= 2;
        let tick = self.e.world.tick;
        let start = if chosen { self.e.script.choose(tick, n as u32) as usize } else { 0 };
        for i in (start..n).chain(0..start) {
            if join.branches[i].end.is_some() {
                continue;
            }
            let Some(finish) = self.run(&mut join.branches[i].strand)? else { continue };
            let status = finish.status;
            join.branches[i].end = Some(finish);
            if self.e.abort {
                return Ok(());
            }
            if join.phase != Phase::Run {
                continue;
            }
            if join.select.is_some() && status == VT_DONE {
                join.winner = Some(i);
                join.enter(s, Phase::Drain);
                return Ok(());
            }
            if status != VT_DONE {
                join.enter(s, Phase::Fail);
                return Ok(());
            }
        }
        Ok(())
    }

    /// All branches are over: drops what nobody gets and takes the edge.
    fn end_join(&mut self, s: &mut Strand, join: Join) -> Res<()> {
        if matches!(join.phase, Phase::Drain | Phase::Fail) {
            s.shield -= 1;
        }
        let Join { branches, phase, winner, select } = join;
        let mut ends: Vec<(Vec<Ty>, Finish)> = Vec::new();
        for b in branches {
            ends.push((b.types, b.end.ok_or("a branch has not ended")?));
        }
        let faulted = ends.iter().any(|(_, f)| f.status == VT_FAULTED);
        let failed = faulted || matches!(phase, Phase::Fail | Phase::Cancel);
        let mut kept: Vec<Vec<Datum>> = Vec::new();
        for (i, (types, f)) in ends.into_iter().enumerate() {
            let wanted = !failed && (select.is_none() || winner == Some(i));
            if !wanted && f.status == VT_DONE {
                self.e.drop_data(&types, &f.results)?;
            }
            kept.push(if wanted { f.results } else { Vec::new() });
        }
        let act = &mut s.stack.last_mut().ok_or("nothing ran")?.act;
        let term = self.e.term_at(act);
        let (Terminator::Join { unwind, .. } | Terminator::Select { unwind, .. }) = term else {
            return Err("a join ended where none stands".into());
        };
        if failed {
            let cause = if faulted { VT_FAULTED } else { VT_CANCELLED };
            return self.e.take_edge(act, unwind, &[], Some(cause));
        }
        match term {
            Terminator::Join { branches, ok, .. } => {
                let mut vals = Vec::new();
                for (b, results) in branches.iter().zip(kept) {
                    vals.extend(self.e.take_results(act, &b.dests, results)?);
                }
                self.e.take_edge(act, ok, &vals, None)
            }
            Terminator::Select { arms, otherwise, .. } => {
                let Some(w) = winner else {
                    let edge = otherwise.as_ref().ok_or("a select without a winner")?;
                    return self.e.take_edge(act, edge, &[], None);
                };
                let arm = &arms[w];
                let vals = self.e.take_results(act, &arm.dests, kept.swap_remove(w))?;
                self.e.take_edge(act, &arm.ok, &vals, None)
            }
            _ => Ok(()),
        }
    }
}
