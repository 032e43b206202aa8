//! Ends that go while others use theirs, and published bugs of that kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_lite::future::block_on;
use vitte_rt::channel::{broadcast, mpmc, mpsc, oneshot, spmc, watch};

use crate::{Counted, ROUNDS, threads};

/// The ends of a channel, each to be taken by one thread.
struct Ends<T>(std::sync::Mutex<Vec<T>>);

impl<T> Ends<T> {
    fn new(ends: impl IntoIterator<Item = T>) -> Self {
        Ends(std::sync::Mutex::new(ends.into_iter().collect()))
    }

    fn take(&self) -> T {
        self.0.lock().unwrap().pop().unwrap()
    }
}

#[test]
fn fault_11_ends_of_every_channel_go_while_others_use_it() {
    let alive = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS / 8 {
        // How many operations each does before its end goes; some go at once, some stay to the end.
        let n_ops = |k: usize| [0, 1, 7, 40][(round * 5 + k * 3) % 4];
        let message = |n| Counted::new(n, &alive);

        for capacity in [1, 4, 0] {
            let (tx, rx) = if capacity == 0 { mpmc::unbounded() } else { mpmc::bounded(capacity) };
            let (senders, receivers) = (Ends::new([tx.clone(), tx]), Ends::new([rx.clone(), rx]));
            threads(4, |k| {
                if k < 2 {
                    let tx = senders.take();
                    for n in 0..n_ops(k) {
                        if block_on(tx.send(message(n))).is_err() {
                            break;
                        }
                    }
                    if k == 0 && round % 3 == 0 {
                        tx.close();
                    }
                } else {
                    let rx = receivers.take();
                    for _ in 0..n_ops(k) {
                        if block_on(rx.recv()).is_err() {
                            break;
                        }
                    }
                }
            });
            assert_eq!(alive.load(Ordering::SeqCst), 0, "mpmc, round {round}");
        }

        let (tx, rx) = spmc::channel(2);
        let (senders, receivers) = (Ends::new([tx]), Ends::new([rx.clone(), rx]));
        threads(3, |k| {
            if k == 0 {
                let mut tx = senders.take();
                for n in 0..n_ops(k) {
                    if block_on(tx.send(message(n))).is_err() {
                        break;
                    }
                }
            } else {
                let rx = receivers.take();
                for _ in 0..n_ops(k) {
                    if block_on(rx.recv()).is_none() {
                        break;
                    }
                }
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0, "spmc, round {round}");

        let (tx, rx) = broadcast::channel(2);
        let (senders, receivers) = (Ends::new([tx.clone(), tx]), Ends::new([rx.resubscribe(), rx]));
        threads(4, |k| {
            if k < 2 {
                let tx = senders.take();
                for n in 0..n_ops(k) {
                    if tx.send(message(n)).is_err() {
                        break;
                    }
                }
            } else {
                let mut rx = receivers.take();
                for _ in 0..n_ops(k) {
                    if matches!(block_on(rx.recv()), Err(broadcast::error::RecvError::Closed)) {
                        break;
                    }
                }
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0, "broadcast, round {round}");

        let (tx, rx) = watch::channel(message(0));
        let (senders, receivers) = (Ends::new([tx.clone(), tx]), Ends::new([rx.clone(), rx]));
        threads(4, |k| {
            if k < 2 {
                let tx = senders.take();
                for n in 0..n_ops(k) {
                    if tx.send(message(n)).is_err() {
                        break;
                    }
                }
                if n_ops(k) == 7 {
                    block_on(futures_lite::future::or(tx.closed(), async {}));
                }
            } else {
                let mut rx = receivers.take();
                for _ in 0..n_ops(k) {
                    if block_on(rx.changed()).is_err() {
                        break;
                    }
                    drop(rx.borrow_and_update());
                }
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0, "watch, round {round}");

        let (tx, rx) = oneshot::channel();
        let (senders, receivers) = (Ends::new([tx]), Ends::new([rx]));
        threads(2, |k| {
            if k == 0 {
                let mut tx = senders.take();
                match round % 3 {
                    0 => drop(tx),
                    1 => drop(tx.send(message(round))),
                    _ => block_on(tx.closed()),
                }
            } else {
                let rx = receivers.take();
                if round % 3 == 2 || round % 2 == 0 {
                    drop(rx);
                } else {
                    drop(block_on(rx));
                }
            }
        });
        assert_eq!(alive.load(Ordering::SeqCst), 0, "oneshot, round {round}");
    }
}

/// The receiver closes or goes while others send: what was accepted is received or dropped once, what was
/// refused comes back.
#[test]
fn mpsc_ends_go_while_others_send() {
    let alive = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        let (tx, rx) = mpsc::channel(1 + round % 3);
        let rx = std::sync::Mutex::new(Some(rx));
        let n_accepted = AtomicUsize::new(0);
        let n_received: usize = threads(3, |k| {
            if k == 0 {
                let mut rx = rx.lock().unwrap().take().unwrap();
                return block_on(async {
                    let mut n = 0;
                    for _ in 0..round % 5 {
                        n += usize::from(rx.recv().await.is_some());
                    }
                    if round % 2 == 0 {
                        return n; // dropped with messages inside
                    }
                    rx.close();
                    while rx.recv().await.is_some() {
                        n += 1;
                    }
                    n
                });
            }
            block_on(async {
                for id in 0..6 {
                    match tx.send(Counted::new(id, &alive)).await {
                        Ok(()) => {
                            n_accepted.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(error) => assert_eq!(error.0.id, id),
                    }
                }
            });
            0
        })
        .into_iter()
        .sum();
        let n_accepted = n_accepted.into_inner();
        assert!(n_received <= n_accepted);
        assert!(round % 2 == 0 || n_received == n_accepted, "{n_received} of {n_accepted}");
        drop(tx);
        assert_eq!(alive.load(Ordering::SeqCst), 0, "round {round}");
    }
}

/// The shape of RUSTSEC-2025-0024 (crossbeam-channel): the receiver goes while the first block is being
/// put in place or is half full; no block and no message is freed twice or kept.
#[test]
fn unbounded_receiver_dropped_while_blocks_are_linked() {
    let alive = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        let (tx, rx) = mpsc::unbounded_channel();
        // So that the race is at the end of a block (31 slots), or around it.
        let before = 25 + round % 12;
        (0..before).for_each(|id| assert!(tx.send(Counted::new(id, &alive)).is_ok()));
        let rx = std::sync::Mutex::new(Some(rx));
        threads(3, |k| {
            if k == 0 {
                let mut rx = rx.lock().unwrap().take().unwrap();
                (0..round % 40).for_each(|_| drop(rx.try_recv()));
            } else {
                (0..9).for_each(|id| drop(tx.send(Counted::new(id, &alive))));
            }
        });
        drop(tx);
        assert_eq!(alive.load(Ordering::SeqCst), 0, "round {round}");
    }
}

/// The shape of RUSTSEC-2021-0124 (tokio's oneshot): the receiver closes and looks while the sender sends.
#[test]
fn oneshot_closed_and_asked_while_it_is_sent() {
    let alive = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        let (tx, rx) = oneshot::channel();
        let (tx, rx) = (std::sync::Mutex::new(Some(tx)), std::sync::Mutex::new(Some(rx)));
        let sides = threads(2, |k| {
            if k == 0 {
                let tx: oneshot::Sender<Counted> = tx.lock().unwrap().take().unwrap();
                tx.send(Counted::new(round, &alive)).err().map(|back| back.id)
            } else {
                let mut rx = rx.lock().unwrap().take().unwrap();
                rx.close();
                let early = rx.try_recv().ok();
                if early.is_some() || round % 2 == 0 {
                    return early.map(|value| value.id);
                }
                let closed = rx.is_terminated();
                if closed { None } else { block_on(rx).ok().map(|value| value.id) }
            }
        });
        let n_there = sides.iter().filter(|side| **side == Some(round)).count();
        // On one side; or, if the receiver did not look again, dropped with the channel.
        assert!(n_there <= 1, "round {round}: {sides:?}");
        assert_eq!(alive.load(Ordering::SeqCst), 0, "round {round}");
    }
}

/// The shape of RUSTSEC-2021-0072 (tokio): a task aborted from another thread while it runs or before it
/// starts drops its future there where it runs, never elsewhere; here the future holds a channel's ends.
#[test]
fn aborted_tasks_drop_their_ends_once() {
    let runtime = vitte_rt::runtime::Builder::multi_thread().workers(2).build().unwrap();
    let alive = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS / 4 {
        let (tx, mut rx) = mpsc::channel(2);
        let message = Counted::new(round, &alive);
        let task = runtime.spawn(async move {
            loop {
                if tx.send(message.clone()).await.is_err() {
                    break;
                }
            }
        });
        thread::scope(|scope| {
            scope.spawn(|| task.abort());
            for _ in 0..round % 4 {
                drop(rx.try_recv());
            }
        });
        let ended = runtime.block_on(task);
        assert!(ended.unwrap_err().is_cancelled());
        while runtime.block_on(rx.recv()).is_some() {}
        drop(rx);
        assert_eq!(alive.load(Ordering::SeqCst), 0, "round {round}");
    }
}
