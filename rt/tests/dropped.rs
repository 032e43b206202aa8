//! Every public async fn dropped at every await: no permit, message or waiter is lost. The table in
//! `vitte_rt::sync` says what each loses instead.
//!
//! A future is polled `n` times and dropped, for every `n` up to the one at which it is ready; between the
//! polls its surroundings move on. Afterwards the same operation, made anew, must find all that was there.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use vitte_rt::channel::{broadcast, mpmc, mpsc, oneshot, spmc, watch};
use vitte_rt::runtime::{Builder, Handle};
use vitte_rt::scheduler::{Scheduler, Task};
use vitte_rt::sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore};
use vitte_rt::task::{self, JoinSet, LocalSet, yield_now};
use vitte_rt::time::{Instant, interval, sleep, sleep_until, timeout};
use vitte_rt::{join, select, try_join};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once; what it answers.
fn look<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Polls once with a waker that counts, and keeps the future.
fn wait<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Arc<Count> {
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    count
}

fn n(count: &Count) -> usize {
    count.0.load(Ordering::SeqCst)
}

/// A ready future's output.
fn now<F: Future>(future: F) -> F::Output {
    look(&mut Box::pin(future)).expect("ready at once")
}

/// The three moments at which a waiting future can be dropped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// Never polled.
    Made,
    /// In the line.
    Waiting,
    /// It was given what it waits for, and does not know.
    Granted,
}

const ALL: [When; 3] = [When::Made, When::Waiting, When::Granted];

/// One holds, a victim waits, another waits behind it. The victim is dropped at a moment; the other must
/// get its turn, and all must be free in the end.
fn lock_like<'a, G, F, V>(acquire: impl Fn() -> F, victim: impl Fn() -> V, free: impl Fn() -> usize)
where
    F: Future<Output = G> + 'a,
    V: Future,
{
    let all = free();
    for when in ALL {
        let held = now(acquire());
        let mut dropped = Box::pin(victim());
        if when != When::Made {
            assert!(look(&mut dropped).is_none(), "{when:?}");
        }
        let mut behind = Box::pin(acquire());
        let woken = wait(&mut behind);
        if when == When::Granted {
            drop(held);
            drop(dropped);
        } else {
            drop(dropped);
            assert_eq!(n(&woken), 0, "{when:?}");
            drop(held);
        }
        assert_eq!(n(&woken), 1, "{when:?}: who waits behind is woken once");
        drop(look(&mut behind).expect("it is its turn"));
        assert_eq!(free(), all, "{when:?}");
    }
}

#[test]
fn mutex_lock() {
    let mutex = Arc::new(Mutex::new(()));
    let free = || usize::from(mutex.try_lock().is_ok());
    lock_like(|| mutex.lock(), || mutex.lock(), free);
    lock_like(|| mutex.lock(), || mutex.clone().lock_owned(), free);
    lock_like(|| mutex.clone().lock_owned(), || mutex.lock(), free);
}

#[test]
fn rwlock_read_and_write() {
    let lock = Arc::new(RwLock::new(()));
    let free = || usize::from(lock.try_write().is_ok());
    lock_like(|| lock.write(), || lock.write(), free);
    lock_like(|| lock.write(), || lock.read(), free);
    lock_like(|| lock.write(), || lock.clone().read_owned(), free);
    lock_like(|| lock.write(), || lock.clone().write_owned(), free);
    // A writer that gives up lets the readers behind it in beside the reader before it.
    let reader = now(lock.read());
    let mut writer = Box::pin(lock.write());
    assert!(look(&mut writer).is_none());
    let mut behind = Box::pin(lock.read());
    let woken = wait(&mut behind);
    drop(writer);
    assert_eq!(n(&woken), 1);
    drop((look(&mut behind).unwrap(), reader));
    assert_eq!(free(), 1);
}

#[test]
fn semaphore_acquire() {
    let semaphore = Arc::new(Semaphore::new(3));
    let all = || now(semaphore.acquire_many(3)).unwrap();
    let free = || semaphore.available_permits();
    lock_like(|| semaphore.acquire_many(3), || semaphore.acquire(), free);
    lock_like(|| semaphore.acquire_many(3), || semaphore.acquire_many(2), free);
    lock_like(|| semaphore.acquire_many(3), || semaphore.clone().acquire_owned(), free);
    lock_like(|| semaphore.acquire_many(3), || semaphore.clone().acquire_many_owned(3), free);
    // Half served: one permit is free, the victim wants two, the one behind wants one.
    let mut held = all();
    let mut victim = Box::pin(semaphore.acquire_many(2));
    assert!(look(&mut victim).is_none());
    let mut behind = Box::pin(semaphore.acquire());
    let woken = wait(&mut behind);
    drop(held.split(1));
    assert_eq!(n(&woken), 0, "first come, first served");
    drop(victim);
    assert_eq!(n(&woken), 1);
    drop((look(&mut behind).unwrap(), held));
    assert_eq!(free(), 3);
}

#[test]
fn notify_notified() {
    // The permit: taken by who is polled, kept by who is not.
    let notify = Notify::new();
    notify.notify_one();
    drop(notify.notified());
    now(notify.notified());
    // In the line, and notified but not polled again.
    for notified in [false, true] {
        let mut victim = Box::pin(notify.notified());
        wait(&mut victim);
        let mut behind = Box::pin(notify.notified());
        let woken = wait(&mut behind);
        if notified {
            notify.notify_one();
            assert_eq!(n(&woken), 0);
            drop(victim);
        } else {
            drop(victim);
            notify.notify_one();
        }
        assert_eq!(n(&woken), 1);
        assert!(look(&mut behind).is_some());
    }
    // Nobody behind: the signal becomes the permit.
    let mut victim = Box::pin(notify.notified());
    wait(&mut victim);
    notify.notify_one();
    drop(victim);
    now(notify.notified());
    // A future of its own, in the line before another.
    let shared = Arc::new(Notify::new());
    let mut victim = Box::pin(shared.clone().notified_owned());
    wait(&mut victim);
    let mut behind = Box::pin(shared.notified());
    let woken = wait(&mut behind);
    shared.notify_one();
    drop(victim);
    assert_eq!((n(&woken), Arc::strong_count(&shared)), (1, 1));
    // `notify_waiters` is nobody's to pass on.
    let mut victim = Box::pin(notify.notified());
    wait(&mut victim);
    notify.notify_waiters();
    drop(victim);
    assert!(look(&mut Box::pin(notify.notified())).is_none());
}

#[test]
fn barrier_wait() {
    let barrier = Barrier::new(2);
    drop(barrier.wait());
    let mut victim = Box::pin(barrier.wait());
    assert!(look(&mut victim).is_none());
    drop(victim); // it has not arrived
    let mut one = Box::pin(barrier.wait());
    assert!(look(&mut one).is_none());
    assert!(now(barrier.wait()).is_leader());
    drop(one); // the round is over: nothing to take back
    let mut one = Box::pin(barrier.wait());
    assert!(look(&mut one).is_none());
    assert!(now(barrier.wait()).is_leader());
    assert!(!look(&mut one).unwrap().is_leader());
}

#[test]
fn once_cell_get_or_init() {
    for granted in [false, true] {
        let cell = OnceCell::new();
        let mut maker = Box::pin(cell.get_or_init(std::future::pending::<u8>));
        assert!(look(&mut maker).is_none());
        let mut victim = Box::pin(cell.get_or_init(|| async { 1 }));
        assert!(look(&mut victim).is_none());
        let mut other = Box::pin(cell.get_or_try_init(std::future::pending::<Result<u8, ()>>));
        assert!(look(&mut other).is_none());
        drop(other);
        let mut behind = Box::pin(cell.get_or_init(|| async { 2 }));
        let woken = wait(&mut behind);
        if granted {
            drop(maker); // the victim may make the value now
            drop(victim);
        } else {
            drop(victim);
            drop(maker);
        }
        assert_eq!(n(&woken), 1);
        assert_eq!(look(&mut behind), Some(&2));
    }
}

/// Sends that wait for room are dropped: messages of others are neither lost nor sent twice, and room is
/// not lost.
#[test]
fn mpsc_send_and_reserve() {
    for when in ALL {
        for kind in 0..4 {
            let (tx, mut rx) = mpsc::channel(1);
            tx.try_send(1).unwrap();
            let mut victim: Pin<Box<dyn Future<Output = ()>>> = match kind {
                0 => Box::pin(async { tx.send(2).await.unwrap() }),
                1 => Box::pin(async { drop(tx.reserve().await.unwrap()) }),
                2 => Box::pin(async { drop(tx.reserve_many(1).await.unwrap()) }),
                _ => Box::pin(async { drop(tx.clone().reserve_owned().await.unwrap()) }),
            };
            if when != When::Made {
                assert!(look(&mut victim).is_none());
            }
            let mut behind = Box::pin(tx.send(3));
            let woken = wait(&mut behind);
            if when == When::Granted {
                assert_eq!(now(rx.recv()), Some(1));
                drop(victim);
            } else {
                drop(victim);
                assert_eq!(now(rx.recv()), Some(1));
            }
            assert_eq!(n(&woken), 1, "{when:?} {kind}");
            look(&mut behind).unwrap().unwrap();
            drop(behind);
            assert_eq!(now(rx.recv()), Some(3));
            assert_eq!((tx.capacity(), rx.len()), (1, 0));
        }
    }
}

/// A granted send that is dropped is the end of a closed channel: the receiver must be told.
#[test]
fn mpsc_granted_send_dropped_after_the_close_ends_the_channel() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    let mut victim = Box::pin(tx.send(2));
    assert!(look(&mut victim).is_none());
    assert_eq!(now(rx.recv()), Some(1)); // the room is the victim's
    rx.close();
    let mut recv = Box::pin(rx.recv());
    let woken = wait(&mut recv);
    drop(victim);
    assert_eq!(n(&woken), 1);
    assert_eq!(look(&mut recv), Some(None));
}

#[test]
fn mpsc_recv_and_closed() {
    let (tx, mut rx) = mpsc::channel(4);
    for sent_before_the_drop in [false, true] {
        let mut victim = Box::pin(rx.recv());
        let woken = wait(&mut victim);
        if sent_before_the_drop {
            tx.try_send(5).unwrap();
            assert_eq!(n(&woken), 1);
            drop(victim);
        } else {
            drop(victim);
            tx.try_send(5).unwrap();
        }
        let mut buffer = Vec::new();
        assert_eq!(now(rx.recv_many(&mut buffer, 9)), 1);
        assert_eq!(buffer, [5]);
    }
    let mut many = Box::pin(async {
        let mut buffer = Vec::new();
        rx.recv_many(&mut buffer, 2).await
    });
    assert!(look(&mut many).is_none());
    tx.try_send(6).unwrap();
    drop(many);
    assert_eq!(now(rx.recv()), Some(6));

    let mut closed = Box::pin(tx.closed());
    assert!(look(&mut closed).is_none());
    drop(closed);
    let mut closed = Box::pin(tx.closed());
    let woken = wait(&mut closed);
    drop(rx);
    assert_eq!(n(&woken), 1);
    assert!(look(&mut closed).is_some());

    let (tx, mut rx) = mpsc::unbounded_channel();
    let mut victim = Box::pin(rx.recv());
    assert!(look(&mut victim).is_none());
    tx.send(1).unwrap();
    drop(victim);
    assert_eq!(now(rx.recv()), Some(1));
    let mut closed = Box::pin(tx.closed());
    wait(&mut closed);
    drop(closed);
    drop(rx);
    now(tx.closed());
}

#[test]
fn spmc_send_and_recv() {
    for when in ALL {
        let (mut tx, rx) = spmc::channel(1);
        let mut victim = Box::pin(rx.recv());
        if when != When::Made {
            assert!(look(&mut victim).is_none());
        }
        let mut behind = Box::pin(rx.recv());
        let woken = wait(&mut behind);
        if when == When::Granted {
            tx.try_send(1).unwrap();
            drop(victim);
        } else {
            drop(victim);
            tx.try_send(1).unwrap();
        }
        assert_eq!(n(&woken), 1, "{when:?}");
        assert_eq!(look(&mut behind), Some(Some(1)));

        tx.try_send(1).unwrap();
        let mut victim = Box::pin(tx.send(2));
        if when != When::Made {
            assert!(look(&mut victim).is_none());
        }
        if when == When::Granted {
            assert_eq!(rx.try_recv(), Ok(1));
            drop(victim);
        } else {
            drop(victim);
            assert_eq!(rx.try_recv(), Ok(1));
        }
        let mut again = Box::pin(tx.send(3));
        assert_eq!(look(&mut again), Some(Ok(())));
        assert_eq!(rx.try_recv(), Ok(3));
        assert!(rx.is_empty());
    }
    // A waiting sender learns that nobody is left.
    let (mut tx, rx) = spmc::channel(1);
    tx.try_send(1).unwrap();
    let mut waits = Box::pin(tx.send(2));
    let woken = wait(&mut waits);
    drop(rx);
    assert_eq!(n(&woken), 1);
    assert_eq!(look(&mut waits), Some(Err(spmc::SendError(2))));
}

#[test]
fn mpmc_send_and_recv() {
    for when in ALL {
        let (tx, rx) = mpmc::bounded(1);
        let mut victim = Box::pin(rx.recv());
        if when != When::Made {
            assert!(look(&mut victim).is_none());
        }
        let mut behind = Box::pin(rx.recv());
        let woken = wait(&mut behind);
        if when == When::Granted {
            tx.try_send(1).unwrap();
            drop(victim);
        } else {
            drop(victim);
            tx.try_send(1).unwrap();
        }
        assert_eq!(n(&woken), 1, "{when:?}");
        assert_eq!(look(&mut behind), Some(Ok(1)));

        tx.try_send(1).unwrap();
        let mut victim = Box::pin(tx.send(2));
        if when != When::Made {
            assert!(look(&mut victim).is_none());
        }
        let mut behind = Box::pin(tx.send(3));
        let woken = wait(&mut behind);
        if when == When::Granted {
            assert_eq!(rx.try_recv(), Ok(1));
            drop(victim);
        } else {
            drop(victim);
            assert_eq!(rx.try_recv(), Ok(1));
        }
        assert_eq!(n(&woken), 1, "{when:?}");
        assert_eq!(look(&mut behind), Some(Ok(())));
        assert_eq!(rx.try_recv(), Ok(3));
        assert!(rx.is_empty());
    }
    // A receiver that waits as a stream and is dropped passes its wake-up on.
    let (tx, rx) = mpmc::bounded::<u8>(1);
    let mut stream = rx.clone();
    assert!(
        futures_lite::StreamExt::poll_next(&mut stream, &mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    let mut behind = Box::pin(rx.recv());
    let woken = wait(&mut behind);
    tx.try_send(7).unwrap();
    assert_eq!(n(&woken), 0);
    drop(stream);
    assert_eq!(n(&woken), 1);
    assert_eq!(look(&mut behind), Some(Ok(7)));
}

#[test]
fn broadcast_recv_and_closed() {
    let (tx, mut rx) = broadcast::channel(2);
    for sent_before_the_drop in [false, true] {
        let mut victim = Box::pin(rx.recv());
        let woken = wait(&mut victim);
        if sent_before_the_drop {
            tx.send(5).unwrap();
            assert_eq!(n(&woken), 1);
            drop(victim);
        } else {
            drop(victim);
            tx.send(5).unwrap();
        }
        assert_eq!(now(rx.recv()), Ok(5));
    }
    let mut closed = Box::pin(tx.closed());
    wait(&mut closed);
    drop(closed);
    drop(rx);
    now(tx.closed());
}

#[test]
fn oneshot_receive_and_closed() {
    let (mut tx, mut rx) = oneshot::channel();
    let mut closed = Box::pin(tx.closed());
    wait(&mut closed);
    drop(closed);
    let mut victim = Box::pin(&mut rx);
    let woken = wait(&mut victim);
    drop(victim);
    tx.send(1).unwrap();
    assert_eq!(n(&woken), 1);
    assert_eq!(now(&mut rx), Ok(1));
}

#[test]
fn watch_changed_wait_for_and_closed() {
    let (tx, mut rx) = watch::channel(0);
    let mut victim = Box::pin(rx.changed());
    wait(&mut victim);
    tx.send(1).unwrap();
    drop(victim); // it marked nothing
    assert_eq!(rx.has_changed(), Ok(true));
    now(rx.changed()).unwrap();
    let mut victim = Box::pin(async { *rx.wait_for(|n| *n == 3).await.unwrap() });
    assert!(look(&mut victim).is_none());
    tx.send(2).unwrap();
    assert!(look(&mut victim).is_none());
    drop(victim);
    assert_eq!(rx.has_changed(), Ok(false), "it looked at 2");
    tx.send(3).unwrap();
    assert_eq!(*now(rx.wait_for(|n| *n == 3)).unwrap(), 3);
    let mut closed = Box::pin(tx.closed());
    wait(&mut closed);
    drop(closed);
    drop(rx);
    now(tx.closed());
}

/// Timers, ticks, joins: in virtual time.
#[test]
fn time_and_tasks() {
    const MS: Duration = Duration::from_millis(1);
    Builder::seeded(3).build().unwrap().block_on(async {
        let start = Instant::now();
        for _ in 0..2 {
            assert!(timeout(MS, sleep(9 * MS)).await.is_err());
            assert!(timeout(MS, sleep_until(start + 90 * MS)).await.is_err());
            assert!(timeout(MS, timeout(9 * MS, std::future::pending::<()>())).await.is_err());
            select! { biased; () = yield_now() => unreachable!(), () = async {} => {} }
        }
        // Dropped where the budget ends, it has woken its task and holds nothing.
        while look(&mut Box::pin(task::consume_budget())).is_some() {}
        yield_now().await;
        now(task::consume_budget());
        assert_eq!(start.elapsed(), 6 * MS, "no timer of a dropped sleep is left to wait for");

        let mut ticks = interval(10 * MS);
        let first = ticks.tick().await;
        assert!(timeout(3 * MS, ticks.tick()).await.is_err());
        assert_eq!(ticks.tick().await, first + 10 * MS);

        let mut handle = task::spawn(async {
            sleep(5 * MS).await;
            7
        });
        assert!(timeout(MS, &mut handle).await.is_err());
        assert_eq!(handle.await.unwrap(), 7);

        let mut set = JoinSet::new();
        for ms in [3, 6] {
            set.spawn(async move {
                sleep(ms * MS).await;
                ms
            });
        }
        assert!(timeout(MS, set.join_next()).await.is_err());
        assert_eq!(set.join_next().await.unwrap().unwrap(), 3);
        assert!(timeout(MS, set.join_next_with_id()).await.is_err());
        assert_eq!(set.join_next_with_id().await.unwrap().unwrap().1, 6);
        assert!(set.join_next().await.is_none());

        // What aborts when it is dropped.
        let alive = Arc::new(());
        let hang = || {
            let alive = alive.clone();
            async move {
                std::future::pending::<()>().await;
                drop(alive);
            }
        };
        for kind in 0..5 {
            let victim: Pin<Box<dyn Future<Output = ()>>> = match kind {
                0 => Box::pin(task::scope(|scope| async move { drop(scope.spawn(hang())) })),
                1 => Box::pin(async {
                    drop([hang(), hang()].into_iter().collect::<JoinSet<_>>().join_all().await);
                }),
                2 => Box::pin(async {
                    let mut set = JoinSet::new();
                    set.spawn(hang());
                    set.join_next().await;
                }),
                3 => Box::pin(async {
                    join!(hang(), async {});
                }),
                _ => Box::pin(async {
                    let _ = try_join!(
                        async {
                            hang().await;
                            Ok::<_, ()>(())
                        },
                        async { Ok(()) }
                    );
                }),
            };
            assert!(timeout(MS, victim).await.is_err(), "{kind}");
            sleep(MS).await;
            assert_eq!(Arc::strong_count(&alive), 1, "{kind}");
        }
        // So does `abort_and_wait`, and `run_until` leaves the set's tasks where they are.
        assert!(look(&mut Box::pin(task::spawn(hang()).abort_and_wait())).is_none());
        drop(task::spawn(hang()).abort_and_wait());
        sleep(MS).await;
        assert_eq!(Arc::strong_count(&alive), 2, "never polled, it has aborted nothing");
        Handle::current().cancel_all();
        sleep(MS).await;
        assert_eq!(Arc::strong_count(&alive), 1);
        let local = LocalSet::new();
        let left = local.spawn_local(async {
            sleep(2 * MS).await;
            5
        });
        assert!(timeout(MS, local.run_until(std::future::pending::<()>())).await.is_err());
        assert_eq!(local.run_until(left).await.unwrap(), 5);

        // `shutdown` has aborted before it waits.
        let mut set = JoinSet::new();
        set.spawn(hang());
        assert!(look(&mut Box::pin(set.shutdown())).is_none());
        assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    });
}

#[test]
fn send_timeout_keeps_room_and_messages() {
    Builder::seeded(3).build().unwrap().block_on(async {
        let (tx, mut rx) = mpsc::channel(1);
        tx.send(1).await.unwrap();
        for _ in 0..3 {
            assert!(tx.send_timeout(2, Duration::from_millis(1)).await.is_err());
        }
        assert_eq!(rx.recv().await, Some(1));
        assert_eq!(tx.capacity(), 1);
    });
}

/// A place that a dropped submission waited for is the next one's, and a wait for the end can be dropped.
#[test]
fn submissions_and_waits_for_the_end() {
    let scheduler = Scheduler::builder(1).bound(1).build().unwrap();
    let (go, gone) = oneshot::channel::<()>();
    let first = scheduler.submit(Task::future(async move {
        let _ = gone.await;
    }));
    for when in [When::Made, When::Waiting] {
        let mut victim = Box::pin(scheduler.submit_async(Task::future(async {})));
        if when == When::Waiting {
            assert!(look(&mut victim).is_none());
            assert!(look(&mut Box::pin(scheduler.drained())).is_none());
        }
    }
    drop(scheduler.drained());
    drop(go);
    futures_lite::future::block_on(async {
        first.await.unwrap();
        scheduler.submit_async(Task::future(async {})).await.await.unwrap();
        scheduler.drained().await;
    });
}

/// Every public async fn is dropped somewhere in these two files, and is named in a table of its module
/// or says itself what becomes of it.
#[test]
fn no_function_is_left_out() {
    fn sources(folder: &std::path::Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                let name = path.to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let is_word = |text: &str, word: &str, after: &str| {
        text.match_indices(word).any(|(at, _)| {
            let inside = |c: char| c.is_alphanumeric() || c == '_';
            !text[..at].ends_with(inside) && {
                let rest = &text[at + word.len()..];
                !rest.starts_with(inside) && rest.starts_with(after)
            }
        })
    };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    let tables: String = files
        .iter()
        .flat_map(|(_, text)| text.lines().filter(|line| line.starts_with("//! |")))
        .collect();
    let read = |file| std::fs::read_to_string(root.join("tests").join(file)).unwrap();
    let tests = read("dropped.rs") + &read("net_dropped.rs");
    let (mut n, mut missing) = (0, Vec::new());
    for (file, text) in &files {
        for (at, start) in text.match_indices("pub async fn ") {
            let name: String = text[at + start.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if name.is_empty() {
                continue; // of a macro
            }
            n += 1;
            if !is_word(&tests, &name, "(") {
                missing.push(format!("{file}: {name} is not dropped in a test"));
            }
            if !is_word(&tables, &name, "") {
                missing.push(format!("{file}: {name} is in no table"));
            }
        }
    }
    assert!(n > 90, "{n} functions");
    assert!(missing.is_empty(), "{missing:#?}");
}
