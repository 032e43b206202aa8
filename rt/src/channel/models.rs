//! loom models of what channels and locks are made of: `RUSTFLAGS="--cfg loom" cargo test -p vitte-rt
//! --release --lib channel::models`.
//!
//! A wake-up that is lost is a deadlock, which loom reports; a value that two sides touch at once is a
//! report of its cells.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::bell::Bell;
use super::oneshot;
use super::queue::{Pop, Queue};
use crate::scheduler::Parker;
use crate::sync::Notify;
use crate::sync::permits::Permits;

struct Unpark(Parker);

impl Wake for Unpark {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark(|| {});
    }
}

/// Awaits a future on this thread of the model.
fn block_on<F: Future>(future: F) -> F::Output {
    let unpark = std::sync::Arc::new(Unpark(Parker::new()));
    let waker = Waker::from(unpark.clone());
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => {
                unpark.0.park();
                // One that woke itself lets the others go on.
                thread::yield_now();
            }
        }
    }
}

/// Polls a future once and drops it.
fn poll_and_drop<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(body);
}

#[test]
fn oneshot_value_or_end_wakes_the_receiver() {
    for sends in [true, false] {
        model(move || {
            let (tx, rx) = oneshot::channel();
            let sender = thread::spawn(move || {
                if sends {
                    tx.send(Box::new(7)).unwrap();
                }
            });
            assert_eq!(block_on(rx).ok().map(|n| *n), sends.then_some(7));
            sender.join().unwrap();
        });
    }
}

/// The shape of RUSTSEC-2021-0124: a receiver that closes, then looks for the value, while it is sent.
#[test]
fn oneshot_close_raced_with_send_leaves_the_value_on_one_side() {
    model(|| {
        let (tx, mut rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Box::new(7)));
        rx.close();
        let received = block_on(rx);
        let came_back = sender.join().unwrap();
        assert_ne!(received.is_ok(), came_back.is_err());
    });
}

#[test]
fn oneshot_close_wakes_the_sender() {
    model(|| {
        let (mut tx, rx) = oneshot::channel::<()>();
        let receiver = thread::spawn(move || drop(rx));
        // With another waker first: the cell is written twice.
        let _ = poll_and_drop(tx.closed());
        block_on(tx.closed());
        receiver.join().unwrap();
    });
}

/// Two lock, one of them changes its mind: nobody is in at once, nobody waits for ever.
#[test]
fn permit_is_held_by_one_and_passed_on() {
    model(|| {
        let lock = Arc::new((Permits::new(1), UnsafeCell::new(0)));
        let enter = |lock: &(Permits, UnsafeCell<i32>)| {
            block_on(lock.0.acquire(1)).unwrap();
            // SAFETY: the permit is held, which loom checks.
            lock.1.with_mut(|n| unsafe { *n += 1 });
            lock.0.release(1);
        };
        let other = {
            let lock = lock.clone();
            thread::spawn(move || enter(&lock))
        };
        if poll_and_drop(lock.0.acquire(1)).is_some() {
            lock.0.release(1);
        }
        enter(&lock);
        other.join().unwrap();
        // SAFETY: nobody else is left.
        assert_eq!(lock.1.with(|n| unsafe { *n }), 2);
        assert_eq!(lock.0.n_free(), 1);
    });
}

#[test]
fn closed_permits_wake_who_waits() {
    model(|| {
        let permits = Arc::new(Permits::new(0));
        let other = {
            let permits = permits.clone();
            thread::spawn(move || block_on(permits.acquire(1)))
        };
        permits.close();
        assert!(other.join().unwrap().is_err());
    });
}

#[test]
fn notify_one_wakes_one_of_those_who_stay() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let other = {
            let notify = notify.clone();
            thread::spawn(move || notify.notify_one())
        };
        // Queued before or after the signal; dropped, it passes the signal on.
        let got = poll_and_drop(notify.notified()).is_some();
        if !got {
            block_on(notify.notified());
        }
        other.join().unwrap();
    });
}

#[test]
fn notify_waiters_reaches_futures_made_before() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let notified = notify.notified();
        let other = {
            let notify = notify.clone();
            thread::spawn(move || notify.notify_waiters())
        };
        block_on(notified);
        other.join().unwrap();
    });
}

/// What was sent before the close is received; what comes after goes back. Over a block's end.
#[test]
fn close_raced_with_send_loses_nothing() {
    model(|| {
        let queue = Arc::new(Queue::new());
        queue.push(Box::new(0)).unwrap();
        let sender = {
            let queue = queue.clone();
            thread::spawn(move || (1..3).filter(|n| queue.push(Box::new(*n)).is_ok()).count())
        };
        queue.close();
        let mut received = Vec::new();
        loop {
            // SAFETY: one consumer.
            match unsafe { queue.pop() } {
                Pop::Value(n) => received.push(*n),
                Pop::Busy => thread::yield_now(),
                Pop::Closed => break,
                Pop::Empty => unreachable!("it is closed"),
            }
        }
        let n_sent = sender.join().unwrap();
        assert_eq!(received, (0..=n_sent as i32).collect::<Vec<_>>());
        assert!(queue.push(Box::new(9)).is_err());
    });
}

/// Two producers at the end of a block: every value arrives once, in the order of its producer.
#[test]
fn producers_at_the_end_of_a_block_lose_nothing() {
    model(|| {
        let queue = Arc::new(Queue::new());
        let other = {
            let queue = queue.clone();
            thread::spawn(move || (10..12).for_each(|n| queue.push(n).unwrap()))
        };
        queue.push(1).unwrap();
        other.join().unwrap();
        queue.push(2).unwrap();
        queue.close();
        let mut received = Vec::new();
        // SAFETY: one consumer.
        while let Pop::Value(n) = unsafe { queue.pop() } {
            received.push(n);
        }
        assert_eq!(received.iter().filter(|n| **n < 10).collect::<Vec<_>>(), [&1, &2]);
        assert_eq!(received.iter().filter(|n| **n >= 10).collect::<Vec<_>>(), [&10, &11]);
    });
}

/// A message raced with a receiver that goes to sleep: it is seen or the bell rings.
#[test]
fn bell_rings_for_news_that_were_not_seen() {
    model(|| {
        let shared = Arc::new((Bell::new(), AtomicUsize::new(0)));
        let sender = {
            let shared = shared.clone();
            thread::spawn(move || {
                for n in 1..3 {
                    shared.1.store(n, Ordering::SeqCst);
                    shared.0.ring();
                }
            })
        };
        block_on(std::future::poll_fn(|cx| {
            // SAFETY: one side waits.
            unsafe { shared.0.arm(cx.waker()) };
            if shared.1.load(Ordering::SeqCst) == 2 { Poll::Ready(()) } else { Poll::Pending }
        }));
        sender.join().unwrap();
    });
}

/// The whole channel: every message is received, then its end; nobody waits for ever.
#[test]
fn mpsc_receiver_gets_all_and_the_end() {
    model(|| {
        let (tx, mut rx) = super::mpsc::unbounded_channel();
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// A permit that goes unused after the close is the end of the channel.
#[test]
fn mpsc_closed_channel_ends_with_its_last_permit() {
    model(|| {
        let (tx, mut rx) = super::mpsc::channel(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let sender = thread::spawn(move || drop(permit.release()));
        rx.close();
        assert_eq!(block_on(rx.recv()), None::<u8>);
        sender.join().unwrap();
        drop(tx);
    });
}

/// A message and the end raced with two receivers: one gets it, both see the end.
#[test]
fn spmc_messages_go_to_one_and_the_end_to_all() {
    model(|| {
        let (mut tx, rx) = super::spmc::channel(1);
        let other = {
            let rx = rx.clone();
            thread::spawn(move || block_on(rx.recv()))
        };
        let sender = thread::spawn(move || tx.try_send(1).unwrap());
        let got = [block_on(rx.recv()), other.join().unwrap()];
        sender.join().unwrap();
        assert!(matches!(got, [Some(1), None] | [None, Some(1)]), "{got:?}");
    });
}

/// A sender that waits for room is woken by the receiver that makes it, or that goes.
#[test]
fn spmc_waiting_sender_learns_of_room_and_of_the_end() {
    for receives in [true, false] {
        model(move || {
            let (mut tx, rx) = super::spmc::channel(1);
            tx.try_send(1).unwrap();
            let receiver = thread::spawn(move || if receives { rx.try_recv().ok() } else { None });
            let sent = block_on(tx.send(2));
            let received = receiver.join().unwrap();
            assert_eq!(received, receives.then_some(1));
            // With the receiver gone it may have been sent or not; nobody waits for ever.
            assert!(sent.is_ok() || sent == Err(super::spmc::SendError(2)));
        });
    }
}

/// The bell's waker is replaced and taken away while it is rung.
#[test]
fn bell_is_rearmed_and_disarmed_while_it_rings() {
    model(|| {
        let bell = Arc::new(Bell::new());
        let ringer = {
            let bell = bell.clone();
            thread::spawn(move || bell.ring())
        };
        let one = Waker::from(std::sync::Arc::new(Unpark(Parker::new())));
        // SAFETY: one side waits.
        unsafe { bell.arm(&one) };
        // SAFETY: as above.
        unsafe { bell.arm(Waker::noop()) };
        // SAFETY: as above.
        unsafe { bell.disarm() };
        ringer.join().unwrap();
    });
}
