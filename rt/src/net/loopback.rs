//! TCP in memory, for seeded runs: listeners by port, connections as two bounded pipes.
//!
//! Everything is under one lock per pipe; wakers are called outside of it. Nothing is random here:
//! the order of events is the order in which the chosen tasks act.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Bytes under way in one direction, at most.
const PIPE_BYTES: usize = 64 << 10;
/// First port given out for port 0, and for the near end of a connection.
const FIRST_FREE_PORT: u16 = 49152;

/// The network of one runtime.
#[derive(Debug, Default)]
pub(crate) struct Loopback(Arc<Mutex<Net>>);

#[derive(Debug, Default)]
struct Net {
    listeners: BTreeMap<u16, Arc<Mutex<Backlog>>>,
    n_ports: u16,
}

#[derive(Debug, Default)]
struct Backlog {
    waiting: VecDeque<(Stream, SocketAddr)>,
    wakers: Vec<Waker>,
}

impl Net {
    /// A port nobody listens on.
    fn free_port(&mut self) -> u16 {
        loop {
            let port = FIRST_FREE_PORT + self.n_ports % (u16::MAX - FIRST_FREE_PORT);
            self.n_ports = self.n_ports.wrapping_add(1);
            if !self.listeners.contains_key(&port) {
                return port;
            }
        }
    }
}

impl Loopback {
    pub(crate) fn listen(&self, mut address: SocketAddr) -> io::Result<Listener> {
        let mut net = self.0.lock();
        if address.port() == 0 {
            address.set_port(net.free_port());
        }
        if net.listeners.contains_key(&address.port()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let backlog = Arc::<Mutex<Backlog>>::default();
        net.listeners.insert(address.port(), backlog.clone());
        Ok(Listener { net: self.0.clone(), address, backlog })
    }

    pub(crate) fn connect(&self, peer: SocketAddr) -> io::Result<Stream> {
        let mut net = self.0.lock();
        let Some(backlog) = net.listeners.get(&peer.port()).cloned() else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let local = SocketAddr::new(peer.ip(), net.free_port());
        drop(net);
        let (there, back) = (Arc::<Mutex<Pipe>>::default(), Arc::<Mutex<Pipe>>::default());
        let far = Stream { input: there.clone(), output: back.clone(), local: peer, peer: local };
        let mut backlog = backlog.lock();
        backlog.waiting.push_back((far, local));
        let wakers = std::mem::take(&mut backlog.wakers);
        drop(backlog);
        wakers.into_iter().for_each(Waker::wake);
        Ok(Stream { input: back, output: there, local, peer })
    }
}

/// A listener.
#[derive(Debug)]
pub(crate) struct Listener {
    net: Arc<Mutex<Net>>,
    address: SocketAddr,
    backlog: Arc<Mutex<Backlog>>,
}

impl Listener {
    pub(crate) async fn accept(&self) -> (Stream, SocketAddr) {
        poll_fn(|cx| {
            let mut backlog = self.backlog.lock();
            match backlog.waiting.pop_front() {
                Some(connection) => Poll::Ready(connection),
                None => wait(&mut backlog.wakers, cx),
            }
        })
        .await
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.net.lock().listeners.remove(&self.address.port());
        // Connections that nobody will accept are closed; outside of the lock.
        let waiting = std::mem::take(&mut self.backlog.lock().waiting);
        drop(waiting);
    }
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// The writer will send no more.
    ended: bool,
    /// The reader will take no more.
    refused: bool,
    readers: Vec<Waker>,
    writers: Vec<Waker>,
}

/// Enters a waker.
fn wait<T>(wakers: &mut Vec<Waker>, cx: &mut Context<'_>) -> Poll<T> {
    if !wakers.iter().any(|w| w.will_wake(cx.waker())) {
        wakers.push(cx.waker().clone());
    }
    Poll::Pending
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Stream {
    input: Arc<Mutex<Pipe>>,
    output: Arc<Mutex<Pipe>>,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Stream {
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut pipe = self.input.lock();
            if buffer.is_empty() || (pipe.bytes.is_empty() && (pipe.ended || pipe.refused)) {
                return Poll::Ready(Ok(0));
            }
            if pipe.bytes.is_empty() {
                return wait(&mut pipe.readers, cx);
            }
            let n = io::Read::read(&mut pipe.bytes, buffer)?;
            let writers = std::mem::take(&mut pipe.writers);
            drop(pipe);
            writers.into_iter().for_each(Waker::wake);
            Poll::Ready(Ok(n))
        })
        .await
    }

    pub(crate) async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut pipe = self.output.lock();
            if pipe.ended || pipe.refused {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let n = bytes.len().min(PIPE_BYTES - pipe.bytes.len());
            if n == 0 && !bytes.is_empty() {
                return wait(&mut pipe.writers, cx);
            }
            pipe.bytes.extend(&bytes[..n]);
            let readers = std::mem::take(&mut pipe.readers);
            drop(pipe);
            readers.into_iter().for_each(Waker::wake);
            Poll::Ready(Ok(n))
        })
        .await
    }

    pub(crate) fn shutdown(&self, how: Shutdown) {
        if how != Shutdown::Write {
            change(&self.input, |pipe| pipe.refused = true);
        }
        if how != Shutdown::Read {
            change(&self.output, |pipe| pipe.ended = true);
        }
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn peer_addr(&self) -> SocketAddr {
        self.peer
    }
}

/// Changes a pipe and wakes all who wait for it.
fn change(pipe: &Mutex<Pipe>, how: impl FnOnce(&mut Pipe)) {
    let mut pipe = pipe.lock();
    how(&mut pipe);
    let wakers: Vec<_> = std::mem::take(&mut pipe.readers)
        .into_iter()
        .chain(std::mem::take(&mut pipe.writers))
        .collect();
    drop(pipe);
    wakers.into_iter().for_each(Waker::wake);
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shutdown(Shutdown::Both);
    }
}
