//! TCP in memory, for seeded runs: listeners by port, connections as two bounded pipes.
//!
//! Everything is under one lock per pipe; wakers are called outside of it. Nothing is random here:
//! the order of events is the order in which the chosen tasks act, and faults strike where the
//! environment says so ([`crate::inject`]). Dropping an end while bytes for
//! it are unread resets the connection, as TCP does.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::Mutex;

use super::datagrams::Mailbox;
use crate::env::{Choice, Env};
use crate::inject::Inject;
use crate::task::coop;

/// Bytes under way in one direction, at most.
const PIPE_BYTES: usize = 64 << 10;
/// First port given out for port 0, and for the near end of a connection.
const FIRST_FREE_PORT: u16 = 49152;

/// The network of one runtime.
pub(crate) struct Loopback {
    net: Arc<Mutex<Net>>,
    pub(super) env: Arc<dyn Env>,
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Loopback").field(&self.net).finish()
    }
}

#[derive(Debug, Default)]
pub(super) struct Net {
    listeners: BTreeMap<u16, Arc<Mutex<Backlog>>>,
    pub(super) mailboxes: BTreeMap<u16, Arc<Mutex<Mailbox>>>,
    n_ports: u16,
}

#[derive(Debug, Default)]
struct Backlog {
    waiting: VecDeque<(Stream, SocketAddr)>,
    wakers: Vec<Waker>,
}

impl Net {
    /// A port nobody uses.
    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            let port = FIRST_FREE_PORT + self.n_ports % (u16::MAX - FIRST_FREE_PORT);
            self.n_ports = self.n_ports.wrapping_add(1);
            if !self.listeners.contains_key(&port) && !self.mailboxes.contains_key(&port) {
                return port;
            }
        }
    }
}

impl Loopback {
    pub(crate) fn new(env: Arc<dyn Env>) -> Self {
        Loopback { net: Arc::default(), env }
    }

    pub(super) fn net(&self) -> &Arc<Mutex<Net>> {
        &self.net
    }

    pub(crate) fn listen(&self, mut address: SocketAddr) -> io::Result<Listener> {
        descriptor(&*self.env)?;
        let mut net = self.net.lock();
        if address.port() == 0 {
            address.set_port(net.free_port());
        }
        if net.listeners.contains_key(&address.port()) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let backlog = Arc::<Mutex<Backlog>>::default();
        net.listeners.insert(address.port(), backlog.clone());
        let (net, env) = (self.net.clone(), self.env.clone());
        Ok(Listener { net, address, backlog, env })
    }

    pub(crate) fn connect(&self, peer: SocketAddr) -> io::Result<Stream> {
        descriptor(&*self.env)?;
        let mut net = self.net.lock();
        let Some(backlog) = net.listeners.get(&peer.port()).cloned() else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let local = SocketAddr::new(peer.ip(), net.free_port());
        drop(net);
        let (there, back) = (Arc::<Mutex<Pipe>>::default(), Arc::<Mutex<Pipe>>::default());
        let env = self.env.clone();
        let far =
            Stream { input: there.clone(), output: back.clone(), local: peer, peer: local, env };
        let mut backlog = backlog.lock();
        backlog.waiting.push_back((far, local));
        let wakers = std::mem::take(&mut backlog.wakers);
        drop(backlog);
        wakers.into_iter().for_each(Waker::wake);
        Ok(Stream { input: back, output: there, local, peer, env: self.env.clone() })
    }
}

/// A descriptor for something new, if there is one.
///
/// # Errors
///
/// `EMFILE`, injected.
pub(super) fn descriptor(env: &dyn Env) -> io::Result<()> {
    if env.strikes(Inject::DESCRIPTORS) {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    Ok(())
}

/// A listener.
pub(crate) struct Listener {
    net: Arc<Mutex<Net>>,
    address: SocketAddr,
    backlog: Arc<Mutex<Backlog>>,
    env: Arc<dyn Env>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Listener {
    pub(crate) fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stream, SocketAddr)>> {
        let mut backlog = self.backlog.lock();
        if backlog.waiting.is_empty() {
            return wait(&mut backlog.wakers, cx);
        }
        descriptor(&*self.env)?;
        backlog.waiting.pop_front().map_or(Poll::Pending, |connection| Poll::Ready(Ok(connection)))
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
    /// The connection was reset: the reader gets an error instead of the end.
    reset: bool,
    readers: Vec<Waker>,
    writers: Vec<Waker>,
}

/// Enters a waker.
pub(super) fn wait<T>(wakers: &mut Vec<Waker>, cx: &mut Context<'_>) -> Poll<T> {
    if !wakers.iter().any(|w| w.will_wake(cx.waker())) {
        wakers.push(cx.waker().clone());
    }
    Poll::Pending
}

/// A connection.
pub(crate) struct Stream {
    input: Arc<Mutex<Pipe>>,
    output: Arc<Mutex<Pipe>>,
    local: SocketAddr,
    peer: SocketAddr,
    env: Arc<dyn Env>,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Stream { input, output, local, peer, .. } = self;
        let mut f = f.debug_struct("Stream");
        f.field("input", input).field("output", output);
        f.field("local", local).field("peer", peer).finish_non_exhaustive()
    }
}

impl Stream {
    /// Waits for bytes, the end, or an error. `want`: whether the caller has room.
    fn poll_input<R>(
        &self,
        cx: &mut Context<'_>,
        want: bool,
        take: impl FnOnce(&mut Pipe) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        ready!(coop::spend(cx));
        self.may_be_reset();
        let mut pipe = self.input.lock();
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if want && pipe.bytes.is_empty() && !pipe.ended && !pipe.refused {
            return wait(&mut pipe.readers, cx);
        }
        let taken = take(&mut pipe);
        let writers = std::mem::take(&mut pipe.writers);
        drop(pipe);
        writers.into_iter().for_each(Waker::wake);
        Poll::Ready(taken)
    }

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let want = buffers.iter().any(|buffer| !buffer.is_empty());
        self.poll_input(cx, want, |pipe| {
            let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
            if let Some(first) = first
                && self.env.strikes(Inject::SHORT)
            {
                let n = 1 + self.env.choose(first.len() as u32, Choice::Amount) as usize;
                return pipe.bytes.read(&mut first[..n]);
            }
            pipe.bytes.read_vectored(buffers)
        })
    }

    pub(crate) fn poll_peek(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_input(cx, !buffer.is_empty(), |pipe| pipe.bytes.as_slices().0.read(buffer))
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_input(cx, true, |_| Ok(()))
    }

    /// Waits for room, then puts in what fits.
    pub(crate) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(coop::spend(cx));
        self.may_be_reset();
        let mut pipe = self.output.lock();
        if pipe.reset {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.ended || pipe.refused {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let mut room = PIPE_BYTES - pipe.bytes.len();
        if room == 0 && buffers.iter().any(|buffer| !buffer.is_empty()) {
            return wait(&mut pipe.writers, cx);
        }
        if room > 0 && self.env.strikes(Inject::SHORT) {
            room = 1 + self.env.choose(room as u32, Choice::Amount) as usize;
        }
        let before = room;
        for buffer in buffers {
            let n = buffer.len().min(room);
            pipe.bytes.extend(&buffer[..n]);
            room -= n;
        }
        let readers = std::mem::take(&mut pipe.readers);
        drop(pipe);
        readers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(before - room))
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.output.lock();
        if pipe.bytes.len() == PIPE_BYTES && !pipe.ended && !pipe.refused && !pipe.reset {
            return wait(&mut pipe.writers, cx);
        }
        Poll::Ready(Ok(()))
    }

    /// Resets the connection, if the environment says so.
    fn may_be_reset(&self) {
        if self.env.strikes(Inject::RESETS) {
            change(&self.input, |pipe| pipe.reset = true);
            change(&self.output, |pipe| pipe.reset = true);
        }
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
        let unread = !self.input.lock().bytes.is_empty();
        if unread {
            change(&self.output, |pipe| pipe.reset = true);
        }
        self.shutdown(Shutdown::Both);
    }
}
