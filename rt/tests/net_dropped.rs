//! Every asynchronous function that does I/O, dropped at every await: nothing is lost where that is
//! promised, and no wait stays behind (else the runtime would not find itself stalled at the end).

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use futures_lite::StreamExt;
use vitte_rt::io::{AsyncFd, Interest, copy_bidirectional, wait_for};
use vitte_rt::net::unix::pipe;
use vitte_rt::net::{
    TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream, lookup_host,
};
use vitte_rt::process::Command;
use vitte_rt::readiness::{READABLE, WRITABLE, Watch};
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::signal::{SignalKind, ctrl_c, signal};
use vitte_rt::{fs, task, time};

/// Polls `future` up to `n` times, with turns of the other tasks between, and drops it; its output if
/// it was ready by then.
async fn poll_times<F: Future>(n: usize, future: F) -> Option<F::Output> {
    let mut future = Box::pin(future);
    for _ in 0..n {
        if let Some(output) = futures_lite::future::poll_once(&mut future).await {
            return Some(output);
        }
        task::yield_now().await;
    }
    None
}

/// Runs on a real and on seeded runtimes; afterwards nobody waits for anything.
fn everywhere<F: Future<Output = ()>>(body: impl Fn() -> F) {
    let seeded = (0..10).map(|seed| Builder::seeded(seed).build().unwrap());
    for runtime in real().chain(seeded) {
        runtime.block_on(body());
        assert_nobody_waits(&runtime);
    }
}

fn real() -> impl Iterator<Item = Runtime> {
    [Builder::current_thread(), Builder::multi_thread().workers(2)]
        .into_iter()
        .map(|builder| builder.build().unwrap())
}

fn only_real<F: Future<Output = ()>>(body: impl Fn() -> F) {
    for runtime in real() {
        runtime.block_on(body());
        assert_nobody_waits(&runtime);
    }
}

fn assert_nobody_waits(runtime: &Runtime) {
    let never = runtime.run(std::future::pending::<()>());
    assert!(never.unwrap_err().dump.tasks.is_empty(), "a wait was left behind");
}

/// Waits for tasks and work on threads that go on unheard.
async fn all_done() {
    while vitte_rt::runtime::Handle::current().n_tasks() > 0 {
        time::sleep(Duration::from_millis(1)).await;
    }
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

#[test]
fn waits_for_bytes() {
    everywhere(|| async {
        let (near, far) = pair().await;
        for polls in 0..3 {
            let (mut a, mut b) = ([0; 4], [0; 4]);
            assert!(poll_times(polls, far.read(&mut a)).await.is_none());
            assert!(poll_times(polls, far.peek(&mut a)).await.is_none());
            assert!(poll_times(polls, far.readable()).await.is_none_or(|r| r.is_ok()));
            let mut room = [std::io::IoSliceMut::new(&mut b)];
            assert!(poll_times(polls, far.read_vectored(&mut room)).await.is_none());
            near.write_all(&[polls as u8]).await.unwrap();
            assert_eq!(far.peek(&mut a).await.unwrap(), 1);
            assert_eq!((far.read(&mut a).await.unwrap(), a[0]), (1, polls as u8));
        }
    });
}

#[test]
fn waits_for_room() {
    everywhere(|| async {
        let (near, far) = pair().await;
        let block = vec![7; 1 << 14];
        let mut n_written = 0;
        // Until there is no room any more, and then some.
        while let Some(n) = poll_times(2, near.write(&block)).await {
            n_written += n.unwrap();
        }
        assert!(poll_times(1, near.writable()).await.is_none_or(|r| r.is_ok()));
        let parts = [std::io::IoSlice::new(&block)];
        assert!(poll_times(1, near.write_vectored(&parts)).await.is_none());
        let count = task::spawn(async move {
            let (mut n_read, mut buffer) = (0, vec![0; 1 << 15]);
            loop {
                match far.read(&mut buffer).await.unwrap() {
                    0 => break n_read,
                    n => n_read += n,
                }
            }
        });
        near.writable().await.unwrap();
        drop(near);
        assert_eq!(count.await.unwrap(), n_written, "what was not ready was not written");
    });
}

#[test]
fn connections_that_come_and_go() {
    everywhere(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for polls in 0..3 {
            assert!(poll_times(polls, listener.accept()).await.is_none());
            assert!(poll_times(polls, listener.incoming().next()).await.is_none());
            drop(poll_times(polls, TcpListener::bind("localhost:0")).await);
            drop(poll_times(polls, lookup_host(("localhost", 80))).await);
        }
        for polls in 0..3 {
            // It may have come through before it was dropped: then the listener sees it.
            drop(poll_times(polls, TcpStream::connect(address)).await);
            let near = TcpStream::connect(address).await.unwrap();
            let wanted = near.local_addr().unwrap();
            while listener.accept().await.unwrap().1 != wanted {}
        }
    });
}

#[test]
fn datagrams_wait_for_the_next_call() {
    everywhere(|| async {
        let a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        b.connect(a.local_addr().unwrap()).await.unwrap();
        for polls in 0..3u8 {
            let mut buffer = [0; 4];
            assert!(poll_times(polls.into(), a.recv(&mut buffer)).await.is_none());
            assert!(poll_times(polls.into(), a.recv_from(&mut buffer)).await.is_none());
            assert!(poll_times(polls.into(), a.peek_from(&mut buffer)).await.is_none());
            assert!(poll_times(polls.into(), a.peek(&mut buffer)).await.is_none());
            while poll_times(polls.into(), a.readable()).await.is_some() {
                // The poller told of the last datagram after it was received.
                assert_eq!(a.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
            }
            drop(poll_times(0, a.writable()).await);
            drop(poll_times(0, b.send(&[99])).await);
            drop(poll_times(0, b.send_to(&[99], a.local_addr().unwrap())).await);
            b.send(&[polls]).await.unwrap();
            assert_eq!((a.recv(&mut buffer).await.unwrap(), buffer[0]), (1, polls));
        }
    });
}

#[test]
fn unix_sockets_pipes_and_foreign_descriptors() {
    only_real(|| async {
        let path = std::env::temp_dir().join(format!("vitte-dropped-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let (a, b) = UnixDatagram::pair().unwrap();
        let (sender, receiver) = pipe::pipe().unwrap();
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        far.set_nonblocking(true).unwrap();
        near.set_nonblocking(true).unwrap();
        let watched = AsyncFd::new(far).unwrap();
        for polls in 0..3usize {
            let mut buffer = [0; 4];
            assert!(poll_times(polls, listener.accept()).await.is_none());
            drop(poll_times(polls, UnixStream::connect(&path)).await);
            let stream = UnixStream::connect(&path).await.unwrap();
            drop(listener.accept().await.unwrap());
            drop(stream);
            while poll_times(2, listener.accept()).await.is_some() {}

            assert!(poll_times(polls, b.recv(&mut buffer)).await.is_none());
            a.send(&[1, 2]).await.unwrap();
            assert_eq!(b.recv_from(&mut buffer).await.unwrap().0, 2);

            assert!(poll_times(polls, receiver.read(&mut buffer)).await.is_none());
            sender.write_all(b"abc").await.unwrap();
            assert_eq!(receiver.read(&mut buffer).await.unwrap(), 3);

            assert!(poll_times(polls, wait_for(&watched, Interest::Read)).await.is_none());
            let read = |mut socket: &std::os::unix::net::UnixStream| {
                std::io::Read::read(&mut socket, &mut [0; 4])
            };
            assert!(poll_times(polls, watched.read_with(read)).await.is_none());
            std::io::Write::write_all(&mut &near, b"x").unwrap();
            wait_for(&watched, Interest::Read).await.unwrap();
            watched.readable().await.unwrap();
            assert_eq!(watched.read_with(read).await.unwrap(), 1);
            watched.writable().await.unwrap();
            let write = |mut socket: &std::os::unix::net::UnixStream| {
                std::io::Write::write(&mut socket, &[7; 1 << 14])
            };
            let drain =
                || while std::io::Read::read(&mut &near, &mut [0; 1 << 14]).is_ok_and(|n| n > 0) {};
            while poll_times(1, watched.write_with(write)).await.is_some() {}
            assert!(poll_times(polls, watched.write_with(write)).await.is_none(), "no room");
            drain();
            assert!(watched.write_with(write).await.unwrap() > 0);
            drain();

            let (client, mut near_end) = UnixStream::pair().unwrap();
            let (mut far_end, server) = UnixStream::pair().unwrap();
            let proxy = copy_bidirectional(&mut near_end, &mut far_end);
            assert!(poll_times(polls, proxy).await.is_none());
            client.write_all(b"abc").await.unwrap();
            let mut proxy = std::pin::pin!(copy_bidirectional(&mut near_end, &mut far_end));
            while futures_lite::future::poll_once(&mut proxy).await.is_none() {
                if server.try_read(&mut [0; 4]).is_ok_and(|n| n == 3) {
                    client.shutdown(std::net::Shutdown::Both).unwrap();
                    server.shutdown(std::net::Shutdown::Both).unwrap();
                }
                task::yield_now().await;
            }

            let foreign = Watch::new();
            let fd = std::os::fd::AsRawFd::as_raw_fd(&near);
            assert!(poll_times(polls, foreign.ready(fd, READABLE)).await.is_none());
            assert_eq!(foreign.ready(fd, READABLE | WRITABLE).await.unwrap(), WRITABLE);
        }
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn children_and_signals() {
    only_real(|| async {
        let mut usr = signal(SignalKind::window_change()).unwrap();
        for polls in 0..3 {
            assert!(poll_times(polls, usr.recv()).await.is_none());
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, rustix::process::Signal::WINCH).unwrap();
            usr.recv().await.unwrap();

            let mut child = Command::new("cat")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap();
            let input = child.stdin.take();
            assert!(poll_times(polls, child.wait()).await.is_none());
            drop(input);
            assert!(child.wait().await.unwrap().success());
            assert!(poll_times(polls, ctrl_c()).await.is_none());
            let piped = || {
                let mut command = Command::new("cat");
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
                command.spawn().unwrap()
            };
            // It is killed at the first poll; who waits for the end is the next call's business.
            let mut killed = piped();
            drop(poll_times(polls, killed.kill()).await);
            killed.kill().await.unwrap();
            assert!(!killed.wait().await.unwrap().success());
            // It took the child with it, which is killed then; its input was closed before.
            drop(poll_times(polls, piped().wait_with_output()).await);
            assert!(piped().wait_with_output().await.unwrap().status.success());
            let mut sleeper = Command::new("sleep");
            sleeper.arg("1000").kill_on_drop(true);
            assert!(poll_times(polls, sleeper.status()).await.is_none());
            assert!(poll_times(polls, sleeper.output()).await.is_none());
        }
        // The killed ones are reaped by tasks that end.
        all_done().await;
    });
}

#[test]
fn work_on_files_goes_on_unheard() {
    only_real(|| async {
        let path = std::env::temp_dir().join(format!("vitte-unheard-{}", std::process::id()));
        for polls in 0..3 {
            drop(poll_times(polls, fs::write(&path, "text")).await);
            drop(poll_times(polls, fs::read_to_string(&path)).await);
            drop(poll_times(polls, fs::metadata(&path)).await);
            drop(poll_times(polls, fs::try_exists(&path)).await);
            let mut file = fs::File::create(&path).await.unwrap();
            let permissions = file.metadata().await.unwrap().permissions();
            drop(poll_times(polls, fs::set_permissions(&path, permissions.clone())).await);
            drop(poll_times(polls, file.set_permissions(permissions)).await);
            drop(poll_times(polls, file.set_len(3)).await);
            drop(poll_times(polls, file.sync_data()).await);
            drop(poll_times(polls, file.sync_all()).await);
            all_done().await;
            file.set_len(5).await.unwrap();
            assert_eq!(file.metadata().await.unwrap().len(), 5);
            drop(poll_times(polls, fs::File::create(&path)).await);
            drop(file);
            drop(poll_times(polls, fs::read_dir("src")).await);
            let mut folder = fs::read_dir("src").await.unwrap();
            if let Some(entry) = poll_times(polls, folder.next_entry()).await {
                drop(poll_times(polls, entry.unwrap().unwrap().file_type()).await);
            }
            while folder.next_entry().await.unwrap().is_some() {}
            all_done().await;
            fs::write(&path, "text").await.unwrap();
            let mut file = fs::File::open(&path).await.unwrap();
            let mut text = String::new();
            {
                use vitte_rt::io::AsyncReadExt;
                let mut first = [0; 2];
                // What a dropped read brought is there for the next one.
                drop(poll_times(polls, file.read(&mut [0; 0])).await);
                let read = file.read(&mut first);
                let n = poll_times(polls, read).await.transpose().unwrap().unwrap_or(0);
                file.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "text"[n..]);
            }
        }
        all_done().await;
        std::fs::remove_file(&path).unwrap();
    });
}
