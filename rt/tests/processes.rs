//! Child processes and signals.

use std::io::ErrorKind;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Signal as Sig, getpid, kill_process};
use vitte_rt::io::{AsyncReadExt, AsyncWriteExt};
use vitte_rt::net::UnixStream;
use vitte_rt::process::Command;
use vitte_rt::runtime::{Builder, Handle, Runtime};
use vitte_rt::signal::{SignalKind, signal};
use vitte_rt::{task, time};

/// Children of this process that were not reaped, among `pids`.
fn children(pids: &[u32]) -> Vec<u32> {
    let is_child = |pid: &&u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        after_name.split_whitespace().nth(1) == Some(&std::process::id().to_string())
    };
    pids.iter().filter(is_child).copied().collect()
}

#[test]
fn a_child_is_fed_read_and_awaited() {
    Runtime::new().unwrap().block_on(async {
        let mut child =
            Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let mut output = child.stdout.take().unwrap();
        let sent = vec![b'x'; 1 << 20];
        let bytes = sent.clone();
        let write = task::spawn(async move {
            input.write_all(&bytes).await.unwrap();
            input.close().await.unwrap();
        });
        let mut got = Vec::new();
        output.read_to_end(&mut got).await.unwrap();
        write.await.unwrap();
        assert!(got == sent);
        assert!(child.wait().await.unwrap().success());
        assert!(child.wait().await.unwrap().success(), "again");
        assert!(child.try_wait().unwrap().unwrap().success());
        assert_eq!(child.id(), None);
        let output = Command::new("sh")
            .args(["-c", "echo out; echo err >&2; exit 3"])
            .env("A", "b")
            .output()
            .await
            .unwrap();
        assert_eq!(output.status.code(), Some(3));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        let error = Command::new("/no/such/program").spawn().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_pipeline_of_children() {
    Runtime::new().unwrap().block_on(async {
        let mut first = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn().unwrap();
        let between = first.stdout.take().unwrap().into_stdio().unwrap();
        let output = Command::new("tr").args(["a-z", "A-Z"]).stdin(between).output().await.unwrap();
        assert_eq!(output.stdout, b"HELLO\n");
        assert!(first.wait().await.unwrap().success());
    });
}

#[test]
fn a_child_is_killed_by_hand_or_by_dropping() {
    use std::os::unix::process::ExitStatusExt;
    Runtime::new().unwrap().block_on(async {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        // A wait that is dropped does not reap.
        assert!(futures_lite::future::poll_once(child.wait()).await.is_none());
        child.kill().await.unwrap();
        assert_eq!(child.wait().await.unwrap().signal(), Some(9));
        child.start_kill().unwrap();
        let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
        let pid = child.id().unwrap();
        drop(child);
        until_gone(&[pid]).await;
    });
}

/// Waits until none of the processes exists.
async fn until_gone(pids: &[u32]) {
    let exists = |pid: &u32| std::fs::exists(format!("/proc/{pid}")).unwrap();
    while pids.iter().any(exists) {
        time::sleep(Duration::from_millis(1)).await;
    }
}

/// Fault 19. A third is awaited, a third dropped, a third outlives its runtime.
#[test]
fn of_a_thousand_children_none_stays_a_zombie() {
    let n = 333;
    let mut pids = Vec::new();
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        for chunk in 0..n / 37 {
            let mut waiting = Vec::new();
            for i in 0..37 {
                let mut child = Command::new("true").spawn().unwrap();
                pids.push(child.id().unwrap());
                waiting.push(task::spawn(async move {
                    assert!(child.wait().await.unwrap().success(), "{chunk}.{i}");
                }));
                let dropped = Command::new("true").spawn().unwrap();
                pids.push(dropped.id().unwrap());
            }
            for wait in waiting {
                wait.await.unwrap();
            }
        }
    });
    let left: Vec<_> = runtime.block_on(async {
        (0..n).map(|_| Command::new("sleep").arg("0.2").spawn().unwrap()).collect()
    });
    pids.extend(left.iter().filter_map(vitte_rt::process::Child::id));
    drop(left); // their end is awaited by tasks, which the runtime now drops
    drop(runtime);
    assert_eq!(pids.len(), 999);
    let reaped = time::timeout(Duration::from_mins(1), async {
        while !children(&pids).is_empty() {
            // Any call of the module reaps those that were left.
            assert!(Command::new("true").status().await.unwrap().success());
            time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(Runtime::new().unwrap().block_on(reaped).is_ok(), "{:?} stay", children(&pids));
}

/// Fault 20: none is missed in the sense that matters, and I/O goes on under them.
#[test]
fn a_hundred_thousand_signals() {
    let runtime = Builder::multi_thread().workers(2).build().unwrap();
    runtime.block_on(async {
        let mut first = signal(SignalKind::user_defined1()).unwrap();
        let mut second = signal(SignalKind::user_defined1()).unwrap();
        let mut other = signal(SignalKind::user_defined2()).unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        let echo = task::spawn(async move {
            let (mut n_bytes, mut buffer) = (0, [0; 64]);
            loop {
                match far.read(&mut buffer).await.unwrap() {
                    0 => break n_bytes,
                    n => n_bytes += n,
                }
            }
        });
        let storm = task::spawn_blocking(|| {
            for _ in 0..100_000 {
                kill_process(getpid(), Sig::USR1).unwrap();
            }
        });
        let mut n_received = 0;
        let mut n_written = 0;
        while !storm.is_finished() || n_received == 0 {
            // The last signal may come long before the storm is over.
            let Ok(received) = time::timeout(Duration::from_millis(50), first.recv()).await else {
                continue;
            };
            received.unwrap();
            n_received += 1;
            near.write_all(b"x").await.unwrap();
            n_written += 1;
        }
        storm.await.unwrap();
        drop(near);
        assert_eq!(echo.await.unwrap(), n_written);
        second.recv().await.unwrap();
        assert!(futures_lite::future::poll_once(other.recv()).await.is_none(), "another signal");
        for _ in 0..1000 {
            // To this thread, which handles it here; one to the process may be handled any time.
            // SAFETY: any number may be given.
            assert_eq!(unsafe { libc::raise(libc::SIGUSR2) }, 0);
        }
        other.recv().await.unwrap();
        assert!(futures_lite::future::poll_once(other.recv()).await.is_none(), "all in one");
        kill_process(getpid(), Sig::USR2).unwrap();
        other.recv().await.unwrap();
        for forbidden in [libc::SIGKILL, libc::SIGSTOP, libc::SIGSEGV] {
            let error = signal(SignalKind::from_raw(forbidden)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn a_seeded_run_has_neither_processes_nor_signals() {
    static DONE: AtomicBool = AtomicBool::new(false);
    Builder::seeded(3).build().unwrap().block_on(async {
        assert!(Handle::current().is_virtual());
        assert_eq!(Command::new("true").spawn().unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(signal(SignalKind::hangup()).unwrap_err().kind(), ErrorKind::Unsupported);
        DONE.store(true, Ordering::Relaxed);
    });
    assert!(DONE.load(Ordering::Relaxed));
}
