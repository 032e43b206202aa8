//! A bounded queue between two stages, with its figures.
//!
//! * E1: a sender waits only while the queue is full, a receiver only while it is empty; whoever
//!   changes that wakes one of the other side, and a woken one that leaves work behind wakes the
//!   next.
//! * E2: batches that are taken are numbered in the order of their items, so that a parallel stage
//!   can give its results in that order.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use vitte_rt::runtime::Handle;

/// Items taken from an edge at a time, at most.
pub(crate) const BATCH: usize = 64;

/// Figures of an edge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EdgeStats {
    /// The stage that fills it.
    pub from: Arc<str>,
    /// The stage that empties it.
    pub to: Arc<str>,
    /// Items that it holds at most.
    pub capacity: usize,
    /// Items in it now.
    pub queued: usize,
    /// Most items that were in it.
    pub most_queued: usize,
    /// Items that went through.
    pub n_items: u64,
    /// Items that went through per second, from the start of the run until now or its end; 0 before.
    pub per_second: u64,
    /// Time that senders waited for room, all together.
    pub blocked: Duration,
    /// Time that receivers waited for items, all together.
    pub starved: Duration,
}

pub(crate) struct Edge<T> {
    capacity: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    queue: VecDeque<T>,
    n_senders: usize,
    /// No more items: the pipeline was cancelled, or the receiving stage has ended.
    is_closed: bool,
    senders: Line,
    receivers: Line,
    n_batches: u64,
    n_items: u64,
    most_queued: usize,
    blocked_ns: u64,
    starved_ns: u64,
}

/// Who waits on one side, in the order of arrival. Nobody stands in it twice: a place that was given
/// to somebody who no longer waits would be lost.
#[derive(Default)]
struct Line {
    waiting: VecDeque<(u64, Waker)>,
    n_arrived: u64,
}

/// A stay in a line.
#[derive(Default)]
struct Stay {
    ticket: Option<u64>,
    since_ns: u64,
}

impl Line {
    fn wait(&mut self, stay: &mut Stay, waker: &Waker) {
        let found = stay.ticket.and_then(|t| self.waiting.iter_mut().find(|(w, _)| *w == t));
        if let Some((_, known)) = found {
            known.clone_from(waker);
            return;
        }
        // Who was woken and has to wait on has been waiting all the time.
        if stay.ticket.is_none() {
            stay.since_ns = now_ns();
        }
        stay.ticket = Some(self.n_arrived);
        self.waiting.push_back((self.n_arrived, waker.clone()));
        self.n_arrived += 1;
    }

    /// Leaves the line, if `stay` is in it; answers the time since the arrival.
    fn leave(&mut self, stay: &mut Stay) -> u64 {
        let Some(ticket) = stay.ticket.take() else { return 0 };
        self.waiting.retain(|(w, _)| *w != ticket);
        now_ns().saturating_sub(stay.since_ns)
    }

    fn pop(&mut self) -> Option<Waker> {
        self.waiting.pop_front().map(|(_, waker)| waker)
    }

    fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        std::mem::take(&mut self.waiting).into_iter().map(|(_, waker)| waker)
    }
}

/// The receiving stage has ended, or the pipeline was cancelled.
#[derive(Debug)]
pub(crate) struct Closed;

impl<T> Edge<T> {
    /// An edge with one sender.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            queue: VecDeque::new(),
            n_senders: 1,
            is_closed: false,
            senders: Line::default(),
            receivers: Line::default(),
            n_batches: 0,
            n_items: 0,
            most_queued: 0,
            blocked_ns: 0,
            starved_ns: 0,
        };
        Self { capacity: capacity.max(1), state: Mutex::new(state) }
    }

    pub(crate) fn add_senders(&self, n: usize) {
        self.state.lock().n_senders += n;
    }

    /// One sender has ended; after the last one receivers find the end behind the last item.
    pub(crate) fn end(&self) {
        let wakers = {
            let mut state = self.state.lock();
            state.n_senders -= 1;
            if state.n_senders > 0 {
                return;
            }
            state.receivers.take()
        };
        wakers.for_each(Waker::wake);
    }

    /// Sends all of `items`, waiting for room as often as need be.
    pub(crate) async fn send_all(&self, items: &mut Vec<T>) -> Result<(), Closed> {
        let mut items_left = items.drain(..);
        let mut stay = Stay::default();
        let mut next = items_left.next();
        if next.is_none() {
            return Ok(());
        }
        poll_fn(|cx| self.poll_send(&mut next, &mut items_left, &mut stay, cx)).await
    }

    fn poll_send(
        &self,
        next: &mut Option<T>,
        rest: &mut std::vec::Drain<'_, T>,
        stay: &mut Stay,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Closed>> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Poll::Ready(Err(Closed));
        }
        while state.queue.len() < self.capacity
            && let Some(item) = next.take()
        {
            state.queue.push_back(item);
            *next = rest.next();
        }
        state.most_queued = state.most_queued.max(state.queue.len());
        let receiver = state.receivers.pop();
        // E1: room that is left over is for the next sender.
        let sender = if next.is_none() && state.queue.len() < self.capacity {
            state.senders.pop()
        } else {
            None
        };
        let done = next.is_none();
        if done {
            state.blocked_ns += state.senders.leave(stay);
        } else {
            state.senders.wait(stay, cx.waker());
        }
        drop(state);
        receiver.into_iter().chain(sender).for_each(Waker::wake);
        if done { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Takes up to `max` items (at least one) into `items`, which is empty, and answers the batch's
    /// number (E2). `None` at the end.
    pub(crate) async fn receive(&self, items: &mut Vec<T>, max: usize) -> Option<u64> {
        let mut stay = Stay::default();
        poll_fn(|cx| self.poll_receive(items, max, &mut stay, cx)).await
    }

    fn poll_receive(
        &self,
        items: &mut Vec<T>,
        max: usize,
        stay: &mut Stay,
        cx: &mut Context<'_>,
    ) -> Poll<Option<u64>> {
        let mut state = self.state.lock();
        if state.is_closed || (state.queue.is_empty() && state.n_senders == 0) {
            return Poll::Ready(None);
        }
        if state.queue.is_empty() {
            state.receivers.wait(stay, cx.waker());
            return Poll::Pending;
        }
        state.starved_ns += state.receivers.leave(stay);
        let n = state.queue.len().min(max);
        items.extend(state.queue.drain(..n));
        let batch = state.n_batches;
        state.n_batches += 1;
        state.n_items += n as u64;
        // E1: items that are left over are for the next receiver. A sender is woken when half of the
        // room is free: one wake-up for many items.
        let receiver = if state.queue.is_empty() { None } else { state.receivers.pop() };
        let sender =
            if state.queue.len() <= self.capacity / 2 { state.senders.pop() } else { None };
        drop(state);
        receiver.into_iter().chain(sender).for_each(Waker::wake);
        Poll::Ready(Some(batch))
    }
}

/// What a pipeline does with an edge whatever its items are.
pub(crate) trait AnyEdge: Send + Sync {
    fn close(&self);
    /// Its figures after a run of `elapsed` so far.
    fn stats(&self, from: Arc<str>, to: Arc<str>, elapsed: Duration) -> EdgeStats;
}

impl<T: Send> AnyEdge for Edge<T> {
    /// Drops what is in it and lets both sides end.
    fn close(&self) {
        let (items, senders, receivers) = {
            let mut state = self.state.lock();
            state.is_closed = true;
            (std::mem::take(&mut state.queue), state.senders.take(), state.receivers.take())
        };
        senders.chain(receivers).for_each(Waker::wake);
        drop(items);
    }

    fn stats(&self, from: Arc<str>, to: Arc<str>, elapsed: Duration) -> EdgeStats {
        let state = self.state.lock();
        let per_second = u128::from(state.n_items) * Duration::from_secs(1).as_nanos();
        let per_second = per_second.checked_div(elapsed.as_nanos()).unwrap_or(0);
        EdgeStats {
            from,
            to,
            capacity: self.capacity,
            queued: state.queue.len(),
            most_queued: state.most_queued,
            n_items: state.n_items,
            per_second: per_second as u64,
            blocked: Duration::from_nanos(state.blocked_ns),
            starved: Duration::from_nanos(state.starved_ns),
        }
    }
}

fn now_ns() -> u64 {
    Handle::try_current().map_or(0, |handle| handle.now_ns())
}

/// Lets the workers of a parallel stage give their results in the order of their batches.
pub(crate) struct Turn(Mutex<TurnState>);

#[derive(Default)]
struct TurnState {
    next: u64,
    is_abandoned: bool,
    waiting: Vec<(u64, Waker)>,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Self(Mutex::default())
    }

    /// Waits until all batches before `batch` have passed, or never will.
    pub(crate) async fn wait(&self, batch: u64) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.next >= batch || state.is_abandoned {
                return Poll::Ready(());
            }
            match state.waiting.iter_mut().find(|(b, _)| *b == batch) {
                Some((_, waker)) => waker.clone_from(cx.waker()),
                None => state.waiting.push((batch, cx.waker().clone())),
            }
            Poll::Pending
        })
        .await;
    }

    /// A worker has ended in the middle of a batch: nobody waits for it. Whatever is sent after that
    /// finds its edge closed.
    pub(crate) fn abandon(&self) {
        let waiting = {
            let mut state = self.0.lock();
            state.is_abandoned = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Batch `batch` has passed.
    pub(crate) fn pass(&self, batch: u64) {
        let waker = {
            let mut state = self.0.lock();
            state.next = batch + 1;
            let at = state.waiting.iter().position(|(b, _)| *b == batch + 1);
            at.map(|at| state.waiting.swap_remove(at).1)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
