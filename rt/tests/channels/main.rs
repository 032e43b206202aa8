//! Channels and locks on real threads: nothing is lost, doubled, reordered or freed twice, whichever end
//! goes first. Histories are checked against what a channel may do, and published bugs are re-created.

mod ends;
mod guards;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use futures_lite::future::block_on;
use vitte_rt::channel::{broadcast, mpmc, mpsc, spmc, watch};
use vitte_rt::sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore};

/// Rounds of a race.
const ROUNDS: usize = if cfg!(feature = "stress") { 100_000 } else { 2_000 };

/// A message that counts the living ones, and notices a second drop.
struct Counted {
    id: usize,
    alive: Arc<AtomicUsize>,
    dropped: bool,
}

impl Counted {
    fn new(id: usize, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Counted { id, alive: alive.clone(), dropped: false }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Counted::new(self.id, &self.alive)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(!std::mem::replace(&mut self.dropped, true), "dropped twice");
        self.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs `n` threads at once.
fn threads<T: Send>(n: usize, body: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(n);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n)
            .map(|k| {
                let (start, body) = (&start, &body);
                scope.spawn(move || {
                    start.wait();
                    body(k)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// What a receiver got: each message once, those of one sender in the order they were sent.
fn check_order(got: &[(usize, usize)], n_senders: usize, n_each: usize) {
    let mut next = vec![0; n_senders];
    for (sender, n) in got {
        assert_eq!(*n, next[*sender], "of sender {sender}");
        next[*sender] += 1;
    }
    assert_eq!(next, vec![n_each; n_senders]);
}

#[test]
fn mpsc_many_senders_each_in_order() {
    let n_each = ROUNDS * 2;
    for capacity in [0, 1, 2, 31, 100] {
        let got = if capacity == 0 {
            let (tx, mut rx) = mpsc::unbounded_channel();
            thread::scope(|scope| {
                for sender in 0..3 {
                    let tx = tx.clone();
                    scope.spawn(move || (0..n_each).for_each(|n| tx.send((sender, n)).unwrap()));
                }
                drop(tx);
                block_on(async {
                    let mut got = Vec::new();
                    while rx.recv_many(&mut got, 7).await > 0 {}
                    got
                })
            })
        } else {
            let (tx, mut rx) = mpsc::channel(capacity);
            thread::scope(|scope| {
                for sender in 0..3 {
                    let tx = tx.clone();
                    scope.spawn(move || {
                        block_on(async {
                            for n in 0..n_each {
                                match n % 3 {
                                    0 => tx.send((sender, n)).await.unwrap(),
                                    1 => tx.reserve().await.unwrap().send((sender, n)),
                                    _ => drop(
                                        tx.clone().reserve_owned().await.unwrap().send((sender, n)),
                                    ),
                                }
                            }
                        });
                    });
                }
                drop(tx);
                block_on(async {
                    let mut got = Vec::new();
                    while let Some(message) = rx.recv().await {
                        assert!(rx.len() <= capacity);
                        got.push(message);
                    }
                    got
                })
            })
        };
        check_order(&got, 3, n_each);
    }
}

/// The shape of RUSTSEC-2025-0023 (tokio's broadcast): `Clone` of a value that is `Send` and not `Sync`
/// must not run on two threads at once.
#[test]
fn broadcast_clones_a_value_on_one_thread_at_a_time() {
    struct NotSync(Cell<usize>, Arc<AtomicBool>);
    impl Clone for NotSync {
        fn clone(&self) -> Self {
            assert!(!self.1.swap(true, Ordering::SeqCst), "cloned by two at once");
            self.0.set(self.0.get() + 1);
            thread::yield_now();
            self.1.store(false, Ordering::SeqCst);
            NotSync(self.0.clone(), self.1.clone())
        }
    }
    for _ in 0..ROUNDS / 4 {
        let (tx, rx) = broadcast::channel(4);
        let receivers = std::sync::Mutex::new(vec![rx, tx.subscribe(), tx.subscribe()]);
        assert!(tx.send(NotSync(Cell::new(0), Arc::default())).is_ok());
        threads(3, |_| {
            let mut rx = receivers.lock().unwrap().pop().unwrap();
            assert!(block_on(rx.recv()).is_ok());
        });
    }
}

#[test]
fn broadcast_each_gets_all_in_order_or_is_told_how_many_it_missed() {
    let n_values = ROUNDS * 2;
    let alive = Arc::new(AtomicUsize::new(0));
    for capacity in [1, 4, 64] {
        let (tx, rx) = broadcast::channel(capacity);
        let receivers = std::sync::Mutex::new(vec![rx, tx.subscribe()]);
        let tx = std::sync::Mutex::new(Some(tx));
        threads(3, |k| {
            if k == 0 {
                let tx = tx.lock().unwrap().take().unwrap();
                for id in 0..n_values {
                    assert!(matches!(tx.send(Counted::new(id, &alive)), Ok(2)));
                }
                return;
            }
            let mut rx = receivers.lock().unwrap().pop().unwrap();
            let mut next = 0;
            block_on(async {
                loop {
                    match rx.recv().await {
                        Ok(value) => {
                            assert_eq!(value.id, next);
                            next += 1;
                        }
                        Err(broadcast::error::RecvError::Lagged(n)) => next += n as usize,
                        Err(broadcast::error::RecvError::Closed) => break,
                    }
                }
            });
            assert_eq!(next, n_values);
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn broadcast_values_go_when_the_last_receiver_has_passed_them() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (tx, mut a) = broadcast::channel(4);
    let b = tx.subscribe();
    (0..3).for_each(|id| assert!(tx.send(Counted::new(id, &alive)).is_ok()));
    assert_eq!((tx.len(), alive.load(Ordering::SeqCst)), (3, 3));
    drop(a.try_recv());
    assert_eq!(tx.len(), 3);
    drop(b);
    assert_eq!((tx.len(), alive.load(Ordering::SeqCst)), (2, 2));
    drop(a);
    assert_eq!((tx.len(), alive.load(Ordering::SeqCst)), (0, 0));
    assert!(tx.send(Counted::new(9, &alive)).is_err());
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

#[test]
fn mpmc_each_message_goes_to_one() {
    let n_each = ROUNDS;
    for capacity in [0, 1, 3] {
        let (tx, rx) = if capacity == 0 { mpmc::unbounded() } else { mpmc::bounded(capacity) };
        let senders = std::sync::Mutex::new(vec![tx.clone(), tx]);
        let got = threads(4, |k| {
            if k < 2 {
                let tx = senders.lock().unwrap().pop().unwrap();
                block_on(async {
                    for n in 0..n_each {
                        tx.send((k, n)).await.unwrap();
                    }
                });
                return Vec::new();
            }
            let rx = rx.clone();
            block_on(async {
                let mut got = Vec::new();
                while let Ok(message) = rx.recv().await {
                    got.push(message);
                }
                got
            })
        });
        let mut seen = BTreeMap::new();
        for got in got {
            let mut last = [None; 2];
            for (sender, n) in got {
                assert!(last[sender] < Some(n), "one receiver sees a sender's messages in order");
                last[sender] = Some(n);
                *seen.entry((sender, n)).or_insert(0) += 1;
            }
        }
        assert_eq!(seen.len(), 2 * n_each);
        assert!(seen.values().all(|n| *n == 1));
    }
}

#[test]
fn spmc_each_message_goes_to_one_in_order() {
    for capacity in [1, 3, 64] {
        let (tx, rx) = spmc::channel(capacity);
        let sender = std::sync::Mutex::new(Some(tx));
        let receivers = std::sync::Mutex::new(vec![rx.clone(), rx.clone(), rx]);
        let got = threads(4, |k| {
            if k == 0 {
                let mut tx = sender.lock().unwrap().take().unwrap();
                block_on(async {
                    for n in 0..ROUNDS {
                        tx.send(Box::new(n)).await.unwrap();
                    }
                });
                return Vec::new();
            }
            let rx = receivers.lock().unwrap().pop().unwrap();
            block_on(async {
                let mut got = Vec::new();
                while let Some(n) = rx.recv().await {
                    got.push(*n);
                }
                got
            })
        });
        let mut all = Vec::new();
        for got in got {
            assert!(got.is_sorted(), "one receiver sees the messages in order");
            all.extend(got);
        }
        all.sort_unstable();
        assert!(all.into_iter().eq(0..ROUNDS));
    }
}

#[test]
fn spmc_ends_are_told_and_what_is_left_is_dropped() {
    let alive = Arc::new(AtomicUsize::new(0));
    let (mut tx, rx) = spmc::channel(3);
    for n in 0..3 {
        tx.try_send(Counted::new(n, &alive)).unwrap();
    }
    let full = tx.try_send(Counted::new(3, &alive)).unwrap_err();
    assert!(matches!(full, spmc::TrySendError::Full(_)));
    drop(full);
    assert_eq!((tx.len(), rx.len(), tx.capacity(), rx.is_empty()), (3, 3, 3, false));
    drop(rx.try_recv().unwrap());
    tx.try_send(Counted::new(4, &alive)).unwrap();
    drop(tx);
    // The sender is gone: what is there is received, then the end comes.
    for _ in 0..3 {
        drop(rx.try_recv().unwrap());
    }
    assert_eq!(rx.try_recv().err(), Some(spmc::TryRecvError::Disconnected));
    assert!(block_on(rx.recv()).is_none());
    // The receivers are gone: the message comes back, and what was sent is dropped.
    let (mut tx, rx) = spmc::channel(2);
    tx.try_send(Counted::new(5, &alive)).unwrap();
    let other = rx.clone();
    drop(rx);
    assert!(!tx.is_closed());
    drop(other);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    assert!(block_on(tx.send(Counted::new(6, &alive))).is_err());
    // Neither took it.
    let (mut tx, rx) = spmc::channel(2);
    tx.try_send(Counted::new(7, &alive)).unwrap();
    drop(tx);
    drop(rx);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    let rest = {
        let (mut tx, rx) = spmc::channel(2);
        tx.try_send(1).unwrap();
        tx.try_send(2).unwrap();
        rx.into_stream()
    };
    let rest: Vec<i32> = block_on(futures_lite::StreamExt::collect(rest));
    assert_eq!(rest, [1, 2]);
}

/// Each sees versions that never go back, and the last one.
#[test]
fn watch_never_goes_back_and_ends_with_the_last() {
    let n_values = ROUNDS * 2;
    let (tx, rx) = watch::channel(0);
    let tx = std::sync::Mutex::new(Some(tx));
    threads(3, |k| {
        if k == 0 {
            let tx = tx.lock().unwrap().take().unwrap();
            (1..=n_values).for_each(|n| tx.send(n).unwrap());
            return;
        }
        let mut rx = rx.clone();
        block_on(async {
            let mut last = 0;
            while rx.changed().await.is_ok() {
                let n = *rx.borrow_and_update();
                assert!(n > last, "{n} after {last}");
                last = n;
            }
            assert_eq!(last, n_values);
        });
    });
}

/// A register under each lock: every increment is there, so that the lock orders them one after the other.
#[test]
fn locks_lose_no_increment() {
    let n_each = ROUNDS * 2;
    let (mutex, rwlock, semaphore) = (Mutex::new(0), RwLock::new(0), Semaphore::new(3));
    let inside = AtomicUsize::new(0);
    threads(3, |k| {
        block_on(async {
            for n in 0..n_each {
                *mutex.lock().await += 1;
                if (n + k) % 3 == 0 {
                    *rwlock.write().await += 1;
                } else {
                    let before = *rwlock.read().await;
                    assert!(*rwlock.read().await >= before);
                }
                let n_permits = 1 + (n % 3) as u32;
                let permit = semaphore.acquire_many(n_permits).await.unwrap();
                let now = inside.fetch_add(n_permits as usize, Ordering::SeqCst);
                assert!(now + n_permits as usize <= 3);
                inside.fetch_sub(n_permits as usize, Ordering::SeqCst);
                drop(permit);
            }
        });
    });
    assert_eq!(mutex.into_inner(), 3 * n_each);
    assert_eq!(rwlock.into_inner(), n_each);
    assert_eq!(semaphore.available_permits(), 3);
}

/// First come, first served: a lock that is held all the time goes round.
#[test]
fn mutex_is_given_in_the_order_it_is_asked_for() {
    let mutex = Mutex::new(());
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let held = mutex.try_lock().unwrap();
    let mut waiting: Vec<_> = (0..5).map(|_| Box::pin(mutex.lock())).collect();
    assert!(waiting.iter_mut().all(|lock| lock.as_mut().poll(&mut cx).is_pending()));
    drop(held);
    assert!(mutex.try_lock().is_err(), "nobody comes between");
    while !waiting.is_empty() {
        // Only the first is served, whoever is asked.
        assert!(waiting.iter_mut().skip(1).all(|lock| lock.as_mut().poll(&mut cx).is_pending()));
        assert!(waiting.remove(0).as_mut().poll(&mut cx).is_ready());
    }
}

/// A ping-pong over signals: a lost one hangs.
#[test]
fn notify_loses_no_signal() {
    let (ping, pong) = (Notify::new(), Notify::new());
    threads(2, |k| {
        block_on(async {
            for _ in 0..ROUNDS {
                if k == 0 {
                    ping.notify_one();
                    pong.notified().await;
                } else {
                    ping.notified().await;
                    pong.notify_one();
                }
            }
        });
    });
    // All who wait, again and again; each waits for a flag that is set before the signal.
    let (all, round) = (Notify::new(), AtomicUsize::new(0));
    threads(3, |k| {
        for n in 1..=ROUNDS {
            if k == 0 {
                while round.load(Ordering::SeqCst) % 3 != 0 {
                    thread::yield_now();
                }
                round.fetch_add(1, Ordering::SeqCst);
                all.notify_waiters();
                continue;
            }
            block_on(async {
                loop {
                    let signal = all.notified();
                    if round.load(Ordering::SeqCst) >= 3 * n - 2 {
                        break;
                    }
                    signal.await;
                }
            });
            round.fetch_add(1, Ordering::SeqCst);
        }
    });
}

#[test]
fn barrier_lets_nobody_through_early_and_has_one_leader() {
    let (barrier, n_arrived, n_leaders) =
        (Barrier::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
    threads(3, |_| {
        for round in 1..=ROUNDS / 2 {
            n_arrived.fetch_add(1, Ordering::SeqCst);
            let result = block_on(barrier.wait());
            assert!(n_arrived.load(Ordering::SeqCst) >= 3 * round);
            n_leaders.fetch_add(usize::from(result.is_leader()), Ordering::SeqCst);
        }
    });
    assert_eq!(n_leaders.into_inner(), ROUNDS / 2);
}

#[test]
fn once_cell_is_made_once() {
    for round in 0..ROUNDS / 2 {
        let (cell, n_made) = (OnceCell::new(), AtomicUsize::new(0));
        let seen = threads(3, |k| {
            block_on(async {
                let made = cell.get_or_try_init(|| async {
                    if (round + k) % 4 == 0 {
                        return Err(());
                    }
                    n_made.fetch_add(1, Ordering::SeqCst);
                    Ok(k)
                });
                made.await.ok().copied()
            })
        });
        let made: Vec<_> = seen.into_iter().flatten().collect();
        assert!(made.iter().all(|k| Some(k) == cell.get()));
        assert_eq!(n_made.into_inner(), 1);
    }
}

#[test]
fn weak_senders_do_not_keep_a_channel_open() {
    let (tx, mut rx) = mpsc::channel(1);
    let weak = tx.downgrade();
    assert_eq!((tx.strong_count(), tx.weak_count()), (1, 1));
    weak.upgrade().unwrap().try_send(1).unwrap();
    drop(tx);
    assert!(weak.upgrade().is_none());
    assert_eq!((rx.try_recv().ok(), block_on(rx.recv())), (Some(1), None));

    let (tx, rx) = mpmc::unbounded::<u8>();
    let (weak_tx, weak_rx) = (tx.downgrade(), rx.downgrade());
    drop(rx);
    assert!(weak_rx.upgrade().is_none() && tx.is_closed());
    drop(tx);
    assert!(weak_tx.upgrade().is_none());

    let (tx, mut rx) = broadcast::channel(2);
    let weak = tx.downgrade();
    let another = weak.clone();
    assert_eq!((tx.strong_count(), another.weak_count()), (1, 2));
    drop(another);
    assert_eq!(tx.weak_count(), 1);
    let second = weak.upgrade().unwrap();
    assert_eq!(weak.strong_count(), 2);
    drop(tx);
    second.send(1).unwrap();
    drop(second);
    assert!(weak.upgrade().is_none());
    assert_eq!(block_on(rx.recv()), Ok(1));
    assert_eq!(block_on(rx.recv()), Err(broadcast::error::RecvError::Closed));
}

/// Messages larger than a stack would bear by the block, and none at all.
#[test]
#[allow(clippy::large_stack_arrays, reason = "31 of them do not fit on this thread's stack")]
fn messages_of_every_size() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    for n in 0..70u8 {
        tx.send(Box::new([n; 1 << 16])).unwrap();
        assert_eq!(rx.try_recv().unwrap()[9], n);
    }
    let (tx, mut rx) = mpsc::unbounded_channel::<[u8; 1 << 16]>();
    tx.send([3; 1 << 16]).unwrap();
    assert_eq!(rx.try_recv().unwrap()[9], 3);
    let (tx, mut rx) = mpsc::channel::<()>(40);
    (0..40).for_each(|_| tx.try_send(()).unwrap());
    assert!(tx.try_send(()).is_err());
    assert_eq!((0..41).filter(|_| rx.try_recv().is_ok()).count(), 40);
}

/// Operations that are always ready use a task's budget up, so that it gives way to the others.
#[test]
fn task_that_never_has_to_wait_gives_way() {
    const N: usize = 10_000;
    let runtime = vitte_rt::runtime::Builder::current_thread().build().unwrap();
    for kind in 0..5 {
        let n_done = Arc::new(AtomicUsize::new(0));
        let busy = n_done.clone();
        let seen = runtime.block_on(async move {
            let (tx, mut rx) = mpsc::unbounded_channel();
            (0..N).for_each(|n| tx.send(n).unwrap());
            let (many_tx, many_rx) = mpmc::unbounded();
            (0..N).for_each(|n| many_tx.try_send(n).unwrap());
            let (mutex, semaphore) = (Mutex::new(()), Semaphore::new(1));
            let hog = vitte_rt::spawn(async move {
                for _ in 0..N {
                    match kind {
                        4 => vitte_rt::task::consume_budget().await,
                        0 => _ = rx.recv().await.unwrap(),
                        1 => _ = many_rx.recv().await.unwrap(),
                        2 => drop(mutex.lock().await),
                        _ => drop(semaphore.acquire().await.unwrap()),
                    }
                    busy.fetch_add(1, Ordering::SeqCst);
                }
            });
            let other = vitte_rt::spawn(async move { n_done.load(Ordering::SeqCst) });
            let seen = other.await.unwrap();
            hog.await.unwrap();
            seen
        });
        assert!(seen < N / 2, "kind {kind}: the other had its turn after {seen} of {N}");
    }
}

/// What is excepted from the budget does not spend that of the rest, and gives it back as it was.
#[test]
fn unconstrained_future_spends_no_budget() {
    let n_polls = |n_before: usize, n_inside: usize| {
        let mut n_polls = 0;
        let mut future = Box::pin(async move {
            let semaphore = Semaphore::new(1);
            for _ in 0..n_before {
                drop(semaphore.acquire().await);
            }
            vitte_rt::task::unconstrained(async {
                for _ in 0..n_inside {
                    drop(semaphore.acquire().await);
                }
            })
            .await;
            for _ in 0..n_before {
                drop(semaphore.acquire().await);
            }
        });
        vitte_rt::block_on(std::future::poll_fn(|cx| {
            n_polls += 1;
            future.as_mut().poll(cx)
        }));
        n_polls
    };
    assert_eq!(n_polls(0, 10_000), 1);
    let alone = n_polls(1_000, 0);
    assert!(alone > 10);
    assert_eq!(n_polls(1_000, 10_000), alone);
}
