//! Rust futures as tasks, on every kind of runtime: join, abort, panics, time, channels, TCP.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use vitte_rt::channel::mpmc::{self, SendError, TryRecvError, TrySendError};
use vitte_rt::net::{TcpListener, TcpStream};
use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::task::{spawn, spawn_blocking, yield_now};
use vitte_rt::time::{Elapsed, sleep, timeout};

/// One runtime of each kind.
fn each(test: impl Fn(&Runtime)) {
    test(&Builder::current_thread().build().unwrap());
    test(&Builder::multi_thread().workers(1).build().unwrap());
    test(&Builder::multi_thread().workers(2).build().unwrap());
    test(&Builder::multi_thread().workers(4).build().unwrap());
    test(&Builder::seeded(7).workers(3).build().unwrap());
}

/// Both ends of a channel; a capacity of 0 is unbounded. Its futures hold the channel.
struct Channel<T>(mpmc::Sender<T>, mpmc::Receiver<T>);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl<T: Send + 'static> Channel<T> {
    fn new(capacity: usize) -> Self {
        let (tx, rx) = if capacity == 0 { mpmc::unbounded() } else { mpmc::bounded(capacity) };
        Channel(tx, rx)
    }
    fn send(&self, value: T) -> Boxed<Result<(), SendError<T>>> {
        let tx = self.0.clone();
        Box::pin(async move { tx.send(value).await })
    }
    fn recv(&self) -> Boxed<Option<T>> {
        let rx = self.1.clone();
        Box::pin(async move { rx.recv().await.ok() })
    }
    fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.0.try_send(value)
    }
    fn try_recv(&self) -> Result<T, TryRecvError> {
        self.1.try_recv()
    }
    fn close(&self) {
        self.0.close();
    }
    fn len(&self) -> usize {
        self.0.len()
    }
}

impl<T> Clone for Channel<T> {
    fn clone(&self) -> Self {
        Channel(self.0.clone(), self.1.clone())
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn spawned_tasks_give_their_outputs() {
    each(|rt| {
        let sum = rt.block_on(async {
            let handles: Vec<_> = (0..1000u64).map(|n| spawn(async move { n * 2 })).collect();
            let mut sum = 0;
            for handle in handles {
                sum += handle.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, 999_000);
        assert_eq!(rt.handle().n_tasks(), 0);
    });
}

#[test]
fn abort_drops_the_future_once_and_says_cancelled() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    each(|rt| {
        let n_drops = Arc::new(AtomicUsize::new(0));
        let guard = Guard(n_drops.clone());
        rt.block_on(async {
            let task = spawn(async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            });
            sleep(MS).await;
            task.abort();
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        });
        assert_eq!(n_drops.load(Ordering::SeqCst), 1);
        // Before the start; after the end.
        rt.block_on(async {
            let task = spawn(async { 5 });
            while !task.is_finished() {
                yield_now().await;
            }
            task.abort();
            assert_eq!(task.await.unwrap(), 5);
        });
    });
}

#[test]
fn panic_stays_in_its_task() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "drop panics");
        }
    }
    each(|rt| {
        rt.block_on(async {
            let error =
                spawn(async { panic!("poll {}", std::hint::black_box(1)) }).await.unwrap_err();
            assert!(error.is_panic());
            assert!(error.to_string().ends_with("panicked: poll 1"), "{error}");
            assert_eq!(*error.try_into_panic().unwrap().downcast::<String>().unwrap(), "poll 1");
            // A panic in the drop of the future, after it was ready.
            struct Ready(#[allow(dead_code)] Bomb);
            impl Future for Ready {
                type Output = u32;
                fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u32> {
                    Poll::Ready(1)
                }
            }
            assert!(spawn(Ready(Bomb)).await.unwrap_err().is_panic());
            // A panic in the drop of an output that nobody wants, and of blocking work.
            drop(spawn(async { Bomb }));
            let error = spawn_blocking(|| panic!("blocking")).await.unwrap_err();
            assert!(error.is_panic());
            assert_eq!(spawn(async { 3 }).await.unwrap(), 3);
        });
    });
}

#[test]
fn sleeps_are_never_early_and_in_order() {
    each(|rt| {
        let virtual_time = rt.handle().is_virtual();
        rt.block_on(async {
            let order = Channel::new(0);
            let mut tasks = Vec::new();
            for n in 0..40u64 {
                let order = order.clone();
                let micros = (n * 7919) % 20_000;
                tasks.push(spawn(async move {
                    let before = Handle::current().now_ns();
                    let started = Instant::now();
                    sleep(Duration::from_micros(micros)).await;
                    let clock = Handle::current().now_ns() - before;
                    assert!(clock >= micros * 1000, "{clock} < {micros} µs");
                    assert!(virtual_time || started.elapsed() >= Duration::from_micros(micros));
                    order.try_send((micros, before)).unwrap();
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            if virtual_time {
                let ends: Vec<u64> =
                    std::iter::from_fn(|| order.try_recv().ok()).map(|(m, b)| m + b).collect();
                assert!(ends.is_sorted(), "{ends:?}");
            }
        });
    });
}

#[test]
fn virtual_time_costs_nothing_and_is_exact() {
    let rt = Builder::seeded(0).build().unwrap();
    let started = Instant::now();
    rt.block_on(async {
        sleep(Duration::from_hours(24)).await;
        assert_eq!(Handle::current().now_ns(), 86_400_000_000_000);
        // A task that never waits does not hold the clock for ever.
        let timer = spawn(sleep(MS));
        while !timer.is_finished() {
            yield_now().await;
        }
    });
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn timeout_gives_the_value_or_elapsed_and_drops_the_loser() {
    each(|rt| {
        rt.block_on(async {
            assert_eq!(timeout(50 * MS, async { 1 }).await, Ok(1));
            let channel = Channel::<u32>::new(1);
            assert_eq!(timeout(2 * MS, channel.recv()).await, Err(Elapsed));
            channel.try_send(4).unwrap();
            assert_eq!(channel.try_recv(), Ok(4), "the dropped receive took nothing");
        });
    });
}

#[test]
fn channel_capacity_close_and_order() {
    each(|rt| {
        rt.block_on(async {
            let channel = Channel::new(2);
            channel.send(1).await.unwrap();
            channel.send(2).await.unwrap();
            assert_eq!(channel.try_send(3), Err(TrySendError::Full(3)));
            let sender = spawn({
                let channel = channel.clone();
                async move {
                    for n in 3..=100 {
                        channel.send(n).await.unwrap();
                    }
                    channel.close();
                    channel.send(0).await
                }
            });
            let mut got = Vec::new();
            while let Some(n) = channel.recv().await {
                assert!(channel.len() <= 2);
                got.push(n);
            }
            assert_eq!(got, (1..=100).collect::<Vec<_>>());
            assert_eq!(sender.await.unwrap(), Err(SendError(0)));
            assert_eq!(channel.try_recv(), Err(TryRecvError::Closed));
            // A close wakes whoever waits.
            let (full, empty) = (Channel::new(1), Channel::<u8>::new(1));
            full.try_send(1u8).unwrap();
            let waiting = spawn(full.send(2));
            let listening = spawn(empty.recv());
            sleep(MS).await;
            full.close();
            empty.close();
            assert_eq!(waiting.await.unwrap(), Err(SendError(2)));
            assert_eq!(listening.await.unwrap(), None);
            assert_eq!(full.recv().await, Some(1), "closed channels drain");
        });
    });
}

#[test]
fn woken_receiver_that_is_dropped_passes_the_wake_up_on() {
    let channel = Channel::new(1);
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = channel.recv();
    let mut second = channel.recv();
    assert!(Pin::new(&mut first).poll(&mut cx).is_pending());
    assert!(Pin::new(&mut second).poll(&mut cx).is_pending());
    let woken = Arc::new(AtomicBool::new(false));
    struct Flag(Arc<AtomicBool>);
    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let waker = Waker::from(Arc::new(Flag(woken.clone())));
    assert!(Pin::new(&mut second).poll(&mut Context::from_waker(&waker)).is_pending());
    channel.try_send(9).unwrap(); // wakes the first
    assert!(!woken.load(Ordering::SeqCst));
    drop(first);
    assert!(woken.load(Ordering::SeqCst));
    assert_eq!(Pin::new(&mut second).poll(&mut cx), Poll::Ready(Some(9)));

    // The same for a place.
    channel.try_send(1).unwrap();
    let mut first = channel.send(2);
    let mut second = channel.send(3);
    assert!(Pin::new(&mut first).poll(&mut cx).is_pending());
    woken.store(false, Ordering::SeqCst);
    assert!(Pin::new(&mut second).poll(&mut Context::from_waker(&waker)).is_pending());
    assert_eq!(channel.try_recv(), Ok(1));
    drop(first);
    assert!(woken.load(Ordering::SeqCst));
    assert_eq!(Pin::new(&mut second).poll(&mut cx), Poll::Ready(Ok(())));
}

#[test]
fn many_senders_and_receivers_lose_nothing() {
    each(|rt| {
        let total = rt.block_on(async {
            let channel = Channel::new(3);
            let senders: Vec<_> = (0..8u64)
                .map(|s| {
                    let channel = channel.clone();
                    spawn(async move {
                        for n in 0..500 {
                            channel.send(s * 1000 + n).await.unwrap();
                        }
                    })
                })
                .collect();
            let receivers: Vec<_> = (0..4)
                .map(|_| {
                    let channel = channel.clone();
                    spawn(async move {
                        let mut sum = 0;
                        while let Some(n) = channel.recv().await {
                            sum += n;
                        }
                        sum
                    })
                })
                .collect();
            for sender in senders {
                sender.await.unwrap();
            }
            channel.close();
            let mut total = 0;
            for receiver in receivers {
                total += receiver.await.unwrap();
            }
            total
        });
        assert_eq!(total, (0..8u64).map(|s| (0..500).map(|n| s * 1000 + n).sum::<u64>()).sum());
    });
}

#[test]
fn wakes_from_foreign_threads_are_not_lost() {
    for rt in [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ] {
        let n_rounds = 400;
        let (there, back) = (Channel::new(1), Channel::new(1));
        let echo = rt.spawn({
            let (there, back) = (there.clone(), back.clone());
            async move {
                while let Some(n) = there.recv().await {
                    back.try_send(n).unwrap();
                }
            }
        });
        let foreign = std::thread::spawn(move || {
            for n in 0..n_rounds {
                there.try_send(n).unwrap();
                loop {
                    match back.try_recv() {
                        Ok(m) => break assert_eq!(m, n),
                        Err(TryRecvError::Empty) => std::thread::yield_now(),
                        Err(TryRecvError::Closed) => unreachable!(),
                    }
                }
            }
            there.close();
        });
        rt.block_on(echo).unwrap();
        foreign.join().unwrap();
    }
}

/// Echo server and `n_clients` clients in one runtime; answers the bytes echoed.
async fn echo(n_clients: usize, n_bytes: usize) -> io::Result<usize> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let server = spawn(async move {
        loop {
            let (stream, _) = listener.accept().await?;
            spawn(async move {
                let mut buffer = vec![0; 3000];
                loop {
                    let n = stream.read(&mut buffer).await?;
                    if n == 0 {
                        return io::Result::Ok(());
                    }
                    stream.write_all(&buffer[..n]).await?;
                }
            });
        }
        #[allow(unreachable_code, reason = "gives the block its type")]
        io::Result::Ok(())
    });
    let clients: Vec<_> = (0..n_clients)
        .map(|c| {
            let address = address.clone();
            spawn(async move {
                let stream = Arc::new(TcpStream::connect(&address).await?);
                stream.set_nodelay(true)?;
                let sent: Vec<u8> = (0..n_bytes).map(|n| (n * 31 + c) as u8).collect();
                let writer = spawn({
                    let (stream, sent) = (stream.clone(), sent.clone());
                    async move {
                        stream.write_all(&sent).await?;
                        stream.shutdown(std::net::Shutdown::Write)
                    }
                });
                let (mut got, mut buffer) = (Vec::new(), [0; 1000]);
                loop {
                    match stream.read(&mut buffer).await? {
                        0 => break,
                        n => got.extend_from_slice(&buffer[..n]),
                    }
                }
                writer.await.unwrap()?;
                assert!(got == sent, "client {c}");
                io::Result::Ok(got.len())
            })
        })
        .collect();
    let mut total = 0;
    for client in clients {
        total += client.await.unwrap()?;
    }
    server.abort();
    assert!(server.await.unwrap_err().is_cancelled());
    Ok(total)
}

#[test]
fn tcp_echo_real_and_loopback() {
    each(|rt| {
        assert_eq!(rt.block_on(echo(20, 200_000)).unwrap(), 4_000_000);
        assert_eq!(rt.handle().n_tasks(), 0, "{}", rt.handle().dump());
    });
}

#[test]
fn tcp_errors_are_errors() {
    each(|rt| {
        rt.block_on(async {
            let listener = TcpListener::bind("localhost:0").await.unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let taken = TcpListener::bind(&address).await.unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
            drop(listener);
            let refused = TcpStream::connect(&address).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            assert!(TcpStream::connect("no port").await.is_err());
        });
    });
}

#[test]
fn dropped_accept_and_read_are_withdrawn() {
    each(|rt| {
        let stalled = rt.run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            assert_eq!(timeout(2 * MS, listener.accept()).await.err(), Some(Elapsed));
            let address = listener.local_addr().unwrap().to_string();
            let near = TcpStream::connect(&address).await.unwrap();
            let (far, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 4];
            assert_eq!(timeout(2 * MS, near.read(&mut buffer)).await.err(), Some(Elapsed));
            far.write_all(b"abcd").await.unwrap();
            assert_eq!(near.read(&mut buffer).await.unwrap(), 4);
            assert_eq!(&buffer, b"abcd");
            // Nobody waits for the sockets now, so this waits for ever.
            std::future::pending::<()>().await;
        });
        assert!(stalled.is_err());
    });
}

#[test]
fn stall_is_reported_with_the_tasks() {
    each(|rt| {
        let channel = Channel::<u8>::new(1);
        let stalled = rt
            .run(async {
                spawn(channel.recv());
                spawn(channel.recv());
                channel.recv().await
            })
            .unwrap_err();
        assert_eq!(stalled.dump.tasks.len(), 2);
        assert!(stalled.dump.tasks.iter().all(|t| t.state == "waiting"), "{}", stalled.dump);
        // It is not the end of the runtime.
        channel.close();
        assert_eq!(rt.run(async { 1 }).unwrap(), 1);
    });
}

#[test]
fn keep_alive_and_blocking_work_hold_a_stall_off() {
    for rt in [
        Builder::current_thread().build().unwrap(),
        Builder::multi_thread().workers(2).build().unwrap(),
    ] {
        let channel = Channel::new(1);
        let keep = rt.handle().keep_alive();
        let foreign = std::thread::spawn({
            let channel = channel.clone();
            move || {
                std::thread::sleep(20 * MS);
                channel.try_send(5).unwrap();
                drop(keep);
            }
        });
        assert_eq!(rt.run(channel.recv()).unwrap(), Some(5));
        foreign.join().unwrap();
        let slow = rt.run(async {
            spawn_blocking(|| {
                std::thread::sleep(20 * MS);
                6
            })
            .await
            .unwrap()
        });
        assert_eq!(slow.unwrap(), 6);
        let keep = rt.handle().keep_alive();
        std::thread::spawn(move || {
            std::thread::sleep(10 * MS);
            drop(keep);
        });
        assert!(rt.run(std::future::pending::<()>()).is_err(), "and then it is one");
    }
}

/// A busy little world; answers its trace hash and its output.
fn seeded_world(seed: u64) -> (u64, Vec<u64>) {
    let rt = Builder::seeded(seed).workers(3).build().unwrap();
    let out = rt.block_on(async {
        let channel = Channel::new(2);
        let tasks: Vec<_> = (0..12u64)
            .map(|n| {
                let channel = channel.clone();
                spawn(async move {
                    for k in 0..4 {
                        if (n + k) % 3 == 0 {
                            sleep(Duration::from_micros(n % 4 * 10)).await;
                        } else {
                            yield_now().await;
                        }
                        channel.send(n * 10 + k).await.unwrap();
                    }
                })
            })
            .collect();
        let reader = spawn({
            let channel = channel.clone();
            async move {
                let mut out = Vec::new();
                while let Some(n) = channel.recv().await {
                    out.push(n);
                }
                out
            }
        });
        for task in tasks {
            task.await.unwrap();
        }
        channel.close();
        echo(3, 5000).await.unwrap();
        reader.await.unwrap()
    });
    (rt.handle().trace_hash(), out)
}

#[test]
fn same_seed_same_run_other_seed_other_run() {
    let mut hashes = std::collections::BTreeSet::new();
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let first = seeded_world(seed);
        assert_eq!(first, seeded_world(seed), "seed {seed}");
        hashes.insert(first.0);
        orders.insert(first.1);
    }
    assert!(hashes.len() > 145 && orders.len() > 100, "{} {}", hashes.len(), orders.len());
}

#[test]
fn shutdown_cancels_waits_and_reports() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let started = Channel::new(0);
    for _ in 0..100 {
        let started = started.clone();
        rt.spawn(async move {
            started.try_send(()).unwrap();
            sleep(Duration::from_hours(1)).await;
        });
    }
    rt.block_on(async {
        for _ in 0..100 {
            started.recv().await.unwrap();
        }
    });
    let report = rt.shutdown(Duration::from_secs(10));
    assert!(report.left.tasks.is_empty(), "{}", report.left);

    // One that does not stop is reported.
    let rt = Builder::multi_thread().workers(1).build().unwrap();
    let (stop, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    rt.spawn({
        let (stop, stopped) = (stop.clone(), stopped.clone());
        async move {
            while !stop.load(Ordering::SeqCst) {
                std::thread::sleep(MS);
            }
            stopped.store(true, Ordering::SeqCst);
        }
    });
    while rt.handle().metrics().polls == 0 {
        std::thread::yield_now();
    }
    let report = rt.shutdown(20 * MS);
    assert_eq!(report.left.tasks.len(), 1);
    assert_eq!(report.left.tasks[0].state, "running");
    stop.store(true, Ordering::SeqCst);
    while !stopped.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[test]
fn dropping_a_runtime_drops_its_futures() {
    each(|_| {});
    for build in [Builder::current_thread(), Builder::seeded(1), Builder::multi_thread().workers(2)]
    {
        let alive = Arc::new(());
        let rt = build.build().unwrap();
        for _ in 0..10 {
            let alive = alive.clone();
            rt.spawn(async move {
                std::future::pending::<()>().await;
                drop(alive);
            });
        }
        drop(rt);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}

#[test]
fn runtime_may_be_dropped_inside_its_own_task() {
    let rt = Builder::multi_thread().workers(2).build().unwrap();
    let handle = rt.handle().clone();
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    handle.spawn(async move {
        drop(rt);
        flag.store(true, Ordering::SeqCst);
    });
    while !done.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
}

#[test]
fn block_on_inside_of_a_task_is_refused() {
    let rt = Arc::new(Builder::multi_thread().workers(1).build().unwrap());
    let inner = rt.clone();
    let error = rt.block_on(rt.spawn(async move { inner.block_on(async {}) })).unwrap_err();
    assert!(error.to_string().contains("await instead"), "{error}");
}

#[test]
fn block_on_from_several_threads_at_once() {
    let rt = Arc::new(Builder::current_thread().build().unwrap());
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let rt = rt.clone();
            std::thread::spawn(move || {
                rt.block_on(async move {
                    for _ in 0..20 {
                        spawn(sleep(Duration::from_micros(300))).await.unwrap();
                        yield_now().await;
                    }
                    n
                })
            })
        })
        .collect();
    for (n, thread) in threads.into_iter().enumerate() {
        assert_eq!(thread.join().unwrap(), n);
    }
}

#[test]
fn self_waking_task_does_not_starve_others() {
    each(|rt| {
        let stop = Arc::new(AtomicBool::new(false));
        let busy = rt.spawn({
            let stop = stop.clone();
            poll_fn(move |cx| {
                if stop.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                for _ in 0..10 {
                    cx.waker().wake_by_ref();
                }
                Poll::Pending
            })
        });
        rt.block_on(async {
            let others: Vec<_> = (0..50).map(|_| spawn(sleep(MS))).collect();
            for other in others {
                other.await.unwrap();
            }
            stop.store(true, Ordering::SeqCst);
            busy.await.unwrap();
        });
    });
}
