//! Forks of a process that has a runtime. Alone in its process: a child has the locks that other tests
//! held.

use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::Pid;
use vitte_rt::net::{TcpListener, TcpStream, UnixStream};
use vitte_rt::process::Command;
use vitte_rt::runtime::Builder;
use vitte_rt::signal::{SignalKind, signal};
use vitte_rt::{task, time};

/// Runs `body` in a forked child, which ends with its answer; waits for it.
fn in_fork(body: impl FnOnce() -> bool) -> i32 {
    // SAFETY: the child uses what the C library allows after a fork of several threads: memory, files,
    // and what the runtime promises.
    match unsafe { libc::fork() } {
        0 => {
            let ok = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).unwrap_or(false);
            // SAFETY: always possible.
            unsafe { libc::_exit(if ok { 42 } else { 1 }) }
        }
        pid => {
            let pid = Pid::from_raw(pid).unwrap();
            let (_, status) =
                rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty())
                    .unwrap()
                    .unwrap();
            status.exit_status().unwrap_or(-1)
        }
    }
}

/// Fault 21.
#[test]
fn a_forked_child_is_told_and_the_parent_goes_on() {
    let refused = |error: std::io::Error| error.kind() == ErrorKind::Unsupported;
    for workers in [0, 2] {
        let builder = match workers {
            0 => Builder::current_thread(),
            n => Builder::multi_thread().workers(n),
        };
        let runtime = builder.build().unwrap();
        let (address, server) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let server = task::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 8];
                while let Ok(n @ 1..) = stream.read(&mut buffer).await {
                    stream.write_all(&buffer[..n]).await.unwrap();
                }
            });
            (address, server)
        });
        let client = runtime.block_on(TcpStream::connect(address)).unwrap();
        // In the child of a thread outside: the runtime refuses, and a new one works.
        let told = in_fork(|| {
            let silent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(async {});
            }));
            let own = Builder::current_thread().build().unwrap();
            let slept = own.block_on(async {
                time::sleep(Duration::from_millis(1)).await;
                let mut child = Command::new("true").spawn().unwrap();
                child.wait().await.unwrap().success()
            });
            silent.is_err() && slept
        });
        assert_eq!(told, 42);
        // In the child of a task: calls answer, and nothing of the parent is touched.
        let told = runtime.block_on(async {
            in_fork(|| {
                let answers = futures_lite::future::block_on(async {
                    [
                        TcpStream::connect(address).await.err().is_some_and(refused),
                        TcpListener::bind("127.0.0.1:0").await.err().is_some_and(refused),
                        UnixStream::pair().err().is_some_and(refused),
                        vitte_rt::fs::read("/etc/hostname").await.err().is_some_and(refused),
                        Command::new("true").spawn().err().is_some_and(refused),
                        signal(SignalKind::hangup()).err().is_some_and(refused),
                    ]
                });
                answers == [true; 6]
            })
        });
        assert_eq!(told, 42);
        // A child that waits in the parent's runtime ends.
        let ended = runtime.block_on(async {
            // SAFETY: as in `in_fork`.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                time::sleep(Duration::from_secs(1000)).await;
            }
            let wait = rustix::process::WaitOptions::empty();
            let (_, status) = rustix::process::waitpid(Pid::from_raw(pid), wait).unwrap().unwrap();
            status.exit_status()
        });
        assert_eq!(ended, Some(101));
        // The parent is unaffected: the same connection still works.
        runtime.block_on(async {
            let mut buffer = [0; 8];
            for _ in 0..100 {
                client.write_all(b"ping").await.unwrap();
                let mut n = 0;
                while n < 4 {
                    n += client.read(&mut buffer).await.unwrap();
                }
            }
            drop(client);
            server.await.unwrap();
        });
    }
}
