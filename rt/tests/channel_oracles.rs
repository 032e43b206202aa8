//! Random operations on locks and channels, step by step against models that are too simple to be wrong:
//! who is served when, who is woken, what is left. Futures are polled, kept and dropped at random.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use vitte_rt::channel::{broadcast, mpmc, mpsc};
use vitte_rt::env::{Choice, Env, SeededEnv};
use vitte_rt::sync::{Notify, Semaphore, SemaphorePermit};

const N_SEEDS: u64 = if cfg!(feature = "stress") { 10_000 } else { 60 };
const N_STEPS: usize = 400;

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A future, whether it was woken since its last poll, and what the model knows of it.
struct Waiting<'a, T, M> {
    future: Pin<Box<dyn Future<Output = T> + 'a>>,
    flag: Arc<Flag>,
    model: M,
}

impl<'a, T, M> Waiting<'a, T, M> {
    fn new(future: impl Future<Output = T> + 'a, model: M) -> Self {
        Waiting { future: Box::pin(future), flag: Arc::default(), model }
    }

    fn poll(&mut self) -> Option<T> {
        self.flag.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(self.flag.clone());
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    fn is_woken(&self) -> bool {
        self.flag.0.load(Ordering::SeqCst)
    }
}

/// Numbers of a seed.
struct Dice(SeededEnv);

impl Dice {
    fn below(&self, n: usize) -> usize {
        self.0.choose(n as u32, Choice::Program) as usize
    }

    /// A place in something of `len`, if it is not empty.
    fn place(&self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.below(len))
    }
}

fn each_seed(test: impl Fn(&Dice)) {
    for seed in 0..N_SEEDS {
        test(&Dice(SeededEnv::new(seed, None)));
    }
}

/// What a waiter wants, and whether the model has given it.
struct Want {
    n: usize,
    granted: bool,
}

/// Serves the waiters in order while there are permits.
fn serve<T>(free: &mut usize, waiting: &mut [Waiting<'_, T, Want>]) {
    for waiter in waiting.iter_mut().filter(|w| !w.model.granted) {
        if waiter.model.n > *free {
            break;
        }
        *free -= waiter.model.n;
        waiter.model.granted = true;
    }
}

#[test]
fn semaphore_serves_in_order() {
    each_seed(|dice| {
        let mut free = 3;
        let semaphore = Semaphore::new(free);
        let mut held: Vec<SemaphorePermit<'_>> = Vec::new();
        let mut waiting: Vec<Waiting<'_, _, Want>> = Vec::new();
        for _ in 0..N_STEPS {
            match dice.below(8) {
                0..3 => {
                    let n = 1 + dice.below(3);
                    let mut new =
                        Waiting::new(semaphore.acquire_many(n as u32), Want { n, granted: false });
                    let at_once = free >= n && waiting.iter().all(|w| w.model.granted);
                    match new.poll() {
                        Some(permit) => {
                            assert!(at_once);
                            free -= n;
                            held.push(permit.unwrap());
                        }
                        None => {
                            assert!(!at_once);
                            waiting.push(new);
                        }
                    }
                }
                3..5 => {
                    if let Some(place) = dice.place(held.len()) {
                        free += held[place].num_permits();
                        drop(held.swap_remove(place));
                    }
                }
                5 => {
                    if let Some(place) = dice.place(waiting.len()) {
                        let gone = waiting.remove(place);
                        if gone.model.granted {
                            free += gone.model.n;
                        }
                    }
                }
                6 => {
                    if let Some(place) = dice.place(waiting.len()) {
                        let granted = waiting[place].model.granted;
                        if let Some(permit) = waiting[place].poll() {
                            assert!(granted);
                            held.push(permit.unwrap());
                            waiting.remove(place);
                        } else {
                            assert!(!granted);
                        }
                    }
                }
                _ if dice.below(10) == 0 => {
                    semaphore.add_permits(1);
                    free += 1;
                }
                _ => {}
            }
            serve(&mut free, &mut waiting);
            let somebody_waits = waiting.iter().any(|w| !w.model.granted);
            assert_eq!(semaphore.available_permits(), if somebody_waits { 0 } else { free });
            assert!(waiting.iter().all(|w| w.is_woken() == w.model.granted), "woken iff served");
        }
    });
}

#[test]
fn bounded_channel_gives_room_in_order_and_messages_in_order() {
    each_seed(|dice| {
        let capacity = 1 + dice.below(4);
        let (tx, mut rx) = mpsc::channel(capacity);
        let (mut free, mut queue, mut next) = (capacity, VecDeque::new(), 0);
        let mut waiting: Vec<Waiting<'_, _, Want>> = Vec::new();
        let mut messages = Vec::new(); // of the waiting
        let mut permits = Vec::new();
        for _ in 0..N_STEPS {
            let at_once = free > 0 && waiting.iter().all(|w| w.model.granted);
            match dice.below(9) {
                0..3 => {
                    next += 1;
                    let mut new = Waiting::new(tx.send(next), Want { n: 1, granted: false });
                    if new.poll().is_some_and(|sent| sent.is_ok()) {
                        assert!(at_once);
                        free -= 1;
                        queue.push_back(next);
                    } else {
                        assert!(!at_once);
                        waiting.push(new);
                        messages.push(next);
                    }
                }
                3 => match tx.try_reserve() {
                    Ok(permit) => {
                        assert!(at_once);
                        free -= 1;
                        permits.push(permit);
                    }
                    Err(_) => assert!(!at_once),
                },
                4 => {
                    if let Some(permit) = permits.pop() {
                        if dice.below(2) == 0 {
                            next += 1;
                            permit.send(next);
                            queue.push_back(next);
                        } else {
                            drop(permit);
                            free += 1;
                        }
                    }
                }
                5..7 => {
                    let got = rx.try_recv().ok();
                    assert_eq!(got, queue.pop_front());
                    free += usize::from(got.is_some());
                }
                7 => {
                    if let Some(place) = dice.place(waiting.len()) {
                        if waiting.remove(place).model.granted {
                            free += 1;
                        }
                        messages.remove(place);
                    }
                }
                _ => {
                    if let Some(place) = dice.place(waiting.len()) {
                        let granted = waiting[place].model.granted;
                        assert_eq!(waiting[place].poll().is_some(), granted);
                        if granted {
                            waiting.remove(place);
                            queue.push_back(messages.remove(place));
                        }
                    }
                }
            }
            serve(&mut free, &mut waiting);
            assert_eq!(rx.len(), queue.len());
            assert!(waiting.iter().all(|w| w.is_woken() == w.model.granted), "woken iff served");
        }
    });
}

/// Nobody is served ahead here, so what counts is that somebody who could go on has been woken.
#[test]
fn mpmc_wakes_somebody_who_can_go_on() {
    each_seed(|dice| {
        let capacity = 1 + dice.below(3);
        let (tx, rx) = mpmc::bounded(capacity);
        let (mut queue, mut next) = (VecDeque::new(), 0);
        let mut senders: Vec<Waiting<'_, _, i32>> = Vec::new();
        let mut receivers: Vec<Waiting<'_, _, ()>> = Vec::new();
        for _ in 0..N_STEPS {
            match dice.below(8) {
                0..2 => {
                    next += 1;
                    senders.push(Waiting::new(tx.send(next), next));
                    let last = senders.len() - 1;
                    if senders[last].poll().is_some() {
                        assert!(queue.len() < capacity);
                        queue.push_back(senders.remove(last).model);
                    }
                }
                2..4 => {
                    let mut new = Waiting::new(rx.recv(), ());
                    match new.poll() {
                        Some(got) => assert_eq!(got.ok(), queue.pop_front()),
                        None => receivers.push(new),
                    }
                }
                4 => {
                    if let Some(place) = dice.place(senders.len())
                        && senders[place].poll().is_some()
                    {
                        queue.push_back(senders.remove(place).model);
                    }
                }
                5 => {
                    if let Some(place) = dice.place(receivers.len())
                        && let Some(got) = receivers[place].poll()
                    {
                        assert_eq!(got.ok(), queue.pop_front());
                        receivers.remove(place);
                    }
                }
                6 => drop(dice.place(senders.len()).map(|place| senders.remove(place))),
                _ => drop(dice.place(receivers.len()).map(|place| receivers.remove(place))),
            }
            assert_eq!(rx.len(), queue.len());
            let n_woken = receivers.iter().filter(|r| r.is_woken()).count();
            assert!(n_woken >= queue.len().min(receivers.len()), "a value for each, and a waker");
            let n_woken = senders.iter().filter(|s| s.is_woken()).count();
            assert!(n_woken >= (capacity - queue.len()).min(senders.len()), "room for each");
        }
    });
}

#[test]
fn broadcast_agrees_with_a_list_of_all_values() {
    each_seed(|dice| {
        let capacity = 1 << dice.below(4);
        let (tx, rx) = broadcast::channel(capacity);
        let mut sent: Vec<usize> = Vec::new();
        let mut receivers = vec![(rx, 0)];
        for _ in 0..N_STEPS {
            match dice.below(8) {
                0..3 => {
                    let n = sent.len();
                    assert_eq!(tx.send(n).ok(), Some(receivers.len()).filter(|n| *n > 0));
                    if !receivers.is_empty() {
                        sent.push(n);
                    }
                }
                3..6 => {
                    if let Some(place) = dice.place(receivers.len()) {
                        let (rx, next) = &mut receivers[place];
                        let oldest = sent.len().saturating_sub(capacity);
                        let expected = if *next < oldest {
                            Err(broadcast::error::TryRecvError::Lagged((oldest - *next) as u64))
                        } else {
                            sent.get(*next).copied().ok_or(broadcast::error::TryRecvError::Empty)
                        };
                        *next = (*next).max(oldest) + usize::from(expected.is_ok());
                        assert_eq!(rx.try_recv(), expected);
                    }
                }
                6 => receivers.push((tx.subscribe(), sent.len())),
                _ if receivers.len() > 3 || dice.below(20) == 0 => {
                    drop(dice.place(receivers.len()).map(|place| receivers.swap_remove(place)));
                }
                _ => {}
            }
            let oldest = sent.len().saturating_sub(capacity);
            let slowest = receivers.iter().map(|r| r.1.max(oldest)).min().unwrap_or(sent.len());
            assert_eq!(tx.len(), sent.len() - slowest, "values that some receiver has not passed");
            assert!(receivers.iter().all(|(rx, next)| rx.len() == sent.len() - next));
        }
    });
}

#[test]
fn notify_hands_signals_to_the_first_and_on_to_the_next() {
    each_seed(|dice| {
        let notify = Notify::new();
        let mut permit = false;
        // The flag of the model: notified by `notify_one` (true) or by `notify_waiters` (false).
        let mut waiting: Vec<Waiting<'_, (), Option<bool>>> = Vec::new();
        let give =
            |waiting: &mut Vec<Waiting<'_, (), Option<bool>>>, permit: &mut bool| match waiting
                .iter_mut()
                .find(|w| w.model.is_none())
            {
                Some(first) => first.model = Some(true),
                None => *permit = true,
            };
        for _ in 0..N_STEPS {
            match dice.below(9) {
                0..4 => {
                    let mut new = Waiting::new(notify.notified(), None);
                    if new.poll().is_some() {
                        assert!(std::mem::take(&mut permit));
                    } else {
                        assert!(!permit);
                        waiting.push(new);
                    }
                }
                4..6 => {
                    notify.notify_one();
                    give(&mut waiting, &mut permit);
                }
                6 if dice.below(4) == 0 => {
                    notify.notify_waiters();
                    waiting.iter_mut().for_each(|w| w.model = w.model.or(Some(false)));
                }
                7 => {
                    if let Some(place) = dice.place(waiting.len())
                        && waiting.remove(place).model == Some(true)
                    {
                        give(&mut waiting, &mut permit); // passed on
                    }
                }
                _ => {
                    if let Some(place) = dice.place(waiting.len()) {
                        let notified = waiting[place].model.is_some();
                        assert_eq!(waiting[place].poll().is_some(), notified);
                        if notified {
                            waiting.remove(place);
                        }
                    }
                }
            }
            assert!(
                waiting.iter().all(|w| w.is_woken() == w.model.is_some()),
                "woken iff notified"
            );
        }
    });
}
