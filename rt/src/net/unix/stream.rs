//! Unix stream sockets.

use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::net::accept::{self, BackOff, poll_accept};
use crate::net::halves::halves;
use crate::net::tcp::is_short;
use crate::net::{allow_real, forward_read, forward_write};
use crate::reactor::{Async, Interest, no_drain};
use crate::runtime::Handle;

/// A listening Unix socket. The file stays when it is dropped.
#[derive(Debug)]
pub struct UnixListener {
    listener: Async<net::UnixListener>,
    /// That of [`UnixListener::poll_accept`].
    back_off: Mutex<BackOff>,
}

/// A connection over a Unix socket.
///
/// # Examples
///
/// ```
/// use vitte_rt::net::UnixStream;
/// # vitte_rt::runtime::Runtime::new()?.block_on(async {
/// let (near, far) = UnixStream::pair()?;
/// near.write_all(b"hello").await?;
/// let mut buffer = [0; 16];
/// assert_eq!(far.read(&mut buffer).await?, 5);
/// # std::io::Result::Ok(()) })?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct UnixStream(Async<net::UnixStream>);

impl UnixListener {
    /// Binds to a path, which must not exist, and listens.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        allow_real(&Handle::current(), "Unix sockets")?;
        Self::from_std(net::UnixListener::bind(path)?)
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
    pub fn from_std(listener: net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        let listener = Async::new(&Handle::current().shared, listener)?;
        Ok(UnixListener { listener, back_off: Mutex::default() })
    }

    /// Waits for the next connection; as [`TcpListener::accept`](crate::net::TcpListener::accept)
    /// when the system has no descriptor to give.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let attempt = || self.listener.io(Interest::Read, net::UnixListener::accept, no_drain);
        let (socket, peer) = accept::accept(attempt).await?;
        Ok((UnixStream(accept::welcome(self.listener.shared(), socket)?), peer))
    }

    /// As [`UnixListener::accept`], for futures that are written by hand. The task that polled last is
    /// woken; those in `accept` are too.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.poll_accept_with(&mut self.back_off.lock(), cx)
    }

    fn poll_accept_with(
        &self,
        back_off: &mut BackOff,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        let accepted = ready!(poll_accept(back_off, cx, |cx| {
            self.listener.poll_io(Interest::Read, cx, net::UnixListener::accept, no_drain)
        }));
        Poll::Ready(accepted.and_then(|(socket, peer)| {
            Ok((UnixStream(accept::welcome(self.listener.shared(), socket)?), peer))
        }))
    }

    /// Gives the listener to the standard library, still in non-blocking mode.
    pub fn into_std(self) -> net::UnixListener {
        self.listener.into_inner()
    }

    /// The connections, as a stream that does not end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self, back_off: BackOff::default() }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.get_ref().local_addr()
    }
}

/// The connections that come to a listener; see [`UnixListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
    back_off: BackOff,
}

impl futures_core::Stream for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Incoming { listener, back_off } = &mut *self;
        let accepted = ready!(listener.poll_accept_with(back_off, cx));
        Poll::Ready(Some(accepted.map(|(stream, _)| stream)))
    }
}

impl UnixStream {
    /// Connects to the socket at `path`. While the listener has no room for another connection,
    /// waits and tries again: the system has no event for that.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        allow_real(&Handle::current(), "Unix sockets")?;
        let address = SockAddr::unix(path)?;
        let mut back_off = BackOff::default();
        loop {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.set_nonblocking(true)?;
            match socket.connect(&address) {
                Ok(()) => return Self::from_std(OwnedFd::from(socket).into()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => back_off.begin(),
                Err(e) => return Err(e),
            }
            poll_fn(|cx| back_off.poll(cx)).await;
        }
    }

    /// Two connected sockets.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `Unsupported` in a seeded runtime.
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((Self::from_std(a)?, Self::from_std(b)?))
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
    pub fn from_std(stream: net::UnixStream) -> io::Result<UnixStream> {
        stream.set_nonblocking(true)?;
        Ok(UnixStream(Async::new(&Handle::current().shared, stream)?))
    }

    /// Gives the connection to the standard library, still in non-blocking mode.
    pub fn into_std(self) -> net::UnixStream {
        self.0.into_inner()
    }

    /// Reads at least one byte, if `buffer` has room; 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let read = |mut s: &net::UnixStream| s.read(buffer);
        self.0.io(Interest::Read, read, |n| is_short(*n, room)).await
    }

    /// Reads what is there, without waiting.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is, and those of the operating system.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let read = |mut s: &net::UnixStream| s.read(buffer);
        self.0.try_io(Interest::Read, read, |n| is_short(*n, room))
    }

    /// Waits until a read would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn readable(&self) -> io::Result<()> {
        self.0.ready(Interest::Read).await
    }

    /// Waits until a write would not wait, or might not.
    ///
    /// # Errors
    ///
    /// Those of the poller.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.ready(Interest::Write).await
    }

    /// Writes at least one byte, if `bytes` has any; answers how many.
    ///
    /// # Errors
    ///
    /// Those of the operating system; `BrokenPipe` if the peer is gone.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let write = |mut s: &net::UnixStream| s.write(bytes);
        self.0.io(Interest::Write, write, |n| is_short(*n, bytes.len())).await
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::write`]; `WriteZero` if the system takes no more.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => bytes = &bytes[n..],
            }
        }
        Ok(())
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.get_ref().shutdown(how)
    }

    /// The own address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.get_ref().peer_addr()
    }

    /// Takes the error that the socket has kept, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.0.get_ref().take_error()
    }

    fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = buffers.iter().map(|buffer| buffer.len()).sum();
        let read = |mut s: &net::UnixStream| s.read_vectored(buffers);
        self.0.poll_io(Interest::Read, cx, read, |n| is_short(*n, room))
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all = buffers.iter().map(|buffer| buffer.len()).sum();
        let write = |mut s: &net::UnixStream| s.write_vectored(buffers);
        self.0.poll_io(Interest::Write, cx, write, |n| is_short(*n, all))
    }

    fn close_write(&self) -> io::Result<()> {
        match self.shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        }
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

forward_read!(UnixStream);
forward_write!(UnixStream);
halves!(UnixStream);
