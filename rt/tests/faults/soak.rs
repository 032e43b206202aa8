//! Fault 23: hours of everything leave memory, descriptors and threads as they were. In a process of its
//! own, so that nobody else's show.

use std::time::Duration;

use vitte_rt::channel::mpsc;
use vitte_rt::insight::UnobservedPanic;
use vitte_rt::net::{TcpListener, TcpStream};
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::task::{spawn, spawn_blocking};
use vitte_rt::time::{sleep, timeout};

use crate::amount;

/// What a process holds.
#[derive(Debug)]
struct Held {
    bytes: usize,
    n_descriptors: usize,
    n_threads: usize,
}

impl Held {
    fn now() -> Self {
        let n = |folder| std::fs::read_dir(folder).unwrap().count();
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        let resident: usize = pages.split(' ').nth(1).unwrap().parse().unwrap();
        Held {
            bytes: resident * 4096,
            n_descriptors: n("/proc/self/fd"),
            n_threads: n("/proc/self/task"),
        }
    }

    fn at_most(&mut self, other: Held) {
        self.bytes = self.bytes.max(other.bytes);
        self.n_threads = self.n_threads.max(other.n_threads);
    }
}

/// Whether something that others do comes to pass before the test is given up.
fn soon(done: impl Fn() -> bool) -> bool {
    (0..30_000).any(|_| {
        let done = done();
        if !done {
            std::thread::sleep(Duration::from_millis(1));
        }
        done
    })
}

/// A bit of everything, all of it over at the end.
async fn round() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(async move {
        for _ in 0..8 {
            let (stream, _) = listener.accept().await.unwrap();
            drop(spawn(async move {
                let mut buffer = [0; 512];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    stream.write_all(&buffer[..n]).await.unwrap();
                }
            }));
        }
    });
    let clients: Vec<_> = (0..8)
        .map(|_| {
            spawn(async move {
                let stream = TcpStream::connect(address).await.unwrap();
                stream.write_all(&[7; 300]).await.unwrap();
                let (mut got, mut buffer) = (0, [0; 300]);
                while got < 300 {
                    got += stream.read(&mut buffer).await.unwrap();
                }
            })
        })
        .collect();
    let (sender, mut receiver) = mpsc::channel(4);
    for n in 0..500u64 {
        let sender = sender.clone();
        drop(spawn(async move {
            sleep(Duration::from_micros(n % 50)).await;
            let _ = sender.send(vec![0u8; (n % 64) as usize * 16]).await;
        }));
    }
    drop(sender);
    let aborted: Vec<_> = (0..100).map(|_| spawn(std::future::pending::<()>())).collect();
    let panicked = spawn(async { panic!("a panic of the soak") });
    let blocking: Vec<_> = (0..4).map(|n| spawn_blocking(move || vec![n; 1000])).collect();
    assert!(timeout(Duration::from_micros(50), std::future::pending::<()>()).await.is_err());
    while receiver.recv().await.is_some() {}
    for task in aborted {
        assert!(task.abort_and_wait().await.unwrap_err().is_cancelled());
    }
    assert!(panicked.await.unwrap_err().is_panic());
    for task in blocking {
        task.await.unwrap();
    }
    for client in clients {
        client.await.unwrap();
    }
    server.await.unwrap();
}

fn build() -> Runtime {
    let builder = Builder::multi_thread().workers(2).max_blocking_threads(4);
    builder.unobserved_panic(UnobservedPanic::Ignore).build().unwrap()
}

#[test]
fn fault_23_soak_leaves_nothing_behind() {
    if std::env::var_os("VITTE_CHILD").is_none() {
        let test = "soak::fault_23_soak_leaves_nothing_behind";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--test-threads=1"])
            .env("VITTE_CHILD", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        return assert!(output.status.success(), "{said}");
    }
    let n_rounds = amount(60, 20_000);
    // What panics say is kept by the test's harness, and backtraces by the library that makes them.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = build();
    let played = |n: usize| {
        let mut most = Held::now();
        for k in 0..n {
            runtime.block_on(runtime.spawn(round())).unwrap();
            if k % 10 == 0 {
                let n_threads = Held::now().n_threads;
                let other = build();
                other.block_on(other.spawn(round())).unwrap();
                drop(other);
                // Nobody waits for the threads of a runtime that was dropped, which close its poller.
                assert!(soon(|| Held::now().n_threads <= n_threads), "{:?}", Held::now());
            }
            // Descriptors of what is over are closed by the tasks that hold them.
            while runtime.handle().n_tasks() > 0 {
                runtime.block_on(sleep(Duration::from_micros(100)));
            }
            most.at_most(Held::now());
        }
        most
    };
    // The first round makes what is made once.
    runtime.block_on(runtime.spawn(round())).unwrap();
    let n_descriptors = Held::now().n_descriptors;
    let before = played(n_rounds / 3);
    let after = played(n_rounds);
    let closed = soon(|| Held::now().n_descriptors <= n_descriptors);
    std::panic::set_hook(hook);
    let held = format!("{before:?}, then {after:?}");
    assert!(closed, "{n_descriptors} descriptors, then {:?}", Held::now());
    // A thread for blocking work more or less, by chance.
    assert!(after.n_threads <= before.n_threads + 4, "{held}");
    // What the allocator keeps grows for a while; a byte for each task of the long form is more.
    assert!(after.bytes <= before.bytes + before.bytes / 4 + (4 << 20), "{held}");
}
