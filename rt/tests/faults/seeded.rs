//! Runs made of a seed: ends at any point, equal hashes, planted bugs, and faults on demand.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

use vitte_rt::channel::mpmc::bounded;
use vitte_rt::net::{TcpListener, TcpStream, UdpSocket};
use vitte_rt::runtime::{Builder, Handle, Inject};
use vitte_rt::sync::Mutex as AsyncMutex;
use vitte_rt::task::{spawn, spawn_blocking, yield_now};
use vitte_rt::time::{sleep, timeout};

use crate::amount;

/// Tasks that yield, sleep and talk; what they hold is counted.
async fn world(held: Arc<()>, n_yields: u64) {
    let (sender, receiver) = bounded(1);
    for n in 0..6u64 {
        let (held, sender, receiver) = (held.clone(), sender.clone(), receiver.clone());
        drop(spawn(async move {
            let held = held;
            while Arc::strong_count(&held) > 0 {
                match n % 3 {
                    0 => yield_now().await,
                    1 => sleep(Duration::from_micros(n)).await,
                    _ => drop(sender.send(n).await),
                }
                if n == 3 {
                    let _ = receiver.recv().await;
                }
            }
        }));
    }
    for _ in 0..n_yields {
        yield_now().await;
    }
}

#[test]
fn shutdown_at_any_point_drops_everything() {
    for seed in 0..amount(200, 10_000) as u64 {
        let held = Arc::new(());
        let runtime = Builder::seeded(seed).workers(3).build().unwrap();
        runtime.block_on(world(held.clone(), seed % 97));
        drop(runtime);
        assert_eq!(Arc::strong_count(&held), 1, "seed {seed}");
    }
}

#[test]
fn runtime_may_be_dropped_by_another_thread_while_it_runs() {
    for _ in 0..amount(5, 200) {
        let held = Arc::new(());
        let runtime = Builder::multi_thread().workers(2).build().unwrap();
        runtime.block_on(world(held.clone(), 20));
        std::thread::spawn(move || drop(runtime)).join().unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

/// The trace hash of a seeded run of the world.
fn hash_of(seed: u64) -> u64 {
    let runtime = Builder::seeded(seed).workers(3).build().unwrap();
    runtime.block_on(world(Arc::new(()), 60));
    runtime.handle().trace_hash()
}

#[test]
fn same_seed_same_hash() {
    let n_seeds = amount(200, 10_000);
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..n_seeds as u64 {
        let hash = hash_of(seed);
        assert_eq!(hash, hash_of(seed), "seed {seed}");
        hashes.insert(hash);
    }
    assert!(hashes.len() > n_seeds * 9 / 10, "{} of {n_seeds} differ", hashes.len());
}

/// An event with a planted bug: it looks, lets others run, and only then leaves its waker.
#[derive(Default)]
struct LosesWakes {
    set: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl LosesWakes {
    async fn wait(&self) {
        if self.set.load(Ordering::SeqCst) {
            return;
        }
        yield_now().await;
        let mut left = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut left, true) {
                return Poll::Ready(());
            }
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.waker.lock().unwrap().take().into_iter().for_each(Waker::wake);
    }
}

/// Whether the planted bug shows with this seed.
fn stalls(seed: u64) -> bool {
    let runtime = Builder::seeded(seed).workers(2).build().unwrap();
    let event = Arc::new(LosesWakes::default());
    let run = runtime.run(async {
        let waiter = spawn({
            let event = event.clone();
            async move { event.wait().await }
        });
        let setter = spawn({
            let event = event.clone();
            async move {
                yield_now().await;
                event.set();
            }
        });
        setter.await.unwrap();
        waiter.await.unwrap();
    });
    run.is_err()
}

#[test]
fn planted_lost_wake_is_found_and_replays() {
    let found: Vec<u64> = (0..200).filter(|&seed| stalls(seed)).collect();
    assert!(!found.is_empty() && found.len() < 200, "some seeds show it: {}", found.len());
    for seed in found {
        assert!(stalls(seed), "seed {seed} replays");
    }
}

/// What may strike does: the descriptors that were missed, the connections that were lost, what was
/// received. The same for the same seed.
async fn stormy_world() -> Vec<String> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |log: &Mutex<Vec<String>>, text: String| log.lock().unwrap().push(text);
    let listener = loop {
        match TcpListener::bind("127.0.0.1:80").await {
            Ok(listener) => break listener,
            Err(error) => note(&log, format!("bind {:?}", error.raw_os_error())),
        }
    };
    let server = spawn({
        let log = log.clone();
        async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let log = log.clone();
                drop(spawn(async move {
                    let mut buffer = [0; 100];
                    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                        if let Err(error) = stream.write_all(&buffer[..n]).await {
                            return note(&log, format!("server {:?}", error.kind()));
                        }
                    }
                }));
            }
        }
    });
    let clients: Vec<_> = (0..4u8)
        .map(|c| {
            let log = log.clone();
            spawn(async move {
                let echo = async {
                    let stream = TcpStream::connect("127.0.0.1:80").await?;
                    let sent = [c; 150];
                    stream.write_all(&sent).await?;
                    let (mut got, mut buffer) = (0, [0; 64]);
                    while got < sent.len() {
                        match stream.read(&mut buffer).await? {
                            0 => return Err(ErrorKind::UnexpectedEof.into()),
                            n => got += n,
                        }
                        note(&log, format!("client {c} has {got}"));
                    }
                    io::Result::Ok(())
                };
                let end = echo.await;
                note(&log, format!("client {c}: {:?}", end.map_err(|e| e.kind())));
            })
        })
        .collect();
    let blocking: Vec<_> = (0..3)
        .map(|n| {
            let log = log.clone();
            spawn_blocking(move || note(&log, format!("blocking {n}")))
        })
        .collect();
    for task in clients.into_iter().chain(blocking) {
        task.await.unwrap();
    }
    server.abort();
    sleep(Duration::from_millis(1)).await;
    std::mem::take(&mut *log.lock().unwrap())
}

#[test]
fn fault_22_same_seed_same_hash_with_faults() {
    let n_seeds = amount(100, 10_000);
    let (mut hashes, mut ends) = (BTreeSet::new(), BTreeSet::new());
    let run = |seed| {
        let builder = Builder::seeded(seed).workers(3).inject(Inject::ALL);
        let runtime = builder.build().unwrap();
        let log = runtime.block_on(stormy_world());
        (runtime.handle().trace_hash(), log)
    };
    for seed in 0..n_seeds as u64 {
        let first = run(seed);
        assert_eq!(first, run(seed), "seed {seed}");
        hashes.insert(first.0);
        ends.extend(first.1);
    }
    assert!(hashes.len() > n_seeds * 9 / 10, "{} of {n_seeds} differ", hashes.len());
    for end in ["bind Some(24)", "client 0: Ok(())", "client 1: Err(ConnectionReset)"] {
        assert!(ends.contains(end), "{end}: {ends:?}");
    }
}

#[test]
fn without_faults_a_seed_gives_none() {
    for seed in 0..20 {
        let log = Builder::seeded(seed).build().unwrap().block_on(stormy_world());
        assert!(!log.iter().any(|line| line.contains("Err") || line.contains("bind")), "{log:?}");
    }
}

/// A future that counts its polls and is ready when it is told.
fn counts_polls(n: &Arc<AtomicUsize>, told: &Arc<AtomicBool>) -> impl Future<Output = ()> + use<> {
    let (n, told) = (n.clone(), told.clone());
    poll_fn(move |_| {
        n.fetch_add(1, Ordering::SeqCst);
        if told.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    })
}

/// The runs with this fault, of one worker, among a hundred in which something shows.
fn shows<F: Future<Output = bool>>(fault: Inject, body: impl Fn() -> F) -> usize {
    let run = |seed| {
        let runtime = Builder::seeded(seed).workers(1).inject(fault).build().unwrap();
        runtime.block_on(body())
    };
    (0..100).filter(|&seed| run(seed)).count()
}

/// Whether what shows with this fault shows sometimes, and without it never.
fn assert_shows<F: Future<Output = bool>>(fault: Inject, body: impl Fn() -> F) {
    let n = shows(fault, &body);
    assert!((1..100).contains(&n), "{fault:?}: {n} of 100");
    assert_eq!(shows(Inject::NOTHING, &body), 0, "{fault:?}");
}

#[test]
fn wakes_from_outside_overtake_each_other() {
    assert_shows(Inject::WAKE_ORDER, || async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let (start, gate) = bounded::<()>(8);
        let tasks: Vec<_> = (0..6)
            .map(|n| {
                let (order, gate) = (order.clone(), gate.clone());
                spawn(async move {
                    let _ = gate.recv().await;
                    order.lock().unwrap().push(n);
                })
            })
            .collect();
        sleep(Duration::from_millis(1)).await;
        // From the future of the `block_on`, which is no worker; all at once.
        start.close();
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap().clone();
        assert_eq!(order.len(), 6);
        !order.is_sorted()
    });
}

#[test]
fn tasks_are_polled_for_nothing() {
    assert_shows(Inject::SPURIOUS, || async {
        let (n, told) = (Arc::default(), Arc::default());
        let task = spawn(counts_polls(&n, &told));
        sleep(Duration::from_millis(1)).await;
        let n_polls = n.load(Ordering::SeqCst);
        drop(task);
        n_polls > 1
    });
}

#[test]
fn runs_are_cut_short() {
    assert_shows(Inject::BUDGET, || async {
        let together = Arc::new(AtomicUsize::new(0));
        let task = spawn({
            let together = together.clone();
            async move {
                let mutex = AsyncMutex::new(());
                for _ in 0..20 {
                    drop(mutex.lock().await);
                    together.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let mut cut = false;
        while !task.is_finished() {
            yield_now().await;
            cut |= (1..20).contains(&together.load(Ordering::SeqCst));
        }
        cut
    });
}

#[test]
fn blocking_work_is_late_but_done() {
    assert_shows(Inject::BLOCKING, || async {
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        let task = spawn_blocking(move || flag.store(true, Ordering::SeqCst));
        let late = !done.load(Ordering::SeqCst);
        task.await.unwrap();
        assert!(done.load(Ordering::SeqCst));
        late
    });
    // A runtime that ends drops what was not begun.
    let held = Arc::new(());
    for seed in 0..20 {
        let runtime = Builder::seeded(seed).inject(Inject::BLOCKING).build().unwrap();
        let mine = held.clone();
        drop(runtime.handle().spawn_blocking(move || drop(mine)));
        drop(runtime);
        assert_eq!(Arc::strong_count(&held), 1, "seed {seed}");
    }
}

#[test]
fn descriptors_run_out_and_accept_goes_on() {
    assert_shows(Inject::DESCRIPTORS, || async {
        let Ok(listener) = TcpListener::bind("127.0.0.1:80").await else { return true };
        let Ok(_near) = TcpStream::connect("127.0.0.1:80").await else { return true };
        let before = Handle::current().now_ns();
        listener.accept().await.unwrap();
        Handle::current().now_ns() > before
    });
}

#[test]
fn transfers_are_short_and_lose_nothing() {
    assert_shows(Inject::SHORT, || async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let near = TcpStream::connect("127.0.0.1:80").await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        let sent: Vec<u8> = (0..200).collect();
        near.write_all(&sent).await.unwrap();
        let (mut got, mut n_reads, mut buffer) = (Vec::new(), 0, [0; 200]);
        while got.len() < sent.len() {
            let n = far.read(&mut buffer).await.unwrap();
            got.extend_from_slice(&buffer[..n]);
            n_reads += 1;
        }
        assert_eq!(got, sent);
        n_reads > 1
    });
}

#[test]
fn a_reset_connection_is_an_error_at_both_ends() {
    assert_shows(Inject::RESETS, || async {
        let listener = TcpListener::bind("127.0.0.1:80").await.unwrap();
        let near = TcpStream::connect("127.0.0.1:80").await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        for _ in 0..8 {
            if let Err(error) = near.write(b"x").await {
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                // What was under way is lost; nobody waits for ever.
                let error = far.read(&mut [0; 4]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ConnectionReset);
                return true;
            }
        }
        false
    });
}

#[test]
fn datagrams_are_lost_doubled_and_reordered() {
    let received = |seed, faults| {
        let runtime = Builder::seeded(seed).inject(faults).build().unwrap();
        runtime.block_on(async {
            let from = UdpSocket::bind("127.0.0.1:1").await.unwrap();
            let to = UdpSocket::bind("127.0.0.1:2").await.unwrap();
            for n in 0..20u8 {
                from.send_to(&[n], "127.0.0.1:2").await.unwrap();
            }
            let (mut got, mut buffer) = (Vec::new(), [0; 1]);
            let ms = Duration::from_millis(1);
            while let Ok(received) = timeout(ms, to.recv_from(&mut buffer)).await {
                received.unwrap();
                got.push(buffer[0]);
            }
            got
        })
    };
    let all: Vec<u8> = (0..20).collect();
    let (mut lost, mut doubled, mut reordered) = (false, false, false);
    for seed in 0..50 {
        assert_eq!(received(seed, Inject::NOTHING), all);
        let got = received(seed, Inject::DATAGRAMS);
        lost |= all.iter().any(|n| !got.contains(n));
        doubled |= got.windows(2).any(|pair| pair[0] == pair[1]);
        reordered |= !got.is_sorted();
    }
    assert!(lost && doubled && reordered);
}

/// A planted bug that only a spurious poll shows: it takes any poll after the first for its wake-up.
async fn trusts_polls(signal: Arc<AtomicBool>) -> bool {
    let mut polled = false;
    poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending })
        .await;
    signal.load(Ordering::SeqCst)
}

#[test]
fn planted_trust_in_polls_is_found_and_replays() {
    let finds = |seed| {
        let runtime = Builder::seeded(seed).inject(Inject::SPURIOUS).build().unwrap();
        let run = runtime.run(async {
            let signal = Arc::new(AtomicBool::new(false));
            let task = spawn(trusts_polls(signal.clone()));
            timeout(Duration::from_millis(1), task).await
        });
        matches!(run, Ok(Ok(Ok(false))))
    };
    let found: Vec<u64> = (0..100).filter(|&seed| finds(seed)).collect();
    assert!(!found.is_empty() && found.len() < 100, "{found:?}");
    assert!(found.into_iter().all(finds), "replays");
}
