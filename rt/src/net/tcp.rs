//! TCP: listeners, streams, and their halves.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{self, Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::SockRef;

use super::accept::{self, BackOff, poll_accept};
use super::addr::first_of;
use super::halves::halves;
use super::{TcpSocket, ToSocketAddrs, forward_read, forward_write, loopback};
use crate::env::Event;
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;

/// Connections that wait to be accepted, at most.
const BACKLOG: u32 = 1024;

/// A listening socket.
///
/// # Examples
///
/// ```
/// use vitte_rt::net::{TcpListener, TcpStream};
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let near = TcpStream::connect(listener.local_addr()?).await?;
/// let (far, from) = listener.accept().await?;
/// assert_eq!(from, near.local_addr()?);
/// far.write_all(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(near.read(&mut buffer).await?, 5);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct TcpListener {
    listener: Listener,
    /// That of [`TcpListener::poll_accept`].
    back_off: Mutex<BackOff>,
}

#[derive(Debug)]
enum Listener {
    Os(Async<net::TcpListener>),
    Memory(loopback::Listener, Handle),
}

/// A connection.
#[derive(Debug)]
pub struct TcpStream(Stream);

#[derive(Debug)]
enum Stream {
    Os(Async<net::TcpStream>),
    Memory(loopback::Stream, Handle),
}

impl TcpListener {
    /// A listener over a socket that listens.
    pub(super) fn over(socket: Async<net::TcpListener>) -> TcpListener {
        TcpListener::of(Listener::Os(socket))
    }

    fn of(listener: Listener) -> TcpListener {
        TcpListener { listener, back_off: Mutex::default() }
    }

    /// Binds to an address (port 0: one that is free) and listens.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let runtime = Handle::current();
        let bind = async |address| {
            if runtime.is_virtual() {
                let listener = runtime.shared.loopback.listen(address)?;
                return Ok(TcpListener::of(Listener::Memory(listener, runtime.clone())));
            }
            let socket = TcpSocket::new(address)?;
            // As everywhere but on Windows, where it means something else.
            socket.set_reuseaddr(cfg!(unix))?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        first_of(&address, &runtime, bind).await
    }

    /// Takes a listener of the standard library over.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn from_std(listener: net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        let shared = Handle::current().shared;
        Ok(TcpListener::over(Async::new(&shared, listener)?))
    }

    /// Waits for the next connection. When the system has no descriptor to give, waits for one, from
    /// 1 ms between attempts up to 100 ms; a peer that is gone again is passed over.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match &self.listener {
            Listener::Os(listener) => {
                let accept = |l: &net::TcpListener| l.accept();
                let attempt = || listener.io(Interest::Read, accept, no_drain);
                let (socket, peer) = accept::accept(attempt).await?;
                Ok((TcpStream::over(accept::welcome(listener.shared(), socket)?), peer))
            }
            Listener::Memory(listener, runtime) => {
                let attempt = || poll_fn(|cx| listener.poll_accept(cx));
                let (stream, peer) = accept::accept(attempt).await?;
                Ok((TcpStream(Stream::Memory(stream, runtime.clone())), peer))
            }
        }
    }

    /// As [`TcpListener::accept`], for futures that are written by hand. The task that polled last is
    /// woken; those in `accept` are too.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// use vitte_rt::net::{TcpListener, TcpStream};
    /// # vitte_rt::runtime::Runtime::new()?.block_on(async {
    /// let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// let near = TcpStream::connect(listener.local_addr()?).await?;
    /// let (_far, from) = std::future::poll_fn(|cx| listener.poll_accept(cx)).await?;
    /// assert_eq!(from, near.local_addr()?);
    /// # std::io::Result::Ok(()) })?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.poll_accept_with(&mut self.back_off.lock(), cx)
    }

    fn poll_accept_with(
        &self,
        back_off: &mut BackOff,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        Poll::Ready(match &self.listener {
            Listener::Os(listener) => {
                let accept = |l: &net::TcpListener| l.accept();
                let accepted = ready!(poll_accept(back_off, cx, |cx| {
                    listener.poll_io(Interest::Read, cx, accept, no_drain)
                }));
                accepted.and_then(|(socket, peer)| {
                    Ok((TcpStream::over(accept::welcome(listener.shared(), socket)?), peer))
                })
            }
            Listener::Memory(listener, runtime) => {
                let accepted = ready!(poll_accept(back_off, cx, |cx| listener.poll_accept(cx)));
                accepted.map(|(stream, peer)| {
                    (TcpStream(Stream::Memory(stream, runtime.clone())), peer)
                })
            }
        })
    }

    /// The connections, as a stream that does not end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, back_off: BackOff::default() }
    }

    /// Gives the listener to the standard library, still in non-blocking mode.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a listener in memory.
    pub fn into_std(self) -> io::Result<net::TcpListener> {
        match self.listener {
            Listener::Os(listener) => Ok(listener.into_inner()),
            Listener::Memory(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.listener {
            Listener::Os(listener) => listener.get_ref().local_addr(),
            Listener::Memory(listener, _) => Ok(listener.local_addr()),
        }
    }
}

/// The connections that come to a listener; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
    back_off: BackOff,
}

impl futures_core::Stream for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Incoming { listener, back_off } = &mut *self;
        let accepted = ready!(listener.poll_accept_with(back_off, cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

/// Setters that a connection in memory takes without doing anything.
macro_rules! options {
    ($($(#[$doc:meta])* $name:ident = $inner:ident($arg:ident: $type:ty);)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// Those of the operating system.
        pub fn $name(&self, $arg: $type) -> io::Result<()> {
            match &self.0 {
                Stream::Os(stream) => SockRef::from(stream.get_ref()).$inner($arg),
                Stream::Memory(..) => Ok(()),
            }
        }
    )*};
}

impl TcpStream {
    /// A stream over a socket that is connected, or about to be.
    pub(super) fn over(socket: Async<net::TcpStream>) -> TcpStream {
        TcpStream(Stream::Os(socket))
    }

    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    ///
    /// Those of the operating system; a name that means nothing.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let runtime = Handle::current();
        let connect = async |address| {
            if runtime.is_virtual() {
                let stream = runtime.shared.loopback.connect(address)?;
                return Ok(TcpStream(Stream::Memory(stream, runtime.clone())));
            }
            TcpSocket::new(address)?.connect(address).await
        };
        first_of(&address, &runtime, connect).await
    }

    /// Takes a connection of the standard library over.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn from_std(stream: net::TcpStream) -> io::Result<TcpStream> {
        stream.set_nonblocking(true)?;
        let shared = Handle::current().shared;
        Ok(TcpStream(Stream::Os(Async::new(&shared, stream)?)))
    }

    /// Gives the connection to the standard library, still in non-blocking mode.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a connection in memory.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        match self.0 {
            Stream::Os(stream) => Ok(stream.into_inner()),
            Stream::Memory(..) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Reads at least one byte, if `buffer` has room; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => {
                let room = buffer.len();
                let read = |mut s: &net::TcpStream| s.read(buffer);
                stream.io(Interest::Read, read, |n| is_short(*n, room)).await
            }
            Stream::Memory(..) => self.read_vectored(&mut [IoSliceMut::new(buffer)]).await,
        }
    }

    /// As [`read`](Self::read), into several buffers one after the other.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn read_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => {
                let room = buffers.iter().map(|buffer| buffer.len()).sum();
                let read = |mut s: &net::TcpStream| s.read_vectored(buffers);
                stream.io(Interest::Read, read, |n| is_short(*n, room)).await
            }
            Stream::Memory(..) => poll_fn(|cx| self.poll_read_with(cx, buffers)).await,
        }
    }

    /// As [`read`](Self::read), leaving the bytes for the next call.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => stream.io(Interest::Read, |s| s.peek(buffer), no_drain).await,
            Stream::Memory(stream, _) => poll_fn(|cx| stream.poll_peek(cx, buffer)).await,
        }
    }

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is, and those of the operating system.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        match &self.0 {
            Stream::Os(stream) => {
                let room = buffer.len();
                let read = |mut s: &net::TcpStream| s.read(buffer);
                stream.try_io(Interest::Read, read, |n| is_short(*n, room))
            }
            Stream::Memory(..) => now(self.poll_read_with(cx, &mut [IoSliceMut::new(buffer)])),
        }
    }

    /// Writes what there is room for, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none, and those of the operating system.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        match &self.0 {
            Stream::Os(stream) => {
                let write = |mut s: &net::TcpStream| s.write(bytes);
                stream.try_io(Interest::Write, write, |n| is_short(*n, bytes.len()))
            }
            Stream::Memory(..) => now(self.poll_write_with(cx, &[IoSlice::new(bytes)])),
        }
    }

    /// Waits until a read would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn readable(&self) -> io::Result<()> {
        match &self.0 {
            Stream::Os(stream) => stream.ready(Interest::Read).await,
            Stream::Memory(stream, _) => poll_fn(|cx| stream.poll_readable(cx)).await,
        }
    }

    /// Waits until a write would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn writable(&self) -> io::Result<()> {
        match &self.0 {
            Stream::Os(stream) => stream.ready(Interest::Write).await,
            Stream::Memory(stream, _) => poll_fn(|cx| stream.poll_writable(cx)).await,
        }
    }

    /// Writes at least one byte, if `bytes` has any; answers how many.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `BrokenPipe` if the peer is gone.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => {
                let write = |mut s: &net::TcpStream| s.write(bytes);
                stream.io(Interest::Write, write, |n| is_short(*n, bytes.len())).await
            }
            Stream::Memory(..) => self.write_vectored(&[IoSlice::new(bytes)]).await,
        }
    }

    /// As [`write`](Self::write), from several buffers one after the other.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub async fn write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        match &self.0 {
            Stream::Os(stream) => {
                let all = buffers.iter().map(|buffer| buffer.len()).sum();
                let write = |mut s: &net::TcpStream| s.write_vectored(buffers);
                stream.io(Interest::Write, write, |n| is_short(*n, all)).await
            }
            Stream::Memory(..) => poll_fn(|cx| self.poll_write_with(cx, buffers)).await,
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::write`]; `WriteZero` if the system takes no more.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        match &self.0 {
            Stream::Os(stream) => {
                let room = buffers.iter().map(|buffer| buffer.len()).sum();
                let read = |mut s: &net::TcpStream| s.read_vectored(buffers);
                stream.poll_io(Interest::Read, cx, read, |n| is_short(*n, room))
            }
            Stream::Memory(stream, runtime) => {
                let n = ready!(stream.poll_read(cx, buffers))?;
                runtime.shared.env.trace(Event::Bytes, n as u64, 0);
                Poll::Ready(Ok(n))
            }
        }
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &self.0 {
            Stream::Os(stream) => {
                let all = buffers.iter().map(|buffer| buffer.len()).sum();
                let write = |mut s: &net::TcpStream| s.write_vectored(buffers);
                stream.poll_io(Interest::Write, cx, write, |n| is_short(*n, all))
            }
            Stream::Memory(stream, _) => stream.poll_write(cx, buffers),
        }
    }

    fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }

    /// Ends one direction or both. Ending the writing one lets the peer read to the end.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `NotConnected` if the peer has reset the connection.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().shutdown(how),
            Stream::Memory(stream, _) => {
                stream.shutdown(how);
                Ok(())
            }
        }
    }

    options! {
        /// Sends small pieces at once instead of collecting them.
        set_nodelay = set_tcp_nodelay(on: bool);
        /// Sets the hops that a packet may take.
        set_ttl = set_ttl_v4(hops: u32);
        /// Sets how long closing waits for what was not sent yet; `None`: it goes on unseen.
        set_linger = set_linger(wait: Option<Duration>);
        /// Asks a silent peer now and then whether it is there.
        set_keepalive = set_keepalive(on: bool);
    }

    /// Whether small pieces are sent at once.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn nodelay(&self) -> io::Result<bool> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().nodelay(),
            Stream::Memory(..) => Ok(true),
        }
    }

    /// The hops that a packet may take.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn ttl(&self) -> io::Result<u32> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().ttl(),
            Stream::Memory(..) => Ok(64),
        }
    }

    /// Takes the error that the socket has kept, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().take_error(),
            Stream::Memory(..) => Ok(None),
        }
    }

    /// The own address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().local_addr(),
            Stream::Memory(stream, _) => Ok(stream.local_addr()),
        }
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &self.0 {
            Stream::Os(stream) => stream.get_ref().peer_addr(),
            Stream::Memory(stream, _) => Ok(stream.peer_addr()),
        }
    }
}

/// A transfer that took less than it could have: the kernel has no more (or no more room).
pub(super) fn is_short(n: usize, all: usize) -> bool {
    n > 0 && n < all
}

/// The answer of an operation that must not wait.
pub(super) fn now<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

forward_read!(TcpStream);
forward_write!(TcpStream);
halves!(TcpStream);
