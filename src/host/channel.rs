//! Channels: many senders, many receivers, values that cross.
//!
//! A channel holds its values as words in one ring, so sending allocates only when the ring grows.
//! Who cannot go on waits in a queue, first come first served; whoever makes room or brings a value
//! wakes the first in the other queue. A value is taken only by a poll that is done with it at once,
//! so a receive that is cancelled has nothing to put back: it passes its wake-up on.
//!
//! * **I1** A value is owned by exactly one of: the sender's operation, the ring, the receiver's area.
//! * **I2** While values (or room) and waiters of that kind exist, at least one of these waiters has
//!   been woken and has not yet polled or gone.

use super::count::drop_value;
use super::cross::cross;
use super::handle;
use super::object::{Obj, TypeDesc, ValueDesc};
use super::op::{Area, operations};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::ptr::null_mut;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use vitte_abi::{fault_code, vt_ctx, vt_status};
use vitte_rt::coroutine::{Fault, OpCx};

/// Waiting operations, in order.
#[derive(Default)]
struct Queue {
    waiters: VecDeque<(u64, Waker)>,
    /// Waiters that were woken and have not come back.
    woken: Vec<u64>,
}

impl Queue {
    /// Waits (again): at the end, or in its old place.
    fn wait(&mut self, ticket: u64, waker: &Waker) {
        if let Some(waiter) = self.waiters.iter_mut().find(|w| w.0 == ticket) {
            waiter.1.clone_from(waker);
        } else if self.forget_woken(ticket) {
            // It lost what it was woken for to somebody faster: first in the queue again.
            self.waiters.push_front((ticket, waker.clone()));
        } else {
            self.waiters.push_back((ticket, waker.clone()));
        }
    }

    fn forget_woken(&mut self, ticket: u64) -> bool {
        let before = self.woken.len();
        self.woken.retain(|&t| t != ticket);
        self.woken.len() < before
    }

    /// Takes the first waiter, to be woken outside of the lock.
    fn next(&mut self) -> Option<Waker> {
        let (ticket, waker) = self.waiters.pop_front()?;
        self.woken.push(ticket);
        Some(waker)
    }

    /// A waiter goes; true if it was woken and somebody else should be instead.
    fn leave(&mut self, ticket: u64) -> bool {
        self.waiters.retain(|w| w.0 != ticket);
        self.forget_woken(ticket)
    }
}

struct State {
    /// Values, each `words` long.
    ring: VecDeque<u64>,
    n_values: usize,
    closed: bool,
    senders: Queue,
    receivers: Queue,
    next_ticket: u64,
}

/// What the handles of a channel share.
pub(crate) struct Channel {
    elem: &'static ValueDesc,
    /// Words of a value; at least 1, so that the ring shows how many there are.
    words: usize,
    /// 0: unbounded.
    capacity: usize,
    state: Mutex<State>,
}

impl Channel {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing below panics while it holds the lock in a state that matters.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, state: &State) -> bool {
        self.capacity == 0 || state.n_values < self.capacity
    }

    /// Appends the value at `value`, which the ring takes over; false if memory is short.
    fn push(&self, state: &mut State, value: *const u8) -> bool {
        if state.ring.try_reserve(self.words).is_err() {
            return false;
        }
        let mut word = [0u8; 8];
        let size = self.elem.size as usize;
        for at in (0..self.words * 8).step_by(8) {
            let n = size.saturating_sub(at).min(8);
            // SAFETY: the value has `size` bytes, of which `n` are left at `at`.
            unsafe { std::ptr::copy_nonoverlapping(value.wrapping_add(at), word.as_mut_ptr(), n) };
            state.ring.push_back(u64::from_ne_bytes(word));
        }
        state.n_values += 1;
        true
    }

    /// Moves the first value to `to`.
    fn pop(&self, state: &mut State, to: *mut u8) -> bool {
        if state.n_values == 0 {
            return false;
        }
        state.n_values -= 1;
        let size = self.elem.size as usize;
        for at in (0..self.words * 8).step_by(8) {
            let word = state.ring.pop_front().unwrap_or(0).to_ne_bytes();
            let n = size.saturating_sub(at).min(8);
            // SAFETY: the target has room for a value of `size` bytes.
            unsafe { std::ptr::copy_nonoverlapping(word.as_ptr(), to.wrapping_add(at), n) };
        }
        true
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut value = vec![0u64; self.words];
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        while state.n_values > 0 {
            state.n_values -= 1;
            for word in &mut value {
                *word = state.ring.pop_front().unwrap_or(0);
            }
            // SAFETY: the ring owned the value (I1).
            unsafe { drop_value(value.as_mut_ptr().cast(), self.elem) };
        }
    }
}

/// The channel behind a handle.
///
/// # Safety
///
/// `object` is a living channel.
unsafe fn channel_of(object: *mut u8) -> Arc<Channel> {
    // SAFETY: the caller vouches for the object.
    let obj = unsafe { Obj::from_raw(object) }.expect("I: a channel argument is not null");
    // SAFETY: as above.
    unsafe { handle::body(obj) }
}

/// A channel; a capacity of 0 is unbounded. Null if memory is short.
///
/// # Safety
///
/// `desc` describes `Channel[T]`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_channel_new(
    _ctx: *mut vt_ctx,
    desc: *const TypeDesc,
    capacity: i64,
) -> *mut u8 {
    // SAFETY: the caller vouches for the descriptor.
    let elem = unsafe { &*desc }.elem();
    let state = State {
        ring: VecDeque::new(),
        n_values: 0,
        closed: false,
        senders: Queue::default(),
        receivers: Queue::default(),
        next_ticket: 0,
    };
    let channel = Channel {
        elem,
        words: (elem.size as usize).div_ceil(8).max(1),
        capacity: usize::try_from(capacity).unwrap_or(0),
        state: Mutex::new(state),
    };
    handle::new(desc, Arc::new(channel)).map_or(null_mut(), Obj::as_ptr)
}

/// Closes a channel: sends fail, receives drain what is left. Twice is harmless.
///
/// # Safety
///
/// `object` is a living channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_channel_close(_ctx: *mut vt_ctx, object: *mut u8) {
    // SAFETY: the caller vouches for the object.
    let channel = unsafe { channel_of(object) };
    let mut wakers = Vec::new();
    {
        let mut state = channel.lock();
        state.closed = true;
        let State { senders, receivers, .. } = &mut *state;
        wakers.extend(senders.waiters.drain(..).chain(receivers.waiters.drain(..)).map(|w| w.1));
    }
    wakers.into_iter().for_each(Waker::wake);
}

/// Number of values waiting.
///
/// # Safety
///
/// `object` is a living channel.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vitte_channel_len(_ctx: *mut vt_ctx, object: *mut u8) -> i64 {
    // SAFETY: the caller vouches for the object.
    unsafe { channel_of(object) }.lock().n_values as i64
}

/// A place in a queue, once one was taken.
type Ticket = Option<u64>;

/// The ticket of an operation, taken at its first wait.
fn ticket(state: &mut State, ticket: &mut Ticket) -> u64 {
    *ticket.get_or_insert_with(|| {
        state.next_ticket += 1;
        state.next_ticket
    })
}

/// Sends the value in its area.
pub(crate) struct Sending {
    channel: Arc<Channel>,
    area: Area,
    ticket: Ticket,
    /// The value in the area is ours (I1).
    owns: bool,
    crossed: bool,
}

fn send(_cx: OpCx<'_>, area: Area, (object, value): (*mut u8, *mut u8)) -> Sending {
    // SAFETY: generated code passes a living channel.
    let channel = unsafe { channel_of(object) };
    let desc = channel.elem;
    // SAFETY: the value is moved in; the area has room for it.
    unsafe { std::ptr::copy(value, area.address(), desc.size as usize) };
    // SAFETY: the area holds the value, which is ours now.
    let crossed = unsafe { cross(area.address(), desc) };
    Sending { channel, area, ticket: None, owns: true, crossed }
}

impl Sending {
    fn drop_value(&mut self) {
        if std::mem::take(&mut self.owns) {
            // SAFETY: the value in the area is ours (I1).
            unsafe { drop_value(self.area.address(), self.channel.elem) };
        }
    }

    fn finish(&mut self, closed: u8) -> Poll<Result<(), Fault>> {
        self.area.write(0, closed);
        self.area.write(4, 0i32);
        Poll::Ready(Ok(()))
    }
}

impl Future for Sending {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.crossed {
            return Poll::Ready(Err(Fault::new(fault_code::MEMORY, 0)));
        }
        let channel = this.channel.clone();
        let mut state = channel.lock();
        if state.closed {
            drop(state);
            this.drop_value();
            return this.finish(1);
        }
        // Those who wait come before those who just arrived.
        let served = this.ticket.is_some() || state.senders.waiters.is_empty();
        if !channel.has_room(&state) || !served {
            let ticket = ticket(&mut state, &mut this.ticket);
            state.senders.wait(ticket, cx.waker());
            return Poll::Pending;
        }
        if !channel.push(&mut state, this.area.address()) {
            return Poll::Ready(Err(Fault::new(fault_code::MEMORY, 0)));
        }
        this.owns = false;
        if let Some(ticket) = this.ticket.take() {
            state.senders.leave(ticket);
        }
        let waker = state.receivers.next();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
        this.finish(0)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.drop_value();
        let Some(ticket) = self.ticket else { return };
        let mut state = self.channel.lock();
        let pass_on = state.senders.leave(ticket) && self.channel.has_room(&state);
        let waker = if pass_on { state.senders.next() } else { None };
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// Receives a value into its area.
pub(crate) struct Receiving {
    channel: Arc<Channel>,
    area: Area,
    ticket: Ticket,
}

fn recv(_cx: OpCx<'_>, area: Area, (object,): (*mut u8,)) -> Receiving {
    // SAFETY: generated code passes a living channel.
    Receiving { channel: unsafe { channel_of(object) }, area, ticket: None }
}

impl Future for Receiving {
    type Output = Result<(), Fault>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let channel = this.channel.clone();
        let value = this.area.address().wrapping_add(8);
        let mut state = channel.lock();
        let served = this.ticket.is_some() || state.receivers.waiters.is_empty();
        if served && channel.pop(&mut state, value) {
            this.area.write(0, 1i64);
            if let Some(ticket) = this.ticket.take() {
                state.receivers.leave(ticket);
            }
            // Room for a sender; and if values are left, a receiver that arrived behind us.
            let sender = if channel.has_room(&state) { state.senders.next() } else { None };
            let receiver = if state.n_values > 0 && state.receivers.woken.is_empty() {
                state.receivers.next()
            } else {
                None
            };
            drop(state);
            sender.into_iter().chain(receiver).for_each(Waker::wake);
            return Poll::Ready(Ok(()));
        }
        if state.closed && state.n_values == 0 {
            drop(state);
            this.area.write(0, 0i64);
            // SAFETY: the area has room for a value behind the tag.
            unsafe { value.write_bytes(0, channel.elem.size as usize) };
            return Poll::Ready(Ok(()));
        }
        let ticket = ticket(&mut state, &mut this.ticket);
        state.receivers.wait(ticket, cx.waker());
        Poll::Pending
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.channel.lock();
        let pass_on = state.receivers.leave(ticket) && state.n_values > 0;
        let waker = if pass_on { state.receivers.next() } else { None };
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

operations! {
    table;
    "vitte_op_channel_send" vitte_op_channel_send_start vitte_op_channel_send_poll =
        send, (channel: *mut u8, value: *mut u8);
    "vitte_op_channel_recv" vitte_op_channel_recv_start vitte_op_channel_recv_poll =
        recv, (channel: *mut u8);
}
