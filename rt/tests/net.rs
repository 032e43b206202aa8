//! Sockets and pipes: what they carry, how they end, and what they survive.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures_lite::StreamExt;
use vitte_rt::io::{AsyncFd, AsyncReadExt, AsyncWriteExt};
use vitte_rt::net::unix::pipe;
use vitte_rt::net::{
    TcpListener, TcpSocket, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use vitte_rt::runtime::{Builder, Handle};
use vitte_rt::{task, time};

/// Runs a body on every kind of runtime that has the operating system's sockets.
fn real<F: Future<Output = ()>>(body: impl Fn() -> F) {
    Builder::current_thread().build().unwrap().block_on(body());
    Builder::multi_thread().workers(2).build().unwrap().block_on(body());
}

/// As `real`, and in seeded runtimes too.
fn everywhere<F: Future<Output = ()>>(body: impl Fn() -> F) {
    real(&body);
    for seed in 0..20 {
        Builder::seeded(seed).build().unwrap().block_on(body());
    }
}

/// Two ends of a connection.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

#[test]
fn a_stream_carries_bytes_both_ways_and_ends_by_halves() {
    everywhere(|| async {
        let (near, far) = pair().await;
        let echo = task::spawn(async move {
            let mut buffer = vec![0; 1000];
            loop {
                match far.read(&mut buffer).await.unwrap() {
                    0 => break,
                    n => far.write_all(&buffer[..n]).await.unwrap(),
                }
            }
            far.write_all(b"bye").await.unwrap();
        });
        let sent: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        let (mut read, mut write) = near.into_split();
        let bytes = sent.clone();
        let writer = task::spawn(async move {
            write.write_all(&bytes).await.unwrap();
            write.close().await.unwrap();
        });
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.unwrap();
        assert!(all.strip_suffix(b"bye").unwrap() == sent, "echoed bytes differ");
        writer.await.unwrap();
        echo.await.unwrap();
    });
}

#[test]
fn halves_are_made_whole_again_and_only_with_each_other() {
    everywhere(|| async {
        let (near, far) = pair().await;
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        let error = near_read.reunite(far_write).unwrap_err();
        let near = near_write.reunite(error.0).unwrap();
        let far = far_read.reunite(error.1).unwrap();
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 1, "neither end was closed");
        let (read, write) = near.into_split();
        drop(write);
        assert_eq!(far.read(&mut [0; 4]).await.unwrap(), 0, "a dropped writer ends its direction");
        far.write_all(b"y").await.unwrap();
        assert_eq!(read.as_ref().read(&mut [0; 4]).await.unwrap(), 1, "the other one lives");
    });
}

#[test]
fn vectored_transfers_keep_their_order_and_peeks_leave_the_bytes() {
    everywhere(|| async {
        let (near, far) = pair().await;
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        assert_eq!(near.write_vectored(&parts).await.unwrap(), 6);
        let mut peeked = [0; 3];
        far.readable().await.unwrap();
        assert_eq!(far.peek(&mut peeked).await.unwrap(), 3);
        let (mut a, mut b) = ([0; 2], [0; 8]);
        let mut got = Vec::new();
        while got.len() < 6 {
            let mut room = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
            let n = far.read_vectored(&mut room).await.unwrap();
            got.extend([&a[..n.min(2)], &b[..n.saturating_sub(2)]].concat());
        }
        assert_eq!((&peeked, &got[..]), (b"abc", &b"abcdef"[..]));
        assert_eq!(far.try_read(&mut a).unwrap_err().kind(), ErrorKind::WouldBlock);
        near.writable().await.unwrap();
        assert_eq!(near.try_write(b"z").unwrap(), 1);
        assert_eq!(far.read(&mut a).await.unwrap(), 1);
    });
}

#[test]
fn many_tasks_may_wait_for_the_same_end() {
    everywhere(|| async {
        let (near, far) = pair().await;
        let far = std::sync::Arc::new(far);
        let readers: Vec<_> = (0..8)
            .map(|_| {
                let far = far.clone();
                task::spawn(async move {
                    let mut byte = [0];
                    assert_eq!(far.read(&mut byte).await.unwrap(), 1);
                    u32::from(byte[0])
                })
            })
            .collect();
        task::yield_now().await;
        for byte in 1..=8u8 {
            near.write_all(&[byte]).await.unwrap();
            task::yield_now().await;
        }
        let mut sum = 0;
        for reader in readers {
            sum += reader.await.unwrap();
        }
        assert_eq!(sum, 36);
    });
}

#[test]
fn incoming_is_a_stream_of_connections() {
    everywhere(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients = task::spawn(async move {
            for _ in 0..5 {
                drop(TcpStream::connect(address).await.unwrap());
            }
        });
        let served = listener.incoming().take(5).try_for_each(|stream| stream.map(drop)).await;
        served.unwrap();
        clients.await.unwrap();
    });
}

#[test]
fn datagrams_come_one_by_one() {
    everywhere(|| async {
        let a = UdpSocket::bind("localhost:0").await.unwrap();
        let b = UdpSocket::bind("localhost:0").await.unwrap();
        let (from, to) = (a.local_addr().unwrap(), b.local_addr().unwrap());
        a.send_to(b"one", to).await.unwrap();
        a.connect(to).await.unwrap();
        a.send(b"three").await.unwrap();
        let mut buffer = [0; 4];
        assert_eq!(b.peek_from(&mut buffer).await.unwrap().0, 3);
        assert_eq!(b.recv_from(&mut buffer).await.unwrap(), (3, from));
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 4, "cut off");
        assert_eq!(&buffer, b"thre");
        assert_eq!(a.try_recv(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        let reply = task::spawn(async move {
            time::sleep(Duration::from_millis(1)).await;
            b.send_to(b"back", from).await.unwrap();
            b
        });
        a.readable().await.unwrap();
        assert_eq!((a.peek(&mut buffer).await.unwrap(), &buffer), (4, b"back"));
        assert_eq!(a.recv(&mut buffer).await.unwrap(), 4, "waits");
        let b = reply.await.unwrap();
        b.writable().await.unwrap();
        assert_eq!(b.try_send_to(b"x", from).unwrap(), 1);
        let received = loop {
            a.readable().await.unwrap(); // or might be: the poller may tell of a datagram twice
            match a.try_recv_from(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                received => break received.unwrap(),
            }
        };
        assert_eq!(received, (1, to));
        assert_eq!(a.try_send(b"y").unwrap(), 1);
        assert_eq!(b.recv(&mut buffer).await.unwrap(), 1);
    });
}

/// The address of a listener that is gone; in a real runtime with a socket that keeps it from others.
async fn left_address() -> (SocketAddr, Option<TcpSocket>) {
    if Handle::current().is_virtual() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        return (listener.local_addr().unwrap(), None);
    }
    let bind = |address| {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind(address).unwrap();
        socket
    };
    let listener = bind("127.0.0.1:0".parse().unwrap());
    let address = listener.local_addr().unwrap();
    let keeper = bind(address);
    drop(listener.listen(1).unwrap());
    (address, Some(keeper))
}

#[test]
fn a_refused_connection_is_an_error() {
    everywhere(|| async {
        let (address, _keeper) = left_address().await;
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        for wrong in ["", "nonsense", "localhost", "localhost:99999"] {
            let error = TcpStream::connect(wrong).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wrong:?}");
        }
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let again = TcpListener::bind(taken.local_addr().unwrap()).await;
        assert_eq!(again.unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn unix_sockets_and_pipes_carry_bytes() {
    real(|| async {
        let path = std::env::temp_dir().join(format!("vitte-net-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let near = UnixStream::connect(&path).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        near.write_all(b"hello").await.unwrap();
        let mut buffer = [0; 8];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 5);
        drop(near);
        assert_eq!(far.read(&mut buffer).await.unwrap(), 0);
        std::fs::remove_file(&path).unwrap();

        let (a, b) = UnixDatagram::pair().unwrap();
        let receive = task::spawn(async move {
            let mut buffer = [0; 8];
            b.recv(&mut buffer).await.unwrap()
        });
        task::yield_now().await;
        a.send(b"abc").await.unwrap();
        assert_eq!(receive.await.unwrap(), 3);

        let (mut sender, mut receiver) = pipe::pipe().unwrap();
        let all: Vec<u8> = vec![7; 1 << 20];
        let copy = all.clone();
        let write = task::spawn(async move {
            AsyncWriteExt::write_all(&mut sender, &copy).await.unwrap();
        });
        let mut got = Vec::new();
        receiver.read_to_end(&mut got).await.unwrap();
        assert!(got == all);
        write.await.unwrap();
        let (sender, receiver) = pipe::pipe().unwrap();
        drop(receiver);
        let error = sender.write(b"x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_seeded_run_refuses_what_it_has_no_double_of() {
    Builder::seeded(1).build().unwrap().block_on(async {
        let refused = |result: std::io::Result<()>| {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::Unsupported);
        };
        refused(UnixStream::pair().map(drop));
        refused(UnixStream::connect("/nowhere").await.map(drop));
        refused(UnixListener::bind("/nowhere").map(drop));
        refused(UnixDatagram::unbound().map(drop));
        refused(pipe::pipe().map(drop));
        refused(TcpSocket::new("127.0.0.1:0".parse().unwrap()).map(drop));
        refused(TcpStream::connect("example.com:80").await.map(drop));
        refused(vitte_rt::fs::read("/etc/hostname").await.map(drop));
    });
}

/// Fault 13: a descriptor is closed while events for it are under way, and its number is used again
/// at once. Were an event to reach the successor, its first read would be tried in vain; were it to be
/// lost, a read would hang.
#[test]
fn a_descriptor_closed_under_pending_events_harms_nobody() {
    real(|| async {
        let mut kept = Vec::new();
        for round in 0..2000u32 {
            let stale = UnixStream::pair().unwrap();
            stale.0.write_all(b"stale").await.unwrap();
            if round % 3 == 0 {
                task::yield_now().await;
            }
            drop(stale); // an event for its far end is under way
            let (near, far) = UnixStream::pair().unwrap();
            let word = round.to_ne_bytes();
            let read = task::spawn(async move {
                let mut buffer = [0; 8];
                let n = far.read(&mut buffer).await.unwrap();
                assert_eq!(&buffer[..n], &word);
                far
            });
            task::yield_now().await;
            near.write_all(&word).await.unwrap();
            kept.push((near, read.await.unwrap()));
            if kept.len() > 10 {
                kept.clear();
            }
        }
    });
}

/// Fault 13, the other side: closing wakes those who wait (through a shared handle they keep it open, so
/// the wait is cut by shutting down).
#[test]
fn shutting_down_wakes_who_waits() {
    everywhere(|| async {
        let (near, _far) = pair().await;
        let near = std::sync::Arc::new(near);
        let other = near.clone();
        let read = task::spawn(async move { other.read(&mut [0; 4]).await.unwrap() });
        task::yield_now().await;
        near.shutdown(Shutdown::Both).unwrap();
        assert_eq!(read.await.unwrap(), 0);
    });
}

/// Fault 15: a peer that vanishes with bytes unread resets the connection; writing then fails.
#[test]
fn a_reset_is_an_error_and_not_the_end() {
    everywhere(|| async {
        let (near, far) = pair().await;
        near.write_all(b"unread").await.unwrap();
        far.readable().await.unwrap();
        drop(far);
        let error = near.read(&mut [0; 4]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        let error = loop {
            match near.write(b"x").await {
                Ok(_) => task::yield_now().await,
                Err(error) => break error,
            }
        };
        assert!(matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
    });
}

/// Fault 15: transfers far larger than the buffers of the kernel, so that every write is short.
#[test]
fn interrupted_calls_are_made_again() {
    real(|| async {
        let (near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let watched = AsyncFd::new(near).unwrap();
        std::io::Write::write_all(&mut &far, b"abc").unwrap();
        for n_interrupted in [0, 1, 3] {
            let mut n_calls = 0;
            let mut interrupted = || -> std::io::Result<()> {
                n_calls += 1;
                if n_calls > n_interrupted { Ok(()) } else { Err(ErrorKind::Interrupted.into()) }
            };
            let read = |mut socket: &std::os::unix::net::UnixStream| {
                interrupted()?;
                std::io::Read::read(&mut socket, &mut [0; 1])
            };
            assert_eq!(watched.read_with(read).await.unwrap(), 1);
            assert_eq!(n_calls, n_interrupted + 1);
        }
        let mut n_calls = 0;
        let write = |_: &std::os::unix::net::UnixStream| {
            n_calls += 1;
            if n_calls == 3 { Ok(7) } else { Err(std::io::Error::from(ErrorKind::Interrupted)) }
        };
        assert_eq!(watched.write_with(write).await.unwrap(), 7);
    });
}

#[test]
fn short_writes_lose_nothing() {
    real(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = TcpSocket::new(address).unwrap();
        socket.set_send_buffer_size(4096).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let near = socket.connect(address).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let write = task::spawn(async move {
            for i in 0..3_000_000u32.div_ceil(1 << 14) {
                near.write_all(&vec![i as u8; 1 << 14]).await.unwrap();
            }
        });
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        write.await.unwrap();
        assert_eq!(all.len(), 184 << 14);
        assert!(all.chunks(1 << 14).zip(0..).all(|(c, i)| c.iter().all(|&b| b == i as u8)));
    });
}

/// A wait that is dropped leaves nothing behind, and the next one gets what came meanwhile.
#[test]
fn dropped_reads_lose_no_byte() {
    everywhere(|| async {
        let (near, far) = pair().await;
        assert!(futures_lite::future::poll_once(far.read(&mut [0; 7])).await.is_none());
        let mut got = Vec::new();
        let write = task::spawn(async move {
            for byte in 0..100u8 {
                near.write_all(&[byte]).await.unwrap();
                if byte % 3 == 0 {
                    time::sleep(Duration::from_micros(50)).await;
                }
            }
        });
        let mut n_dropped = 0;
        loop {
            let mut buffer = [0; 7];
            // The read is polled once and dropped if it is not ready.
            match futures_lite::future::poll_once(far.read(&mut buffer)).await {
                Some(Ok(0)) => break,
                Some(n) => got.extend_from_slice(&buffer[..n.unwrap()]),
                None => {
                    n_dropped += 1;
                    time::sleep(Duration::from_micros(20)).await;
                }
            }
        }
        write.await.unwrap();
        assert_eq!(got, (0..100).collect::<Vec<u8>>());
        // In real time the bytes may always have come before they are asked for.
        assert!(n_dropped > 0 || !Handle::current().is_virtual());
        assert!(!format!("{:?}", Handle::current()).is_empty());
    });
}

/// The same for accepting: a connection is not lost with the `accept` that did not get it.
#[test]
fn dropped_accepts_lose_no_connection() {
    everywhere(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..20 {
            assert!(futures_lite::future::poll_once(listener.accept()).await.is_none());
            let near = TcpStream::connect(address).await.unwrap();
            let (_, from) = listener.accept().await.unwrap();
            assert_eq!(from, near.local_addr().unwrap());
        }
    });
}

#[test]
fn polled_accepts_get_the_connections_too() {
    everywhere(|| async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for _ in 0..3 {
            let mut accepted = pin!(poll_fn(|cx| listener.poll_accept(cx)));
            assert!(futures_lite::future::poll_once(accepted.as_mut()).await.is_none());
            let near = task::spawn(TcpStream::connect(address));
            let (_far, from) = accepted.await.unwrap();
            assert_eq!(from, near.await.unwrap().unwrap().local_addr().unwrap());
        }
    });
}

/// A connection in memory: bounded, with an end for each direction, and no byte lost by dropped reads.
#[test]
fn a_duplex_stream_waits_ends_and_breaks_as_a_socket_does() {
    use vitte_rt::io::duplex;
    everywhere(|| async {
        let (mut near, mut far) = duplex(8);
        assert_eq!(near.write(&[1; 20]).await.unwrap(), 8);
        assert!(futures_lite::future::poll_once(near.write(&[1])).await.is_none());
        assert_eq!(near.write(&[]).await.unwrap(), 0);
        let mut buffer = [0; 5];
        assert_eq!(far.read(&mut buffer).await.unwrap(), 5);
        assert_eq!(near.write(&[2; 20]).await.unwrap(), 5);
        // Its own direction ends, the other goes on.
        near.close().await.unwrap();
        assert_eq!(near.write(&[3]).await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        far.write_all(&[4]).await.unwrap();
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [1, 1, 1, 2, 2, 2, 2, 2]);
        drop(far);
        rest.clear();
        near.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [4]);
    });
    // More than fits, from task to task; each end waits for the other many times.
    everywhere(|| async {
        let (mut near, mut far) = duplex(7);
        let sent: Vec<u8> = (0..20_000u32).map(|n| n as u8).collect();
        let expected = sent.clone();
        let writer = task::spawn(async move {
            near.write_all(&sent).await.unwrap();
            let mut answer = Vec::new();
            near.read_to_end(&mut answer).await.unwrap();
            answer
        });
        let mut got = vec![0; expected.len()];
        far.read_exact(&mut got).await.unwrap();
        assert!(got == expected);
        far.write_all(b"done").await.unwrap();
        drop(far);
        assert_eq!(writer.await.unwrap(), b"done");
    });
    // Who waits is woken by the end.
    everywhere(|| async {
        let (mut near, far) = duplex(1);
        let reader = task::spawn(async move { near.read(&mut [0; 1]).await });
        task::yield_now().await;
        drop(far);
        assert_eq!(reader.await.unwrap().unwrap(), 0);
    });
}

/// A task whose transfers are always ready gives way all the same.
#[test]
fn transfers_that_never_wait_let_other_tasks_run() {
    let one = Builder::current_thread().build().unwrap();
    let seeded = Builder::seeded(5).workers(1).build().unwrap();
    for runtime in [one, seeded] {
        runtime.block_on(async {
            let (near, far) = pair().await;
            let others = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
            let seen = others.clone();
            let busy = task::spawn(async move {
                let mut byte = [0];
                while !seen.load(std::sync::atomic::Ordering::Relaxed) {
                    near.write_all(b"x").await.unwrap();
                    far.read(&mut byte).await.unwrap();
                }
            });
            let other = task::spawn(async move {
                others.store(true, std::sync::atomic::Ordering::Relaxed);
            });
            busy.await.unwrap();
            other.await.unwrap();
        });
    }
}
